"""Which language a text is in, by block and as a whole: n-gram profiles scored exactly, without chance."""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

from newscrawl.parts import LangShare

DATA = "words.toml"
LATIN = ("fr", "en", "es", "de", "pt", "it", "nl", "ro", "ca", "sw", "so", "tr", "pl", "sv", "id", "tl")
"Languages told apart by their letters' neighbours; others are told by their script."
MIXED_SHARE = 0.10
"French and English both from here on make a text mixed."
OTHER_SHARE = 0.50
MIN_LETTERS = 80
"Fewer labelled letters, and less than half of all, say nothing of a document."
MAX_CHARS = 60_000
"Of one text; more does not change the answer."
_SMOOTHING = 0.5 / 10_000
_SCALE = 0.30
_FLOOR = -3.5
"The most one word may speak against a language."
_FUNCTION_BONUS = 2.6
_NAME_WEIGHT = 0.35
_ACRONYM_WEIGHT = 0.1
_HOME_PRIOR = 3.5
"French and English are what these outlets write; another language needs so much more."
_CONTEXT_PRIOR = 1.5
"What the rest of the document adds for its own language: it decides short lines only."
_SHOUTING = 0.6
_NAME_MARGIN = 1.2
_WORD = re.compile(r"[^\W\d_]+(?:['’.-][^\W\d_]+){0,6}")
_ELIDED = re.compile(r"^(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu)['’](?=\w)", re.IGNORECASE)
_ADDRESS = re.compile(r"https?:|www\.|@\w+\.")
_SCRIPTS = tuple(
    (re.compile(f"[{letters}]"), code)
    for letters, code in (
        ("\u3040-\u30ff", "ja"), ("\u4e00-\u9fff", "zh"), ("\uac00-\ud7af", "ko"),
        ("\u0600-\u06ff\u0750-\u077f", "ar"),
        ("\u0400-\u04ff", "ru"), ("\u0370-\u03ff", "el"), ("\u0590-\u05ff", "he"), ("\u0e00-\u0e7f", "th"),
        ("\u0900-\u097f", "hi"),
        ("\u1200-\u137f", "am"), ("\u0980-\u09ff", "bn"), ("\u0b80-\u0bff", "ta"), ("\u10a0-\u10ff", "ka"),
        ("\u0530-\u058f", "hy"),
    )
)  # fmt: skip
_NOT_LATIN = re.compile("[\u0370-\u1cff\u3040-\ud7af]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Languages:
    """The languages of a text."""

    blocks: list[str | None]
    "Of each block, in order; None where nothing in it has a language."
    label: str
    "`mixed`, `other`, `und` or a language's code."
    score: float
    "Share of the labelled letters that stand behind the label."
    mix: list[LangShare]


def languages_of(texts: Sequence[str]) -> Languages:
    """Languages of the blocks and of the whole, whose main language helps to read its short lines."""
    texts = [text[:MAX_CHARS] for text in texts]
    first = [_language(text, None) for text in texts]
    main = _counted(texts, first).most_common(1)
    context = main[0][0] if main else None
    blocks = [_language(text, context) for text in texts] if len(texts) > 1 else first
    letters = _counted(texts, blocks)
    everything = sum(map(_letters, texts))
    label, score = _label(letters, everything)
    return Languages(blocks=blocks, label=label, score=round(score, 4), mix=_mix(letters))


def _counted(texts: Iterable[str], labels: Iterable[str | None]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for text, label in zip(texts, labels, strict=True):
        if label is not None:
            counted[label] += _letters(text)
    return counted


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _mix(letters: Counter[str]) -> list[LangShare]:
    """Shares, largest first, rounded so that they sum to one."""
    total = letters.total()
    ranked = sorted(
        ((count, code) for code, count in letters.items() if count), key=lambda pair: (-pair[0], pair[1])
    )
    shares = [round(count / total, 4) for count, _ in ranked]
    if shares:
        shares[0] = round(1 - sum(shares[1:]), 4)
    return [
        LangShare(lang=code, share=share, chars=count)
        for (count, code), share in zip(ranked, shares, strict=True)
    ]


def _label(letters: Counter[str], everything: int) -> tuple[str, float]:
    total = letters.total()
    if total == 0 or (total < MIN_LETTERS and total * 2 < everything):
        return "und", 0.0
    french, english = letters["fr"] / total, letters["en"] / total
    if french >= MIXED_SHARE and english >= MIXED_SHARE:
        return "mixed", french + english
    if 1 - french - english >= OTHER_SHARE:
        return "other", 1 - french - english
    return ("fr", french) if french > english else ("en", english)


def is_mixed(mix: Iterable[LangShare]) -> bool:
    """French and English each hold at least a tenth of the labelled letters."""
    shares = {part.lang: part.share for part in mix}
    return min(shares.get("fr", 0.0), shares.get("en", 0.0)) >= MIXED_SHARE


def _language(text: str, context: str | None) -> str | None:
    words = [_ELIDED.sub("", word) for word in _WORD.findall(text)]
    words = [word for word in words if len(word) > 1]
    if not words or (_ADDRESS.search(text) and len(words) < 7):
        return None
    if script := _script(words):
        return script
    shouting = sum(map(str.isupper, text)) > _SHOUTING * _letters(text)
    if _only_names(words, shouting=shouting):
        return None
    totals = _totals(words, shouting=shouting)
    ranked = [total + _prior(code, context) for total, code in zip(totals, LATIN, strict=True)]
    return LATIN[max(range(len(LATIN)), key=ranked.__getitem__)]


def _prior(code: str, context: str | None) -> float:
    return (_HOME_PRIOR if code in {"fr", "en"} else 0.0) + (_CONTEXT_PRIOR if code == context else 0.0)


def _script(words: list[str]) -> str | None:
    """The language of a script other than Latin, where most letters are in it."""
    joined = "".join(words)
    if not _NOT_LATIN.search(joined):
        return None
    counts = [(len(pattern.findall(joined)), code) for pattern, code in _SCRIPTS]
    kana = counts[0][0]
    if kana and kana * 10 > counts[1][0]:
        return "ja" if (kana + counts[1][0]) * 2 > len(joined) else None
    most, code = max(counts, key=lambda pair: pair[0])
    return code if most * 2 > len(joined) else None


def _only_names(words: list[str], *, shouting: bool) -> bool:
    """Capitalised words without a function word among them: names, unless clearly French or English."""
    if len(words) > 8 or (shouting and len(words) > 4) or not all(word[0].isupper() for word in words):
        return False
    lower = [word.lower() for word in words]
    if any(word in _function_words() for word in lower):
        return False
    totals = [sum(column) for column in zip(*map(_word, lower), strict=True)]
    best, second = sorted(totals, reverse=True)[:2]
    return best not in totals[:2] or best - second < _NAME_MARGIN * len(words)


def _totals(words: list[str], *, shouting: bool) -> list[float]:
    totals = [0.0] * len(LATIN)
    for at, word in enumerate(words):
        scores = _word(word.lower())
        weight = 1.0 if shouting else _weight(word, at)
        for index, score in enumerate(scores):
            totals[index] += score * weight
    return totals


def _weight(word: str, at: int) -> float:
    if word.lower() in _function_words():
        return 1.0
    if word.isupper():
        return _ACRONYM_WEIGHT
    return _NAME_WEIGHT if at and word[0].isupper() else 1.0


@lru_cache(maxsize=50_000)
def _word(word: str) -> tuple[float, ...]:
    """How much a word speaks for each language, relative to the best of them."""
    grams, totals = _grams(), [0.0] * len(LATIN)
    padded = f" {word[:40]} "
    for size in (1, 2, 3):
        for at in range(len(padded) - size + 1):
            if found := grams.get(padded[at : at + size]):
                totals = [total + part for total, part in zip(totals, found, strict=True)]
    best = max(totals)
    scores = [max((total - best) * _SCALE, _FLOOR) for total in totals]
    if (language := _function_words().get(word)) is not None:
        scores[LATIN.index(language)] += _FUNCTION_BONUS
    return tuple(scores)


@cache
def _function_words() -> dict[str, str]:
    """Function words, each with its language."""
    lists = tomllib.loads(files("newscrawl.text").joinpath(DATA).read_text(encoding="utf-8"))
    return {word: language for language, words in lists.items() for word in words.split()}


@cache
def _grams() -> dict[str, tuple[float, ...]]:
    """Logarithms of probabilities by n-gram, in the order of LATIN, from the profiles langdetect ships."""
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()  # our own: the library's global one must stay untouched
    factory.load_json_profile(
        [(Path(PROFILES_DIRECTORY) / code).read_text(encoding="utf-8") for code in LATIN]
    )
    order = [factory.langlist.index(code) for code in LATIN]
    return {
        gram: tuple(math.log(chances[index] + _SMOOTHING) for index in order)
        for gram, chances in factory.word_lang_prob_map.items()
        if gram.strip() and len(gram) <= 3
    }
