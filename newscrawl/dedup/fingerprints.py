"""An article as far as copies of it are looked for."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import blake2b
from importlib.resources import files

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
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


DATA = "exonyms.toml"
MAX_CHARS = 6_000
"What a story is about stands at its beginning."
MAX_NAMES = 48
FIGURE_DIGITS = 2
"Every story has a three or a five in it."
FIGURE_OF_NAMES = 1
"The lowest bit of what is a figure and no name."
Names = NDArray[np.uint32]

_CAPITAL = "[A-ZÀ-ÖØ-ÞĆČĐĞİŁŃŒŚŞŠŸŹŻŽ]"
_NAME = re.compile(
    rf"{_CAPITAL}(?:(?<=[\w,;)%][ \u00a0\u202f].)|(?<=\w['’-].)|(?<=[ \u00a0\u202f]\(.))[^\W\d_]{{2,}}"
)
"A word with a capital that does not begin a sentence; what stands before it is looked at second, for speed."
_FIGURE = re.compile(r"\d+(?:[.,\u00a0\u202f ]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:[., \u00a0\u202f]\d{3})+")
_SPACE = re.compile(r"[ \u00a0\u202f]")


def names_of(text: str) -> Names:
    """The first names and figures of a text as numbers, each once, sorted."""
    start = text[:MAX_CHARS]
    found = dict.fromkeys([*map(_name_number, _NAME.findall(start)), *map(_figure_number, _figures(start))])
    return np.array(sorted(list(found)[:MAX_NAMES]), np.uint32)


def _figures(text: str) -> Iterator[str]:
    """`1,200`, `1 200` and `1200` are one, and so are `2.4` and `2,4`."""
    for found in _FIGURE.findall(text):
        is_whole = _THOUSANDS.fullmatch(found)
        figure = re.sub(r"\D", "", found) if is_whole else _SPACE.sub("", found).replace(",", ".")
        if sum(map(str.isdigit, figure)) >= FIGURE_DIGITS:
            yield figure


@lru_cache(maxsize=1 << 16)
def _name_number(word: str) -> int:
    bare = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(letter for letter in bare if not unicodedata.combining(letter))
    return _number_names(_exonyms().get(plain, plain)) & ~FIGURE_OF_NAMES


def _figure_number(figure: str) -> int:
    return _number_names(figure) | FIGURE_OF_NAMES


def _number_names(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=4).digest())


@cache
def _exonyms() -> dict[str, str]:
    data = tomllib.loads(files("newscrawl.dedup").joinpath(DATA).read_text(encoding="utf-8"))
    return {french: english for section in data.values() for french, english in section.items()}


def stored_names(names: Names) -> bytes:
    return names.astype("<u4").tobytes()


def restored_names(data: bytes) -> Names:
    return np.frombuffer(data, "<u4")


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """One text of one page."""

    key: bytes
    "Identity of the page."
    article: str
    "Id of the article."
    outlet: str
    url: str
    title: str | None
    lang: str | None
    published: int
    "When it says it was published, else when it was fetched, in seconds."
    seen: int
    "When it was fetched."
    agency: str | None
    "The agency it names as its source."
    own: str | None
    "The agency whose own outlet this is."
    original_url: str | None
    "Where it says it was taken from."
    words: Words
    names: Names


Prints = NDArray[np.uint64]

SHINGLE = 5
WINDOW = 16
PRINT_BITS = 40
"Enough for millions of articles: strangers that share one by chance are told apart by their words."
LEAST_PRINTS = 2
"Texts that share one fingerprint are most often strangers with a phrase in common."
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


def prints_of(words: Words) -> Prints:
    """The fingerprints, each once, sorted; none of a text with fewer words than a shingle."""
    mixed = _mixed(shingles_of(words, SHINGLE)) >> np.uint64(64 - PRINT_BITS)
    if len(mixed) <= WINDOW:
        return mixed[:0] if not len(mixed) else np.array([mixed.min()], np.uint64)
    return np.unique(sliding_window_view(mixed, WINDOW).min(axis=1))


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread evenly: which shingle is least must not hang on which words it is made of."""
    spread = (numbers ^ (numbers >> _HALF)) * _MIX
    return (spread ^ (spread >> _HALF)) * _MIX
