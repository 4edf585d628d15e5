"""The features of blocks: text, element names, place on the page, and neighbours of each block."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from newscrawl.extraction.blocks import Frame, TextBlock
from newscrawl.extraction.classifier.text_features import (
    SIGN_COLUMNS,
    TEXT_COLUMNS,
    PageHints,
    find_signs,
    text_features,
)
from newscrawl.package_data import read_package_toml

_WORDS: dict[str, str] = read_package_toml("newscrawl.extraction.classifier", "words.toml")["names"]
"Regular expressions for the families of words in names, in the order of their columns."
_WORD = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _WORDS.items()))
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BIT = {name: 1 << at for at, name in enumerate(_WORDS)}
_NAME_CHARS = 200
WORD_NAMES = tuple(_WORDS)

ROLE_NAMES = (
    "article", "main", "nav", "footer", "header", "aside", "figure", "ul", "ol", "table", "form",
    "blockquote", "li", "section", "figcaption", "body", "hidden", "dl", "heading", "cell",
)  # fmt: skip
_ROLE_BIT = {name: 1 << at for at, name in enumerate(ROLE_NAMES)}
_BY_TAG = {
    name: bit for name, bit in _ROLE_BIT.items() if name not in {"body", "hidden", "heading", "cell"}
} | {
    "menu": _ROLE_BIT["ul"],
    "td": _ROLE_BIT["cell"],
    "th": _ROLE_BIT["cell"],
    **{f"h{level}": _ROLE_BIT["heading"] for level in range(1, 7)},
}
_BY_NAME = {
    "navigation": _ROLE_BIT["nav"],
    "menu": _ROLE_BIT["nav"],
    "menubar": _ROLE_BIT["nav"],
    "complementary": _ROLE_BIT["aside"],
    "contentinfo": _ROLE_BIT["footer"],
    "articlebody": _ROLE_BIT["body"],
}

Matrix = npt.NDArray[np.float32]
Row = npt.NDArray[np.float64]
Indexes = npt.NDArray[np.intp]

_MIN_TEXT_MASS = 50
_MAX_TEXT_LINKED = 0.4
"A content block is longer than this, and less of it is in links."
_TAGS = (
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "blockquote", "pre", "td", "th", "figcaption", "dd", "dt",
    "div", "section", "article", "header", "footer", "body",
)  # fmt: skip
_TAG_AT = {tag: at for at, tag in enumerate(_TAGS)}
_MEASURED_FRAMES = 5
"How many frames around a block are measured."
_NEIGHBOUR_STEPS = (-3, -2, -1, 1, 2, 3)
_WINDOWS = (2, 5, 10)
_COL = {name: at for at, name in enumerate(TEXT_COLUMNS)}
_CONTENT = len(TEXT_COLUMNS) + SIGN_COLUMNS + 1
_CONTAINERS = _CONTENT + 2
_SIMILARITY = _CONTAINERS + 3 * _MEASURED_FRAMES + 2
_POSITION = _SIMILARITY + 6 + len(ROLE_NAMES) + 4 * len(WORD_NAMES)
"Where the columns of `block_features` that these functions compute begin."
PAGE_COLUMNS = (_POSITION + 3, _POSITION + 4)
"Columns with the number of blocks and the amount of text of the whole page."
COUNT_COLUMNS = (
    *(_CONTAINERS + 3 * steps + 1 for steps in range(_MEASURED_FRAMES)),
    *(_SIMILARITY + 1, _SIMILARITY + 3),
    *(_POSITION + 2, *PAGE_COLUMNS, _POSITION + 5),
)
"Columns that grow with the length of the page: numbers of blocks, amounts of text, distances."


@lru_cache(maxsize=65_536)
def word_bits(names: str) -> int:
    """The families of words in an element's names; bit `n` stands for `WORD_NAMES[n]`."""
    bits = 0
    for match in _WORD.finditer(_HUMP.sub("-", names[:_NAME_CHARS]).lower()):
        bits |= _BIT[match.lastgroup or ""]
    return bits


@lru_cache(maxsize=65_536)
def _named_role(names: str) -> int:
    return sum({_BY_NAME[word] for word in names.lower().split() if word in _BY_NAME})


def role_bits(frame: Frame) -> int:
    """The element's roles by tag, role, itemprop and visibility; bit `n` stands for `ROLE_NAMES[n]`."""
    bits = _BY_TAG.get(frame.tag, 0)
    if frame.names:
        bits |= _named_role(frame.names)
    return bits | (_ROLE_BIT["hidden"] if frame.hidden else 0)


