"""Decision trees as arrays, and the model file."""

import math
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from newscrawl.extraction.classifier.features import PAGE_COLUMNS
from newscrawl.extraction.classifier.model import (
    MODEL_NAME,
    SCALE,
    STAGES,
    Forest,
    load_default_model,
    load_model,
)
from tools.training.fit import save_model


def forest() -> Forest:
    """Two trees of depth two over three columns."""
    return Forest(
        columns=np.array([[0, 1], [2, 0]]),
        borders=np.array([[1.0, 5.0], [0.5, 3.0]], np.float32),
        leaves=np.array([[0, 1, 2, 3], [10, 20, 30, 40]]) * SCALE // 10,
        bias=-SCALE,
    )


@pytest.mark.parametrize(
    ("row", "leaves"),
    [
        ([0, 0, 0], (0, 10)),
        ([2, 0, 0], (1, 10)),
        ([2, 6, 1], (3, 20)),
        ([4, 6, 1], (3, 40)),
        ([1, 5, 0.5], (0, 10)),
    ],
)
def test_a_level_sets_its_bit_where_the_column_is_greater(row: list[float], leaves: tuple[int, int]) -> None:
    expected = 1 / (1 + math.exp(-(sum(leaves) / 10 - 1)))
    assert forest().probabilities(np.array([row], np.float32))[0] == pytest.approx(expected, abs=1e-6)


def test_eight_levels_are_counted_and_more_are_refused() -> None:
    def grow(depth: int) -> Forest:
        leaves = np.arange(2**depth)[None, :] * SCALE
        return Forest(np.arange(depth)[None, :], np.zeros((1, depth), np.float32), leaves, -255 * SCALE)

    assert grow(8).probabilities(np.ones((1, 8), np.float32))[0] == 0.5
    with pytest.raises(ValueError, match="8 levels"):
        grow(9)


def test_each_row_has_its_own_probability() -> None:
    rows = np.random.default_rng(1).normal(2, 3, (50, 3)).astype(np.float32)
    together = forest().probabilities(rows)
    assert [forest().probabilities(row[None, :])[0] for row in rows] == list(together)


def test_a_saved_model_is_the_same_and_so_are_its_bytes(tmp_path: Path) -> None:
    model = load_default_model()
    save_model(model, tmp_path / "one.npz")
    save_model(load_model(tmp_path / "one.npz"), tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    again = load_model(tmp_path / "two.npz")
    for stage in STAGES:
        assert (getattr(again, stage).leaves == getattr(model, stage).leaves).all()
    assert (
        set(again.page_types) == set(model.page_types) == {"article", "listing", "forum", "product", "other"}
    )


def test_the_shipped_model_is_small() -> None:
    assert len(files("newscrawl.extraction.classifier").joinpath(MODEL_NAME).read_bytes()) < 3_000_000


def test_counts_of_long_pages_are_limited_and_those_of_others_are_not() -> None:
    limited = replace(forest(), limits={1: 4.0})
    row = np.array([[2, 6, 1]], np.float32)
    assert limited.probabilities(row) == forest().probabilities(row)
    assert limited.probabilities(row, is_long=True) == forest().probabilities(
        np.array([[2, 4, 1]], np.float32)
    )
    assert row[0, 1] == 6


def test_the_limits_of_the_model_are_borders_of_its_own_trees() -> None:
    model = load_default_model()
    for stage in (model.first, model.second, model.joint):
        assert stage.limits
        for column, limit in stage.limits.items():
            borders = np.unique(stage.borders[stage.columns == column])
            assert borders[0] <= limit < borders[-1]
    assert all(border > model.first.limits[column] for column, border in model.long_page.items())
    assert set(model.long_page) == set(PAGE_COLUMNS)
