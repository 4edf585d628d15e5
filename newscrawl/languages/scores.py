"""What one word says: evidence and counts packed into one integer, remembered by its spelling."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from operator import add
from struct import Struct

from newscrawl.languages.lexicon import HOME, Lexicon, lexicon
from newscrawl.languages.ngrams import FLOOR, FULL, LANE, STATES, costs, packed

WORD = re.compile(r"\w++(?:[\u00ad'’-]\w++)*+")
FR, EN, OTHER = STATES.index("fr"), STATES.index("en"), STATES.index("other")
FOR_FR, FOR_EN, FOR_GUEST, WORDS, CAPITALISED, KNOWN, LETTERS, UPPER = range(len(STATES), len(STATES) + 8)
"Lanes after those of the languages: how much French, English, a guest is preferred by, and what is counted."
_EVIDENCE = Struct(f"<{WORDS}I")
SILENT = (0,) * len(STATES)
REMEMBERED = 30_000
"Spellings a table keeps."
LONGEST_REMEMBERED = 60
MOST_PARTS = 8
"Of a compound; more say nothing new."

# Evidence in hundredths of a natural logarithm, beyond that of the n-grams. None is sharp: a fifth more or
# less moves block accuracy by less than a tenth of a point.
FUNCTION_BONUS = 260
CHROME_BONUS = 300
SURE_BONUS = 590
"What a sure word says against every other language: its letters are not asked."
LISTED_BONUS = {2: SURE_BONUS, 1: 140}
GUEST_BONUS = 150
ELISION_COST = 150
CONTRACTION_BONUS = 150

# Weights in percent.
FULL_WEIGHT = 100
NAME_WEIGHT = 35
LISTED_WEIGHT = 70
ACRONYM_WEIGHT = 10

UNKNOWN, FREQUENT, FUNCTION = range(3)
"How well a French or English word is known."
_STRANGE = re.compile(r"[^\W\d_a-zà-æç-öù-ýÿœ]")
"Latin letters that neither French nor English writes."
_ELIDING = frozenset({"fr", "ca", "it"})
_ELIDED = re.compile(r"(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu)'(?=\w)", re.IGNORECASE)
_SPELT = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
"What has digits or underscores in it is no word."
_CONTRACTED = re.compile(r"(?:n't|'(?:s|re|ve|ll|m|d))$")


@lru_cache(maxsize=8192)
def spoken(word: str) -> tuple[Sequence[int], int]:
    """Costs by language of a lower-case word, and how well it is known; a tuple where many words cost it."""
    lists = lexicon()
    if word in lists.brands:
        return SILENT, UNKNOWN
    if (code := lists.function.get(word)) is not None:
        return _for(code, FUNCTION_BONUS, costs(word)), FUNCTION if code in HOME else UNKNOWN
    if (found := _told(word, lists)) is not None:
        code, bonus = found
        said = _surely(code) if bonus == SURE_BONUS else _for(code, bonus, costs(word))
        return said, FREQUENT if code in HOME else UNKNOWN
    return _unlisted(word, lists), UNKNOWN


def _told(word: str, lists: Lexicon) -> tuple[str, int] | None:
    """The language that lists tell for a word, and what that is worth beyond its letters."""
    if (code := lists.chrome.get(word)) is not None:
        return code, CHROME_BONUS
    if (code := lists.proper.get(word)) is not None:
        return code, SURE_BONUS
    if "'" in word and _CONTRACTED.search(word):
        return "en", CONTRACTION_BONUS
    if (found := lists.frequent.get(word)) is not None:
        code, step = found
        return code, LISTED_BONUS[step] if code in HOME else GUEST_BONUS
    return None


def _unlisted(word: str, lists: Lexicon) -> Sequence[int]:
    """Costs of a word that no list gives a language."""
    if word in lists.names:
        return SILENT
    base = costs(word)
    if word in lists.both:
        base[FR] = base[EN] = min(base[FR], base[EN])
        base[OTHER] = FLOOR
    elif not word.isascii() and _STRANGE.search(word):
        base[FR] = base[EN] = FLOOR
    return base


@cache
def _surely(code: str) -> tuple[int, ...]:
    return tuple(_for(code, SURE_BONUS, list(SILENT)))


def _for(code: str, bonus: int, base: list[int]) -> list[int]:
    """The costs with a bonus for one language; those without a profile share a place."""
    at = STATES.index(code) if code in STATES else OTHER
    base[OTHER] = 0 if at == OTHER else FLOOR
    base[at] -= bonus
    least = min(base)
    return [cost - least for cost in base]


def in_a_sentence(word: str, known: int) -> int:
    """Capitalised words are often names, acronyms say nearly nothing."""
    if known == FUNCTION or word.islower():
        return FULL_WEIGHT
    if _odd(word, known):
        return ACRONYM_WEIGHT
    return LISTED_WEIGHT if known else NAME_WEIGHT


def at_a_start(word: str, known: int) -> int:
    """A sentence's first word has its capital for nothing."""
    return ACRONYM_WEIGHT if known < FUNCTION and _odd(word, known) else FULL_WEIGHT


