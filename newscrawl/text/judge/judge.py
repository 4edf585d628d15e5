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

from newscrawl.parts import PageType
from newscrawl.text.blocks import Frame, RawBlock
from newscrawl.text.judge.features import Matrix, Row, features
from newscrawl.text.judge.forest import Forest
from newscrawl.text.judge.hints import Hints
from newscrawl.text.judge.kinds import KINDS, kind_of, page_row
from newscrawl.text.judge.stages import confidence, joint_look, second_look

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
    with as_file(files("newscrawl.text.judge").joinpath(MODEL)) as path:
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
