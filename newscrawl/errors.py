"""The errors of newscrawl, a small tree: each names the file, key or URL that it is about."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY = 75
"Exit code of a crawl whose outlet another process is crawling: EX_TEMPFAIL of sysexits.h."
MACHINE_FAULT = "machine_fault"
"Finish reason of a crawl that a MachineFault ended, and reason of the pages that it could not read."
_MACHINE_ERRNOS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT})
"No descriptor, memory or disk space left."


class NewscrawlError(Exception):
    """Base of every error that a user can fix; its text is a single sentence for a terminal."""


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
        super().__init__(f"no outlet is named {name!r}{hint}; `scrapy list` shows all")
        self.name = name
        self.near = near


class RefusedOutlet(NewscrawlError):
    """An outlet that must not be crawled: it is blocked, or no contact is set."""


class ArchiveError(NewscrawlError):
    """The archive cannot be written or read: disk full, folder read-only, record missing."""


@contextmanager
def archive_errors(action: str) -> Iterator[None]:
    """Turn an OSError of the block into the ArchiveError `cannot <action>`, with the system's reason."""
    try:
        yield
    except OSError as error:
        raise ArchiveError(f"cannot {action}: {error.strerror}") from error


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


class StateError(ArchiveError):
    """The state database cannot be read or written, so nothing may be fetched."""


class DatabaseAway(StateError):
    """The state database cannot be reached at the moment, or refuses to work while it changes hands."""


class StorageError(NewscrawlError):
    """Storage outside the archive cannot be read or written: an object store, a folder of exports."""


class Busy(NewscrawlError):
    """Another process is crawling this outlet."""
