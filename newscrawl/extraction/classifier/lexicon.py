"""What words say: two log odds of a block, from the names of the elements around it and from its first words.

Both are sums of learnt weights. A word is found by its hash in a table of weights, so the tables hold no
words and have a fixed size; rare words may share a weight.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from newscrawl.extraction.blocks import Frame, TextBlock
from newscrawl.extraction.classifier.outline import Indexes, Outline, Row, divide_names
from newscrawl.extraction.classifier.text_features import split_words

TABLE_SIZE = 1 << 16
"Weights in each table; a power of two."
WEIGHT_SCALE = 512
"Weights are stored as multiples of 1 / WEIGHT_SCALE."
_MASK = TABLE_SIZE - 1
_NAME = re.compile(r"[a-z]+")
_MAX_NAMES = 24
_LEVELS = (0, 1, 2, 2, 3, 3, 3)
"For the frame of a block and the six above it: frames of the same level share their weights."
_FIRST_WORDS = 9
_FEW_CHARS, _WORD_CHARS = 90, 200
"The first words are looked for in so many characters, and where there are too few in so many more."
_DIGIT = re.compile(r"\d")
_MAX_LENGTH_BITS = 12
_PAIR, _FIRST, _LINE, _SHORT, _LENGTH, _KIND = map(
    zlib.crc32, (b"pair", b"first", b"line", b"short", b"length", b"kind")
)
"Added to hashes of different things, so that they have different places in the table."
NO_WEIGHT = TABLE_SIZE
"In place of a word that a block does not have: the table's last entry, always 0."

_MAX_NAMES_KEPT, _MAX_LINES_KEPT, _KEPT_CHARS = 65_536, 8192, 100
"""The sums of so many names and lines are kept: pages of a site share most. Longer lines are its stories,
which do not come again."""

Table = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Learnt weights, `TABLE_SIZE + 1` each, in units of 1 / WEIGHT_SCALE."""

    names: Table
    words: Table
    _name_sums: dict[tuple[int, str, str], int] = field(default_factory=dict, repr=False)
    "By level, tag and names of an element, the sum of their weights."
    _line_sums: dict[str, int] = field(default_factory=dict, repr=False)
    "The sum of a short line's weights, without that of its kind."

    def odds(self, blocks: Sequence[TextBlock], frames: Sequence[Frame], outline: Outline) -> Row:
        """`look_up` of the blocks' hashes; names and short lines seen before are not hashed again."""
        sums = np.array([self._sum_names(frames, outline), self._sum_words(blocks)], np.int64)
        return np.asarray(np.array(sums.T, order="C") / WEIGHT_SCALE)

    def _sum_names(self, frames: Sequence[Frame], outline: Outline) -> list[int]:
        """For each block the sum of the weights of `name_hashes`."""
        known = self._name_sums
        if len(known) > _MAX_NAMES_KEPT:
            known.clear()
        at, parents = outline.at.tolist(), outline.parent.tolist()
        sums: dict[int, int] = {}
        for start in set(at):
            here, total = start, 0
            for level in _LEVELS:
                frame = frames[here]
                key = (level, frame.tag, frame.names)
                if (part := known.get(key)) is None:
                    part = known[key] = sum(map(self.names.item, _frame_hashes(*key)))
                total += part
                if here == 0:
                    break
                here = parents[here]
            sums[start] = total
        return [sums[start] for start in at]

    def _sum_words(self, blocks: Sequence[TextBlock]) -> list[int]:
        """For each block the sum of the weights of `word_hashes`."""
        known = self._line_sums
        if len(known) > _MAX_LINES_KEPT:
            known.clear()
        # A copy, since another thread may empty what is known.
        sums = {text: total for block in blocks if (total := known.get(text := block.text)) is not None}
        new = {block.text: block for block in blocks if block.text not in sums}
        weights = self.words[word_hashes(list(new.values()))[:, :-1]]
        found = dict(zip(new, weights.sum(axis=1, dtype=np.int64).tolist(), strict=True))
        known.update((text, total) for text, total in found.items() if len(text) <= _KEPT_CHARS)
        sums |= found
        kinds = {kind: self.words.item(_kind_hash(kind)) for kind in {block.kind for block in blocks}}
        return [sums[block.text] + kinds[block.kind] for block in blocks]

    def look_up(self, names: Indexes, words: Indexes) -> Row:
        """For each block the log odds by the names around it, and those by its first words."""
        return np.column_stack([_sum_weights(self.names, names), _sum_weights(self.words, words)])


