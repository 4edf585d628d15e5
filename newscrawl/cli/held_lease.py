"""Holds the lease of an outlet while a command changes its files, however long they take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from newscrawl.errors import Busy, StateError
from newscrawl.spiders.lease_holder import has_ended
from newscrawl.state.runs import LEASE_SECONDS, State

RENEW_SECONDS = LEASE_SECONDS / 3


@contextmanager
def holding_lease(state: State) -> Iterator[Callable[[], None]]:
    """Hold the lease until the block ends; a thread renews it. Busy if another process has it.

    The function that the block is given is called between its steps: Busy if another process has taken the
    lease all the same, as after a long stop of this machine.
    """
    state.lease.acquire(int(time.time()), has_ended)
    is_over, is_lost = threading.Event(), threading.Event()

    def keep() -> None:
        while not is_over.wait(RENEW_SECONDS):
            # What cannot be reached now may be there before the lease expires.
            with suppress(StateError):
                renew()

    def renew() -> None:
        if not state.lease.renew(int(time.time())):
            is_lost.set()

    def require() -> None:
        renew()
        if is_lost.is_set():
            raise Busy(f"{state.urls.outlet}: another process has taken the lease; repeat the command")

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield require
    finally:
        is_over.set()
        # It may be waiting for the database, and a lease that is given back it does not renew.
        keeper.join(1)
        state.lease.release()
