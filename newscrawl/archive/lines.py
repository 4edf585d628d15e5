"""JSON lines files: appended while a run goes on, put into the order of the archive when it closes."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from newscrawl.archive.writer import OPEN, sync_folder, write_whole
from newscrawl.errors import ArchiveError
from newscrawl.parts import WarcPointer

_LAST = "\uffff"
"Sorts lines without a place in the archive behind all others."


def json_line(item: BaseModel) -> bytes:
    """One line: every key, sorted, UTF-8, newline at the end."""
    data = item.model_dump(mode="json", by_alias=True)
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


@dataclass
class LinesFile:
    """Lines at `path`; named `<path>.open` until closed."""

    path: Path
    _fd: int | None = None
    _size: int = 0
    _places: list[tuple[str, int, int, int]] = field(default_factory=list)
    "Sort key (file, offset in it), then where the line stands in the open file."

    @property
    def count(self) -> int:
        return len(self._places)

    def open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(f"{self.path}{OPEN}", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise ArchiveError(f"cannot write {self.path}{OPEN}: {error.strerror}") from error

    def add(self, line: bytes, pointer: WarcPointer | None) -> None:
        """Append a line; it is with the operating system when this returns."""
        assert self._fd is not None
        try:
            write_whole(self._fd, [line], self._size)
        except OSError as error:
            raise ArchiveError(f"cannot write {self.path}{OPEN}: {error.strerror}") from error
        place = (pointer.file, pointer.offset) if pointer else (_LAST, self._size)
        self._places.append((*place, self._size, len(line)))
        self._size += len(line)

    def close(self) -> None:
        """Write the lines in archive order under the final name; then the open file goes."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        sorted_path = Path(f"{self.path}.sorting")
        try:
            with sorted_path.open("wb") as out:
                for _, _, start, length in sorted(self._places):
                    out.write(os.pread(fd, length, start))
                out.flush()
                os.fsync(out.fileno())
            sorted_path.rename(self.path)
            Path(f"{self.path}{OPEN}").unlink()
            sync_folder(self.path.parent)
        except OSError as error:
            sorted_path.unlink(missing_ok=True)
            raise ArchiveError(f"cannot close {self.path}: {error.strerror}") from error
        finally:
            os.close(fd)
