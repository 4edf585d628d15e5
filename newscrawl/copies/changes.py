"""What somebody made of a story: how much was kept, how much is their own, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

MAX_WORDS = 5_000
MAX_SENTENCES = 1_000
"Longer texts are compared by their beginnings: this is for readers."
_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"»”’)]*\s+|\n+")


class Changes(NamedTuple):
    """Shares from 0 to 1."""

    kept: float
    "Of the original's words."
    own: float
    "Of the copy's words that the original does not have."


class Side(NamedTuple):
    """Sentences that stand in one place; empty on the side that has none."""

    original: str
    copy: str

    @property
    def is_same(self) -> bool:
        return self.original == self.copy


def changes(original: str, copy: str) -> Changes:
    """Both in words, without case and punctuation."""
    one, other = _words(original), _words(copy)
    if one and one == other:
        return Changes(1.0, 0.0)
    # What is frequent in a long text begins no match, it only goes on with one: hours for one word else.
    shared = sum(block.size for block in SequenceMatcher(None, one, other).get_matching_blocks())
    return Changes(_share(shared, len(one)), 1 - _share(shared, len(other)))


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)[:MAX_WORDS]]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def side_by_side(original: str, copy: str) -> Iterator[Side]:
    """Both texts, sentence by sentence."""
    left, right = _sentences(original), _sentences(copy)
    if left == right:
        yield from (Side(sentence, sentence) for sentence in left)
        return
    for _, start, end, begin, stop in SequenceMatcher(None, left, right).get_opcodes():
        mine, yours = left[start:end], right[begin:stop]
        if mine == yours:
            yield from (Side(sentence, sentence) for sentence in mine)
        else:
            yield Side(" ".join(mine), " ".join(yours))


def _sentences(text: str) -> list[str]:
    found = [sentence for sentence in _SENTENCE_END.split(text, MAX_SENTENCES) if sentence.strip()]
    return found[:MAX_SENTENCES]
