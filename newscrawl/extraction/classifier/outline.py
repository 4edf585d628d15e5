"""The page's elements as arrays: who holds whom, what is inside each, and which places look alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from newscrawl.extraction.blocks import Frame, TextBlock
from newscrawl.extraction.word_patterns import join_words
from newscrawl.package_data import read_package_toml

_WORDS: dict[str, str] = read_package_toml("newscrawl.extraction.classifier", "words.toml")["names"]
"Regular expressions for the families of words in names, in the order of their columns."
_FAMILIES = {name: re.compile(pattern) for name, pattern in _WORDS.items()}
_BAR = re.compile(r"\|(?![^(]*\))")
"A bar between two words, but not one within the parentheses of a word."
_ANY_WORD = re.compile(join_words(word for pattern in _WORDS.values() for word in _BAR.split(pattern)))
"A word of any family. Groups that tell the families apart would make the search five times slower."
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
"Where a new word begins in a name such as `siteNav`."
_BIT = {name: 1 << at for at, name in enumerate(_WORDS)}
NAME_CHARS = 200
"Characters of an element's names that are read."
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

Row = npt.NDArray[np.float64]
Indexes = npt.NDArray[np.intp]


@lru_cache(maxsize=65_536)
def word_bits(names: str) -> int:
    """The families of words in an element's names; bit `n` stands for `WORD_NAMES[n]`."""
    bits = 0
    for word in _ANY_WORD.findall(divide_names(names)):
        bits |= _family_bit(word)
    return bits


@lru_cache(maxsize=1024)
def _family_bit(word: str) -> int:
    """The bit of the first family that has a word."""
    return next(_BIT[name] for name, pattern in _FAMILIES.items() if pattern.fullmatch(word))


def divide_names(names: str) -> str:
    """The beginning of an element's names in lower case, with a hyphen where a word begins amid a name."""
    start = names[:NAME_CHARS]
    return start if start.islower() else _HUMP.sub("-", start).lower()


@lru_cache(maxsize=65_536)
def _named_role(names: str) -> int:
    return sum({_BY_NAME[word] for word in names.lower().split() if word in _BY_NAME})


def role_bits(frame: Frame) -> int:
    """The element's roles by tag, role, itemprop and visibility; bit `n` stands for `ROLE_NAMES[n]`."""
    bits = _BY_TAG.get(frame.tag, 0)
    if frame.names:
        bits |= _named_role(frame.names)
    return bits | (_ROLE_BIT["hidden"] if frame.hidden else 0)


class Outline:
    """The frames of a page as arrays, and the frame of each block; frame 0 is the root."""

    def __init__(self, blocks: Sequence[TextBlock], frames: Sequence[Frame]) -> None:
        above = [frame.parent.index if frame.parent else 0 for frame in frames]
        self.parent: Indexes = np.array(above, np.intp)
        self.at: Indexes = np.array([block.frame.index for block in blocks], np.intp)
        "The frame of each block."
        self.size = len(frames)
        self.words = [word_bits(frame.names) if frame.names else 0 for frame in frames]
        self.all_words, self.all_roles = list(self.words), [role_bits(frame) for frame in frames]
        self.signature: Indexes = np.array(self._inherit(frames, above), np.intp)
        "The same number for frames whose path of tags and names is the same."
        self.looks: Indexes = np.array(_number_looks(frames), np.intp)
        "The same number for frames with the same tag and classes, whose parents have the same too."
        self.last: Indexes = np.array(_last_descendants(above), np.intp)
        "Index of the last descendant of each frame."

    def _inherit(self, frames: Sequence[Frame], parents: Sequence[int]) -> list[int]:
        """Pass names and roles of each element on to its descendants, and number the distinct paths."""
        numbers: dict[tuple[int, str, int], int] = {}
        words, roles, signature = self.all_words, self.all_roles, [0] * len(frames)
        for here in range(1, self.size):
            above = parents[here]
            path = (signature[above], frames[here].tag, words[here])
            signature[here] = numbers.setdefault(path, len(numbers) + 1)
            words[here] |= words[above]
            roles[here] |= roles[above]
        return signature

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

    def children_holding(self, frame: int) -> Indexes:
        """For each block the child of a frame that holds it; -1 where none does."""
        children = np.flatnonzero(self.parent == frame)
        children = children[children != frame]
        if not len(children):
            return np.full(len(self.at), -1, np.intp)
        place = np.searchsorted(children, self.at, side="right") - 1
        child = children[np.maximum(place, 0)]
        holds = (place >= 0) & (self.at <= self.last[child])
        return np.where(holds, child, -1)


def _number_looks(frames: Sequence[Frame]) -> list[int]:
    numbers: dict[object, int] = {}
    looks = []
    for frame in frames:
        parent = frame.parent or frame
        look = (frame.tag, frame.classes, parent.tag, parent.classes)
        looks.append(numbers.setdefault(look, len(numbers)))
    return looks


def _last_descendants(parents: Sequence[int]) -> list[int]:
    """For each frame, the index of its last descendant."""
    last = list(range(len(parents)))
    for here in range(len(parents) - 1, 0, -1):
        last[parents[here]] = max(last[parents[here]], last[here])
    return last
