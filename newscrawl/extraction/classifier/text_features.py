"""Features of a block's own text, and hints about the story in the page's metadata."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, count

import numpy as np
import numpy.typing as npt

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.classifier.outline import Indexes, Row
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
_OPENING = frozenset("\"“«„‘'-–—")
_FIRST_WORDS = 60
"Capitals are counted in so many words, and so many are compared with the title."
_UPPER, _NOT_UPPER, _DIGIT, _LETTER, _UNSPACED_LETTER, _SENTENCE_END, _COMMA, _SPACE = (
    1 << at for at in range(8)
)
_DIVIDER, _COPYRIGHT, _AT_SIGN, _QUOTE, _GUILLEMET = (1 << at for at in range(8, 13))
"Marks of characters."
_MARKED_CHARS = {
    _SENTENCE_END: ".!?…。", _COMMA: ",、，", _SPACE: " ", _DIVIDER: "|›", _COPYRIGHT: "©", _AT_SIGN: "@",
    _QUOTE: "”»\"", _GUILLEMET: "»", _LETTER: "_",
}  # fmt: skip
_MARKS_END = 0x4_0000
"Unicode has no letters, digits or signs of interest from here on."
_KINDS = ("li", "h", "caption", "quote", "table")
_KIND_BITS = {kind: tuple(kind == other for other in _KINDS) for kind in _KINDS}
_NO_KIND = (False,) * len(_KINDS)
_NO_OVERLAP = (0.0, 0.0, 0.0)
_MEASURES = (
    "mass", "log_mass", "words", "common", "sentences", "commas", "digits", "ends", "capitals", "upper",
    "title_overlap", "title_share", "description", "seen", "in_body", "quoted", "linked", "strong", "links",
    "broken", "unspaced", "sentences_a_word", "commas_a_word", "letters_a_word", "divided", "copyright",
    "address", "labelled", "colon", "lower", "quotes", "hidden", "phrase", "phrase_edge", "phrase_list",
    "mark",
)  # fmt: skip
TEXT_COLUMNS = (*_MEASURES, *(f"is_{kind}" for kind in _KINDS))
"Names of the columns of `text_columns`; those of `find_signs` follow."
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


def text_columns(blocks: Sequence[TextBlock], hints: PageHints, chrome: Collection[int]) -> Row:
    """`TEXT_COLUMNS` of at least one block; `chrome` has the indexes of frames that rules call chrome."""
    texts = [block.text for block in blocks]
    page, words = _PageText(texts), _split_all([text[:_MAX_WORD_CHARS] for text in texts])
    size = page.sizes
    unspaced = page.count(_UNSPACED_LETTER, _MAX_SIGN_CHARS) > 0.3 * np.minimum(size, _MAX_SIGN_CHARS)
    number = np.maximum(1, list(map(len, words)))
    mass = size * np.where(unspaced, _UNSPACED_WEIGHT, 1.0)
    sentences, commas = page.count(_SENTENCE_END), page.count(_COMMA)
    last = [text[-1] for text in texts]
    phrases = [find_listed_phrase(text) if len(text) < _MAX_SIGN_CHARS else None for text in texts]
    columns: list[npt.ArrayLike] = [
        mass,
        [math.log1p(value) for value in mass.tolist()],
        number,
        list(map(_commonness, texts, words, unspaced.tolist())),
        sentences,
        commas,
        page.count(_DIGIT, _MAX_DIGIT_CHARS) / np.minimum(size, _MAX_DIGIT_CHARS),
        [char in _SENTENCE_ENDS for char in last],
        page.capitals(),
        page.has(_UPPER) & ~page.has(_NOT_UPPER),
        np.array(_title_overlaps(words, texts, hints)),
        _count_repeats(texts),
        _body_memberships(words, texts, hints.body),
        [text[0] in _OPENING for text in texts],
        np.minimum(1.0, np.array([block.linked_chars for block in blocks]) / size),
        np.minimum(1.0, np.array([block.bold_chars for block in blocks]) / size),
        [block.link_count for block in blocks],
        [block.after_line_break for block in blocks],
        unspaced,
        sentences / number,
        commas / number,
        size / number,
        page.has(_DIVIDER) | (page.count(_GUILLEMET) > [char == "»" for char in last]),
        page.has(_COPYRIGHT),
        page.has(_AT_SIGN) | ["http" in text for text in texts],
        [":" in text[:30] for text in texts],
        [char == ":" for char in last],
        [text[0].islower() for text in texts],
        page.has(_QUOTE),
        [block.hidden for block in blocks],
        [phrase is not None for phrase in phrases],
        [phrase is not None and phrase.edge_only for phrase in phrases],
        [phrase is not None and phrase.opens_list for phrase in phrases],
        [block.frame.index in chrome for block in blocks],
        np.array([_KIND_BITS.get(block.kind, _NO_KIND) for block in blocks]),
    ]
    return np.column_stack(columns).astype(np.float64)


class _PageText:
    """The texts of blocks as one array of characters: a page is searched once, not each of its blocks."""

    def __init__(self, texts: Sequence[str]) -> None:
        codes = _read_codes("".join(texts))
        self._marks = _character_marks().take(codes, mode="clip")
        self.sizes: Indexes = np.array(list(map(len, texts)), np.intp)
        self._starts = np.cumsum(self.sizes) - self.sizes
        self._places = np.arange(len(codes)) - np.repeat(self._starts, self.sizes)
        "The place of each character in its text."

    def count(self, mark: int, limit: int | None = None) -> Indexes:
        """For each text the characters with a mark, among the first `limit`."""
        marked = (self._marks & mark) != 0
        if limit is not None:
            marked &= self._places < limit
        return np.add.reduceat(marked, self._starts, dtype=np.intp)

    def has(self, mark: int) -> npt.NDArray[np.bool_]:
        """For each text whether it has a character with any of these marks."""
        return np.logical_or.reduceat((self._marks & mark) != 0, self._starts)

    def capitals(self) -> Row:
        """Share of capitalised words among each text's first; spaces divide words, which may be empty."""
        begins = np.ones(len(self._marks), np.bool_)
        begins[1:] = (self._marks[:-1] & _SPACE) != 0
        begins[self._starts] = True
        places = np.flatnonzero(begins)
        text = np.searchsorted(self._starts, places, side="right") - 1
        number = np.arange(len(places)) - np.searchsorted(places, self._starts)[text]
        is_capital = ((self._marks[places] & _UPPER) != 0) & (number < _FIRST_WORDS)
        words = np.minimum(self.count(_SPACE) + 1, _FIRST_WORDS)
        return np.asarray(np.bincount(text, is_capital, len(words)) / words)


