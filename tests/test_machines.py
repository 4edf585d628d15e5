"""Machines, their disks and all that they share fail amid crawls, and every article is there once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from wire.crawl import ROOT
from wire.namespaces import has_namespaces
from wire.postgres import programs
from wire.programs import report_missing
from wire.timed_outlets import Exchange, TimedOutlet, measure_politeness

SECONDS = 2700


@pytest.mark.proof
@pytest.mark.slow
def test_three_machines_lose_no_article() -> None:
    """All of tests/bench/machines.py; its table says what does not hold."""
    if not has_namespaces():
        report_missing("machines are namespaces, which need root and iproute2")
    if programs() is None:
        report_missing("PostgreSQL is not installed: `make clients` installs it with root on Debian")
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "bench" / "machines.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_server_s_own_log_shows_who_comes_too_soon() -> None:
    """What the proof above rests on: visitors at the same time, and the shortest time between two."""
    polite = [Exchange(0.0, 0.2, "/"), Exchange(1.0, 1.2, "/a"), Exchange(2.5, 2.6, "/b")]
    assert measure_politeness(polite) == (3, 0, 1.0)
    assert measure_politeness([*polite, Exchange(1.1, 1.3, "/c")]) == (4, 1, pytest.approx(0.1))


def test_an_outlet_has_stories_that_crawls_must_find() -> None:
    outlet = TimedOutlet("kamer_echo_7", "kamer_echo", "127.0.0.1")
    try:
        stories = outlet.stories()
    finally:
        outlet.close()
    assert len(stories) > 10
    assert all(url.startswith(outlet.base) for url in stories)
