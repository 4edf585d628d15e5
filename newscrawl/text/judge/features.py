"""Blocks -> the matrix the judge works on: wording, names, place and neighbours of each block."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from newscrawl.text.blocks import Frame, RawBlock
from newscrawl.text.judge.hints import Hints
from newscrawl.text.judge.naming import ROLE_NAMES, WORD_NAMES, role_bits, word_bits
from newscrawl.text.judge.wording import WORDING, signs_in, wording

Matrix = npt.NDArray[np.float32]
Row = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

_GOOD_MASS = 50
_GOOD_LINKED = 0.4
"A block of text: longer than this, and less of it in links."
_TAGS = (
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "blockquote", "pre", "td", "th", "figcaption", "dd", "dt",
    "div", "section", "article", "header", "footer", "body",
)  # fmt: skip
_TAG_AT = {tag: at for at, tag in enumerate(_TAGS)}
_ABOVE = 5
"So many frames around a block are measured."
_NEAR = (-3, -2, -1, 1, 2, 3)
_WINDOWS = (2, 5, 10)
_COL = {name: at for at, name in enumerate(WORDING)}


def features(
    blocks: Sequence[RawBlock], frames: Sequence[Frame], hints: Hints, marked: Collection[int]
) -> Matrix:
    """One row a block, in page order; `marked` are indexes of frames that rules call chrome."""
    words = _wordings(blocks, hints, marked)
    outline = _Outline(blocks, frames)
    mass, linked = words[:, _COL["mass"]], words[:, _COL["linked"]]
    good = np.where((linked < _GOOD_LINKED) & (mass > _GOOD_MASS), mass * (1 - linked), 0.0)
    # Summed one by one: the order of a plain sum is the machine's.
    total = np.cumsum(good)[-1] + 1
    tags = np.array([_TAG_AT.get(block.frame.tag, len(_TAGS)) for block in blocks], np.float64)
    return np.column_stack(
        [
            words,
            good,
            good / total,
            _containers(outline, mass, linked, good, total),
            _alike(blocks, outline, good, total),
            tags,
            [block.frame.depth for block in blocks],
            _names(outline),
            _position(blocks, words, good, total),
            _neighbours(words, outline, tags, good / total),
            _surroundings(good, total),
        ]
    ).astype(np.float32)


def _wordings(blocks: Sequence[RawBlock], hints: Hints, marked: Collection[int]) -> Row:
    seen: dict[str, int] = {}
    rows = []
    for block in blocks:
        before = seen.get(block.text, 0)
        seen[block.text] = before + 1
        rows.append(wording(block, hints, seen=before, marked=block.frame.index in marked))
    again = [seen[block.text] > 1 for block in blocks]
    return np.column_stack([np.array(rows, np.float64), signs_in(blocks), again])


class _Outline:
    """The frames as arrays, and where each block stands among them."""

    def __init__(self, blocks: Sequence[RawBlock], frames: Sequence[Frame]) -> None:
        above = [frame.parent.index if frame.parent else 0 for frame in frames]
        self.parent: Places = np.array(above, np.intp)
        self.at: Places = np.array([block.frame.index for block in blocks], np.intp)
        self.size = len(frames)
        self.words = [word_bits(frame.names) if frame.names else 0 for frame in frames]
        self.all_words, self.all_roles = list(self.words), [role_bits(frame) for frame in frames]
        self.signature = [0] * len(frames)
        self._inherit(frames, above)
        self.last: Places = np.array(_last_inside(above), np.intp)
        "Index of the last frame inside each."

    def _inherit(self, frames: Sequence[Frame], parents: Sequence[int]) -> None:
        """What an element is called holds for all that is inside it."""
        known: dict[tuple[int, str, int], int] = {}
        words, roles, signature = self.all_words, self.all_roles, self.signature
        for here in range(1, self.size):
            above = parents[here]
            path = (signature[above], frames[here].tag, words[here])
            signature[here] = known.setdefault(path, len(known) + 1)
            words[here] |= words[above]
            roles[here] |= roles[above]

    def sums(self, values: Row) -> Row:
        """For each frame the sum over the blocks inside it, at any depth."""
        own = np.bincount(self.at, values, self.size)
        before = np.concatenate([[0.0], np.cumsum(own)])
        return np.asarray(before[self.last + 1] - before[:-1])

    def above(self, steps: int) -> Places:
        """The frame so many steps above each block's own."""
        found = self.at
        for _ in range(steps):
            found = self.parent[found]
        return found

    def inside(self, frame: int) -> npt.NDArray[np.bool_]:
        return np.asarray((self.at >= frame) & (self.at <= self.last[frame]))


def _last_inside(parents: Sequence[int]) -> list[int]:
    """For each frame the index of the last one inside it."""
    last = list(range(len(parents)))
    for here in range(len(parents) - 1, 0, -1):
        last[parents[here]] = max(last[parents[here]], last[here])
    return last