@cache
def _character_marks() -> npt.NDArray[np.uint16]:
    """The marks of each character up to `_MARKS_END`, and of all that follow as its last entry."""
    codes = np.arange(_MARKS_END, dtype=np.uint32)
    chars, marks = codes.view("<U1"), np.zeros(_MARKS_END, np.uint16)
    is_upper = np.strings.isupper(chars)
    for mark, has_it in (
        (_UPPER, is_upper),
        (_NOT_UPPER, np.strings.islower(chars) | (np.strings.istitle(chars) & ~is_upper)),
        (_DIGIT, np.strings.isdigit(chars)),
        (_LETTER, np.strings.isalnum(chars)),
    ):
        marks[has_it] |= mark
    unspaced = _UNSPACED.findall(codes.tobytes().decode("utf-32-le", "surrogatepass"))
    for mark, marked in (*_MARKED_CHARS.items(), (_UNSPACED_LETTER, unspaced)):
        marks[list(map(ord, marked))] |= mark
    return marks


def _read_codes(text: str) -> npt.NDArray[np.uint32]:
    """The code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _split_all(texts: Sequence[str]) -> list[list[str]]:
    """`split_words` of each text; the words of all are found at once."""
    lowered = [text.lower() for text in texts]
    codes = _read_codes("\n".join(lowered))
    marks = _character_marks().take(codes, mode="clip")
    spaced = np.where((marks & _LETTER) != 0, codes, np.uint32(ord(" ")))
    spaced[np.cumsum([len(text) + 1 for text in lowered])[:-1] - 1] = ord("\n")
    lines = spaced.tobytes().decode("utf-32-le", "surrogatepass").split("\n")
    return [
        line.split() if text.isascii() or not _UNSPACED.search(text) else split_words(text)
        for text, line in zip(texts, lines, strict=True)
    ]


def _count_repeats(texts: Sequence[str]) -> list[int]:
    """For each text how often it came before."""
    numbers = {text: count() for text in texts}
    return [next(numbers[text]) for text in texts]


def _commonness(text: str, words: list[str], unspaced: bool) -> float:
    """Share of very common words: high in sentences, low in lists of names and labels."""
    if unspaced:
        start = text[:_MAX_SIGN_CHARS]
        return len(_COMMON_LETTERS.findall(start)) / len(start)
    return sum(map(_COMMON.__contains__, words)) / max(1, len(words))


def _title_overlaps(
    words: Sequence[list[str]], texts: Sequence[str], hints: PageHints
) -> list[tuple[float, float, float]]:
    """`_title_overlap` of each text; most share no word with title or description."""
    hinted = hints.title | hints.description
    return [
        _NO_OVERLAP if hinted.isdisjoint(own) else _title_overlap(own, len(text), hints)
        for own, text in zip(words, texts, strict=True)
    ]


def _title_overlap(words: list[str], size: int, hints: PageHints) -> tuple[float, float, float]:
    """Overlap with the title (Jaccard, share of the block's words) and with the description (its share)."""
    if size >= _LEDE_CHARS:
        return _NO_OVERLAP
    first = words[:_FIRST_WORDS]
    common = len(hints.title.intersection(first))
    described = len(hints.description.intersection(first)) / (len(hints.description) or 1)
    if not common or size >= _TITLE_CHARS:
        return 0.0, 0.0, described
    own = len(set(first))
    return common / (len(hints.title) + own - common), common / own, described


def _body_memberships(words: Sequence[list[str]], texts: Sequence[str], body: str) -> list[float]:
    """Whether the declared body has each text: 1 or 0; 0.5 if it is too short, -1 if no body is declared."""
    if not body:
        return [-1.0] * len(texts)
    return [
        0.5 if len(text) <= 15 else float("".join(own[:_FIRST_WORDS])[:60] in body)
        for own, text in zip(words, texts, strict=True)
    ]


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
    codes = _read_codes(text)
    mixed = codes[:-2] * np.uint32(961) + codes[1:-1] * np.uint32(31) + codes[2:]
    return mixed & np.uint32((1 << _HASH_BITS) - 1)


_ALL_SIGNS = tuple((column, sign) for column, signs in enumerate(_SIGNS.values()) for sign in signs)
_SIGN_TRIGRAMS = [_trigram_hashes(sign).tolist() or [_SHORT_SIGN] for _, sign in _ALL_SIGNS]
_SIGN_HASHES = np.array([code for hashes in _SIGN_TRIGRAMS for code in hashes])
_SIGN_STARTS = np.array([0, *accumulate(map(len, _SIGN_TRIGRAMS))][:-1])
"Index of the first hash of each sign."
