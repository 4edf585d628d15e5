"""Names and figures of a text, spelled so that French and English texts of one event have them in common."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from hashlib import blake2b
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

DATA = "exonyms.toml"
MAX_CHARS = 6_000
"What a story is about stands at its beginning."
MAX_NAMES = 48
FIGURE_DIGITS = 2
"Every story has a three or a five in it."
FIGURE = 1
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
    return _number(_exonyms().get(plain, plain)) & ~FIGURE


def _figure_number(figure: str) -> int:
    return _number(figure) | FIGURE


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=4).digest())


@cache
def _exonyms() -> dict[str, str]:
    data = tomllib.loads(files("newscrawl.copies").joinpath(DATA).read_text(encoding="utf-8"))
    return {french: english for section in data.values() for french, english in section.items()}


def stored_names(names: Names) -> bytes:
    return names.astype("<u4").tobytes()


def restored_names(data: bytes) -> Names:
    return np.frombuffer(data, "<u4")
