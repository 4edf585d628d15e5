"""langdetect's n-gram profiles as packed integers: the evidence of a word is one sum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import chain
from operator import add
from pathlib import Path
from struct import Struct, pack

LATIN = (
    *("fr", "en", "es", "de", "pt", "it", "nl", "ro", "ca", "sw"),
    *("so", "tr", "pl", "tl", "af", "id", "sv", "da", "no"),
)
"Languages told apart by their letters' neighbours; others are told by their script."
STATES = (*LATIN, "other")
"`other`: one we have no profile of."
LANE = 32
"Bits a language has in a packed integer: sums of a whole document fit."
FULL = (1 << LANE) - 1
UNIT = 100
"Evidence is counted in hundredths of a natural logarithm: integers add up alike on every machine."
_LONGEST_WORD = 40
_REMEMBERED = 50_000
"N-grams, of the profiles and others."
_SMOOTHING = 0.5 / 10_000
_SCALE = 30
"Percent: neighbouring n-grams overlap, so each counts for less than it says."
FLOOR = 350
"The most one word may speak against a language."
_FAR = FLOOR * UNIT // _SCALE
STRANGE = 130
"What a word speaks against `other`: words of a language we know fit it better on average, others worse."


_LANES = Struct(f"<{len(STATES)}I")
_MASK = (1 << (8 * _LANES.size)) - 1


def packed(lanes: Sequence[int]) -> int:
    """The numbers side by side in one integer, the first in the lowest bits."""
    return int.from_bytes(pack(f"<{len(lanes)}I", *lanes), "little")


def unpacked(total: int) -> tuple[int, ...]:
    """Of a packed sum, the numbers of the languages."""
    return _LANES.unpack((total & _MASK).to_bytes(_LANES.size, "little"))


class Grams(dict[str, int]):
    """By n-gram, how unlikely it is in each language; packed when first asked for."""

    def __init__(self, chances: dict[str, list[float]], order: list[int]) -> None:
        super().__init__()
        self._chances = chances
        self._order = order

    def __missing__(self, gram: str) -> int:
        chances = self._chances.get(gram) if gram != " " else None
        value = 0
        if chances is not None:
            value = packed([round(-math.log(chances[at] + _SMOOTHING) * UNIT) for at in self._order])
        if len(self) < _REMEMBERED:
            self[gram] = value
        return value


@cache
def grams() -> Grams:
    """From a factory of our own: the library's global one stays untouched."""
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    folder = Path(PROFILES_DIRECTORY)
    factory.load_json_profile([(folder / code).read_text(encoding="utf-8") for code in LATIN])
    return Grams(factory.word_lang_prob_map, [factory.langlist.index(code) for code in LATIN])


def costs(word: str) -> list[int]:
    """What a lower-case word speaks against each language, relative to the one it suits best."""
    padded = f" {word[:_LONGEST_WORD]} "
    pairs = list(map(add, padded, padded[1:]))
    triples = map(add, pairs, padded[2:])
    unlikely = unpacked(sum(map(grams().__getitem__, chain(padded, pairs, triples))))[: len(LATIN)]
    least = min(unlikely)
    found = [FLOOR if value - least > _FAR else (value - least) * _SCALE // UNIT for value in unlikely]
    found.append(STRANGE)
    return found
