"""Fit the stages of the block classifier, and save them as arrays."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from newscrawl.extraction.classifier.features import Matrix
from newscrawl.extraction.classifier.lexicon import NO_WEIGHT, TABLE_SIZE, WEIGHT_SCALE, Lexicon, Table
from newscrawl.extraction.classifier.model import (
    PAGE_TYPES,
    SCALE,
    STAGES,
    BlockClassifier,
    Forest,
    PageFeatures,
    complete_features,
    expected_f1,
    load_default_model,
    page_features,
    second_stage_features,
    stacking_features,
)
from newscrawl.extraction.classifier.outline import Indexes, Row
from newscrawl.items import PageType
from tools.training.samples import UNKNOWN, Sample

SEED = 1
THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))
INNER_FOLDS, LEXICON_FOLDS = 3, 5
REGULARITY = 0.02
"Inverse strength of the prior that holds the weights of words near 0."
FIRST: dict[str, Any] = {"iterations": 500, "depth": 5, "learning_rate": 0.05, "rsm": 0.3}
SECOND: dict[str, Any] = {"iterations": 300, "depth": 5, "learning_rate": 0.05, "rsm": 0.3}
PAGE_TYPE: dict[str, Any] = {"iterations": 150, "depth": 4, "learning_rate": 0.06, "rsm": 0.2}
_TYPES = {"columns": np.int16, "borders": np.float32, "leaves": np.int32, "bias": np.int64}
_EPOCH = (1980, 1, 1, 0, 0, 0)


def fit_classifier(every: Sequence[Sample]) -> BlockClassifier:
    """Fit all stages; what a stage takes from an earlier one is about pages that the earlier had not seen."""
    samples = [sample for sample in every if sample.page_type == "article"]
    lexicon = fit_lexicon(samples)
    pages = _measure_unseen(samples)
    first, predictions = _fit_first(samples, pages)
    triples = list(zip(predictions, samples, pages, strict=True))
    second = [second_stage_features(predicted, page) for predicted, _, page in triples]
    joint = [stacking_features(predicted, sample.choice, page) for predicted, sample, page in triples]
    classifier = BlockClassifier(
        lexicon=lexicon,
        first=first,
        second=_fit_stage(samples, second, SECOND),
        joint=_fit_stage(samples, joint, SECOND),
        page_types={},
    )
    return replace(classifier, page_types=_fit_page_types(classifier, every))


def _measure_unseen(samples: Sequence[Sample]) -> list[PageFeatures]:
    """The features of each page, with log odds from the words of other sites."""
    odds: dict[int, Row] = {}
    folds = split_folds(samples, LEXICON_FOLDS)
    for fold in sorted(set(folds)):
        lexicon = fit_lexicon([sample for at, sample in enumerate(samples) if folds[at] != fold])
        for at, sample in enumerate(samples):
            if folds[at] == fold:
                odds[at] = lexicon.look_up(sample.name_hashes, sample.word_hashes)
    return [complete_features(sample.measures, odds[at], sample.outline) for at, sample in enumerate(samples)]


def split_folds(samples: Sequence[Sample], count: int) -> list[int]:
    """The fold of each page: pages of a site are in the same, unless there is a single site."""
    folds = [sample.lot % count for sample in samples]
    return folds if len(set(folds)) > 1 else [at % count for at in range(len(samples))]


def fit_lexicon(samples: Sequence[Sample]) -> Lexicon:
    """Fit the weights of names and words."""
    return Lexicon(
        names=_fit_table([sample.name_hashes for sample in samples], samples),
        words=_fit_table([sample.word_hashes for sample in samples], samples),
    )


def _fit_table(hashes: Sequence[Indexes], samples: Sequence[Sample]) -> Table:
    """Fit a logistic regression over hashed words; what is learnt of all blocks is left to the trees."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    labels = np.concatenate([sample.labels for sample in samples])
    weights = np.concatenate([sample.weights for sample in samples])
    columns = [row[row != NO_WEIGHT] for page in hashes for row in page]
    ends = np.concatenate([[0], np.cumsum([len(row) for row in columns])])
    values = np.ones(ends[-1], np.float32)
    matrix = csr_matrix((values, np.concatenate(columns), ends), shape=(len(labels), TABLE_SIZE))
    labelled = labels != UNKNOWN
    model = LogisticRegression(C=REGULARITY, max_iter=60, tol=1e-3)
    model.fit(matrix[labelled], labels[labelled], weights[labelled] / weights[labelled].mean())
    table = np.zeros(TABLE_SIZE + 1, np.int16)
    table[:TABLE_SIZE] = np.clip(np.round(model.coef_[0] * WEIGHT_SCALE), -32_000, 32_000)
    return table


def _fit_first(samples: Sequence[Sample], pages: Sequence[PageFeatures]) -> tuple[Forest, list[Row]]:
    """Fit the first stage, and predict every page by a forest that has seen no page of its site."""
    matrices = [page.matrix for page in pages]
    predictions: list[Row] = [np.zeros(0)] * len(samples)
    folds = split_folds(samples, INNER_FOLDS)
    for fold in sorted(set(folds)):
        others = [at for at, other in enumerate(folds) if other != fold]
        forest = _fit_stage([samples[at] for at in others], [matrices[at] for at in others], FIRST)
        for at, other in enumerate(folds):
            if other == fold:
                predictions[at] = forest.probabilities(matrices[at])
    return _fit_stage(samples, matrices, FIRST), predictions


def _fit_page_types(classifier: BlockClassifier, samples: Sequence[Sample]) -> dict[PageType, Forest]:
    """Fit a forest for each page type against all others; without pages of both, the shipped one stays."""
    rows = []
    for sample in samples:
        odds = classifier.lexicon.look_up(sample.name_hashes, sample.word_hashes)
        page = complete_features(sample.measures, odds, sample.outline)
        first = classifier.first.probabilities(page.matrix)
        second = classifier.second.probabilities(second_stage_features(first, page))
        mean = (first + second) / 2
        rows.append(page_features(page.matrix, mean, expected_f1(mean, page.matrix)))
    matrix = np.concatenate(rows)
    forests: dict[PageType, Forest] = {}
    for name in PAGE_TYPES:
        labels = np.array([sample.page_type == name for sample in samples], int)
        is_learnt = 0 < labels.sum() < len(labels)
        forests[name] = (
            _fit_forest(matrix, labels, PAGE_TYPE) if is_learnt else load_default_model().page_types[name]
        )
    return forests


def _fit_stage(samples: Sequence[Sample], matrices: Sequence[Matrix], options: dict[str, Any]) -> Forest:
    matrix = np.concatenate(matrices)
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
        thread_count=THREADS,
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
    tables = {"names": classifier.lexicon.names, "words": classifier.lexicon.words}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, table in tables.items():
            _write_array(out, f"lexicon.{name}", table)
        stages: dict[str, Forest] = {stage: getattr(classifier, stage) for stage in STAGES}
        for stage, forest in [*stages.items(), *classifier.page_types.items()]:
            for name, kind in _TYPES.items():
                _write_array(out, f"{stage}.{name}", np.asarray(getattr(forest, name)).astype(kind))


def _write_array(out: zipfile.ZipFile, name: str, array: npt.NDArray[Any]) -> None:
    data = io.BytesIO()
    np.save(data, array, allow_pickle=False)
    member = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED
    out.writestr(member, data.getvalue())