def _sum_weights(table: Table, hashes: Indexes) -> Row:
    """The sum of weights for each row; integers, so their order does not matter."""
    return np.asarray(table[hashes].sum(axis=1, dtype=np.int64) / WEIGHT_SCALE)


def name_hashes(frames: Sequence[Frame], outline: Outline) -> Indexes:
    """For each block the places of its names in the table: (blocks, as many as the longest row needs)."""
    parents = outline.parent.tolist()
    starts, place = np.unique(outline.at, return_inverse=True)
    hashes: list[int] = []
    sizes: list[int] = []
    for start in starts.tolist():
        here, before = start, len(hashes)
        for level in _LEVELS:
            hashes += _frame_hashes(level, frames[here].tag, frames[here].names)
            if here == 0:
                break
            here = parents[here]
        sizes.append(len(hashes) - before)
    present = np.arange(max(sizes, default=0)) < np.array(sizes, np.intp)[:, None]
    rows = np.full(present.shape, NO_WEIGHT, np.intp)
    rows[present] = hashes
    return rows[place]


def _frame_hashes(level: int, tag: str, names: str) -> tuple[int, ...]:
    # The checksum of the level goes on over the words, which are the same for all levels.
    start = zlib.crc32(b"%d" % level)
    words = (f"<{tag}".encode(), *_name_words(names))
    return tuple([zlib.crc32(word, start) & _MASK for word in words])


@lru_cache(maxsize=8192)
def _name_words(names: str) -> tuple[bytes, ...]:
    """The distinct words in an element's names, in ASCII."""
    return tuple([word.encode() for word in dict.fromkeys(_NAME.findall(divide_names(names))[:_MAX_NAMES])])


def word_hashes(blocks: Sequence[TextBlock]) -> Indexes:
    """For each block the places of its first words, their pairs, its length and its kind in the table."""
    found = [list(map(_word_hash, _first_words(block.text))) for block in blocks]
    count = np.array(list(map(len, found)), np.uint32)
    padded = [row + [0] * (_FIRST_WORDS - len(row)) for row in found]
    words = np.array(padded, np.uint32).reshape(len(blocks), _FIRST_WORDS)
    present = np.arange(_FIRST_WORDS) < count[:, None]
    pairs = words[:, :-1] * np.uint32(31) + words[:, 1:] + np.uint32(_PAIR)
    powers = np.power(np.uint32(16_777_619), np.arange(_FIRST_WORDS, dtype=np.uint32), dtype=np.uint32)
    line = (words * powers).sum(axis=1, dtype=np.uint32) + np.uint32(_LINE)
    lengths = np.array([min(_MAX_LENGTH_BITS, len(block.text).bit_length()) for block in blocks], np.uint32)
    kinds = np.array([_kind_hash(block.kind) for block in blocks], np.uint32)
    short = count < _FIRST_WORDS
    hashes = np.column_stack(
        [
            np.where(present, words & _MASK, NO_WEIGHT),
            np.where(present[:, 1:], pairs & _MASK, NO_WEIGHT),
            np.where(count > 0, (words[:, 0] * np.uint32(7) + np.uint32(_FIRST)) & _MASK, NO_WEIGHT),
            np.where(short, line & _MASK, NO_WEIGHT),
            np.where(short, (count * np.uint32(2_654_435) + np.uint32(_SHORT)) & _MASK, NO_WEIGHT),
            (lengths * np.uint32(40_503) + np.uint32(_LENGTH)) & _MASK,
            kinds,
        ]
    )
    return hashes.astype(np.intp)


def _kind_hash(kind: str) -> int:
    return (_word_hash(kind) + _KIND) & _MASK


def _first_words(text: str) -> list[str]:
    # The last word of the shorter start may be cut, so one more is wanted before that start will do.
    for chars in (_FEW_CHARS, _WORD_CHARS):
        words = split_words(_DIGIT.sub("0", text[:chars]))
        if len(words) > _FIRST_WORDS or len(text) <= chars:
            break
    return words[:_FIRST_WORDS]


@lru_cache(maxsize=65_536)
def _word_hash(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))