def in_a_title(word: str, known: int) -> int:
    """Where every word has a capital, the known ones count in full."""
    if known or word.islower():
        return FULL_WEIGHT
    return ACRONYM_WEIGHT if _odd(word, known) else NAME_WEIGHT


def in_capitals(word: str, known: int) -> int:  # noqa: ARG001  a weight like the others
    """In a line of capitals they mean nothing."""
    return FULL_WEIGHT


def _odd(word: str, known: int) -> bool:
    """An acronym, or a name with a capital within."""
    return (len(word) > 1 and word.isupper()) or not (known or word.islower() or word.istitle())


def _weighed(token: str, weight_of: Callable[[str, int], int]) -> int:
    if token.isalpha():
        said, known = _scaled(token, weight_of)
        return _evidence(said) + _counts(token, token, known)
    word = token.replace("\u00ad", "").replace("’", "'")
    if not (word.isalpha() or _SPELT.fullmatch(word)):
        return 0
    elided = _ELIDED.match(word)
    bare = word[elided.end() :] if elided else word
    said, known = _scaled(bare, weight_of)
    if elided and (known or not (word[0].isupper() and bare[0].isupper())):  # N'Djamena elides nothing
        said = list(map(add, said, _elision()))
    return _evidence(said) + _counts(word, bare, known)


def _evidence(said: Sequence[int]) -> int:
    """Costs and preferences, packed."""
    return _remembered(said) if isinstance(said, tuple) else _preferring(said)


def _preferring(said: Sequence[int]) -> int:
    french, english, guest = said[FR], said[EN], min(said[EN + 1 :])
    home = min(french, english)
    return int.from_bytes(
        _EVIDENCE.pack(*said, english - home, french - home, max(home - guest, 0)), "little"
    )


_remembered = lru_cache(maxsize=1024)(_preferring)


def _counts(word: str, bare: str, known: int) -> int:
    """What is counted of a word, which may begin with another that is elided."""
    several = len(bare) > 1
    letters = len(word) if word.isalpha() else sum(map(str.isalpha, word))
    upper = 0 if word.islower() else sum(map(str.isupper, word))
    return _counted(several, several and bare[0].isupper(), known > UNKNOWN, letters, upper)


@lru_cache(maxsize=1024)
def _counted(*counts: int) -> int:
    return packed(counts) << (LANE * WORDS)


def _scaled(word: str, weight_of: Callable[[str, int], int]) -> tuple[Sequence[int], int]:
    """Costs as they count for this spelling, and how well the word is known."""
    said, known = spoken(word.lower())
    if known == UNKNOWN and "-" in word:
        return _compound(word, weight_of)
    if known == FREQUENT and word.istitle() and word.lower() in lexicon().persons:
        known, weight = UNKNOWN, NAME_WEIGHT
    else:
        weight = weight_of(word, known)
    if weight == FULL_WEIGHT:
        return said, known
    return _part(said, weight) if isinstance(said, tuple) else _times(said, weight), known


def _times(said: Sequence[int], weight: int) -> list[int]:
    return [cost * weight // FULL_WEIGHT for cost in said]


@lru_cache(maxsize=1024)
def _part(said: tuple[int, ...], weight: int) -> tuple[int, ...]:
    return tuple(_times(said, weight))


@cache
def _elision() -> list[int]:
    """What an elided word speaks against languages that do not elide."""
    return [0 if code in _ELIDING else ELISION_COST for code in STATES]


def _compound(word: str, weight_of: Callable[[str, int], int]) -> tuple[Sequence[int], int]:
    """Its parts say together what the one that says most does; of a name the first speaks alone."""
    parts = [part for part in word.split("-", MOST_PARTS)[:MOST_PARTS] if part]
    said = [_scaled(part, weight_of) for part in (parts[:1] if word[0].isupper() else parts)]
    most = [max(column) for column in zip(*(part for part, _ in said), strict=True)]
    return most, max(known for _, known in said)


class Table(dict[str, int]):
    """Spelling to packed evidence, filled as words are met."""

    def __init__(self, weight_of: Callable[[str, int], int]) -> None:
        super().__init__()
        self._weight_of = weight_of

    def __missing__(self, token: str) -> int:
        value = _weighed(token, self._weight_of)
        if len(self) >= REMEMBERED:
            self.clear()
        if len(token) <= LONGEST_REMEMBERED:
            self[token] = value
        return value


SENTENCE, START, TITLE, CAPITALS = map(Table, (in_a_sentence, at_a_start, in_a_title, in_capitals))


def lane(total: int, at: int) -> int:
    """One number of a packed sum."""
    return (total >> (LANE * at)) & FULL
