"""Blocks -> the matrix the judge works on: wording, names, place and neighbours of each block."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from newscrawl.extraction.blocks import Frame, RawBlock
from newscrawl.extraction.classifier.wording import WORDING, Hints, signs_in, wording

_WORDS = {
    "nav": r"nav|menu|breadcrumb|skip|pagination|pager",
    "foot": r"foot|bottom|copyright|legal|disclaimer",
    "head": r"header|masthead|topbar|banner",
    "side": r"side|aside|rail|widget|module|secondary",
    "comment": r"comment|disqus|respond|reply|replies",
    "share": r"shar(?:e|ing)|social|follow|facebook|twitter|whatsapp|tweet",
    "related": r"relat|recommend|more|also|trending|popular|latest|most|teaser|card|promo|next|prev|carousel|"
    r"slider|recirc|outbrain|taboola|associ",
    "author": r"author|byline|bio|contributor|writer|auteur",
    "picture": r"caption|credit|photo|gallery|media|image|figure|legend",
    "paywall": r"newsletter|subscri|sign-?up|paywall|regwall|premium|member|donat|abonn",
    "consent": r"cookie|consent|gdpr|rgpd|cmplz|privacy|modal|popup|overlay",
    "advert": r"(?<![a-z])ads?(?![a-z])|advert|sponsor|affiliate|dfp|google",
    "tag": r"tags?(?![a-z])|categor|topic|keyword|label|kicker",
    "date": r"date|time|publish|meta|posted",
    "body": r"body|content|prose|richtext|paragraph|text",
    "article": r"article|entry|post|story|main",
    "title": r"title|headline|heading",
    "lede": r"lead|dek|standfirst|summary|excerpt|intro|chapo|subtitle|description|deck|lede",
    "hidden": r"hidden|sr-only|visually|screen-reader|print|collapse",
    "list": r"list|feed|grid|archive|items?(?![a-z])|loop|stream",
    "contents": r"toc(?![a-z])|table-of-contents|jump",
    "live": r"live|timeline|update",
    "box": r"box|callout|fact|pull-?quote|quote|inset|embed",
}
_WORD = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _WORDS.items()))
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BIT = {name: 1 << at for at, name in enumerate(_WORDS)}
_NAME_CHARS = 200
WORD_NAMES = tuple(_WORDS)

_ROLES = (
    "article", "main", "nav", "footer", "header", "aside", "figure", "ul", "ol", "table", "form",
    "blockquote", "li", "section", "figcaption", "body", "hidden", "dl", "heading", "cell",
)  # fmt: skip
ROLE_NAMES = _ROLES
_ROLE_BIT = {name: 1 << at for at, name in enumerate(_ROLES)}
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


@lru_cache(maxsize=65_536)
def word_bits(names: str) -> int:
    """Which families of words an element's names hold; bit `n` stands for `WORD_NAMES[n]`."""
    bits = 0
    for match in _WORD.finditer(_HUMP.sub("-", names[:_NAME_CHARS]).lower()):
        bits |= _BIT[match.lastgroup or ""]
    return bits


@lru_cache(maxsize=65_536)
def _named_role(names: str) -> int:
    return sum({_BY_NAME[word] for word in names.lower().split() if word in _BY_NAME})


def role_bits(frame: Frame) -> int:
    """What the element is for by tag, role, itemprop and visibility; bit `n` stands for `ROLE_NAMES[n]`."""
    bits = _BY_TAG.get(frame.tag, 0)
    if frame.names:
        bits |= _named_role(frame.names)
    return bits | (_ROLE_BIT["hidden"] if frame.hidden else 0)


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