def block_features(
    blocks: Sequence[TextBlock], frames: Sequence[Frame], hints: PageHints, chrome: Collection[int]
) -> Matrix:
    """A row for each block, in page order; `chrome` has the indexes of frames that rules call chrome."""
    words = _text_columns(blocks, hints, chrome)
    outline = _FrameTree(blocks, frames)
    mass, linked = words[:, _COL["mass"]], words[:, _COL["linked"]]
    content = np.where((linked < _MAX_TEXT_LINKED) & (mass > _MIN_TEXT_MASS), mass * (1 - linked), 0.0)
    # A cumulative sum has a fixed order; that of a plain sum depends on the machine.
    total = np.cumsum(content)[-1] + 1
    tags = np.array([_TAG_AT.get(block.frame.tag, len(_TAGS)) for block in blocks], np.float64)
    return np.column_stack(
        [
            words,
            content,
            content / total,
            _container_columns(outline, mass, linked, content, total),
            _similarity_columns(blocks, outline, content, total),
            tags,
            [block.frame.depth for block in blocks],
            _name_columns(outline),
            _position_columns(blocks, words, content, total),
            _neighbour_columns(words, outline, tags, content / total),
            _surrounding_columns(content, total),
        ]
    ).astype(np.float32)


def _text_columns(blocks: Sequence[TextBlock], hints: PageHints, chrome: Collection[int]) -> Row:
    counts: dict[str, int] = {}
    rows = []
    for block in blocks:
        repeats = counts.get(block.text, 0)
        counts[block.text] = repeats + 1
        rows.append(text_features(block, hints, repeats=repeats, is_chrome=block.frame.index in chrome))
    is_repeated = [counts[block.text] > 1 for block in blocks]
    return np.column_stack([np.array(rows, np.float64), find_signs(blocks), is_repeated])


class _FrameTree:
    """The frames as arrays, and the frame of each block."""

    def __init__(self, blocks: Sequence[TextBlock], frames: Sequence[Frame]) -> None:
        above = [frame.parent.index if frame.parent else 0 for frame in frames]
        self.parent: Indexes = np.array(above, np.intp)
        self.at: Indexes = np.array([block.frame.index for block in blocks], np.intp)
        self.size = len(frames)
        self.words = [word_bits(frame.names) if frame.names else 0 for frame in frames]
        self.all_words, self.all_roles = list(self.words), [role_bits(frame) for frame in frames]
        self.signature = [0] * len(frames)
        self._inherit(frames, above)
        self.last: Indexes = np.array(_last_descendants(above), np.intp)
        "Index of the last descendant of each frame."

    def _inherit(self, frames: Sequence[Frame], parents: Sequence[int]) -> None:
        """Pass names and roles of each element on to its descendants, and number the distinct paths."""
        numbers: dict[tuple[int, str, int], int] = {}
        words, roles, signature = self.all_words, self.all_roles, self.signature
        for here in range(1, self.size):
            above = parents[here]
            path = (signature[above], frames[here].tag, words[here])
            signature[here] = numbers.setdefault(path, len(numbers) + 1)
            words[here] |= words[above]
            roles[here] |= roles[above]

    def sums(self, values: Row) -> Row:
        """For each frame, the sum over the blocks inside it at any depth."""
        own = np.bincount(self.at, values, self.size)
        before = np.concatenate([[0.0], np.cumsum(own)])
        return np.asarray(before[self.last + 1] - before[:-1])

    def above(self, steps: int) -> Indexes:
        """The ancestor of each block's frame that is this many steps up."""
        frames = self.at
        for _ in range(steps):
            frames = self.parent[frames]
        return frames

    def inside(self, frame: int) -> npt.NDArray[np.bool_]:
        return np.asarray((self.at >= frame) & (self.at <= self.last[frame]))


def _last_descendants(parents: Sequence[int]) -> list[int]:
    """For each frame, the index of its last descendant."""
    last = list(range(len(parents)))
    for here in range(len(parents) - 1, 0, -1):
        last[parents[here]] = max(last[parents[here]], last[here])
    return last


