"""The block classifier: decision trees in two stages, and a third stage stacked with trafilatura.

The first stage judges each block by itself and its place. The later ones judge it again by how the first
stage judged the blocks around it and at the same kind of place.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from newscrawl.extraction.blocks import Frame, TextBlock
from newscrawl.extraction.classifier.features import (
    COUNT_COLUMNS,
    PAGE_COLUMNS,
    Matrix,
    block_features,
)
from newscrawl.extraction.classifier.groups import label_columns
from newscrawl.extraction.classifier.lexicon import Lexicon
from newscrawl.extraction.classifier.outline import Outline, Row
from newscrawl.extraction.classifier.structure import structure_features
from newscrawl.extraction.classifier.text_features import MASS, PageHints
from newscrawl.items import PageType

MODEL_NAME = "model.npz"
STAGES = ("first", "second", "joint")
PAGE_TYPES: tuple[PageType, ...] = ("article", "listing", "forum", "product", "other")
THRESHOLD = 0.5
"Blocks with a higher probability belong to the story."
SURE_F1 = 0.87
"From this expected F1 on, trafilatura is not consulted."
SCALE = 1 << 20
"Leaf values are stored as multiples of 1 / SCALE."
_PRECISION = 6
"Decimals of a probability: beyond them the results of mathematical libraries differ."
_STEPS = (-8, -5, -3, -2, -1, 1, 2, 3, 5, 8)
_WINDOWS = (2, 5, 12)
_PAD = 8
OWN = 60
"How many of a block's first columns the later stages also use."
_CONTEXT_COLUMNS = 1 + len(_STEPS) + len(_WINDOWS) + 6
_CONTEXT_COUNTS = tuple(range(_CONTEXT_COLUMNS - 4, _CONTEXT_COLUMNS))
"Columns of `context_features` that grow with the length of the page."
_OWN_COUNTS = tuple(at for at in COUNT_COLUMNS if at < OWN)
_STAGE_COUNTS: dict[str, tuple[int, ...]] = {
    "first": COUNT_COLUMNS,
    "second": (*_CONTEXT_COUNTS, *(_CONTEXT_COLUMNS + at for at in _OWN_COUNTS)),
    "joint": (
        *_CONTEXT_COUNTS,
        *(_CONTEXT_COLUMNS + at for at in _CONTEXT_COUNTS),
        *(2 * _CONTEXT_COLUMNS + 2 + at for at in _OWN_COUNTS),
    ),
}
"For each stage the columns of its input that grow with the length of the page."
_LONG_BORDER, _LIMIT_BORDER = 2, 4
"""Borders of a count, numbered from the greatest: a page beyond the first of these is long, and the counts of
long pages are limited to the second. Few pages of the training lie beyond, so the trees know little there."""


@dataclass(frozen=True, slots=True)
class Forest:
    """Oblivious decision trees: all nodes of a level ask the same question. ValueError beyond 8 levels."""

    columns: npt.NDArray[np.int64]
    "(trees, depth): the column of the matrix that a level compares."
    borders: npt.NDArray[np.float32]
    "(trees, depth): the bit of a level is set if the column is greater."
    leaves: npt.NDArray[np.int64]
    "(trees, 2 ** depth), in units of 1 / SCALE."
    bias: int
    limits: Mapping[int, float] = field(default_factory=dict)
    """The greatest values of the counts of long pages. Beyond those of training, the trees would call most of
    a story chrome."""

    def __post_init__(self) -> None:
        if self.columns.shape[1] > 8:
            raise ValueError("trees of more than 8 levels: the number of a leaf is a single byte")

    def probabilities(
        self, matrix: npt.NDArray[np.float32], *, is_long: bool = False
    ) -> npt.NDArray[np.float64]:
        """A probability between 0 and 1 for each row; on long pages the counts are limited."""
        trees, depth = self.columns.shape
        # Transposed, because the comparisons below take most of the time and each reads a whole column.
        values = np.array(matrix.T, order="C")
        for column, limit in self.limits.items() if is_long else ():
            np.minimum(values[column], limit, out=values[column])
        leaf = np.zeros((trees, len(matrix)), np.uint8)
        for level in reversed(range(depth)):
            passed = values[self.columns[:, level]] > self.borders[:, level, None]
            leaf += leaf
            leaf += passed.view(np.uint8)
        offsets = np.arange(trees)[:, None] * self.leaves.shape[1]
        total = self.leaves.ravel().take(leaf + offsets).sum(axis=0) + self.bias
        return np.asarray(np.round(1 / (1 + np.exp(-total / SCALE)), _PRECISION))


def context_features(values: Row, matrix: Matrix) -> Row:
    """Columns from a probability or choice per block: its neighbours' values, and how text is spread."""
    size = len(values)
    padded = np.concatenate([np.zeros(_PAD), values, np.zeros(_PAD)])
    mass = matrix[:, MASS].astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(values * mass)])
    masses = np.concatenate([[0.0], np.cumsum(mass)])
    at = np.arange(size)
    columns: list[Row] = [values, *(padded[_PAD + step : _PAD + step + size] for step in _STEPS)]
    for reach in _WINDOWS:
        last, first = np.minimum(size, at + reach + 1), np.maximum(0, at - reach)
        columns.append((sums[last] - sums[first]) / np.maximum(1, masses[last] - masses[first]))
    total, ones = sums[-1] + 1, np.ones(size)
    chosen = np.flatnonzero(values > THRESHOLD)
    begin, end = (chosen[0], chosen[-1]) if len(chosen) else (0, 0)
    columns += [sums[:-1] / total, 1 - sums[1:] / total, ones * (at - begin), ones * (end - at)]
    columns += [ones * total, ones * len(chosen)]
    return np.column_stack(columns)


