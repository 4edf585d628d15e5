"""Functions that tests run on workers, which find them by their names."""

from __future__ import annotations

import os
import signal

from newscrawl.errors import ArchiveError, MachineFault


def raise_archive_error(_: int) -> None:
    raise ArchiveError("cannot read it")


def raise_machine_fault(_: int) -> None:
    raise MachineFault("the disk is full")


def read_pid(_: int) -> int:
    return os.getpid()


def kill_at_seven(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number
