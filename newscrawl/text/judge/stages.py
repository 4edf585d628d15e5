"""Second sight: what first judgements of the blocks around say about each block."""

from __future__ import annotations

import numpy as np

from newscrawl.text.judge.features import Matrix, Row
from newscrawl.text.judge.wording import MASS

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
