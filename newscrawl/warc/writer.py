"""Write WARC files: unique names, whole exchanges, a new file when the size or age limit is reached.

A writer may begin with a file that another has finished, to spare the world a file of its own.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer, rfc3339
from newscrawl.storage import append_or_rollback, fsync_folder, try_lock
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.records import HttpExchange, SerializedRecord, exchange_records, warcinfo_record
from newscrawl.warc.renderings import RenderedPage, rendering_records

OPEN_SUFFIX = ".open"
"Marks a file that is still being written."
MAX_BYTES = 1 << 30
MAX_AGE = timedelta(hours=24)


@dataclass(kw_only=True)
class WarcFileStats:
    """Name and size of a file that a writer has begun."""

    name: str
    bytes: int = 0
    "Of the whole file."
    records: int = 0
    "Written by this writer."
    start: int = 0
    "Where this writer's records begin."

    @property
    def written(self) -> int:
        """Bytes of this writer's records."""
        return self.bytes - self.start


@dataclass(frozen=True, kw_only=True)
class ContinuedFile:
    """A copy of a finished file, locked, with the suffix `.open`."""

    name: str
    fd: int
    "Open for appending; the writer closes it."
    bytes: int
    digest: hashlib._Hash
    "Of its bytes."
    opened: datetime
    "When it was begun."


@dataclass(kw_only=True)
class WarcWriter:
    """Write HTTP exchanges as gzipped WARC 1.1 files (ISO 28500:2017) into `folder`.

    Each record is a gzip member of its own. When `write` returns, the operating system has every byte; a
    failed write leaves no partial record behind. A file has the suffix `.open` until it is closed. ::

        names = WarcNameTemplate(prefix="crawl", host=gethostname(), pid=getpid())
        with WarcWriter(folder=Path("archive"), names=names, now=now, new_id=new_id) as writer:
            pointer = writer.write(HttpExchange(url=url, started=now(), sent=request, received=response))

    `open`, `write` and `close` raise ArchiveError when the disk is full or the folder is not writable.
    """

    folder: Path
    "Created if it does not exist."
    names: WarcNameTemplate
    "Prefix, host and process id: together with time and serial number, they make file names unique."
    info: tuple[tuple[str, str], ...] = ()
    "Fields of the warcinfo record that each file begins with, such as `software` and `operator`."
    now: Callable[[], datetime]
    "Returns the current time, with time zone."
    new_id: Callable[[], str]
    "Returns a new WARC-Record-ID at each call: a URI in angle brackets, `<urn:uuid:...>`."
    max_bytes: int = MAX_BYTES
    "A file of this size, counted compressed, takes no further exchange."
    max_age: timedelta = MAX_AGE
    "A file that was opened this long ago takes no further exchange."
    before_replacing: Callable[[Path], object] | None = None
    "Called with the path of a finished file right before its continued copy takes its place."
    on_finished: Callable[[Path, str], object] | None = None
    "Called with the path and the hex SHA-256 of each file that has got its final name."
    continued: ContinuedFile | None = None
    "The file to begin with, behind the records that it holds."
    files: list[WarcFileStats] = field(default_factory=list)
    "All files so far; the last may still be open."
    _fd: int | None = None
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    "Of the open file, updated with each write: hashing a full file at the end would stall the crawl."
    _opened: datetime | None = None
    _warcinfo_id: str = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Begin a new file; `write` does this when necessary."""
        moment = self.now()
        if self.continued:
            self._continue(self.continued, moment)
            return
        name = self.names.name(moment, len(self.files))
        path = self.folder / (name + OPEN_SUFFIX)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise ArchiveError(f"cannot write {path}: {error.strerror}") from error
        try_lock(self._fd)
        self._digest = hashlib.sha256()
        self.files.append(WarcFileStats(name=name))
        self._opened = moment
        self._append_warcinfo(moment)

    def _continue(self, file: ContinuedFile, moment: datetime) -> None:
        self.continued = None
        self._fd, self._digest, self._opened = file.fd, file.digest, file.opened
        self.files.append(WarcFileStats(name=file.name, bytes=file.bytes, start=file.bytes))
        self._append_warcinfo(moment)

    def _append_warcinfo(self, moment: datetime) -> None:
        """What describes the records that follow; a file has one of each run."""
        self._warcinfo_id = self.new_id()
        name = self.files[-1].name
        self._append([warcinfo_record(self._warcinfo_id, rfc3339(moment), name, self.info)])

    def write(self, exchange: HttpExchange) -> WarcPointer:
        """Append the records of an exchange; return a pointer to the first, which is the response if any."""
        self._prepare()
        return self._write(exchange_records(exchange, self._warcinfo_id, self.new_id))

    def write_rendering(self, page: RenderedPage) -> WarcPointer:
        """Append the records of a rendered page; return a pointer to the first."""
        self._prepare()
        return self._write(rendering_records(page, self._warcinfo_id, self.new_id))

    def _prepare(self) -> None:
        """Have a file open that takes another group of records."""
        if self._is_full():
            self.close()
        if self._fd is None:
            self.open()

    def _write(self, group: Iterable[SerializedRecord]) -> WarcPointer:
        records = list(group)
        offset = self.files[-1].bytes
        self._append(records)
        first = records[0]
        return WarcPointer(
            file=self.files[-1].name,
            offset=offset,
            length=first.length,
            record_id=first.record_id,
            payload_digest=first.payload_digest,
        )

    def close(self) -> None:
        """Flush the open file to disk and give it its final name; do nothing if none is open."""
        if self._fd is None:
            return
        path = self.folder / self.files[-1].name
        fd, self._fd = self._fd, None
        try:
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
            if not self.files[-1].bytes:
                # Not even the warcinfo record was written: a full disk should not leave an empty archive.
                Path(f"{path}{OPEN_SUFFIX}").unlink()
                self.files.pop()
                return
            if self.files[-1].start and self.before_replacing:
                self.before_replacing(path)
            Path(f"{path}{OPEN_SUFFIX}").rename(path)
            fsync_folder(self.folder)
        except OSError as error:
            raise ArchiveError(f"cannot close {path}: {error.strerror}") from error
        if self.on_finished:
            self.on_finished(path, self._digest.hexdigest())

    def _is_full(self) -> bool:
        if self._fd is None or self._opened is None:
            return False
        return self.files[-1].bytes >= self.max_bytes or self.now() - self._opened >= self.max_age

    def _append(self, records: list[SerializedRecord]) -> None:
        assert self._fd is not None
        file = self.files[-1]
        pieces = [piece for record in records for piece in record.pieces]
        try:
            file.bytes += append_or_rollback(self._fd, pieces, file.bytes)
        except OSError as error:
            raise ArchiveError(f"cannot write {self.folder / file.name}: {error.strerror}") from error
        file.records += len(records)
        for piece in pieces:
            self._digest.update(piece)
