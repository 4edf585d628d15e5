"""An archive in a bucket, and its working copy: a spool in which crawls write and from which files are sent.

The spool has the layout of an archive, so whatever reads a folder reads it too. Beside the files of an
outlet lies a journal of what has arrived: a line for each state of a file that the bucket has or had. It is
only ever appended to, so that crawls and commands need no lock. A finished file waits as long as no line
names it with its present digest.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from newscrawl.archive.lines import ARTICLES_SUFFIX, REJECTED_SUFFIX, has_closed_lines, lines_names
from newscrawl.archive.manifest import (
    ARRIVED,
    append_entries,
    file_sha256,
    iter_entries,
    read_manifest,
    remove_from_manifest,
)
from newscrawl.archive.memory_files import CURRENT, is_memory_name
from newscrawl.archive.report import QUIET_REPORTS_SUFFIX, REPORT_SUFFIX
from newscrawl.archive.sync import FinishedFile, SyncResult, finished_files, read_remote_manifest, send_folder
from newscrawl.archive.takedown import BLOCK_LIST
from newscrawl.errors import ArchiveError, NewscrawlError, StorageError, archive_errors
from newscrawl.state.database import Database
from newscrawl.state.stored_runs import StoredRuns
from newscrawl.storage import (
    BUCKET_MARKER,
    Storage,
    atomic_write,
    find_bucket,
    hide_credentials,
    read_bucket_url,
)
from newscrawl.warc.packages import ARCHIVE_SUFFIXES

logger = logging.getLogger(__name__)

WAITING_FOLDER = ".waiting"
"Folder of the spool with a file for each outlet that may have files to send."
AWAY = ".away"
"File of the spool whose time is that of the last failure to reach the bucket."
AWAY_SECONDS = 60
"So long after a failure the bucket is left alone: while it is away, crawls lose no time on it."
SUPERSEDED_SUFFIX = ".superseded"
"Suffix of the lines of a run whose pages were fetched again because its machine counted as lost."
LOST = "0" * 64
"In the journal, instead of the digest: the bucket had this file and has it no more."
FETCHERS = 8
"Files that are fetched at the same time."
LINE_SUFFIXES = (ARTICLES_SUFFIX, REPORT_SUFFIX, QUIET_REPORTS_SUFFIX)
"What the commands need that read articles: lines, and the reports that tell replays from runs."
COPY_SUFFIXES = (*ARCHIVE_SUFFIXES, *LINE_SUFFIXES)
"Files whose copies in the spool may go as soon as the bucket has them."


def locate_archives(name: str, spool: str) -> Path:
    """The folder of the archives: the path itself, or for a URL the spool, which is made its working copy.

    NewscrawlError if the URL holds credentials, or the spool belongs to another bucket.
    """
    if "://" not in name:
        return Path(name)
    url = name.rstrip("/")
    if hide_credentials(url) != url:
        raise NewscrawlError(
            f"{hide_credentials(url)}: credentials of archives come from the environment, not from the URL"
        )
    folder = Path(spool)
    other = read_bucket_url(folder)
    if other is None:
        with atomic_write(folder / BUCKET_MARKER, f".{os.getpid()}.tmp") as out:
            out.write(f"{url}\n".encode())
    elif other != url:
        raise NewscrawlError(
            f"{folder} is the spool of {other}, not of {url}: NEWSCRAWL_SPOOL must name another folder"
        )
    return folder


class WaitingOutlet(NamedTuple):
    """An outlet whose files may not all be in the bucket."""

    outlet: str
    since: int
    "Seconds since 1970 when the first run began whose files wait."
    bytes: int
    "Of finished files, as of the last attempt to send them; 0 before it."


@dataclass(frozen=True, kw_only=True)
class Spool:
    """The working copy of a bucket."""

    archives: Path
    storage: Storage

    @classmethod
    def find(cls, archives: Path) -> Self | None:
        """None for an archive that is in no bucket."""
        storage = find_bucket(archives)
        return cls(archives=archives, storage=storage) if storage else None

    def mark(self, outlet: str, now: int, size: int | None = None) -> None:
        """Note that an outlet has files to send, before they are made; `size`: their bytes, once known."""
        before = next((mark for mark in self.list_waiting() if mark.outlet == outlet), None)
        if before and size is None:
            return
        data = {"since": before.since if before else now, "bytes": size or 0}
        with atomic_write(self._mark_path(outlet), f".{os.getpid()}.tmp") as out:
            out.write(json.dumps(data).encode())

    def unmark(self, outlet: str) -> None:
        with archive_errors(f"delete {self._mark_path(outlet)}"):
            self._mark_path(outlet).unlink(missing_ok=True)

    def list_waiting(self) -> list[WaitingOutlet]:
        """The outlets that may have files to send, the longest wait first."""
        found: list[WaitingOutlet] = []
        for path in (self.archives / WAITING_FOLDER).glob("*.json"):
            try:
                data = json.loads(path.read_bytes())
                since, size = int(data["since"]), int(data["bytes"])
            except FileNotFoundError:
                continue  # sent since the listing
            except (OSError, ValueError, LookupError, TypeError):
                since = size = 0
            found.append(WaitingOutlet(path.name.removesuffix(".json"), since, size))
        return sorted(found, key=lambda mark: (mark.since, mark.outlet))

    def _mark_path(self, outlet: str) -> Path:
        return self.archives / WAITING_FOLDER / f"{outlet}.json"

    def is_away(self, now: int) -> bool:
        """Whether the bucket failed a moment ago."""
        try:
            return 0 <= now - (self.archives / AWAY).stat().st_mtime < AWAY_SECONDS
        except OSError:
            return False

    def note_away(self, now: int) -> None:
        path = self.archives / AWAY
        with archive_errors(f"write {path}"):
            path.touch()
            os.utime(path, (now, now))

    def note_back(self) -> None:
        with suppress(OSError):
            (self.archives / AWAY).unlink(missing_ok=True)

    def list_outlets(self) -> list[str]:
        """Outlets that the bucket or the spool has files of."""
        here = {path.parent.name for path in self.archives.glob("*/MANIFEST.sha256")}
        return sorted(here.union(self.storage.list_folders()))


@dataclass(kw_only=True)
class OutletCopy:
    """The files of an outlet in the spool and in the bucket; StorageError when the bucket cannot be read."""

    folder: Path
    storage: Storage
    stored: dict[str, str] | None = None
    "Digests by name of what the bucket has, since it was asked; None before."
    _changed: Collection[str] = frozenset()
    "Names of what is another file there than when the bucket was last asked."
    _sizes: dict[str, int] | None = field(default=None, repr=False)

    @classmethod
    def find(cls, folder: Path) -> Self | None:
        """Of an outlet's folder; None where that is in no spool."""
        storage = find_bucket(folder.parent)
        return cls(folder=folder, storage=storage) if storage else None

    def refresh(self) -> dict[str, str]:
        """Ask the bucket what it has. Copies here of what was changed there are deleted."""
        stored = read_remote_manifest(self.storage, self.folder.name)
        entries = self._read_journal()
        last, every = dict(entries), set(entries)
        news = {name: digest for name, digest in stored.items() if last.get(name) != digest}
        for name, digest in news.items():
            self._drop_stale_copy(name, digest, every)
        # What a bucket has lost waits again: it must not be taken for a copy, which may be deleted.
        news |= {name: LOST for name, digest in last.items() if name not in stored and digest != LOST}
        if news:
            self.folder.mkdir(parents=True, exist_ok=True)
            append_entries(self.folder / ARRIVED, news)
        self.stored, self._changed, self._sizes = stored, news.keys() & stored.keys(), None
        return stored

    def _drop_stale_copy(self, name: str, digest: str, every: set[tuple[str, str]]) -> None:
        """Delete a copy of an earlier state of a file; one that was changed here stays and waits."""
        path = self.folder / name
        if name in (BLOCK_LIST, CURRENT) or not path.is_file():
            return
        here = file_sha256(path)
        if here != digest and (name, here) in every:
            path.unlink()

    def _read_journal(self) -> list[tuple[str, str]]:
        try:
            return list(iter_entries((self.folder / ARRIVED).read_bytes()))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ArchiveError(f"cannot read {self.folder / ARRIVED}: {error.strerror}") from error

    def list_waiting(self) -> list[FinishedFile]:
        """Finished files that have not arrived, in the order in which they are sent."""
        entries = self._read_journal()
        last, every = dict(entries), set(entries)
        return [file for file in finished_files(self.folder) if self._is_waiting(file, last, every)]

    def _is_waiting(self, file: FinishedFile, last: dict[str, str], every: set[tuple[str, str]]) -> bool:
        name = file.path.name
        if (name, file.digest) not in every:
            return True
        if self.stored is not None and name not in self.stored:
            return file.path.is_file()  # what a bucket has lost is sent again
        if last[name] == file.digest or name in (BLOCK_LIST, CURRENT):
            return False
        # An earlier state: it was changed elsewhere since, or else changed back here.
        return _digest_if_there(file.path) == file.digest

    def send(
        self, *, reads_back: bool = True, on_result: Callable[[SyncResult], None] = lambda _: None
    ) -> list[SyncResult]:
        """Send what waits; a failure stops it and is the last result. The caller holds the outlet's lease."""
        stored = self.refresh() if self.stored is None else self.stored
        results = send_folder(
            self.folder,
            self.storage,
            files=self.list_waiting(),
            arrived=dict(stored),
            reads_back=reads_back,
            stops_at_failure=True,
            on_result=on_result,
        )
        arrived = {
            result.file.path.name: result.file.digest
            for result in results
            if result.outcome in ("sent", "there", "known")
        }
        if arrived:
            append_entries(self.folder / ARRIVED, arrived)
        self.stored = stored | arrived
        return results

    def waiting_bytes(self) -> int:
        sizes = (file.path.stat().st_size for file in self.list_waiting() if file.path.is_file())
        return sum(sizes)

    def bring(self, wanted: Callable[[str], bool], on_file: Callable[[str], None] = lambda _: None) -> None:
        """Fetch the files of the bucket with such names that are not here; call `refresh` before."""
        assert self.stored is not None
        names = [name for name in self.stored if wanted(name) and not (self.folder / name).is_file()]
        if not names:
            return

        def fetch(name: str) -> str:
            self._fetch(name)
            return name

        with ThreadPoolExecutor(min(FETCHERS, len(names))) as threads:
            for name in threads.map(fetch, names):
                on_file(name)

    def bring_run(self, run: str) -> bool:
        """Fetch lines and report of a run; False if it is not known whether the bucket has them."""
        if self.stored is None:
            return has_closed_lines(self.folder, run)
        self.bring(lambda name: name.startswith(f"{run}."))
        return True

    def _fetch(self, name: str) -> None:
        assert self.stored is not None
        path = self.folder / name
        if self.storage.fetch(f"{self.folder.name}/{name}", path) != self.stored[name]:
            path.unlink()
            raise StorageError(
                f"{self.storage.url}/{self.folder.name}/{name} differs from its manifest, or was just changed"
            )

    def bring_memory(self) -> None:
        """Fetch the newest site memory, unless a newer one waits here, and the list of takedowns."""
        assert self.stored is not None
        current = self.folder / CURRENT
        there, here = self.stored.get(CURRENT), _digest_if_there(current)
        is_ours_newer = (
            here is not None and (CURRENT, here) not in set(self._read_journal())
        ) and CURRENT not in self._changed
        if there and there != here and not is_ours_newer:
            data = self._read(CURRENT)
            self._bring_memory_file(data)
            with atomic_write(current, f".{os.getpid()}.tmp") as out:
                out.write(data)
        elif here:
            self._bring_memory_file(current.read_bytes())
        self.bring_block_list()

    def _bring_memory_file(self, current: bytes) -> None:
        name = current.decode("ascii", "replace").strip()
        if is_memory_name(name):
            self.bring(lambda other: other == name)

    def bring_block_list(self) -> None:
        """Add to the list of takedowns what the bucket's list has."""
        assert self.stored is not None
        path = self.folder / BLOCK_LIST
        there = self.stored.get(BLOCK_LIST)
        if there is None or there == _digest_if_there(path):
            return
        lines = set(self._read(BLOCK_LIST).splitlines())
        lines.update(path.read_bytes().splitlines() if path.exists() else ())
        with atomic_write(path, f".{os.getpid()}.tmp") as out:
            out.writelines(line + b"\n" for line in sorted(lines, reverse=True))

    def _read(self, name: str) -> bytes:
        data = self.storage.read(f"{self.folder.name}/{name}")
        if data is None:
            raise StorageError(
                f"{self.storage.url}/{self.folder.name}/{name} is in the manifest and not there"
            )
        return data

    def has_lines(self, run: str) -> bool:
        """Whether the lines of a run are in the bucket."""
        assert self.stored is not None
        return any(name in self.stored for name in lines_names(run))

    def sizes(self) -> dict[str, int]:
        """Sizes by name of the files that the bucket has, whatever its manifest says; asked for once."""
        if self._sizes is None:
            self._sizes = self.storage.list_sizes(self.folder.name)
        return self._sizes

    def trim(self, is_needed: Callable[[str], bool]) -> None:
        """Delete copies of files that the bucket has, but for those that are needed."""
        for path in iter_copies(self.folder):
            is_there = self.stored is None or path.name in self.stored
            if is_there and not is_needed(path.name):
                path.unlink(missing_ok=True)

    def set_aside_lines(self, run: str) -> None:
        """Keep the lines of a run whose pages were fetched again from being sent; nothing is deleted."""
        for suffix in (ARTICLES_SUFFIX, REJECTED_SUFFIX, REPORT_SUFFIX):
            path = self.folder / f"{run}{suffix}"
            if path.is_file():
                remove_from_manifest(path)
                with archive_errors(f"rename {path}"):
                    path.rename(f"{path}{SUPERSEDED_SUFFIX}")


