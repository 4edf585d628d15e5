"""Fit the stages of the block classifier, and save them as arrays."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from newscrawl.extraction.classifier.features import Matrix, Row
from newscrawl.extraction.classifier.model import (
    PAGE_TYPES,
    SCALE,
    STAGES,
    BlockClassifier,
    Forest,
    expected_f1,
    page_features,
    second_stage_features,
    stacking_features,
)
from newscrawl.items import PageType
from tools.training.samples import UNKNOWN, Sample

SEED = 1
INNER_FOLDS = 3
FIRST: dict[str, Any] = {"iterations": 500, "depth": 5, "learning_rate": 0.05, "rsm": 0.3}
SECOND: dict[str, Any] = {"iterations": 200, "depth": 4, "learning_rate": 0.05, "rsm": 0.3}
PAGE_TYPE: dict[str, Any] = {"iterations": 150, "depth": 4, "learning_rate": 0.06, "rsm": 0.2}
_TYPES = {"columns": np.int16, "borders": np.float32, "leaves": np.int32, "bias": np.int64}
_EPOCH = (1980, 1, 1, 0, 0, 0)


def fit_classifier(every: Sequence[Sample]) -> BlockClassifier:
    """Fit all stages; the later stages learn from predictions of the first for pages that it has not seen."""
    samples = [sample for sample in every if sample.page_type == "article"]
    inner = [sample.lot % INNER_FOLDS for sample in samples]
    predictions: list[Row] = [np.zeros(0)] * len(samples)
    for fold in range(INNER_FOLDS):
        forest = _fit_stage([sample for sample, at in zip(samples, inner, strict=True) if at != fold], FIRST)
        for index, at in enumerate(inner):
            if at == fold:
                predictions[index] = forest.probabilities(samples[index].matrix)
    pairs = list(zip(predictions, samples, strict=True))
    second = [second_stage_features(predicted, sample.matrix) for predicted, sample in pairs]
    joint = [stacking_features(predicted, sample.choice, sample.matrix) for predicted, sample in pairs]
    classifier = BlockClassifier(
        first=_fit_stage(samples, FIRST),
        second=_fit_stage(samples, SECOND, second),
        joint=_fit_stage(samples, SECOND, joint),
        page_types={},
    )
    return replace(classifier, page_types=_fit_page_types(classifier, every))


def _fit_page_types(classifier: BlockClassifier, samples: Sequence[Sample]) -> dict[PageType, Forest]:
    """Fit a forest for each page type against all others."""
    rows = []
    for sample in samples:
        first = classifier.first.probabilities(sample.matrix)
        second = classifier.second.probabilities(second_stage_features(first, sample.matrix))
        mean = (first + second) / 2
        rows.append(page_features(sample.matrix, mean, expected_f1(mean, sample.matrix)))
    matrix = np.concatenate(rows)
    return {
        name: _fit_forest(matrix, np.array([sample.page_type == name for sample in samples], int), PAGE_TYPE)
        for name in PAGE_TYPES
    }


def _fit_stage(
    samples: Sequence[Sample], options: dict[str, Any], matrices: Sequence[Matrix] | None = None
) -> Forest:
    matrix = np.concatenate(matrices or [sample.matrix for sample in samples])
    labels = np.concatenate([sample.labels for sample in samples])
    weights = np.concatenate([sample.weights for sample in samples])
    labelled = labels != UNKNOWN
    return _fit_forest(matrix[labelled], labels[labelled].astype(int), options, weights[labelled])


def _fit_forest(
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
    return _export_forest(model)


def _export_forest(model: Any) -> Forest:
    """Convert a CatBoost model through its JSON export."""
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


def save_model(classifier: BlockClassifier, path: Path) -> None:
    """Save a model as NumPy's npz, without timestamps: the same arrays give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        stages: dict[str, Forest] = {stage: getattr(classifier, stage) for stage in STAGES}
        for stage, forest in [*stages.items(), *classifier.page_types.items()]:
            for name, kind in _TYPES.items():
                array = np.asarray(getattr(forest, name)).astype(kind)
                data = io.BytesIO()
                np.save(data, array, allow_pickle=False)
                member = zipfile.ZipInfo(f"{stage}.{name}.npy", _EPOCH)
                member.compress_type = zipfile.ZIP_DEFLATED
                out.writestr(member, data.getvalue())