@dataclass(frozen=True, slots=True)
class PageFeatures:
    """What the stages know of a page."""

    matrix: Matrix
    "A row for each block: the input of the first stage."
    odds: Row
    "(blocks, 2): log odds by the names around a block and by its first words."
    outline: Outline

    @property
    def mass(self) -> Row:
        return self.matrix[:, MASS].astype(np.float64)


def complete_features(measures: Matrix, odds: Row, outline: Outline) -> PageFeatures:
    """Add to the measures of each block what the log odds say of the labels around it."""
    labels = label_columns(measures.astype(np.float64), odds[:, 1], outline)
    return PageFeatures(np.column_stack([measures, labels]).astype(np.float32), odds, outline)


def second_stage_features(probabilities: Row, page: PageFeatures) -> Matrix:
    """The input of the second stage."""
    return np.column_stack(
        [
            context_features(probabilities, page.matrix),
            page.matrix[:, :OWN],
            structure_features(probabilities, page.mass, page.outline),
            page.odds,
        ]
    ).astype(np.float32)


def stacking_features(probabilities: Row, choice: Row, page: PageFeatures) -> Matrix:
    """The input of the joint stage; `choice` is 1 for the blocks that trafilatura keeps, else 0."""
    ones, matrix = np.ones(len(probabilities)), page.matrix
    return np.column_stack(
        [
            context_features(probabilities, matrix),
            context_features(choice, matrix),
            ones * choice_agreement(probabilities, choice, matrix),
            ones * expected_f1(probabilities, matrix),
            matrix[:, :OWN],
            structure_features(probabilities, page.mass, page.outline),
            page.odds,
        ]
    ).astype(np.float32)


def choice_agreement(probabilities: Row, choice: Row, matrix: Matrix) -> float:
    """The text that both extractors keep, as a share of the text that either keeps."""
    mass = matrix[:, MASS].astype(np.float64)
    ours, theirs = probabilities > THRESHOLD, choice > THRESHOLD
    return float(np.cumsum(mass * (ours & theirs))[-1] / max(1.0, np.cumsum(mass * (ours | theirs))[-1]))


def expected_f1(probabilities: Row, matrix: Matrix) -> float:
    """The expected F1 of the blocks above the threshold, if the probabilities are calibrated; 0 to 1."""
    mass = matrix[:, MASS].astype(np.float64)
    chosen = mass * (probabilities > THRESHOLD)
    hits = np.cumsum(chosen * probabilities)[-1]
    return float(2 * hits / max(1.0, np.cumsum(chosen)[-1] + np.cumsum(mass * probabilities)[-1]))


def page_features(matrix: Matrix, probabilities: Row, expected_f1: float) -> Matrix:
    """The page as a single row: means over its blocks, its text and its story, and their amounts."""
    values = matrix.astype(np.float64)
    mass = values[:, MASS]
    share = mass / np.cumsum(mass)[-1]
    story = probabilities * mass
    story = story / max(1.0, np.cumsum(story)[-1])
    # Summed row by row, which gives the same result on every machine; a matrix product would not.
    means = [(values * weights[:, None]).sum(axis=0) for weights in (share, story)]
    amounts = [
        len(values),
        np.log1p(np.cumsum(mass)[-1]),
        np.cumsum(probabilities * share)[-1],
        expected_f1,
        probabilities.max(),
        np.count_nonzero(probabilities > THRESHOLD),
    ]
    means_of_blocks = values.sum(axis=0) / len(values)
    return np.concatenate([means_of_blocks, *means, amounts]).astype(np.float32)[None, :]


