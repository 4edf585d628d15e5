"""What can go wrong, as a small tree: each error names the file, key or URL it is about."""

from __future__ import annotations

from pathlib import Path

BUSY = 75
"Exit code of a crawl that another process is doing already: EX_TEMPFAIL of sysexits.h."


class NewscrawlError(Exception):
    """Base of every error a user can mend; its text is one sentence, fit for a terminal."""


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
    """An outlet that must not be crawled as things stand: blocked, or no contact is set."""


class ArchiveError(NewscrawlError):
    """The archive cannot be written or read: disk full, folder read-only, record missing."""


class StateError(ArchiveError):
    """The database of state cannot be read or written: nothing may be fetched that is not remembered."""


class StorageError(NewscrawlError):
    """A place outside the archive cannot be read or written: an object store, a folder of exports."""


class Busy(NewscrawlError):
    """Another process is crawling this outlet just now."""
