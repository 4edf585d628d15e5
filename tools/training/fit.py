"""Fitting the stages and turning them into arrays."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from newscrawl.extraction.classifier.features import Matrix, Row
from newscrawl.extraction.classifier.model import (
    KINDS,
    SCALE,
    Forest,
    Judge,
    confidence,
    joint_look,
    page_row,
    second_look,
)
from newscrawl.extraction.classifier.wording import WORDS
from newscrawl.items import PageType
from tools.training.labels import UNKNOWN

SEED = 1
INNER_FOLDS = 3
FIRST: dict[str, Any] = {"iterations": 500, "depth": 5, "learning_rate": 0.05, "rsm": 0.3}
SECOND: dict[str, Any] = {"iterations": 200, "depth": 4, "learning_rate": 0.05, "rsm": 0.3}
KIND: dict[str, Any] = {"iterations": 150, "depth": 4, "learning_rate": 0.06, "rsm": 0.2}
_NEWS_WEIGHT = 2.5
"News pages count for more than the blogs and guides of the general corpus."


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A page ready to be learnt from."""

    lot: int
    "Drawn for its site, and of no account for the fold it is in."
    matrix: Matrix
    labels: Row
    opinion: Row
    news: bool
    kind: PageType

    @property
    def weights(self) -> Row:
        words = np.clip(self.matrix[:, WORDS].astype(np.float64), 1, 150)
        return np.asarray(np.sqrt(words) * (_NEWS_WEIGHT if self.news else 1.0))


def fitted_judge(every: Sequence[Sample]) -> Judge:
    """All stages; the later ones learn from first judgements of pages the first stage had not seen."""
    samples = [sample for sample in every if sample.kind == "article"]
    inner = [sample.lot % INNER_FOLDS for sample in samples]
    unseen: list[Row] = [np.zeros(0)] * len(samples)
    for fold in range(INNER_FOLDS):
        forest = _forest([one for one, at in zip(samples, inner, strict=True) if at != fold], FIRST)
        for place, at in enumerate(inner):
            if at == fold:
                unseen[place] = forest.probabilities(samples[place].matrix)
    pairs = list(zip(unseen, samples, strict=True))
    alone = [second_look(likely, one.matrix) for likely, one in pairs]
    joint = [joint_look(likely, one.opinion, one.matrix) for likely, one in pairs]
    judge = Judge(
        first=_forest(samples, FIRST),
        second=_forest(samples, SECOND, alone),
        joint=_forest(samples, SECOND, joint),
        kinds={},
    )
    return replace(judge, kinds=_kinds(judge, every))


def _kinds(judge: Judge, samples: Sequence[Sample]) -> dict[PageType, Forest]:
    """One forest for each kind of page, against all others."""
    rows = []
    for sample in samples:
        first = judge.first.probabilities(sample.matrix)
        likely = (first + judge.second.probabilities(second_look(first, sample.matrix))) / 2
        rows.append(page_row(sample.matrix, likely, confidence(likely, sample.matrix)))
    matrix = np.concatenate(rows)
    return {
        kind: _fitted(matrix, np.array([sample.kind == kind for sample in samples], int), KIND)
        for kind in KINDS
    }


def _forest(
    samples: Sequence[Sample], options: dict[str, Any], matrices: Sequence[Matrix] | None = None
) -> Forest:
    matrix = np.concatenate(matrices or [sample.matrix for sample in samples])
    labels = np.concatenate([sample.labels for sample in samples])
    weights = np.concatenate([sample.weights for sample in samples])
    known = labels != UNKNOWN
    return _fitted(matrix[known], labels[known].astype(int), options, weights[known])


def _fitted(
    matrix: Matrix, labels: npt.NDArray[np.int_], options: dict[str, Any], weights: Row | None = None
) -> Forest:
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(
        **options,
        random_seed=SEED,
        l2_leaf_reg=5,
        bootstrap_type="Bernoulli",
        subsample=0.8,
        boosting_type="Plain",
        border_count=64,
        thread_count=2,
        verbose=0,
        allow_writing_files=False,
    )
    model.fit(matrix, labels, sample_weight=weights)
    return _arrays(model)


def _arrays(model: Any) -> Forest:
    """The trees out of the library's JSON export."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        model.save_model(str(path), format="json")
        exported = json.loads(path.read_text(encoding="utf-8"))
    trees = exported["oblivious_trees"]
    depth = max(len(tree["splits"] or ()) for tree in trees)
    columns = np.zeros((len(trees), depth), np.int64)
    borders = np.full((len(trees), depth), np.inf, np.float32)
    leaves = np.zeros((len(trees), 1 << depth), np.int64)
    for at, tree in enumerate(trees):
        for level, split in enumerate(tree["splits"] or ()):
            columns[at, level] = split["float_feature_index"]
            borders[at, level] = split["border"]
        values = np.round(np.array(tree["leaf_values"]) * SCALE).astype(np.int64)
        leaves[at, : len(values)] = values
    scale, bias = exported["scale_and_bias"]
    assert scale == 1
    return Forest(columns, borders, leaves, round(float(np.ravel(bias)[0]) * SCALE))
