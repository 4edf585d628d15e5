"""Rows that tasks hand to each other through files, sorted into shards.

Every task writes a file of its own, every reader takes its shard out of all of them. So any number of
processes take part, none of them holds more than a shard, and a task that is done again writes the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[Any]
_BOUND = np.dtype("<i8")


@dataclass(frozen=True, kw_only=True)
class Shuffle:
    """A folder with a file for each task, which begins with the bounds of its shards."""

    folder: Path
    row: np.dtype[Any]
    shards: int

    def write(self, task: int, rows: Rows, shard: NDArray[np.integer[Any]]) -> None:
        """Store the rows of a task, each in its shard; within a shard they keep their order."""
        order = np.argsort(shard, kind="stable")
        bounds = np.searchsorted(shard[order], np.arange(self.shards + 1)).astype(_BOUND)
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{task:08}").open("wb") as file:
            file.write(bounds.tobytes())
            file.write(rows[order].tobytes())

    def read(self, shard: int) -> Rows:
        """The rows of a shard, in the order of the tasks that wrote them."""
        paths = sorted(self.folder.iterdir()) if self.folder.exists() else []
        return np.concatenate([np.empty(0, self.row), *(self._read_part(path, shard) for path in paths)])

    def _read_part(self, path: Path, shard: int) -> Rows:
        with path.open("rb") as file:
            file.seek(shard * _BOUND.itemsize)
            start, end = np.frombuffer(file.read(2 * _BOUND.itemsize), _BOUND).tolist()
            file.seek((self.shards + 1) * _BOUND.itemsize + start * self.row.itemsize)
            return np.frombuffer(file.read((end - start) * self.row.itemsize), self.row)
