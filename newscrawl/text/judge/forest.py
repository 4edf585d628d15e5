"""Boosted symmetric trees as arrays: the one place where the model is evaluated.

Every level of a tree asks one question of all its nodes, so a tree is `depth` comparisons and a table of
2**depth values. Values are whole numbers: their sums are the same in whatever order a machine adds them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SCALE = 1 << 20
"Leaf values are kept as multiples of 1 / SCALE."
_PRECISION = 6
"Decimals of a probability: beyond them libraries of mathematics differ."


@dataclass(frozen=True, slots=True)
class Forest:
    columns: npt.NDArray[np.int64]
    "(trees, depth): which column of the matrix a level asks for."
    borders: npt.NDArray[np.float32]
    "(trees, depth): a level's bit is set where the column is greater."
    leaves: npt.NDArray[np.int64]
    "(trees, 2 ** depth), in units of 1 / SCALE."
    bias: int

    def probabilities(self, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """One number between 0 and 1 for each row."""
        trees, depth = self.columns.shape
        # A column a row: what one question is asked of then lies together, which is what most time goes into.
        values = np.ascontiguousarray(matrix.T)
        leaf = np.zeros((trees, len(matrix)), np.uint16)
        for level in range(depth):
            passed = values[self.columns[:, level]] > self.borders[:, level, None]
            leaf |= np.left_shift(passed, level, dtype=np.uint16)
        offsets = np.arange(trees)[:, None] * self.leaves.shape[1]
        total = self.leaves.ravel().take(leaf + offsets).sum(axis=0) + self.bias
        return np.asarray(np.round(1 / (1 + np.exp(-total / SCALE)), _PRECISION))
