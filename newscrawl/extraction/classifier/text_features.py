"""Features of a block's own text, and hints about the story in the page's metadata."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import first_text
from newscrawl.extraction.phrases import find_listed_phrase
from newscrawl.package_data import read_package_toml

MAX_BODY_CHARS = 200_000
"Ten times a long story; every block is searched for in the whole body."
_WORDS = re.compile(r"\w+")
_ASCII_WORDS = bytes(ord(chr(at).lower()) if chr(at).isalnum() or at == ord("_") else 32 for at in range(128))
_ASCII_WORDS += bytes(128)
"ASCII in lower case, with spaces between words: several times faster than the pattern."
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"Letters of scripts without spaces between words; each counts as a word."
_MAX_WORD_CHARS = 2_000
"Words are counted in this many characters."
_HASH_BITS = 16
_SHORT_SIGN = 0
"Stands for signs of fewer than three letters, which are always searched for."
_MAX_SIGN_CHARS = 400
"Longer blocks are not searched for signs of chrome."
_MAX_DIGIT_CHARS = 120
"Digits are counted in this many characters."
_TITLE_CHARS = 400
_LEDE_CHARS = 800
_UNSPACED_WEIGHT = 2.5
"A letter in Chinese, Japanese, Korean or Thai says as much as this many Latin letters."
_SENTENCE_ENDS = frozenset(".!?…\"”»'’)。！？」』:")
_COMMON_LETTERS = re.compile("[\u3041-\u309f的是在了和有不这은는이가을를에의]")
_DATA = read_package_toml("newscrawl.extraction.classifier", "words.toml")
_COMMON = frozenset(_DATA["common"].split())
_SIGNS: dict[str, tuple[str, ...]] = {name: tuple(signs) for name, signs in _DATA["signs"].items()}
SIGN_COLUMNS = len(_SIGNS) + 1
"Columns of `find_signs`."
_BYLINE_STARTS = ("by ", "par ", "von ", "por ", "text:", "author")
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
TEXT_COLUMNS = (*_MEASURES, *(f"is_{kind}" for kind in _KINDS))
"Names of the columns of `text_features`; those of `find_signs` follow."
MASS, WORDS = TEXT_COLUMNS.index("mass"), TEXT_COLUMNS.index("words")


@dataclass(frozen=True, kw_only=True, slots=True)
class PageHints:
    """What the metadata of a page say about its story."""

    title: frozenset[str] = frozenset()
    "Words of the declared title."
    description: frozenset[str] = frozenset()
    body: str = ""
    "Letters and digits of JSON-LD's articleBody, in lower case, without spaces or punctuation."


def read_page_hints(head: PageHead) -> PageHints:
    """Read title, description and articleBody from meta tags and JSON-LD."""
    body = (first_text(head.story_node.get("articleBody")) or "")[:MAX_BODY_CHARS]
    return PageHints(
        title=frozenset(split_words(head.meta("og:title") or head.title or "")),
        description=frozenset(split_words(head.meta("og:description", "description") or "")),
        body="".join(_WORDS.findall(body.lower())),
    )


def split_words(text: str) -> list[str]:
    """Split a text into words in lower case; in Chinese, Japanese, Korean and Thai each letter is a word."""
    if text.isascii():
        return text.encode("ascii").translate(_ASCII_WORDS).decode("ascii").split()
    words = _WORDS.findall(text.lower())
    if not _UNSPACED.search(text):
        return words
    return [part for word in words for part in (word if _UNSPACED.search(word) else (word,))]


def unspaced_letters(text: str) -> int:
    """Count the letters of scripts without spaces."""
    return 0 if text.isascii() else len(_UNSPACED.findall(text))


def text_features(block: TextBlock, hints: PageHints, *, repeats: int, is_chrome: bool) -> tuple[float, ...]:
    """The values of `TEXT_COLUMNS` for a block; `repeats` is how often the same text came before."""
    text, size = block.text, len(block.text)
    start = text[:_MAX_SIGN_CHARS]
    letters = unspaced_letters(start)
    unspaced = letters > 0.3 * len(start)
    words = split_words(text[:_MAX_WORD_CHARS])
    count = max(1, len(words))
    mass = size * (_UNSPACED_WEIGHT if unspaced else 1.0)
    ascii_only = text.isascii()
    sentences = sum(map(text.count, ".!?" if ascii_only else ".!?…。"))
    commas = text.count(",") if ascii_only else sum(map(text.count, ",、，"))
    phrase = find_listed_phrase(text) if size < _MAX_SIGN_CHARS else None
    return (
        mass,
        math.log1p(mass),
        count,
        _commonness(start, words, unspaced=unspaced),
        sentences,
        commas,
        _digits(text[:_MAX_DIGIT_CHARS]) / min(size, _MAX_DIGIT_CHARS),
        text[-1] in _SENTENCE_ENDS,
        _capitals(text),
        text.isupper(),
        *_title_overlap(words, size, hints),
        repeats,
        _body_membership(words, size, hints.body),
        text[0] in "\"“«„‘'-–—",
        min(1.0, block.linked_chars / size),
        min(1.0, block.bold_chars / size),
        block.link_count,
        block.after_line_break,
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
        phrase is not None and phrase.edge_only,
        phrase is not None and phrase.opens_list,
        is_chrome,
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
    """Share of capitalised words."""
    words = text.split(" ", 60)[:60]
    return sum([word[:1].isupper() for word in words]) / len(words)


def _title_overlap(words: list[str], size: int, hints: PageHints) -> tuple[float, float, float]:
    """Overlap with the title (Jaccard, share of the block's words) and with the description (its share)."""
    if size >= _LEDE_CHARS:
        return 0.0, 0.0, 0.0
    own = frozenset(words[:60])
    common = len(hints.title & own)
    shared = common if size < _TITLE_CHARS else 0
    jaccard = shared / (len(hints.title) + len(own) - common or 1)
    return jaccard, shared / (len(own) or 1), len(hints.description & own) / (len(hints.description) or 1)


def _body_membership(words: list[str], size: int, body: str) -> float:
    """Whether the declared body has the block: 1 or 0; 0.5 if it is too short, -1 if no body is declared."""
    if not body:
        return -1.0
    return 0.5 if size <= 15 else float("".join(words[:60])[:60] in body)


def find_signs(blocks: Sequence[TextBlock]) -> npt.NDArray[np.bool_]:
    """For each block, which families of signs it has, and last whether it begins like a byline."""
    texts = [block.text.lower() if len(block.text) < _MAX_SIGN_CHARS else "" for block in blocks]
    return np.column_stack([_find_sign_families(texts), [text.startswith(_BYLINE_STARTS) for text in texts]])


def _find_sign_families(texts: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which families have a sign in each text; texts are searched at once, since a page has few signs."""
    whole = "\n".join(texts)  # no sign has a line feed in it
    ends = list(accumulate(len(text) + 1 for text in texts))
    families = np.zeros((len(texts), len(_SIGNS)), np.bool_)
    for index in _possible_signs(whole):
        column, sign = _ALL_SIGNS[index]
        at = whole.find(sign)
        while at >= 0:
            row = bisect_right(ends, at)
            families[row, column] = True
            at = whole.find(sign, ends[row])
    return families


def _possible_signs(text: str) -> list[int]:
    """Indexes of the signs whose trigrams are all in a text: a few more than it contains."""
    table = np.zeros(1 << _HASH_BITS, np.bool_)
    table[_trigram_hashes(text)] = True
    table[_SHORT_SIGN] = True
    return np.flatnonzero(np.logical_and.reduceat(table[_SIGN_HASHES], _SIGN_STARTS)).tolist()


def _trigram_hashes(text: str) -> npt.NDArray[np.uint32]:
    """A hash of each trigram."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    mixed = codes[:-2] * np.uint32(961) + codes[1:-1] * np.uint32(31) + codes[2:]
    return mixed & np.uint32((1 << _HASH_BITS) - 1)


_ALL_SIGNS = tuple((column, sign) for column, signs in enumerate(_SIGNS.values()) for sign in signs)
_SIGN_TRIGRAMS = [_trigram_hashes(sign).tolist() or [_SHORT_SIGN] for _, sign in _ALL_SIGNS]
_SIGN_HASHES = np.array([code for hashes in _SIGN_TRIGRAMS for code in hashes])
_SIGN_STARTS = np.array([0, *accumulate(map(len, _SIGN_TRIGRAMS))][:-1])
"Index of the first hash of each sign."
