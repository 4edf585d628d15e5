"""JSON lines files: appended while a run goes on, put into the order of the archive when it closes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer
from newscrawl.warc.filenames import lock
from newscrawl.warc.writer import OPEN, sync_folder, write_whole

SORTING = ".sorting"
"Suffix of a file that is being put into order."
Place = tuple[str, int, int, int]
"Sort key (file, offset in it), then where a line stands in the open file."
_LAST = "\uffff"
"Sorts lines without a place in the archive behind all others."


def untold(path: Path) -> None:
    """For lines whose finished file nobody keeps a list of."""


def json_line(item: BaseModel) -> bytes:
    """One line: every key, sorted, UTF-8, newline at the end."""
    data = item.model_dump(mode="json", by_alias=True)
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


@dataclass
class LinesFile:
    """Lines at `path`; named `<path>.open` until closed."""

    path: Path
    finished: Callable[[Path], None] = untold
    "Told the path once the file has got its final name."
    _fd: int | None = None
    _size: int = 0
    _places: list[Place] = field(default_factory=list)
    _withdrawn: set[tuple[str, int]] = field(default_factory=set)

    @property
    def count(self) -> int:
        return len(self._places) - len(self._withdrawn)

    def withdraw(self, pointer: WarcPointer) -> None:
        """Leave the line of this record out when the file is closed, whether it is written already or not."""
        self._withdrawn.add((pointer.file, pointer.offset))

    def open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(f"{self.path}{OPEN}", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise ArchiveError(f"cannot write {self.path}{OPEN}: {error.strerror}") from error
        lock(self._fd)

    def add(self, line: bytes, pointer: WarcPointer | None) -> None:
        """Append a line; it is with the operating system when this returns."""
        assert self._fd is not None
        try:
            write_whole(self._fd, [line], self._size)
        except OSError as error:
            raise ArchiveError(f"cannot write {self.path}{OPEN}: {error.strerror}") from error
        self._places.append(place_of(pointer, self._size, len(line)))
        self._size += len(line)

    def close(self) -> None:
        """Write the lines in archive order under the final name; then the open file goes."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        try:
            settle(fd, [place for place in self._places if place[:2] not in self._withdrawn], self.path)
        except OSError as error:
            raise ArchiveError(f"cannot close {self.path}: {error.strerror}") from error
        finally:
            os.close(fd)
        self.finished(self.path)


def place_of(pointer: WarcPointer | None, start: int, length: int) -> Place:
    """Where the line at `start` of the open file belongs."""
    order = (pointer.file, pointer.offset) if pointer else (_LAST, start)
    return (*order, start, length)


def settle(fd: int, places: Iterable[Place], path: Path) -> None:
    """Write the lines of the open file in archive order under `path`; then the open file goes. OSError."""
    sorted_path = Path(f"{path}{SORTING}")
    try:
        with sorted_path.open("wb") as out:
            for _, _, start, length in sorted(places, key=lambda place: _order(fd, place)):
                out.write(os.pread(fd, length, start))
            out.flush()
            os.fsync(out.fileno())
        sorted_path.rename(path)
        Path(f"{path}{OPEN}").unlink()
        sync_folder(path.parent)
    except OSError:
        sorted_path.unlink(missing_ok=True)
        raise


def _order(fd: int, place: Place) -> tuple[str, int, bytes]:
    """Lines without a place by what they say: which of them ends first is a matter of timing."""
    file, offset, start, length = place
    return (file, offset, b"") if file != _LAST else (_LAST, 0, os.pread(fd, length, start))
