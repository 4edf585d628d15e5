"""langdetect's n-gram profiles as packed integers, so that the evidence of a word is a single sum."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import log
from operator import add
from pathlib import Path
from struct import Struct, pack

LATIN = (
    *("fr", "en", "es", "de", "pt", "it", "nl", "ro", "ca", "sw"),
    *("so", "tr", "pl", "tl", "af", "id", "sv", "da", "no"),
)
"Languages distinguished by n-grams; the others are recognised by their script."
STATES = (*LATIN, "other")
"`other` stands for any language without a profile."
LANE = 32
"Bits per language in a packed integer: wide enough for the sums of a whole document."
FULL = (1 << LANE) - 1
UNIT = 100
"Evidence is in hundredths of a natural logarithm, as integers: they add up alike on every machine."
_LONGEST_WORD = 40
_MAX_TRIGRAMS = 30_000
"Trigrams cached by `LetterCosts`."
_SMOOTHING = 0.5 / 10_000
_UNSEEN_COST = round(-log(_SMOOTHING) * UNIT)
_SCALE = 30
"Percent: neighbouring n-grams overlap, so each is scaled down."
FLOOR = 350
"The highest cost a single word may have in a language."
_MAX_GAP = FLOOR * UNIT // _SCALE
STRANGE = 130
"The cost of any word in `other`: above the average cost in its own language, below that in a wrong language."
_LANES = Struct(f"<{len(STATES)}I")
_MASK = (1 << (8 * _LANES.size)) - 1
_LATIN_LANES = Struct(f"<{len(LATIN)}I")


def pack_lanes(lanes: Sequence[int]) -> int:
    """Pack numbers side by side into an integer, the first in the lowest bits."""
    return int.from_bytes(pack(f"<{len(lanes)}I", *lanes), "little")


def unpack_lanes(total: int) -> tuple[int, ...]:
    """Read the numbers of the languages back from a packed sum."""
    return _LANES.unpack((total & _MASK).to_bytes(_LANES.size, "little"))


class NgramCosts(dict[str, int]):
    """Packed costs of each n-gram by language, computed on first use."""

    def __init__(self, counts: Mapping[str, Sequence[int]], totals: Sequence[Sequence[int]]) -> None:
        """`counts` has (language, frequency) by n-gram, flat; `totals` the n-grams by language and length."""
        super().__init__()
        self._counts = counts
        self._totals = totals

    def __missing__(self, gram: str) -> int:
        counts = self._counts.get(gram) if gram != " " else None
        if counts is None:
            return 0
        lanes = [_UNSEEN_COST] * len(LATIN)
        for at, count in zip(counts[::2], counts[1::2], strict=True):
            lanes[at] = round(-log(count / self._totals[at][len(gram) - 1] + _SMOOTHING) * UNIT)
        self[gram] = value = int.from_bytes(_LATIN_LANES.pack(*lanes), "little")
        return value


class LetterCosts(dict[str, int]):
    """What `letter_costs` gives, by the trigram that a letter ends; by a bigram for the first of a word."""

    def __missing__(self, gram: str) -> int:
        value = letter_costs(gram)
        if len(self) < _MAX_TRIGRAMS:
            self[gram] = value
        return value


_LETTER_COSTS = LetterCosts()


@cache
def load_ngram_costs() -> NgramCosts:
    """Load langdetect's profiles without its detector, whose state is global to the process."""
    from langdetect.detector_factory import PROFILES_DIRECTORY

    counts: defaultdict[str, list[int]] = defaultdict(list)
    totals = []
    for at, code in enumerate(LATIN):
        profile = json.loads(Path(PROFILES_DIRECTORY, code).read_bytes())
        totals.append(profile["n_words"])
        for gram, count in profile["freq"].items():
            counts[gram] += at, count
    # Tuples of numbers are nothing for the garbage collector to look at.
    return NgramCosts({gram: tuple(found) for gram, found in counts.items()}, totals)


def letter_costs(gram: str) -> int:
    """Packed costs that the last letter of an n-gram adds: alone, and with those before it."""
    ngrams = load_ngram_costs()
    value = ngrams[gram] + ngrams[gram[1:]]
    return value + ngrams[gram[2:]] if len(gram) > 2 else value


def ngram_costs_in_python(word: str) -> list[int]:
    """Costs of a lower-case word by language, relative to the language it fits best."""
    padded = f" {word[:_LONGEST_WORD]} "
    trigrams = map(add, map(add, padded, padded[1:]), padded[2:])
    total = sum(map(_LETTER_COSTS.__getitem__, trigrams), _LETTER_COSTS[padded[:2]])
    unlikely = _LATIN_LANES.unpack(total.to_bytes(_LATIN_LANES.size, "little"))
    least = min(unlikely)
    limit = least + _MAX_GAP
    costs = [FLOOR if value > limit else (value - least) * _SCALE // UNIT for value in unlikely]
    costs.append(STRANGE)
    return costs


try:
    from newscrawl.languages.compiled_costs import NgramSums
except ImportError:  # not compiled here
    ngram_costs: Callable[[str], list[int]] = ngram_costs_in_python
else:
    ngram_costs = NgramSums(
        letter_costs,
        languages=len(LATIN),
        longest=_LONGEST_WORD,
        max_gap=_MAX_GAP,
        scale=_SCALE,
        unit=UNIT,
        floor=FLOOR,
        strange=STRANGE,
    )
