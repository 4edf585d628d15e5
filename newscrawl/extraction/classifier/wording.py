"""What a block's own words tell: a row of numbers for each block."""

from __future__ import annotations

import math
import re
import tomllib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from newscrawl.extraction.blocks import RawBlock
from newscrawl.extraction.head import Head
from newscrawl.extraction.jsonld import text
from newscrawl.extraction.phrases import phrase_of

MAX_BODY_CHARS = 200_000
"Ten times a long story: blocks are looked for in it, each in all of it."
_WORDS = re.compile(r"\w+")
_ASCII_WORDS = bytes(ord(chr(at).lower()) if chr(at).isalnum() or at == ord("_") else 32 for at in range(128))
_ASCII_WORDS += bytes(128)
"Bytes of ASCII in lower case, spaces for what stands between words: several times faster than the pattern."
# Scripts that are written without spaces between words: each letter counts as a word.
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hints:
    title: frozenset[str] = frozenset()
    "Words of the declared title."
    description: frozenset[str] = frozenset()
    body: str = ""
    "Letters and digits of JSON-LD's articleBody, lower-case, without anything between them."


def hints_of(head: Head) -> Hints:
    """Title, description and articleBody as the page's meta tags and JSON-LD tell them."""
    body = (text(head.story.get("articleBody")) or "")[:MAX_BODY_CHARS]
    return Hints(
        title=frozenset(words_of(head.meta("og:title") or head.title or "")),
        description=frozenset(words_of(head.meta("og:description", "description") or "")),
        body="".join(_WORDS.findall(body.lower())),
    )


def words_of(text: str) -> list[str]:
    """Words, lower-case; in Chinese, Japanese, Korean and Thai each letter is one."""
    if text.isascii():
        return text.encode("ascii").translate(_ASCII_WORDS).decode("ascii").split()
    found = _WORDS.findall(text.lower())
    if not _UNSPACED.search(text):
        return found
    return [part for word in found for part in (word if _UNSPACED.search(word) else (word,))]


def unspaced_letters(text: str) -> int:
    """How many letters of scripts without spaces a text has."""
    return 0 if text.isascii() else len(_UNSPACED.findall(text))


_COUNTED = 2_000
"Words are counted in so many first characters."
_HASH_BITS = 16
_ALWAYS = 0
"Stands for signs of fewer than three letters, which are always looked for."
_SHORT = 400
"Longer blocks are not looked through for signs of chrome."
_NUMBERED = 120
"Digits are counted in so many first characters."
_TITLE_CHARS = 400
_LEDE_CHARS = 800
_UNSPACED_WEIGHT = 2.5
"So many letters say as much as one does in Chinese, Japanese, Korean or Thai."
_ENDS = frozenset(".!?…\"”»'’)。！？」』:")
_COMMON_LETTERS = re.compile("[\u3041-\u309f的是在了和有不这은는이가을를에의]")
_DATA = tomllib.loads(
    files("newscrawl.extraction.classifier").joinpath("words.toml").read_text(encoding="utf-8")
)
_COMMON = frozenset(_DATA["common"].split())
_SIGNS: dict[str, tuple[str, ...]] = {name: tuple(signs) for name, signs in _DATA["signs"].items()}
_BY = ("by ", "par ", "von ", "por ", "text:", "author")
_KINDS = ("li", "h", "caption", "quote", "table")
_KIND_BITS = {kind: tuple(kind == other for other in _KINDS) for kind in _KINDS}
_NO_KIND = (False,) * len(_KINDS)
_MEASURES = (
    "mass", "log_mass", "words", "common", "sentences", "commas", "digits", "ends", "capitals", "upper",
    "title_overlap", "title_share", "description", "seen", "in_body", "quoted", "linked", "strong", "links",
    "broken", "unspaced", "sentences_a_word", "commas_a_word", "letters_a_word", "divided", "copyright",
    "address", "labelled", "colon", "lower", "quotes", "hidden", "phrase", "phrase_edge", "phrase_list",
    "mark",
)  # fmt: skip
WORDING = (*_MEASURES, *(f"is_{kind}" for kind in _KINDS))
"Names of the columns of a block's own; those of `signs_in` follow them."
MASS, WORDS = WORDING.index("mass"), WORDING.index("words")