def _containers(outline: _Outline, mass: Row, linked: Row, good: Row, total: float) -> Row:
    """Share of the page's text, number of blocks and share of links in the frames around each block."""
    text, blocks = outline.sums(good) / total, outline.sums(np.ones_like(good))
    links = outline.sums(mass * linked) / (outline.sums(mass) + 1)
    columns: list[Row] = []
    for steps in range(_ABOVE):
        frame = outline.above(steps)
        columns += [text[frame], blocks[frame], links[frame]]
    held = np.bincount(outline.above(1), good, outline.size)
    best = int(held.argmax())
    second = int(outline.parent[best])
    third = int(outline.parent[second])
    nested = sum(outline.inside(frame).astype(np.float64) for frame in (best, second, third))
    directly = (outline.at == best) | (outline.above(1) == best)
    return np.column_stack([*columns, nested, directly])


def _alike(blocks: Sequence[RawBlock], outline: _Outline, good: Row, total: float) -> Row:
    """Share of text and number of the blocks at the same kind of place: same path, then same parents."""
    columns: list[Row] = []
    paths = [(outline.signature[at], block.kind) for at, block in zip(outline.at, blocks, strict=True)]
    above = outline.parent[outline.at]
    parents = [
        (block.frame.tag, outline.words[at], outline.words[up])
        for block, at, up in zip(blocks, outline.at, above, strict=True)
    ]
    for places in (paths, parents):
        known: dict[object, int] = {}
        group = np.array([known.setdefault(place, len(known)) for place in places], np.intp)
        columns += [np.bincount(group, good)[group] / total, np.bincount(group)[group].astype(np.float64)]
    return np.column_stack(columns)


def _bits(values: Sequence[int], places: Places, count: int) -> Row:
    chosen = np.asarray(values, np.int64)[places]
    return ((chosen[:, None] >> np.arange(count)) & 1).astype(np.float64)


def _names(outline: _Outline) -> Row:
    words = len(WORD_NAMES)
    return np.hstack(
        [
            _bits(outline.all_roles, outline.at, len(ROLE_NAMES)),
            _bits(outline.words, outline.at, words),
            _bits(outline.words, outline.above(1), words),
            _bits(outline.words, outline.above(2), words),
            _bits(outline.all_words, outline.at, words),
        ]
    )


def _position(blocks: Sequence[RawBlock], words: Row, good: Row, total: float) -> Row:
    """Where on the page, in text and in blocks, and how far from the headline."""
    size = len(blocks)
    at = np.arange(size, dtype=np.float64)
    headings = [place for place, block in enumerate(blocks) if block.frame.tag == "h1"]
    likeness = words[:, _COL["title_overlap"]]
    headline = int(likeness.argmax()) if likeness.max() > 0.5 else (headings[0] if headings else -1)
    before = np.searchsorted(np.array(headings), at, side="right") if headings else np.zeros(size)
    whole = np.ones(size)
    return np.column_stack(
        [np.cumsum(good) / total, at / size, at, whole * size, whole * total, at - headline, before]
    )


def _neighbours(words: Row, outline: _Outline, tags: Row, share: Row) -> Row:
    """Some columns of the blocks before and after, and whether they stand in the same frame."""
    size = len(share)
    parent = outline.above(1)
    own = np.column_stack(
        [words[:, [_COL["log_mass"], _COL["linked"], _COL["common"]]], tags, share, words[:, _COL["ends"]]]
    )
    columns: list[Row] = []
    for step in _NEAR:
        shifted = np.full((size, own.shape[1] + 1), -1.0)
        if abs(step) < size:
            here, there = (
                (slice(-step, None), slice(None, step))
                if step < 0
                else (slice(None, -step), slice(step, None))
            )
            shifted[here, :-1] = own[there]
            shifted[here, -1] = parent[here] == parent[there]
        columns.append(shifted)
    return np.hstack(columns)


def _surroundings(good: Row, total: float) -> Row:
    """Text within some blocks around, and how far the next block of text is on either side."""
    size = len(good)
    at = np.arange(size)
    sums = np.concatenate([[0.0], np.cumsum(good)])
    columns: list[Row] = [
        (sums[np.minimum(size, at + reach + 1)] - sums[np.maximum(0, at - reach)]) / total
        for reach in _WINDOWS
    ]
    texts = np.flatnonzero(good > 0)
    if len(texts):
        place = np.searchsorted(texts, at)
        columns += [
            (at - texts[np.clip(place - 1, 0, len(texts) - 1)]).astype(np.float64),
            (texts[np.clip(place, 0, len(texts) - 1)] - at).astype(np.float64),
        ]
    else:
        columns += [np.zeros(size), np.zeros(size)]
    return np.column_stack(columns)
