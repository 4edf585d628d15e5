"""The errors of newscrawl, a small tree: each names the file, key or URL that it is about."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")
BUSY = 75
"Exit code of a crawl whose outlet another process is crawling: EX_TEMPFAIL of sysexits.h."
NOT_ITS_FAULT = 71
"""Exit code of a crawl whose spool is full or whose database is away: EX_OSERR of sysexits.h. A crawl of any
other outlet would have ended the same."""
MACHINE_FAULT = "machine_fault"
"Finish reason of a crawl that a MachineFault ended, and reason of the pages that it could not read."
_MACHINE_ERRNOS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT})
"No descriptor, memory or disk space left."


class NewscrawlError(Exception):
    """Base of every error that a user can fix; its text is a single sentence for a terminal."""


def find_near(name: str, names: Iterable[str]) -> str:
    """`; did you mean …?` for a name that is nearly one of these; else nothing."""
    import difflib

    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


class OutletError(NewscrawlError):
    """An outlet file that cannot be used."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__(f"{path}: " + "; ".join(problems))
        self.path = path
        self.problems = problems


class UnknownOutlet(NewscrawlError):
    """No outlet file has this name."""

    def __init__(self, name: str, near: list[str]) -> None:
        hint = f" (near: {', '.join(near)})" if near else ""
        super().__init__(f"no outlet is named {name!r}{hint}; `newscrawl list` shows all")
        self.name = name
        self.near = near


class RefusedOutlet(NewscrawlError):
    """An outlet that must not be crawled: it is blocked, or no contact is set."""


class ArchiveError(NewscrawlError):
    """The archive cannot be written or read: disk full, folder read-only, record missing."""


class PageTooLarge(ArchiveError):
    """A record is too large to be a page."""


@contextmanager
def archive_errors(action: str, kind: type[ArchiveError] = ArchiveError) -> Iterator[None]:
    """Turn an OSError of the block into the ArchiveError `cannot <action>`, with the system's reason.

    `kind`: MachineFault where no page or outlet can be to blame.
    """
    try:
        yield
    except OSError as error:
        raise kind(f"cannot {action}: {error.strerror}") from error


class MachineFault(ArchiveError):
    """The machine cannot do the work: out of descriptors, memory, disk space or worker processes."""


def find_machine_fault(error: BaseException) -> MachineFault | None:
    """The fault of the machine that lies behind an error; None if the input may be to blame."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MachineFault):
            return cause
        if isinstance(cause, OSError) and cause.errno in _MACHINE_ERRNOS:
            return MachineFault(f"this machine cannot go on: {cause.strerror}")
        cause = cause.__cause__ or cause.__context__
    return None


def run_or_blame_machine(task: Callable[[], Result]) -> Result:
    """The task's result; MachineFault for an error that the machine is to blame for.

    It runs in worker processes, because the causes of an error do not cross the process boundary.
    """
    try:
        return task()
    except Exception as error:
        if fault := find_machine_fault(error):
            raise fault from error
        if not _can_travel(error):
            if isinstance(error, ArchiveError):
                raise ArchiveError(str(error)) from error
            raise RuntimeError(f"{type(error).__name__}: {error}") from error
        raise


def _can_travel(error: Exception) -> bool:
    """Whether the pool's process can read the error: if it cannot, the pool breaks, not the task."""
    from multiprocessing.reduction import ForkingPickler

    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:  # noqa: BLE001 - pickling runs the code of any class
        return False
    return True


class StateError(ArchiveError):
    """The state database cannot be read or written, so nothing may be fetched."""


class DatabaseAway(StateError):
    """The state database cannot be reached at the moment, or refuses to work while it changes hands."""


class StorageError(NewscrawlError):
    """Storage outside the archive cannot be read or written: an object store, a folder of exports."""


class Busy(NewscrawlError):
    """Another process is crawling this outlet."""
