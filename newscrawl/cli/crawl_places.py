"""Where the crawls of a command write and what they know, and whether a worker would crawl in the same place.

Machines that write into different folders of one name, or ask different databases what is due, would fetch
everything twice, and nobody would notice.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

from newscrawl import settings
from newscrawl.cli.worker_archives import WorkerArchives
from newscrawl.engine import ClusterLost
from newscrawl.engine.cluster import ClusterEngine
from newscrawl.errors import NewscrawlError, archive_errors
from newscrawl.state.database import database_url
from newscrawl.storage import hide_credentials

_SQLITE = "sqlite:///"
_PROBE = ".newscrawl-shared-{}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CrawlPlace:
    """The archives and the state of a command's crawls; it holds no password."""

    archives: WorkerArchives
    state: str
    "URL of the database, for messages."
    digest: str
    "Of the whole URL; empty where the arguments of the crawls hold it."

    @classmethod
    def find(cls, archives: Path, crawl_settings: Mapping[str, object]) -> Self:
        """Where crawls with these settings would be, in this process."""
        setting = crawl_settings.get("NEWSCRAWL_STATE_URL")
        url = _state_url(archives, settings.NEWSCRAWL_STATE_URL if setting is None else str(setting))
        return cls(
            archives=WorkerArchives.find(archives.resolve()),
            state=hide_credentials(url),
            digest=_digest(url) if setting is None else "",
        )

    def find_difference(self) -> str:
        """Why crawls on this worker would be elsewhere, as a sentence; empty if they would not."""
        bucket, own = self.archives.bucket, str(settings.NEWSCRAWL_ARCHIVES).rstrip("/")
        if bucket and own != bucket:
            return f"NEWSCRAWL_ARCHIVES is {hide_credentials(own)} there instead of {bucket}"
        try:
            here = self.archives.locate(self.archives.folder)
        except NewscrawlError as error:
            return str(error)
        url = _state_url(here, settings.NEWSCRAWL_STATE_URL)
        if self.digest and _digest(url) != self.digest:
            shown = hide_credentials(url)
            there = f"{shown}, with another user or password," if shown == self.state else shown
            return f"the state is {there} there instead of {self.state}: set NEWSCRAWL_STATE_URL alike"
        return ""

    def shared_folders(self) -> dict[str, Path]:
        """Folders that are to be the same on all machines, by what is in them."""
        folders = {} if self.archives.bucket else {"archives": self.archives.folder}
        if self.state.startswith(_SQLITE):
            folders["state database"] = Path(self.state.removeprefix(_SQLITE)).parent
        return folders


def _state_url(archives: Path, url: str) -> str:
    return database_url(url, archives.resolve())


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()


def look_around(place: CrawlPlace, token: str) -> str:
    """What is different on this worker, and on which machine; empty if nothing is. For a worker."""
    difference = place.find_difference()
    for what, folder in place.shared_folders().items() if not difference else ():
        if not (folder / _PROBE.format(token)).is_file():
            difference = f"{folder}, with the {what}, is another folder there: workers share it"
            if what != "archives":
                difference += ", or the state is one PostgreSQL database"
            break
    return difference and f"on {platform.node()}: {difference}"


def require_same_place(engine: ClusterEngine, place: CrawlPlace) -> None:
    """ClusterLost names each worker that would crawl into other archives or by another state."""
    token = uuid4().hex
    with _probes(place, token):
        found = engine.broadcast(look_around, place, token)
    if texts := [f"worker {address} {text}" for address, text in found.items() if text]:
        raise ClusterLost("; ".join(texts))


@contextmanager
def _probes(place: CrawlPlace, token: str) -> Iterator[None]:
    """A file in each folder that is shared, until the block ends."""
    paths = {folder / _PROBE.format(token) for folder in place.shared_folders().values()}
    try:
        for path in paths:
            with archive_errors(f"write {path}"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        yield
    finally:
        for path in paths:
            with suppress(OSError):
                path.unlink(missing_ok=True)
