"""Rows that tasks hand to each other through files, sorted into shards.

Every task writes a file of its own, every reader takes its shard out of all of them. So any number of
processes take part, none of them holds more than a shard, and a task that is done again writes the same: a
file that is read has been written whole, whoever else still writes it.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[Any]
_BOUND = np.dtype("<i8")


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """A stream that becomes the file when the block ends well, which OSError may prevent."""
    # Not flushed to disk: after a power failure the rebuild begins anew.
    writer = f"{platform.node()}-{os.getpid()}-{threading.get_ident()}"
    draft = path.with_name(f"{path.name}.{writer}.draft")
    try:
        with draft.open("wb") as file:
            yield file
        draft.rename(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


@dataclass(frozen=True, kw_only=True)
class Shuffle:
    """A folder with a file for each task, which begins with the bounds of its shards."""

    folder: Path
    row: np.dtype[Any]
    shards: int
    tasks: int
    "Their numbers begin with 0. Folders on other machines may be listed late, so nothing depends on a list."

    def write(self, task: int, rows: Rows, shard: NDArray[np.integer[Any]]) -> None:
        """Store the rows of a task, each in its shard; within a shard they keep their order."""
        order = np.argsort(shard, kind="stable")
        bounds = np.searchsorted(shard[order], np.arange(self.shards + 1)).astype(_BOUND)
        # Its parent goes when the rebuild ends, and then nobody shall bring it back.
        self.folder.mkdir(exist_ok=True)
        with replace_file(self._path(task)) as file:
            file.write(bounds.tobytes())
            file.write(rows[order].tobytes())

    def read(self, shard: int) -> Rows:
        """The rows of a shard, in the order of the tasks that wrote them."""
        parts = (self._read_part(self._path(task), shard) for task in range(self.tasks))
        return np.concatenate([np.empty(0, self.row), *parts])

    def _path(self, task: int) -> Path:
        return self.folder / f"{task:08}"

    def _read_part(self, path: Path, shard: int) -> Rows:
        with path.open("rb") as file:
            file.seek(shard * _BOUND.itemsize)
            start, end = np.frombuffer(file.read(2 * _BOUND.itemsize), _BOUND).tolist()
            file.seek((self.shards + 1) * _BOUND.itemsize + start * self.row.itemsize)
            return np.frombuffer(file.read((end - start) * self.row.itemsize), self.row)