def _container_columns(outline: _FrameTree, mass: Row, linked: Row, content: Row, total: float) -> Row:
    """For the frames around each block: share of the page's content, number of blocks, share of links."""
    text, blocks = outline.sums(content) / total, outline.sums(np.ones_like(content))
    links = outline.sums(mass * linked) / (outline.sums(mass) + 1)
    columns: list[Row] = []
    for steps in range(_MEASURED_FRAMES):
        frame = outline.above(steps)
        columns += [text[frame], blocks[frame], links[frame]]
    held = np.bincount(outline.above(1), content, outline.size)
    best = int(held.argmax())
    second = int(outline.parent[best])
    third = int(outline.parent[second])
    nested = sum(outline.inside(frame).astype(np.float64) for frame in (best, second, third))
    directly = (outline.at == best) | (outline.above(1) == best)
    return np.column_stack([*columns, nested, directly])


def _similarity_columns(blocks: Sequence[TextBlock], outline: _FrameTree, content: Row, total: float) -> Row:
    """Share of content and number of the blocks at similar places: same path, then same parents."""
    columns: list[Row] = []
    paths = [(outline.signature[at], block.kind) for at, block in zip(outline.at, blocks, strict=True)]
    above = outline.parent[outline.at]
    parents = [
        (block.frame.tag, outline.words[at], outline.words[up])
        for block, at, up in zip(blocks, outline.at, above, strict=True)
    ]
    for places in (paths, parents):
        numbers: dict[object, int] = {}
        group = np.array([numbers.setdefault(place, len(numbers)) for place in places], np.intp)
        columns += [np.bincount(group, content)[group] / total, np.bincount(group)[group].astype(np.float64)]
    return np.column_stack(columns)


def _bit_columns(values: Sequence[int], places: Indexes, count: int) -> Row:
    chosen = np.asarray(values, np.int64)[places]
    return ((chosen[:, None] >> np.arange(count)) & 1).astype(np.float64)


def _name_columns(outline: _FrameTree) -> Row:
    words = len(WORD_NAMES)
    columns = [_bit_columns(outline.all_roles, outline.at, len(ROLE_NAMES))]
    columns += [_bit_columns(outline.words, outline.above(steps), words) for steps in range(3)]
    return np.hstack([*columns, _bit_columns(outline.all_words, outline.at, words)])


def _position_columns(blocks: Sequence[TextBlock], words: Row, content: Row, total: float) -> Row:
    """Position on the page, in content and in blocks, and distance from the headline."""
    size = len(blocks)
    at = np.arange(size, dtype=np.float64)
    headings = [place for place, block in enumerate(blocks) if block.frame.tag == "h1"]
    likeness = words[:, _COL["title_overlap"]]
    headline = int(likeness.argmax()) if likeness.max() > 0.5 else (headings[0] if headings else -1)
    before = np.searchsorted(np.array(headings), at, side="right") if headings else np.zeros(size)
    whole = np.ones(size)
    return np.column_stack(
        [np.cumsum(content) / total, at / size, at, whole * size, whole * total, at - headline, before]
    )


def _neighbour_columns(words: Row, outline: _FrameTree, tags: Row, share: Row) -> Row:
    """Some columns of the blocks before and after, and whether they are in the same frame."""
    size = len(share)
    parent = outline.above(1)
    own = np.column_stack(
        [words[:, [_COL["log_mass"], _COL["linked"], _COL["common"]]], tags, share, words[:, _COL["ends"]]]
    )
    columns: list[Row] = []
    for step in _NEIGHBOUR_STEPS:
        shifted = np.full((size, own.shape[1] + 1), -1.0)
        if abs(step) < size:
            first, last = max(0, -step), size - max(0, step)
            here, there = slice(first, last), slice(first + step, last + step)
            shifted[here, :-1] = own[there]
            shifted[here, -1] = parent[here] == parent[there]
        columns.append(shifted)
    return np.hstack(columns)


def _surrounding_columns(content: Row, total: float) -> Row:
    """Content within a few blocks around, and the distance to the next content block on either side."""
    size = len(content)
    at = np.arange(size)
    sums = np.concatenate([[0.0], np.cumsum(content)])
    columns: list[Row] = [
        (sums[np.minimum(size, at + reach + 1)] - sums[np.maximum(0, at - reach)]) / total
        for reach in _WINDOWS
    ]
    texts = np.flatnonzero(content > 0)
    if len(texts):
        place = np.searchsorted(texts, at)
        columns += [
            (at - texts[np.clip(place - 1, 0, len(texts) - 1)]).astype(np.float64),
            (texts[np.clip(place, 0, len(texts) - 1)] - at).astype(np.float64),
        ]
    else:
        columns += [np.zeros(size), np.zeros(size)]
    return np.column_stack(columns)
