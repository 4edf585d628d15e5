"""A command keeps the lease of the outlet whose files it changes, and stops once another process has it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from newscrawl.cli import app, held_lease
from newscrawl.cli.held_lease import holding_lease
from newscrawl.errors import Busy, StateError
from newscrawl.spiders.lease_holder import has_ended, this_process
from newscrawl.state.database import Database
from newscrawl.state.runs import LEASE_SECONDS, Holder, Lease, State

OUTLET = "echo"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.open(f"sqlite:///{tmp_path / 'state.sqlite'}")) as opened:
        yield opened


def hold_elsewhere(database: Database, now: int) -> None:
    other = Lease(database, OUTLET, Holder(host="elsewhere", pid=7, token="x", pid_namespace=""))
    other.acquire(now, has_ended)


def test_a_lease_is_renewed_while_a_step_takes_long(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_lease, "RENEW_SECONDS", 0.01)
    renew, now = Lease.renew, int(time.time())
    tries = 0

    def fail_once(lease: Lease, at: int) -> bool:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise StateError("away")
        return renew(lease, at)

    monkeypatch.setattr(Lease, "renew", fail_once)
    state = State.on(database, OUTLET, this_process())
    with holding_lease(state):
        renew(state.lease, now - LEASE_SECONDS)
        deadline = time.monotonic() + 10
        while (held := state.lease.read()) and held.expires_at < now + LEASE_SECONDS:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert state.lease.read() is None
    assert tries > 1


def test_a_step_after_the_loss_of_the_lease_is_not_taken(database: Database) -> None:
    state = State.on(database, OUTLET, this_process())
    with holding_lease(state) as require_lease:
        require_lease()
        state.lease.drop()
        hold_elsewhere(database, int(time.time()))
        with pytest.raises(Busy, match=OUTLET):
            require_lease()
    held = state.lease.read()
    assert held
    assert held.holder.host == "elsewhere", "it stays who has it"


def test_what_another_process_holds_is_not_entered(database: Database) -> None:
    hold_elsewhere(database, int(time.time()))
    with pytest.raises(Busy), holding_lease(State.on(database, OUTLET, this_process())):
        pytest.fail("entered")


def test_a_check_that_loses_the_lease_repairs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / OUTLET).mkdir()
    left = tmp_path / OUTLET / f"{OUTLET}-20260101000000-00000-7-elsewhere.jsonl.open"
    left.write_bytes(b"{}\n")
    acquire = Lease.acquire

    def lose_it(lease: Lease, now: int, ended: object) -> None:
        acquire(lease, now, has_ended)
        lease.drop()

    monkeypatch.setattr(Lease, "acquire", lose_it)
    done = CliRunner().invoke(app, ["check", OUTLET, "--fix", "--archives", str(tmp_path)])
    assert isinstance(done.exception, Busy)
    assert left.read_bytes() == b"{}\n"
