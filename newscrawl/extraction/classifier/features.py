"""The features of blocks: text, element names, place on the page, and neighbours of each block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.classifier.groups import sibling_columns
from newscrawl.extraction.classifier.outline import ROLE_NAMES, WORD_NAMES, Outline, Row
from newscrawl.extraction.classifier.text_features import (
    SIGN_COLUMNS,
    TEXT_COLUMNS,
    PageHints,
    find_signs,
    text_columns,
)

Matrix = npt.NDArray[np.float32]

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


def block_features(
    blocks: Sequence[TextBlock], outline: Outline, hints: PageHints, chrome: Collection[int]
) -> Matrix:
    """A row for each block, in page order; `chrome` has the indexes of frames that rules call chrome."""
    words = np.column_stack([text_columns(blocks, hints, chrome), find_signs(blocks), _is_repeated(blocks)])
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
            sibling_columns(words, outline),
        ]
    ).astype(np.float32)


def _is_repeated(blocks: Sequence[TextBlock]) -> list[bool]:
    counts = Counter(block.text for block in blocks)
    return [counts[block.text] > 1 for block in blocks]


def _container_columns(outline: Outline, mass: Row, linked: Row, content: Row, total: float) -> Row:
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


def _similarity_columns(blocks: Sequence[TextBlock], outline: Outline, content: Row, total: float) -> Row:
    """Share of content and number of the blocks at similar places: same path, then same parents."""
    columns: list[Row] = []
    signatures = outline.signature[outline.at].tolist()
    paths = [(signature, block.kind) for signature, block in zip(signatures, blocks, strict=True)]
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


def _bit_columns(values: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.uint8]:
    """The lowest bits of each value."""
    octets = values.astype("<i8").view(np.uint8).reshape(len(values), 8)
    return np.unpackbits(octets, axis=1, count=count, bitorder="little")


def _name_columns(outline: Outline) -> npt.NDArray[np.uint8]:
    words, all_words = np.array(outline.words, np.int64), np.array(outline.all_words, np.int64)
    roles, families = np.array(outline.all_roles, np.int64), len(WORD_NAMES)
    return np.hstack(
        [
            _bit_columns(roles[outline.at], len(ROLE_NAMES)),
            *(_bit_columns(words[outline.above(steps)], families) for steps in range(3)),
            _bit_columns(all_words[outline.at], families),
        ]
    )


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


def _neighbour_columns(words: Row, outline: Outline, tags: Row, share: Row) -> Row:
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