def wording(block: RawBlock, hints: Hints, *, seen: int, marked: bool) -> tuple[float, ...]:
    """The columns of `WORDING` for one block; `seen` is how often the same text came before."""
    text, size = block.text, len(block.text)
    start = text[:_SHORT]
    letters = unspaced_letters(start)
    unspaced = letters > 0.3 * len(start)
    words = words_of(text[:_COUNTED])
    count = max(1, len(words))
    mass = size * (_UNSPACED_WEIGHT if unspaced else 1.0)
    ascii_only = text.isascii()
    sentences = sum(map(text.count, ".!?" if ascii_only else ".!?…。"))
    commas = text.count(",") if ascii_only else sum(map(text.count, ",、，"))
    phrase = phrase_of(text) if size < _SHORT else None
    return (
        mass,
        math.log1p(mass),
        count,
        _commonness(start, words, unspaced=unspaced),
        sentences,
        commas,
        _digits(text[:_NUMBERED]) / min(size, _NUMBERED),
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
        *_KIND_BITS.get(block.kind, _NO_KIND),
    )


def _commonness(start: str, words: list[str], *, unspaced: bool) -> float:
    """Share of very common words: high in sentences, low in lists of names and labels."""
    if unspaced:
        return len(_COMMON_LETTERS.findall(start)) / len(start)
    return sum(map(_COMMON.__contains__, words)) / max(1, len(words))


def _digits(text: str) -> int:
    if not text.isascii():
        return sum(map(str.isdigit, text))
    return len(text) - len(text.encode("ascii").translate(None, b"0123456789"))


def _capitals(text: str) -> float:
    """Share of words that begin with a capital."""
    words = text.split(" ", 60)[:60]
    return sum([word[:1].isupper() for word in words]) / len(words)


def _likeness(words: list[str], size: int, hints: Hints) -> tuple[float, float, float]:
    """To the title: Jaccard, and share of the block's words; to the description: share of its words."""
    if size >= _LEDE_CHARS:
        return 0.0, 0.0, 0.0
    own = frozenset(words[:60])
    both = len(hints.title & own)
    shared = both if size < _TITLE_CHARS else 0
    title = shared / (len(hints.title) + len(own) - both or 1)
    return title, shared / (len(own) or 1), len(hints.description & own) / (len(hints.description) or 1)


def _in_body(words: list[str], size: int, body: str) -> float:
    """Whether the declared body has it: 1 or 0, 0.5 when too short to tell, -1 when none is declared."""
    if not body:
        return -1.0
    return 0.5 if size <= 15 else float("".join(words)[:60] in body)


def signs_in(blocks: Sequence[RawBlock]) -> npt.NDArray[np.bool_]:
    """For each block which families of signs it holds, and last whether it begins as bylines do."""
    texts = [block.text.lower() if len(block.text) < _SHORT else "" for block in blocks]
    return np.column_stack([_families_in(texts), [text.startswith(_BY) for text in texts]])


def _families_in(texts: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which families have a sign in each text; all texts are searched as one: few signs are on a page."""
    whole = "\n".join(texts)  # no sign holds a line feed
    ends = list(accumulate(len(text) + 1 for text in texts))
    found = np.zeros((len(texts), len(_SIGNS)), np.bool_)
    for which in _perhaps_in(whole):
        column, sign = _ALL_SIGNS[which]
        at = whole.find(sign)
        while at >= 0:
            row = bisect_right(ends, at)
            found[row, column] = True
            at = whole.find(sign, ends[row])
    return found


def _perhaps_in(text: str) -> list[int]:
    """Indexes of the signs all of whose threes of letters are in a text: a few more than it holds."""
    table = np.zeros(1 << _HASH_BITS, np.bool_)
    table[_hashes(text)] = True
    table[_ALWAYS] = True
    perhaps = np.logical_and.reduceat(table[_SIGN_HASHES], _SIGN_STARTS)
    return [int(which) for which in np.flatnonzero(perhaps)]


def _hashes(text: str) -> npt.NDArray[np.uint32]:
    """A number for each three letters in a row."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    mixed = codes[:-2] * np.uint32(961) + codes[1:-1] * np.uint32(31) + codes[2:]
    return mixed & np.uint32((1 << _HASH_BITS) - 1)


_ALL_SIGNS = tuple((column, sign) for column, signs in enumerate(_SIGNS.values()) for sign in signs)
_HASHED = [_hashes(sign).tolist() or [_ALWAYS] for _, sign in _ALL_SIGNS]
_SIGN_HASHES = np.array([one for hashes in _HASHED for one in hashes])
_SIGN_STARTS = np.array([0, *accumulate(map(len, _HASHED))][:-1])
"Where each sign's begin among them."
