"""How a judgement of blocks is spread over the structure of the page: the columns of the later stages.

A page says the same thing in the same kind of place. So a block is described by how the blocks with the same
parent, path or look were judged, by how much of the likely story its containers hold, and by where it stands
to the container and the run of blocks that hold most of it.
"""

from __future__ import annotations

import numpy as np

from newscrawl.extraction.classifier.outline import Indexes, Outline, Row

_MEASURED_FRAMES = 4
"How many frames around a block are measured, without its own."
_SURE = 0.9
"A block above this probability surely belongs to the story."
_MAX_STEPS, _MAX_TEXT = 150.0, 20_000.0
"Distances in blocks, and amounts of text in characters, are limited to these: a long page is no stranger."
_NOWHERE = -1.0
"Stands for a value that a block does not have."


def structure_features(probabilities: Row, mass: Row, outline: Outline) -> Row:
    """A row for each block; `mass` is the amount of text in characters."""
    likely = probabilities * mass
    gain = mass * (2 * probabilities - 1)
    return np.column_stack(
        [
            _peer_columns(likely, mass, outline),
            _container_columns(likely, mass, gain, outline),
            _run_columns(gain, mass),
            _sure_columns(probabilities, mass, outline),
            np.full(len(mass), _uncertainty(probabilities, mass)),
        ]
    )


def _peer_columns(likely: Row, mass: Row, outline: Outline) -> Row:
    """How the other blocks at the same kind of place were judged, and how much text they have."""
    signature = outline.signature[outline.at]
    places = (outline.at, outline.above(1), outline.above(2), signature, outline.looks[outline.at])
    columns: list[Row] = []
    for place in places:
        others = np.bincount(place, mass)[place] - mass
        judged = np.bincount(place, likely)[place] - likely
        alone = others < 0.5
        columns.append(np.where(alone, _NOWHERE, judged / np.where(alone, 1.0, others)))
        columns.append(np.log1p(np.clip(others, 0.0, _MAX_TEXT)))
    return np.column_stack(columns)


def _container_columns(likely: Row, mass: Row, gain: Row, outline: Outline) -> Row:
    """What share of the likely story the frames around a block hold, and how densely.

    The best container has the greatest sum of `gain`: it is the smallest with nearly all of the story.
    """
    held, size = outline.sums(likely), outline.sums(mass)
    share, density = held / (held[0] + 1), held / np.maximum(size, 1.0)
    columns: list[Row] = []
    for steps in range(1, _MEASURED_FRAMES + 1):
        frame = outline.above(steps)
        columns += [share[frame], density[frame]]
    best = int(outline.sums(gain).argmax())
    child = outline.children_holding(best)
    part = np.maximum(child, 0)
    columns += [
        outline.inside(best).astype(np.float64),
        np.where(child < 0, _NOWHERE, share[part]),
        np.where(child < 0, _NOWHERE, density[part]),
    ]
    return np.column_stack(columns)


def _run_columns(gain: Row, mass: Row) -> Row:
    """Where a block stands to the run of blocks with the greatest sum of `gain`."""
    sums = np.concatenate([[0.0], np.cumsum(gain)])
    lowest = np.minimum.accumulate(sums[:-1])
    last = int((sums[1:] - lowest).argmax())
    first = int(sums[: last + 1].argmin())
    at = np.arange(len(gain))
    text = np.concatenate([[0.0], np.cumsum(mass)])
    total = text[-1] + 1
    return np.column_stack(
        [
            (at >= first) & (at <= last),
            np.clip(at - first, -_MAX_STEPS, _MAX_STEPS),
            np.clip(last - at, -_MAX_STEPS, _MAX_STEPS),
            (text[at] - text[first]) / total,
            (text[last + 1] - text[at + 1]) / total,
        ]
    ).astype(np.float64)


def _sure_columns(probabilities: Row, mass: Row, outline: Outline) -> Row:
    """Unlikely text up to the nearest sure block before and after, and whether that is at the same place."""
    size = len(mass)
    sure = np.flatnonzero(probabilities > _SURE)
    if not len(sure):
        return np.full((size, 6), _NOWHERE)
    at = np.arange(size)
    unlikely = np.concatenate([[0.0], np.cumsum(mass * (1 - probabilities))])
    before, after = np.searchsorted(sure, at) - 1, np.searchsorted(sure, at, side="right")
    has_before, has_after = before >= 0, after < len(sure)
    left, right = sure[np.maximum(before, 0)], sure[np.minimum(after, len(sure) - 1)]
    gaps = (
        unlikely[at] - unlikely[np.minimum(left + 1, at)],
        unlikely[right] - unlikely[np.minimum(at + 1, right)],
    )
    signature, parent = outline.signature[outline.at], outline.above(1)
    columns = [
        np.where(found, np.minimum(gap, _MAX_TEXT), _NOWHERE)
        for found, gap in zip((has_before, has_after), gaps, strict=True)
    ]
    for place in (signature, parent):
        columns += [_same(place, left, has_before), _same(place, right, has_after)]
    return np.column_stack(columns)


def _same(place: Indexes, other: Indexes, found: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Row:
    return np.where(found, (place[other] == place).astype(np.float64), _NOWHERE)


def _uncertainty(probabilities: Row, mass: Row) -> float:
    """Mean variance of the judgement over the text of the page."""
    return float(np.cumsum(mass * probabilities * (1 - probabilities))[-1] / max(1.0, np.cumsum(mass)[-1]))
