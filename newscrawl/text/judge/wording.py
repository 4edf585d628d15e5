"""What a block's own words tell: a row of numbers for each block."""

from __future__ import annotations

import math
import re
import tomllib
from importlib.resources import files

from newscrawl.text.blocks import RawBlock
from newscrawl.text.judge.hints import Hints, unspaced_letters, words_of
from newscrawl.text.phrases import phrase_of

_COUNTED = 2_000
"Words are counted in so many first characters."
_SHORT = 400
"Longer blocks are not looked through for signs of chrome."
_TITLE_CHARS = 400
_LEDE_CHARS = 800
_UNSPACED_WEIGHT = 2.5
"So many letters say as much as one does in Chinese, Japanese, Korean or Thai."
_ENDS = frozenset(".!?…\"”»'’)。！？」』:")
_COMMON_LETTERS = re.compile("[\u3041-\u309f的是在了和有不这은는이가을를에의]")
_DATA = tomllib.loads(files("newscrawl.text.judge").joinpath("words.toml").read_text(encoding="utf-8"))
_COMMON = frozenset(_DATA["common"].split())
# Looked for one by one in the lower-case text: no pattern is as quick, and every block is looked through.
_SIGNS: dict[str, tuple[str, ...]] = {name: tuple(signs) for name, signs in _DATA["signs"].items()}
_BY = ("by ", "par ", "von ", "por ", "text:", "author")
_KINDS = ("li", "h", "caption", "quote", "table")
_MEASURES = (
    "mass", "log_mass", "words", "common", "sentences", "commas", "digits", "ends", "capitals", "upper",
    "title_overlap", "title_share", "description", "seen", "in_body", "quoted", "linked", "strong", "links",
    "broken", "unspaced", "sentences_a_word", "commas_a_word", "letters_a_word", "divided", "copyright",
    "address", "labelled", "colon", "lower", "quotes", "hidden", "phrase", "phrase_edge", "phrase_list",
    "mark",
)  # fmt: skip
WORDING = (*_MEASURES, *(f"is_{kind}" for kind in _KINDS), *(f"sign_{name}" for name in _SIGNS), "starts_by")
"Names of the columns."


def wording(block: RawBlock, hints: Hints, *, seen: int, marked: bool) -> tuple[float, ...]:
    """The columns of `WORDING` for one block; `seen` is how often the same text came before."""
    text, size = block.text, len(block.text)
    start = text[:_SHORT]
    letters = unspaced_letters(start)
    unspaced = letters > 0.3 * len(start)
    words = words_of(text[:_COUNTED])
    count = max(1, len(words))
    mass = size * (_UNSPACED_WEIGHT if unspaced else 1.0)
    sentences = sum(map(text.count, ".!?…。"))
    commas = sum(map(text.count, ",、，"))
    phrase = phrase_of(text) if size < _SHORT else None
    return (
        mass,
        math.log1p(mass),
        count,
        _commonness(start, words, unspaced=unspaced),
        sentences,
        commas,
        sum(map(str.isdigit, text[:120])) / min(size, 120),
        text[-1] in _ENDS,
        _capitals(text),
        text.isupper(),
        *_likeness(words, size, hints),
        seen,
        _in_body(words, size, hints.body),
        text[0] in "\"“«„‘'-–—",
        min(1.0, block.linked / size),
        min(1.0, block.strong / size),
        block.links,
        block.broken,
        unspaced,
        sentences / count,
        commas / count,
        size / count,
        "|" in text or "›" in text or "»" in text[:-1],
        "©" in text,
        "@" in text or "http" in text,
        ":" in text[:30],
        text[-1] == ":",
        text[0].islower(),
        "”" in text or "»" in text or '"' in text,
        block.hidden,
        phrase is not None,
        phrase is not None and phrase.edge,
        phrase is not None and phrase.heads_list,
        marked,
        *(block.kind == kind for kind in _KINDS),
        *_signs(text if size < _SHORT else ""),
    )


def _commonness(start: str, words: list[str], *, unspaced: bool) -> float:
    """Share of very common words: high in sentences, low in lists of names and labels."""
    if unspaced:
        return len(_COMMON_LETTERS.findall(start)) / len(start)
    return sum(map(_COMMON.__contains__, words)) / max(1, len(words))


def _capitals(text: str) -> float:
    """Share of words that begin with a capital."""
    words = text.split(" ", 60)[:60]
    return sum(word[:1].isupper() for word in words) / len(words)


def _likeness(words: list[str], size: int, hints: Hints) -> tuple[float, float, float]:
    """To the title: Jaccard, and share of the block's words; to the description: share of its words."""
    if size >= _LEDE_CHARS:
        return 0.0, 0.0, 0.0
    own = frozenset(words[:60])
    shared = len(hints.title & own) if size < _TITLE_CHARS else 0
    title = shared / (len(hints.title | own) or 1)
    return title, shared / (len(own) or 1), len(hints.description & own) / (len(hints.description) or 1)


def _in_body(words: list[str], size: int, body: str) -> float:
    """Whether the declared body has it: 1 or 0, 0.5 when too short to tell, -1 when none is declared."""
    if not body:
        return -1.0
    return 0.5 if size <= 15 else float("".join(words)[:60] in body)


def _signs(text: str) -> list[bool]:
    low = text.lower()
    found = [any(map(low.__contains__, signs)) for signs in _SIGNS.values()]
    return [*found, low.startswith(_BY)]
