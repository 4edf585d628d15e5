"""Functions that tests run on workers, which find them by their names."""

from __future__ import annotations

import os
import signal
import time

from distributed import get_worker
from distributed.comm.addressing import get_address_host

from newscrawl.errors import ArchiveError, MachineFault


def raise_archive_error(_: int) -> None:
    raise ArchiveError("cannot read it")


def raise_machine_fault(_: int) -> None:
    raise MachineFault("the disk is full")


def fail_on_one_host(order: tuple[str, float]) -> str:
    """The host of the worker, after so many seconds, unless it is this one, whose disk is full."""
    host, seconds = order
    own: str = get_address_host(get_worker().address)
    if own == host:
        raise MachineFault("the disk is full")
    time.sleep(seconds)
    return own


def read_pid(_: int) -> int:
    return os.getpid()


def kill_at_seven(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number
