"""The trained judge of a page's blocks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from newscrawl.extraction.blocks import Frame, RawBlock
from newscrawl.extraction.classifier.features import Matrix, Row, features
from newscrawl.extraction.classifier.wording import MASS, Hints
from newscrawl.items import PageType

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


_STEPS = (-8, -5, -3, -2, -1, 1, 2, 3, 5, 8)
_WINDOWS = (2, 5, 12)
_EDGE = 8
OWN = 60
"So many first columns of a block's own features go into the second stage too."


def around(likely: Row, matrix: Matrix) -> Row:
    """Columns made of a likelihood for each block: its neighbours', and how text is spread by it."""
    size = len(likely)
    padded = np.concatenate([np.zeros(_EDGE), likely, np.zeros(_EDGE)])
    mass = matrix[:, MASS].astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(likely * mass)])
    masses = np.concatenate([[0.0], np.cumsum(mass)])
    at = np.arange(size)
    columns: list[Row] = [likely, *(padded[_EDGE + step : _EDGE + step + size] for step in _STEPS)]
    for reach in _WINDOWS:
        last, first = np.minimum(size, at + reach + 1), np.maximum(0, at - reach)
        columns.append((sums[last] - sums[first]) / np.maximum(1, masses[last] - masses[first]))
    total, whole = sums[-1] + 1, np.ones(size)
    chosen = np.flatnonzero(likely > 0.5)
    begins, ends = (chosen[0], chosen[-1]) if len(chosen) else (0, 0)
    columns += [sums[:-1] / total, 1 - sums[1:] / total, whole * (at - begins), whole * (ends - at)]
    columns += [whole * total, whole * len(chosen)]
    return np.column_stack(columns)


def second_look(likely: Row, matrix: Matrix) -> Matrix:
    """What the second stage works on."""
    return np.column_stack([around(likely, matrix), matrix[:, :OWN]]).astype(np.float32)


def joint_look(likely: Row, opinion: Row, matrix: Matrix) -> Matrix:
    """What the stage works on that also knows another extractor's choice, 1 or 0 for each block."""
    whole = np.ones(len(likely))
    return np.column_stack(
        [
            around(likely, matrix),
            around(opinion, matrix),
            whole * agreement(likely, opinion, matrix),
            whole * confidence(likely, matrix),
            matrix[:, :OWN],
        ]
    ).astype(np.float32)


def agreement(likely: Row, opinion: Row, matrix: Matrix) -> float:
    """Share of the text either side keeps that both keep."""
    mass = matrix[:, MASS].astype(np.float64)
    ours, theirs = likely > 0.5, opinion > 0.5
    return float(np.cumsum(mass * (ours & theirs))[-1] / max(1.0, np.cumsum(mass * (ours | theirs))[-1]))


def confidence(likely: Row, matrix: Matrix) -> float:
    """The F1 to be expected of keeping what is likelier than not, if the likelihoods are true; 0 to 1."""
    mass = matrix[:, MASS].astype(np.float64)
    kept = mass * (likely > 0.5)
    hits = np.cumsum(kept * likely)[-1]
    return float(2 * hits / max(1.0, np.cumsum(kept)[-1] + np.cumsum(mass * likely)[-1]))


KINDS: tuple[PageType, ...] = ("article", "listing", "forum", "product", "other")


def page_row(matrix: Matrix, likely: Row, confidence: float) -> Matrix:
    """The page as one row: means over its blocks, over its text and over its story, and how much of each."""
    values = matrix.astype(np.float64)
    mass = values[:, MASS]
    share = mass / np.cumsum(mass)[-1]
    story = likely * mass
    story = story / max(1.0, np.cumsum(story)[-1])
    # Summed row by row, so the same on every machine; a matrix product would not be.
    means = [(values * weights[:, None]).sum(axis=0) for weights in (share, story)]
    whole = [
        len(values),
        np.log1p(np.cumsum(mass)[-1]),
        np.cumsum(likely * share)[-1],
        confidence,
        likely.max(),
        np.count_nonzero(likely > 0.5),
    ]
    plain = values.sum(axis=0) / len(values)
    return np.concatenate([plain, *means, whole]).astype(np.float32)[None, :]


def kind_of(row: Matrix, forests: dict[PageType, Forest]) -> tuple[PageType, float]:
    """The likeliest kind, and its share among the likelihoods of all kinds."""
    likely = {kind: float(forest.probabilities(row)[0]) for kind, forest in forests.items()}
    best = max(likely, key=lambda kind: likely[kind])
    return best, likely[best] / sum(likely.values())


MODEL = "model.npz"
STAGES = ("first", "second", "joint")
LIKELY = 0.5
"What is likelier is kept."
SURE = 0.90
"Expected F1 from which the judge is not asked to hear another opinion."


@dataclass(frozen=True, slots=True)
class Judgement:
    matrix: Matrix
    first: Row
    "The first stage's likelihoods."
    likely: Row
    "How likely each block belongs to the story, 0 to 1."
    confidence: float
    "Expected F1 of keeping what is likelier than not."

    @property
    def sure(self) -> bool:
        return self.confidence >= SURE


@dataclass(frozen=True, slots=True)
class Judge:
    """The stages of the model."""

    first: Forest
    second: Forest
    joint: Forest
    kinds: dict[PageType, Forest]

    def judged(
        self, blocks: Sequence[RawBlock], frames: Sequence[Frame], hints: Hints, marked: Collection[int] = ()
    ) -> Judgement:
        """A likelihood for each block; `marked` are indexes of frames that rules call chrome."""
        if not blocks:
            return Judgement(np.zeros((0, 0), np.float32), np.zeros(0), np.zeros(0), 0.0)
        matrix = features(blocks, frames, hints, marked)
        first = self.first.probabilities(matrix)
        second = self.second.probabilities(second_look(first, matrix))
        likely = (first + second) / 2
        expected = confidence(likely, matrix)
        return Judgement(matrix, first, likely, expected)

    def kind(self, judgement: Judgement) -> tuple[PageType, float]:
        """What the page looks like, and how sure that is, 0 to 1."""
        row = page_row(judgement.matrix, judgement.likely, judgement.confidence)
        return kind_of(row, self.kinds)

    def reconciled(self, judgement: Judgement, opinion: Sequence[bool]) -> Row:
        """The likelihoods once another extractor's choice of blocks is known too."""
        chosen = np.array(opinion, np.float64)
        joint = self.joint.probabilities(joint_look(judgement.first, chosen, judgement.matrix))
        return (judgement.likely + joint) / 2


@cache
def shipped_judge() -> Judge:
    """The judge that comes with the package."""
    with as_file(files("newscrawl.extraction.classifier").joinpath(MODEL)) as path:
        return judge_in(path)


def judge_in(path: Path) -> Judge:
    """The judge of a model file."""
    with np.load(path, allow_pickle=False) as arrays:
        kinds = {kind: _forest(arrays, kind) for kind in KINDS}
        first, second, joint = (_forest(arrays, stage) for stage in STAGES)
        return Judge(first, second, joint, kinds)


def _forest(arrays: Mapping[str, npt.NDArray[Any]], stage: str) -> Forest:
    return Forest(
        columns=arrays[f"{stage}.columns"].astype(np.int64),
        borders=arrays[f"{stage}.borders"],
        leaves=arrays[f"{stage}.leaves"].astype(np.int64),
        bias=int(arrays[f"{stage}.bias"]),
    )
