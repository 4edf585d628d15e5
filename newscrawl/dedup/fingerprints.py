"""What deduplication compares of an article: hashed tokens, a sketch of names and figures, fingerprints."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from newscrawl.digests import blake2b_digest
from newscrawl.package_data import read_package_toml

Tokens = NDArray[np.uint16]
Shingles = NDArray[np.uint64]
Fingerprints = NDArray[np.uint64]
NameSketch = NDArray[np.uint32]

MAX_TOKENS = 20_000
"A longer text is compared by its beginning."
TOKEN_FIGURE, TOKEN_NAME = 1, 2
"The lowest bits of a token that starts with a digit, and of a token that is probably a name."
MIN_NAME_LETTERS = 4
"Shorter capitalised words mostly just begin a sentence."
FLAG_BITS = 2
WORD_BITS = 16 - FLAG_BITS
_VOCABULARY = 1 << 18
_WORD = re.compile(r"\w+")

SHINGLE_TOKENS = 5
WINNOW_WINDOW = 16
FINGERPRINT_BITS = 40
"Enough for millions of articles; unrelated texts that collide are separated by comparing their tokens."
MIN_SHARED_FINGERPRINTS = 2
"Texts that share a single fingerprint are usually unrelated and have a phrase in common."
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)

EXONYMS_FILE = "exonyms.toml"
SKETCH_CHARS = 6_000
"A story introduces its subject at the beginning."
MAX_NAMES = 48
MIN_FIGURE_DIGITS = 2
"Every story has a three or a five in it."
SKETCH_FIGURE = 1
"The lowest bit of a figure in a sketch; names have it clear."
_CAPITAL = "[A-ZÀ-ÖØ-ÞĆČĐĞİŁŃŒŚŞŠŸŹŻŽ]"
_NAME = re.compile(
    rf"{_CAPITAL}(?:(?<=[\w,;)%][ \u00a0\u202f].)|(?<=\w['’-].)|(?<=[ \u00a0\u202f]\(.))[^\W\d_]{{2,}}"
)
"A capitalised word that does not begin a sentence; the context before it is checked second, for speed."
_FIGURE = re.compile(r"\d+(?:[.,\u00a0\u202f ]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:[., \u00a0\u202f]\d{3})+")
_SPACE = re.compile(r"[ \u00a0\u202f]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """The text of a page, prepared for comparison."""

    key: bytes
    "Identity of the page."
    article_id: str
    outlet: str
    url: str
    title: str | None
    lang: str | None
    published: int
    "Stated time of publication, else the time of the fetch, in seconds."
    fetched_at: int
    agency: str | None
    "Agency that the article credits."
    agency_of_outlet: str | None
    "Agency that runs the outlet."
    original_url: str | None
    "Where the article says it first appeared."
    tokens: Tokens
    names: NameSketch


def tokenize(text: str) -> Tokens:
    """Hash each word of a text; case and punctuation make no difference."""
    words = _WORD.findall(text)
    return np.fromiter(map(_hash_token, words[:MAX_TOKENS]), np.uint16)


@lru_cache(maxsize=_VOCABULARY)
def _hash_token(word: str) -> int:
    digest = blake2b_digest(word.casefold(), 2)
    return int.from_bytes(digest) >> FLAG_BITS << FLAG_BITS | _flag_token(word)


def _flag_token(word: str) -> int:
    if word[0].isdigit():
        return TOKEN_FIGURE
    return TOKEN_NAME if len(word) >= MIN_NAME_LETTERS and word[0].isupper() else 0


def pack_tokens(tokens: Tokens) -> bytes:
    return tokens.astype("<u2").tobytes()


def unpack_tokens(data: bytes) -> Tokens:
    return np.frombuffer(data, "<u2")


def hash_shingles(tokens: Tokens, size: int) -> Shingles:
    """Hash every run of `size` tokens; up to four tokens fit without loss."""
    count = len(tokens) - size + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    words = (tokens >> FLAG_BITS).astype(np.uint64)
    shingles = words[:count].copy()
    for step in range(1, size):
        # Bits beyond the 64th rotate into the low bits, so that the first words still count.
        shingles = (shingles << np.uint64(WORD_BITS)) ^ (shingles >> np.uint64(64 - WORD_BITS))
        shingles ^= words[step : step + count]
    return shingles


def winnow(tokens: Tokens) -> Fingerprints:
    """Select fingerprints by winnowing: sorted, without repeats, none where the text is under a shingle.

    Two texts that share WINNOW_WINDOW shingles in a row always share a fingerprint (Schleimer et al., 2003).
    """
    hashes = _scramble(hash_shingles(tokens, SHINGLE_TOKENS)) >> np.uint64(64 - FINGERPRINT_BITS)
    if len(hashes) <= WINNOW_WINDOW:
        return hashes[:0] if not len(hashes) else np.array([hashes.min()], np.uint64)
    return np.unique(sliding_window_view(hashes, WINNOW_WINDOW).min(axis=1))


def _scramble(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the values evenly, so that the smallest shingle of a window does not depend on its words."""
    mixed = (numbers ^ (numbers >> _HALF)) * _MIX
    return (mixed ^ (mixed >> _HALF)) * _MIX


def sketch_names(text: str) -> NameSketch:
    """Hash the first names and figures of a text: sorted, without repeats."""
    start = text[:SKETCH_CHARS]
    hashes = dict.fromkeys([*map(_hash_name, _NAME.findall(start)), *map(_hash_figure, _iter_figures(start))])
    return np.array(sorted(list(hashes)[:MAX_NAMES]), np.uint32)


def _iter_figures(text: str) -> Iterator[str]:
    """Normalize figures: `1,200`, `1 200` and `1200` are equal, and so are `2.4` and `2,4`."""
    for match in _FIGURE.findall(text):
        is_whole = _THOUSANDS.fullmatch(match)
        figure = re.sub(r"\D", "", match) if is_whole else _SPACE.sub("", match).replace(",", ".")
        if sum(map(str.isdigit, figure)) >= MIN_FIGURE_DIGITS:
            yield figure


@lru_cache(maxsize=1 << 16)
def _hash_name(word: str) -> int:
    letters = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _hash_text(_load_exonyms().get(plain, plain)) & ~SKETCH_FIGURE


def _hash_figure(figure: str) -> int:
    return _hash_text(figure) | SKETCH_FIGURE


def _hash_text(text: str) -> int:
    return int.from_bytes(blake2b_digest(text, 4))


@cache
def _load_exonyms() -> dict[str, str]:
    data = read_package_toml("newscrawl.dedup", EXONYMS_FILE)
    return {french: english for section in data.values() for french, english in section.items()}


def pack_names(names: NameSketch) -> bytes:
    return names.astype("<u4").tobytes()


def unpack_names(data: bytes) -> NameSketch:
    return np.frombuffer(data, "<u4")