@dataclass(frozen=True, slots=True)
class Prediction:
    page: PageFeatures
    first_stage: Row
    "Probabilities of the first stage."
    probabilities: Row
    "For each block the probability that it belongs to the story."
    expected_f1: float
    "Expected F1 of the blocks above the threshold."

    @property
    def is_sure(self) -> bool:
        return self.expected_f1 >= SURE_F1


@dataclass(frozen=True, slots=True)
class BlockClassifier:
    """The stages of the model."""

    lexicon: Lexicon
    first: Forest
    second: Forest
    joint: Forest
    page_types: dict[PageType, Forest]
    long_page: Mapping[int, float] = field(default_factory=dict)
    "By column of the page's amounts, beyond which value a page is long."

    def predict(
        self,
        blocks: Sequence[TextBlock],
        frames: Sequence[Frame],
        hints: PageHints,
        chrome: Collection[int] = (),
    ) -> Prediction:
        """Predict the probability of each block; `chrome` has the frames that rules call chrome."""
        outline = Outline(blocks, frames)
        if not blocks:
            nothing = PageFeatures(np.zeros((0, 0), np.float32), np.zeros((0, 2)), outline)
            return Prediction(nothing, np.zeros(0), np.zeros(0), 0.0)
        measures = block_features(blocks, outline, hints, chrome)
        page = complete_features(measures, self.lexicon.odds(blocks, frames, outline), outline)
        is_long = self._is_long(page.matrix)
        first = self.first.probabilities(page.matrix, is_long=is_long)
        second = self.second.probabilities(second_stage_features(first, page), is_long=is_long)
        mean = (first + second) / 2
        return Prediction(page, first, mean, expected_f1(mean, page.matrix))

    def predict_with_trafilatura(self, prediction: Prediction, choice: Sequence[bool]) -> Row:
        """Predict the probabilities again, given the blocks that trafilatura keeps."""
        chosen = np.array(choice, np.float64)
        features = stacking_features(prediction.first_stage, chosen, prediction.page)
        joint = self.joint.probabilities(features, is_long=self._is_long(prediction.page.matrix))
        return (prediction.probabilities + joint) / 2

    def _is_long(self, matrix: Matrix) -> bool:
        return any(matrix[0, column] > border for column, border in self.long_page.items())

    def predict_page_type(self, prediction: Prediction) -> tuple[PageType, float]:
        """Predict the page type, and its share of the probabilities of all types."""
        row = page_features(prediction.page.matrix, prediction.probabilities, prediction.expected_f1)
        likelihoods = {name: float(forest.probabilities(row)[0]) for name, forest in self.page_types.items()}
        best = max(likelihoods, key=lambda name: likelihoods[name])
        return best, likelihoods[best] / sum(likelihoods.values())


@cache
def load_default_model() -> BlockClassifier:
    """Load the model that comes with the package."""
    with as_file(files("newscrawl.extraction.classifier").joinpath(MODEL_NAME)) as path:
        return load_model(path)


def load_model(path: Path) -> BlockClassifier:
    """Load a model file."""
    with np.load(path, allow_pickle=False) as arrays:
        page_types = {name: _load_forest(arrays, name) for name in PAGE_TYPES}
        first, second, joint = (_load_forest(arrays, stage) for stage in STAGES)
        long_page = _find_borders(first.columns, first.borders, PAGE_COLUMNS, _LONG_BORDER)
        lexicon = Lexicon(names=arrays["lexicon.names"], words=arrays["lexicon.words"])
        return BlockClassifier(lexicon, first, second, joint, page_types, long_page)


def _load_forest(arrays: Mapping[str, npt.NDArray[Any]], stage: str) -> Forest:
    columns, borders = arrays[f"{stage}.columns"].astype(np.int64), arrays[f"{stage}.borders"]
    return Forest(
        columns=columns,
        borders=borders,
        leaves=arrays[f"{stage}.leaves"].astype(np.int64),
        bias=int(arrays[f"{stage}.bias"]),
        limits=_find_borders(columns, borders, _STAGE_COUNTS.get(stage, ()), _LIMIT_BORDER),
    )


def _find_borders(
    columns: npt.NDArray[np.int64], borders: npt.NDArray[np.float32], counts: Collection[int], rank: int
) -> dict[int, float]:
    """The border of this rank, counted from the greatest, of each of these columns that has so many."""
    distinct = {column: np.unique(borders[columns == column]) for column in counts}
    return {column: float(values[-rank]) for column, values in distinct.items() if len(values) >= rank}
