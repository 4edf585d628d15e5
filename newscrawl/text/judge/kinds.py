"""What kind of page it is, told from its blocks: an article, a list, a forum, a product, something else."""

from __future__ import annotations

import numpy as np

from newscrawl.parts import PageType
from newscrawl.text.judge.features import Matrix, Row
from newscrawl.text.judge.forest import Forest
from newscrawl.text.judge.wording import MASS

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
