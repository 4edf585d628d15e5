"""A text as numbers: one of sixteen bits a word, in the order of the text."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint16]
Shingles = NDArray[np.uint64]

MAX_WORDS = 20_000
"A longer text is compared by its beginning."
FIGURE, NAME = 1, 2
"The lowest bits of a word with a digit in front, and of one that is likely a name."
NAME_LETTERS = 4
"Shorter words with a capital are mostly those a sentence begins with."
FLAG_BITS = 2
WORD_BITS = 16 - FLAG_BITS
_VOCABULARY = 1 << 18
_WORD = re.compile(r"\w+")


def words_of(text: str) -> Words:
    """The words of a text as numbers; case and punctuation make no difference."""
    found = _WORD.findall(text)
    return np.fromiter(map(_number, found[:MAX_WORDS]), np.uint16)


@lru_cache(maxsize=_VOCABULARY)
def _number(word: str) -> int:
    digest = blake2b(word.casefold().encode("utf-8", "replace"), digest_size=2).digest()
    return int.from_bytes(digest) >> FLAG_BITS << FLAG_BITS | _flag(word)


def _flag(word: str) -> int:
    if word[0].isdigit():
        return FIGURE
    return NAME if len(word) >= NAME_LETTERS and word[0].isupper() else 0


def shingles_of(words: Words, size: int) -> Shingles:
    """Every `size` words in a row as one number; up to four words lose nothing."""
    count = len(words) - size + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    plain = (words >> FLAG_BITS).astype(np.uint64)
    found = plain[:count].copy()
    for step in range(1, size):
        # Past 64 bits the first words are turned round into the low bits rather than lost.
        found = (found << np.uint64(WORD_BITS)) ^ (found >> np.uint64(64 - WORD_BITS))
        found ^= plain[step : step + count]
    return found


def stored(words: Words) -> bytes:
    return words.astype("<u2").tobytes()


def restored(data: bytes) -> Words:
    return np.frombuffer(data, "<u2")