def _digest_if_there(path: Path) -> str | None:
    return file_sha256(path) if path.is_file() else None


def set_aside_given_up(copy: OutletCopy, database: Database) -> None:
    """Keep back lines of runs whose pages are fetched again: each article must have a single line."""
    runs = {
        file.path.name.partition(".")[0]
        for file in copy.list_waiting()
        if file.path.name.endswith(ARTICLES_SUFFIX) and file.path.is_file() and file.path.stat().st_size
    }
    for run in sorted(StoredRuns(database).find_given_up(runs)):
        logger.warning("%s: its pages are fetched again, so its lines are set aside and not sent", run)
        copy.set_aside_lines(run)


def is_stored(results: Iterable[SyncResult]) -> bool:
    """Whether after these results nothing waits."""
    return all(result.outcome in ("sent", "there", "known", "gone") for result in results)


def bring_outlets(
    archives: Path,
    outlets: Iterable[str] | None,
    suffixes: tuple[str, ...],
    *,
    max_bytes: int,
    with_memories: bool = False,
    on_file: Callable[[str], None] = lambda _: None,
) -> None:
    """Fetch such files of these outlets, or of all, into the spool; nothing to do for other archives.

    Copies of other files make way if the spool holds more than `max_bytes` of them. The newest memory comes
    along, and `with_memories` all of them. NewscrawlError if the files do not fit.
    """
    spool = Spool.find(archives)
    if spool is None:
        return
    copies = [
        OutletCopy(folder=archives / name, storage=spool.storage)
        for name in (spool.list_outlets() if outlets is None else dict.fromkeys(outlets))
    ]
    with ThreadPoolExecutor(FETCHERS) as threads:
        list(threads.map(OutletCopy.refresh, copies))
        needed = sum(threads.map(lambda copy: _bytes_to_bring(copy, suffixes), copies)) if suffixes else 0
    if needed > max_bytes:
        raise NewscrawlError(
            f"{spool.storage.url}: {needed} bytes are to be fetched, and NEWSCRAWL_SPOOL_MAX_BYTES is "
            f"{max_bytes}: name fewer outlets"
        )
    trim_copies(archives, max_bytes - needed, {copy.folder.name for copy in copies})
    for copy in copies:
        copy.bring_memory()
        copy.bring(lambda name: name.endswith(suffixes) or (with_memories and is_memory_name(name)), on_file)


