"""The errors of newscrawl, a small tree: each names the file, key or URL that it is about."""

from __future__ import annotations

from pathlib import Path

BUSY = 75
"Exit code of a crawl whose outlet another process is crawling: EX_TEMPFAIL of sysexits.h."


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


class StateError(ArchiveError):
    """The state database cannot be read or written, so nothing may be fetched."""


class StorageError(NewscrawlError):
    """Storage outside the archive cannot be read or written: an object store, a folder of exports."""


class Busy(NewscrawlError):
    """Another process is crawling this outlet."""
