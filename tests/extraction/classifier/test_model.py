"""Trees as arrays."""

import math
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from newscrawl.extraction.classifier.model import MODEL, SCALE, STAGES, Forest, judge_in, shipped_judge
from tools.training.store import save_judge


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


def test_rows_are_judged_each_by_itself() -> None:
    rows = np.random.default_rng(1).normal(2, 3, (50, 3)).astype(np.float32)
    together = forest().probabilities(rows)
    assert [forest().probabilities(row[None, :])[0] for row in rows] == list(together)


def test_a_saved_judge_is_the_same_and_so_are_its_bytes(tmp_path: Path) -> None:
    judge = shipped_judge()
    save_judge(judge, tmp_path / "one.npz")
    save_judge(judge_in(tmp_path / "one.npz"), tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    again = judge_in(tmp_path / "two.npz")
    for stage in STAGES:
        assert (getattr(again, stage).leaves == getattr(judge, stage).leaves).all()
    assert set(again.kinds) == set(judge.kinds) == {"article", "listing", "forum", "product", "other"}


def test_the_shipped_model_is_small() -> None:
    assert len(files("newscrawl.extraction.classifier").joinpath(MODEL).read_bytes()) < 3_000_000
