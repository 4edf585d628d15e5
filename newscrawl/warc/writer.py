"""WARC files: unique names, one write an exchange, rolled over by size and age, whole or cut back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer, rfc3339
from newscrawl.warc.filenames import host_in_names, lock
from newscrawl.warc.records import Exchange, Record, exchange_records, warcinfo_record

OPEN = ".open"
"Suffix of a file that is still being written."
MAX_BYTES = 1 << 30
MAX_AGE = timedelta(hours=24)
MAX_VECTOR = 512
"Pieces written with one call; every system takes as many."


def untold(path: Path, digest: str) -> None:
    """For a writer whose finished files nobody keeps a list of."""


@dataclass(frozen=True, kw_only=True)
class WarcNames:
    """What makes the names of a process's files unique."""

    prefix: str
    host: str
    pid: int

    def name(self, moment: datetime, serial: int) -> str:
        """`<prefix>-<UTC, 17 digits>-<serial>-<host>-<pid>.warc.gz` (WARC 1.1 annex C)."""
        stamp = moment.astimezone(UTC).strftime("%Y%m%d%H%M%S%f")[:17]
        return f"{self.prefix}-{stamp}-{serial:05d}-{host_in_names(self.host)}-{self.pid}.warc.gz"


@dataclass(kw_only=True)
class WrittenWarc:
    """One file's counts."""

    name: str
    bytes: int = 0
    records: int = 0


@dataclass(kw_only=True)
class WarcWriter:
    """Writes exchanges into `folder`; every byte is with the operating system when `write` returns."""

    folder: Path
    names: WarcNames
    info: tuple[tuple[str, str], ...]
    "Fields of the warcinfo records."
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    "Gives `<urn:uuid:...>`, each once."
    max_bytes: int = MAX_BYTES
    max_age: timedelta = MAX_AGE
    finished: Callable[[Path, str], None] = untold
    "Told the path and the SHA-256 of each file that has got its final name."
    files: list[WrittenWarc] = field(default_factory=list)
    _fd: int | None = None
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    "Of the open file: grown with it, since hashing a full one would hold the crawl up."
    _opened: datetime | None = None
    _warcinfo_id: str = ""

    def open(self) -> None:
        """Begin a file; ArchiveError when the folder cannot be written."""
        moment = self.now()
        name = self.names.name(moment, len(self.files))
        path = self.folder / (name + OPEN)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise ArchiveError(f"cannot write {path}: {error.strerror}") from error
        lock(self._fd)
        self._digest = hashlib.sha256()
        self.files.append(WrittenWarc(name=name))
        self._opened, self._warcinfo_id = moment, self.new_id()
        self._append([warcinfo_record(self._warcinfo_id, rfc3339(moment), name, self.info)])

    def write(self, exchange: Exchange) -> WarcPointer:
        """Append an exchange's records; the pointer is to the first of them (the response, if any)."""
        if self._is_full():
            self.close()
        if self._fd is None:
            self.open()
        records = list(exchange_records(exchange, self._warcinfo_id, self.new_id))
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
        """Make the open file durable and give it its final name."""
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
                # Not even its first record could be written: a disk that is full leaves no empty archive.
                Path(f"{path}{OPEN}").unlink()
                self.files.pop()
                return
            Path(f"{path}{OPEN}").rename(path)
            sync_folder(self.folder)
        except OSError as error:
            raise ArchiveError(f"cannot close {path}: {error.strerror}") from error
        self.finished(path, self._digest.hexdigest())

    def _is_full(self) -> bool:
        if self._fd is None or self._opened is None:
            return False
        return self.files[-1].bytes >= self.max_bytes or self.now() - self._opened >= self.max_age

    def _append(self, records: list[Record]) -> None:
        assert self._fd is not None
        file = self.files[-1]
        pieces = [piece for record in records for piece in record.pieces]
        try:
            file.bytes += write_whole(self._fd, pieces, file.bytes)
        except OSError as error:
            raise ArchiveError(f"cannot write {self.folder / file.name}: {error.strerror}") from error
        file.records += len(records)
        for piece in pieces:
            self._digest.update(piece)


def write_whole(fd: int, pieces: Sequence[bytes | memoryview], size: int) -> int:
    """Append all pieces to a file of `size` bytes and tell their length, or leave it as it was: OSError."""
    written = 0
    try:
        for start in range(0, len(pieces), MAX_VECTOR):
            batch = pieces[start : start + MAX_VECTOR]
            done = os.writev(fd, batch)
            if done < sum(map(len, batch)):
                rest = memoryview(b"".join(batch))[done:]
                while rest:
                    rest = rest[os.write(fd, rest) :]
            written += sum(map(len, batch))
    except OSError:
        os.ftruncate(fd, size)
        raise
    return written


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A stream that becomes `path` when the block ends well, and leaves no trace when it does not."""
    draft = Path(f"{path}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise ArchiveError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
