"""Evidence and counts of a word, packed into an integer and cached by spelling."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from operator import add
from struct import Struct

from newscrawl.languages.lexicon import HOME, LanguageLexicon, load_lexicon
from newscrawl.languages.ngrams import FLOOR, FULL, LANE, STATES, ngram_costs, pack_lanes

WORD = re.compile(r"\w++(?:[\u00ad'’-]\w++)*+")
FR, EN, OTHER = STATES.index("fr"), STATES.index("en"), STATES.index("other")
FOR_FR, FOR_EN, FOR_GUEST, WORDS, CAPITALISED, FAMILIAR, LETTERS, UPPER = range(len(STATES), len(STATES) + 8)
"Lanes after the languages: by how much French, English or a guest is preferred, then counts."
_EVIDENCE = Struct(f"<{WORDS}I")
NEUTRAL = (0,) * len(STATES)
MAX_TABLE_WORDS = 50_000
"Spellings a table caches; it also has those of the time before that are still in use."
MAX_TABLE_WORD_CHARS = 60
MAX_COMPOUND_PARTS = 8
"Parts read of a compound; more add nothing."

# Evidence in hundredths of a natural logarithm, added to that of the n-grams. The values are not critical: a
# change by a fifth moves block accuracy by less than a tenth of a point.
FUNCTION_BONUS = 260
CHROME_BONUS = 300
SURE_BONUS = 590
"Cost of a certain word in every other language; its n-grams are not looked up."
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
"How familiar a French or English word is."
_FOREIGN_LETTER = re.compile(r"[^\W\d_a-zà-æç-öù-ýÿœ]")
"A Latin letter that neither French nor English uses."
_ELIDING = frozenset({"fr", "ca", "it"})
_ELIDED = re.compile(r"(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu)'(?=\w)", re.IGNORECASE)
_SPELLED = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
"Tokens with digits or underscores are no words."
_CONTRACTED = re.compile(r"(?:n't|'(?:s|re|ve|ll|m|d))$")
Weight = Callable[[str, int], int]
"The percentage by which a word counts, by its spelling and familiarity."


def word_costs(word: str) -> tuple[Sequence[int], int]:
    """Costs by language of a lower-case word, and its familiarity; costs that words share are a tuple."""
    lexicon = load_lexicon()
    if word in lexicon.brands:
        return NEUTRAL, UNKNOWN
    if (code := lexicon.function.get(word)) is not None:
        return _favour(code, FUNCTION_BONUS, ngram_costs(word)), FUNCTION if code in HOME else UNKNOWN
    if (listed := _listed_language(word, lexicon)) is not None:
        code, bonus = listed
        costs = _certain_costs(code) if bonus == SURE_BONUS else _favour(code, bonus, ngram_costs(word))
        return costs, FREQUENT if code in HOME else UNKNOWN
    return _unlisted_costs(word, lexicon), UNKNOWN


def _listed_language(word: str, lexicon: LanguageLexicon) -> tuple[str, int] | None:
    """The language of a word in the lists, and what that is worth beyond its n-grams."""
    if (code := lexicon.chrome.get(word)) is not None:
        return code, CHROME_BONUS
    if (code := lexicon.proper.get(word)) is not None:
        return code, SURE_BONUS
    if "'" in word and _CONTRACTED.search(word):
        return "en", CONTRACTION_BONUS
    if (frequent := lexicon.frequent.get(word)) is not None:
        code, strength = frequent
        return code, LISTED_BONUS[strength] if code in HOME else GUEST_BONUS
    return None


def _unlisted_costs(word: str, lexicon: LanguageLexicon) -> Sequence[int]:
    """Costs of a word for which no list gives a language."""
    if word in lexicon.names:
        return NEUTRAL
    costs = ngram_costs(word)
    if word in lexicon.both:
        costs[FR] = costs[EN] = min(costs[FR], costs[EN])
        costs[OTHER] = FLOOR
    elif not word.isascii() and _FOREIGN_LETTER.search(word):
        costs[FR] = costs[EN] = FLOOR
    return costs


@cache
def _certain_costs(code: str) -> tuple[int, ...]:
    return tuple(_favour(code, SURE_BONUS, list(NEUTRAL)))


def _favour(code: str, bonus: int, costs: list[int]) -> list[int]:
    """Lower the cost of a language by a bonus; languages without a profile share `other`."""
    at = STATES.index(code) if code in STATES else OTHER
    costs[OTHER] = 0 if at == OTHER else FLOOR
    costs[at] -= bonus
    least = min(costs)
    return [cost - least for cost in costs]


def sentence_weight(word: str, familiarity: int) -> int:
    """Weight within a sentence: capitalised words are often names, and acronyms are hardly evidence."""
    if familiarity == FUNCTION or word.islower():
        return FULL_WEIGHT
    if _has_odd_capitals(word, familiarity):
        return ACRONYM_WEIGHT
    return LISTED_WEIGHT if familiarity else NAME_WEIGHT


def start_weight(word: str, familiarity: int) -> int:
    """Weight at the start of a sentence, where every word is capitalised."""
    return ACRONYM_WEIGHT if familiarity < FUNCTION and _has_odd_capitals(word, familiarity) else FULL_WEIGHT


def title_weight(word: str, familiarity: int) -> int:
    """Weight where every word is capitalised: familiar words count in full."""
    if familiarity or word.islower():
        return FULL_WEIGHT
    return ACRONYM_WEIGHT if _has_odd_capitals(word, familiarity) else NAME_WEIGHT


def capitals_weight(word: str, familiarity: int) -> int:  # noqa: ARG001  same signature as the other weights
    """Weight in a line of capitals, where they mean nothing."""
    return FULL_WEIGHT


def _has_odd_capitals(word: str, familiarity: int) -> bool:
    """Whether it is an acronym, or a name with a capital inside."""
    return (len(word) > 1 and word.isupper()) or not (familiarity or word.islower() or word.istitle())


def _weigh_token(token: str, weight: Weight) -> int:
    """The packed evidence and counts of a token; 0 if it is no word."""
    if token.isalpha():
        costs, familiarity = _scaled_costs(token, weight)
        return pack_word(costs, token, token, familiarity > UNKNOWN)
    word = token.replace("\u00ad", "").replace("’", "'")
    if not (word.isalpha() or _SPELLED.fullmatch(word)):
        return 0
    elided = _ELIDED.match(word)
    bare = word[elided.end() :] if elided else word
    costs, familiarity = _scaled_costs(bare, weight)
    # The apostrophe of N'Djamena is no elision.
    if elided and (familiarity or not (word[0].isupper() and bare[0].isupper())):
        costs = list(map(add, costs, _elision_costs()))
    return pack_word(costs, word, bare, familiarity > UNKNOWN)


def pack_word_in_python(costs: Sequence[int], word: str, bare: str, is_familiar: bool) -> int:
    """Pack costs, preferences and what is counted of a word; `bare` is without an elided article or pronoun.

    Packed costs that words share are cached.
    """
    evidence = _pack_cached(costs) if isinstance(costs, tuple) else _pack_costs(costs)
    return evidence + _pack_counts(word, bare, is_familiar)


def _pack_costs(costs: Sequence[int]) -> int:
    french, english, guest = costs[FR], costs[EN], min(costs[EN + 1 :])
    home = min(french, english)
    preferences = (english - home, french - home, max(home - guest, 0))
    return int.from_bytes(_EVIDENCE.pack(*costs, *preferences), "little")


_pack_cached = lru_cache(maxsize=1024)(_pack_costs)


def _pack_counts(word: str, bare: str, is_familiar: bool) -> int:
    is_word = len(bare) > 1
    letters = len(word) if word.isalpha() else sum(map(str.isalpha, word))
    upper = 0 if word.islower() else sum(map(str.isupper, word))
    return _pack_count_lanes(is_word, is_word and bare[0].isupper(), is_familiar, letters, upper)


@lru_cache(maxsize=1024)
def _pack_count_lanes(*counts: int) -> int:
    return pack_lanes(counts) << (LANE * WORDS)


def _scaled_costs(word: str, weight: Weight) -> tuple[Sequence[int], int]:
    """Costs weighted for this spelling, and the familiarity of the word."""
    costs, familiarity = word_costs(word.lower())
    if familiarity == UNKNOWN and "-" in word:
        return _compound_costs(word, weight)
    if familiarity == FREQUENT and word.istitle() and word.lower() in load_lexicon().persons:
        familiarity, percent = UNKNOWN, NAME_WEIGHT
    else:
        percent = weight(word, familiarity)
    if percent == FULL_WEIGHT:
        return costs, familiarity
    scale = _scale_cached if isinstance(costs, tuple) else scale_costs
    return scale(costs, percent), familiarity


def scale_costs_in_python(costs: Sequence[int], percent: int) -> list[int]:
    return [cost * percent // FULL_WEIGHT for cost in costs]


@lru_cache(maxsize=1024)
def _scale_cached(costs: tuple[int, ...], percent: int) -> tuple[int, ...]:
    return tuple(scale_costs(costs, percent))


@cache
def _elision_costs() -> list[int]:
    """Costs of an elision in languages that do not elide."""
    return [0 if code in _ELIDING else ELISION_COST for code in STATES]


def _compound_costs(word: str, weight: Weight) -> tuple[Sequence[int], int]:
    """By language, the highest cost among the parts; of a capitalised compound only the first part counts."""
    parts = [part for part in word.split("-", MAX_COMPOUND_PARTS)[:MAX_COMPOUND_PARTS] if part]
    scaled = [_scaled_costs(part, weight) for part in (parts[:1] if word[0].isupper() else parts)]
    costs = [max(column) for column in zip(*(part for part, _ in scaled), strict=True)]
    return costs, max(familiarity for _, familiarity in scaled)


class EvidenceTable(dict[str, int]):
    """Spelling to packed evidence and counts, filled on demand.

    A full table is put aside, and its spellings move over as they are met again: the frequent ones stay.
    """

    def __init__(self, weight: Weight) -> None:
        super().__init__()
        self._weight = weight
        self._older: dict[str, int] = {}

    def __missing__(self, token: str) -> int:
        value = self._older.get(token)
        if value is None:
            value = _weigh_token(token, self._weight)
        if len(self) >= MAX_TABLE_WORDS:
            self._older = dict(self)
            self.clear()
        if len(token) <= MAX_TABLE_WORD_CHARS:
            self[token] = value
        return value


try:
    from newscrawl.languages.compiled_costs import pack_word, scale_costs
except ImportError:  # not compiled here
    pack_word, scale_costs = pack_word_in_python, scale_costs_in_python

SENTENCE, START = EvidenceTable(sentence_weight), EvidenceTable(start_weight)
TITLE, CAPITALS = EvidenceTable(title_weight), EvidenceTable(capitals_weight)


def lane(total: int, at: int) -> int:
    """A single number of a packed sum."""
    return (total >> (LANE * at)) & FULL