def _bytes_to_bring(copy: OutletCopy, suffixes: tuple[str, ...]) -> int:
    assert copy.stored is not None
    missing = [name for name in copy.stored if name.endswith(suffixes) and not (copy.folder / name).is_file()]
    return sum(copy.sizes().get(name, 0) for name in missing) if missing else 0


def trim_copies(archives: Path, max_bytes: int, needed: Collection[str] = ()) -> None:
    """Delete the oldest copies of what the bucket has until the rest takes at most `max_bytes`.

    Those of the outlets in `needed` stay.
    """
    copies = sorted(_sized_copies(archives, needed))
    total = sum(size for _, size, _ in copies)
    for _, size, path in copies:
        if total <= max_bytes:
            return
        path.unlink(missing_ok=True)
        total -= size


def _sized_copies(archives: Path, needed: Collection[str]) -> Iterator[tuple[float, int, Path]]:
    """Time, size and path of each file that may go."""
    for journal in archives.glob(f"*/{ARRIVED}"):
        if journal.parent.name not in needed:
            for path in iter_copies(journal.parent):
                with suppress(FileNotFoundError):
                    status = path.stat()
                    yield status.st_mtime, status.st_size, path


def iter_copies(folder: Path) -> Iterator[Path]:
    """Files of an outlet's folder that may go, because the bucket has them as they are here."""
    try:
        entries = list(iter_entries((folder / ARRIVED).read_bytes()))
    except FileNotFoundError:
        return
    last, listed = dict(entries), read_manifest(folder)
    for path in sorted(folder.iterdir()):
        digest = last.get(path.name)
        if (
            digest is not None
            and path.name.endswith(COPY_SUFFIXES)
            # The manifest lacks a file that is just being replaced, and a killed process leaves it so.
            and (listed.get(path.name) == digest or file_sha256(path) == digest)
        ):
            yield path
