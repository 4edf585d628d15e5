"""One process holds an outlet at a time; the dead and the silent lose it."""

from __future__ import annotations

import pytest

from newscrawl.errors import Busy
from newscrawl.state.runs import LEASE_SECONDS, Holder

OTHER = Holder(host="there", pid=2)
NOW = 1_800_000_000


def never(_: Holder, __: int) -> bool:
    return False


def test_the_same_outlet_is_held_once(opened) -> None:  # type: ignore[no-untyped-def]
    ours, theirs = opened(), opened(holder=OTHER)
    ours.lease.take(NOW, never)
    with pytest.raises(Busy, match="paper is being crawled by process 1 on here since 2027-01-15T"):
        theirs.lease.take(NOW + 1, never)
    opened("other_paper", OTHER).lease.take(NOW, never)
    ours.lease.take(NOW + 2, never)
    ours.lease.release()
    theirs.lease.take(NOW + 3, never)
    assert not ours.lease.renew(NOW + 4)
    ours.lease.release()
    assert theirs.lease.renew(NOW + 4)


def test_a_dead_holder_loses_it_at_once_a_silent_one_in_time(opened) -> None:  # type: ignore[no-untyped-def]
    ours, theirs = opened(), opened(holder=OTHER)
    ours.lease.take(NOW, never)
    theirs.lease.take(NOW + 1, lambda holder, taken: holder.pid == 1 and taken == NOW)
    assert not ours.lease.renew(NOW + 2)
    with pytest.raises(Busy):
        ours.lease.take(NOW + LEASE_SECONDS, never)
    ours.lease.take(NOW + 1 + LEASE_SECONDS, never)
    assert not theirs.lease.renew(NOW + 2 + LEASE_SECONDS)


def test_renewing_keeps_it(opened) -> None:  # type: ignore[no-untyped-def]
    ours, theirs = opened(), opened(holder=OTHER)
    ours.lease.take(NOW, never)
    assert ours.lease.renew(NOW + LEASE_SECONDS - 1)
    with pytest.raises(Busy):
        theirs.lease.take(NOW + LEASE_SECONDS + 1, never)
