"""Lines that are being written, with the state from which a killed extraction goes on."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from newscrawl.archive.writer import sync_folder
from newscrawl.errors import ArchiveError

SCHEMA = "newscrawl.extracting/1"


@dataclass(kw_only=True)
class Part:
    """The lines of `out` as far as they are made: `<out>.part`, and `<out>.state` that says how far."""

    out: Path
    task: str
    "Digest of all that decides the lines: a state of another task is not gone on from."
    pages: int = 0
    "Pages done, in order."
    articles: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    _stream: BinaryIO | None = None
    _size: int = 0
    "Bytes of whole lines."

    @property
    def path(self) -> Path:
        return Path(f"{self.out}.part")

    @property
    def state(self) -> Path:
        return Path(f"{self.out}.state")

    def open(self) -> None:
        """Go on from the state when it fits, else begin anew; ArchiveError when nothing can be written."""
        self._size = self._restored()
        try:
            self._stream = self.path.open("r+b" if self._size else "wb")
            self._stream.truncate(self._size)
            self._stream.seek(self._size)
        except OSError as error:
            raise ArchiveError(f"cannot write {self.path}: {error.strerror}") from error

    def lines(self) -> Iterator[bytes]:
        """The lines already there."""
        with self.path.open("rb") as stream:
            yield from stream

    def add(self, line: bytes) -> None:
        assert self._stream
        try:
            self._stream.write(line)
        except OSError as error:
            raise ArchiveError(f"cannot write {self.path}: {error.strerror}") from error
        self._size += len(line)
        self.articles += 1
        self.pages += 1

    def refuse(self, reason: str) -> None:
        self.rejected[reason] += 1
        self.pages += 1

    def save(self) -> None:
        """Note how far the lines go; everything before is with the operating system."""
        assert self._stream
        draft = Path(f"{self.state}.tmp")
        try:
            self._stream.flush()
            draft.write_text(json.dumps(self._noted()), encoding="utf-8")
            draft.rename(self.state)
        except OSError as error:
            raise ArchiveError(f"cannot write {self.state}: {error.strerror}") from error

    def finish(self) -> None:
        """Give the lines their final name; then the state goes."""
        assert self._stream
        try:
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
            self.path.rename(self.out)
            self.state.unlink(missing_ok=True)
            sync_folder(self.out.parent)
        except OSError as error:
            raise ArchiveError(f"cannot close {self.out}: {error.strerror}") from error

    def close(self) -> None:
        """Leave what is there for a later run; nothing when there is nothing."""
        if not self._stream or self._stream.closed:
            return
        # What ended the work is told by others; where even this fails, an older state is gone on from.
        with suppress(ArchiveError):
            self.save()
        with suppress(OSError):
            self._stream.close()
            if not self.pages:
                self.path.unlink()
                self.state.unlink()

    def _noted(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "task": self.task,
            "bytes": self._size,
            "pages": self.pages,
            "articles": self.articles,
            "rejected": self.rejected,
        }

    def _restored(self) -> int:
        """Take over the counts of a state that fits, and tell the bytes it vouches for; 0: begin anew."""
        try:
            noted = json.loads(self.state.read_bytes())
            size, pages, articles = (int(noted[key]) for key in ("bytes", "pages", "articles"))
            rejected = Counter({str(name): int(count) for name, count in noted["rejected"].items()})
            fits = noted["schema"] == SCHEMA and noted["task"] == self.task and min(size, pages) >= 0
            fits = fits and pages == articles + rejected.total()
            if not fits or self.path.stat().st_size < size:
                return 0
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return 0
        self.pages, self.articles, self.rejected = pages, articles, rejected
        return size
