"""Who holds a lease: a process is asked for only where its number means it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from multiprocessing import get_context

import pytest

from newscrawl.spiders.lease_holder import has_ended, process_token, read_pid_namespace, this_process
from newscrawl.state.runs import Holder

pytestmark = pytest.mark.skipif(not read_pid_namespace(), reason="the kernel reports no namespaces here")


def dead_process() -> Holder:
    """A holder of this host and namespace that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return replace(this_process(), pid=process.pid, token="other")


def test_a_process_is_itself_whoever_asks() -> None:
    ours = this_process()
    assert ours == this_process()
    assert (ours.pid, len(ours.token)) == (os.getpid(), 32)
    boot, _, namespace = ours.pid_namespace.partition(" ")
    assert (len(boot), namespace[:5]) == (36, "pid:[")
    assert not has_ended(ours, int(time.time()))


def test_another_process_has_another_token() -> None:
    with get_context("fork").Pool(1) as pool:
        child = pool.apply(this_process)
    assert (child.host, child.pid_namespace) == (this_process().host, this_process().pid_namespace)
    assert child.token != this_process().token
    assert process_token(os.getpid()) == this_process().token


def test_the_death_of_a_process_here_is_known_at_once() -> None:
    assert has_ended(dead_process(), int(time.time()))


@pytest.mark.parametrize(
    "elsewhere",
    [
        "",
        "00000000-0000-4000-8000-000000000000 pid:[4026531836]",
        read_pid_namespace().partition(" ")[0] + " pid:[4026539999]",
    ],
    ids=["unknown", "another boot", "another container"],
)
def test_elsewhere_a_number_without_a_process_proves_nothing(elsewhere: str) -> None:
    assert not has_ended(replace(dead_process(), pid_namespace=elsewhere), int(time.time()))
