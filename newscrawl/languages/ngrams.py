"""langdetect's n-gram profiles as packed integers: the evidence of a word is one sum."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from math import log
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
_REMEMBERED = 30_000
"Steps of one letter."
_SMOOTHING = 0.5 / 10_000
_UNSEEN = round(-log(_SMOOTHING) * UNIT)
_SCALE = 30
"Percent: neighbouring n-grams overlap, so each counts for less than it says."
FLOOR = 350
"The most one word may speak against a language."
_FAR = FLOOR * UNIT // _SCALE
STRANGE = 130
"What a word speaks against `other`: words of a language we know fit it better on average, others worse."
_LANES = Struct(f"<{len(STATES)}I")
_MASK = (1 << (8 * _LANES.size)) - 1
_LATIN_LANES = Struct(f"<{len(LATIN)}I")


def packed(lanes: Sequence[int]) -> int:
    """The numbers side by side in one integer, the first in the lowest bits."""
    return int.from_bytes(pack(f"<{len(lanes)}I", *lanes), "little")


def unpacked(total: int) -> tuple[int, ...]:
    """Of a packed sum, the numbers of the languages."""
    return _LANES.unpack((total & _MASK).to_bytes(_LANES.size, "little"))


class Grams(dict[str, int]):
    """By n-gram, how unlikely it is in each language; packed when first asked for."""

    def __init__(self, counts: dict[str, list[int]], totals: Sequence[Sequence[int]]) -> None:
        """By n-gram, each language that writes it and how often; by language, how many of each length."""
        super().__init__()
        self._counts = counts
        self._totals = totals

    def __missing__(self, gram: str) -> int:
        counts = self._counts.get(gram) if gram != " " else None
        if counts is None:
            return 0
        lanes = [_UNSEEN] * len(LATIN)
        for at, count in zip(counts[::2], counts[1::2], strict=True):
            lanes[at] = round(-log(count / self._totals[at][len(gram) - 1] + _SMOOTHING) * UNIT)
        self[gram] = value = int.from_bytes(_LATIN_LANES.pack(*lanes), "little")
        return value


class Steps(dict[str, int]):
    """By three letters, what the last of them adds: it alone, with the one before, and with both."""

    def __missing__(self, triple: str) -> int:
        known = grams()
        value = known[triple] + known[triple[1:]] + known[triple[2]]
        if len(self) < _REMEMBERED:
            self[triple] = value
        return value


_STEPS = Steps()


@cache
def grams() -> Grams:
    """Of langdetect's profiles, without what its detector keeps for the whole process."""
    from langdetect.detector_factory import PROFILES_DIRECTORY

    counts: defaultdict[str, list[int]] = defaultdict(list)
    totals = []
    for at, code in enumerate(LATIN):
        profile = json.loads(Path(PROFILES_DIRECTORY, code).read_bytes())
        totals.append(profile["n_words"])
        for gram, count in profile["freq"].items():
            counts[gram] += at, count
    return Grams(dict(counts), totals)


def costs(word: str) -> list[int]:
    """What a lower-case word speaks against each language, relative to the one it suits best."""
    known = grams()
    padded = f" {word[:_LONGEST_WORD]} "
    triples = map(add, map(add, padded, padded[1:]), padded[2:])
    total = sum(map(_STEPS.__getitem__, triples), known[padded[1]] + known[padded[:2]])
    unlikely = _LATIN_LANES.unpack(total.to_bytes(_LATIN_LANES.size, "little"))
    least = min(unlikely)
    far = least + _FAR
    found = [FLOOR if value > far else (value - least) * _SCALE // UNIT for value in unlikely]
    found.append(STRANGE)
    return found
