"""Text -> lines -> stretches between punctuation, each with the evidence of its words summed up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import normalize

from newscrawl.text.language.evidence import (
    CAPITALISED,
    CAPITALS,
    LETTERS,
    SENTENCE,
    START,
    TITLE,
    UPPER,
    WORD,
    WORDS,
    Table,
    lane,
)
from newscrawl.text.language.lexicon import lexicon
from newscrawl.text.language.scripts import has_scripts, script_runs

INSIDE, ASIDE, SENTENCE_END, NEW_LINE = 700, 350, 450, 140
"What a change of language costs: within a clause, at quotes and commas, after a sentence, on a new line."
LONGEST_LINE = 1_000_000
"Characters read of a line; the rest is taken for the same."
SHORT_LINE = 120
"Characters of a line that is remembered."
SHOUTING = 60
"Percent of capital letters from which they mean nothing."
LONGEST_MENU = 60
"Words of a menu of languages."
TITLED = 75
"Percent of capitalised words from which a line is a title."
_STRETCH = re.compile(r"[^.!?…;:,«»“”\"()\[\]/|—–]+")
_SENTENCE_MARKS = frozenset(".!?…;")
_ASIDE_MARKS = frozenset('«»“”"()[]/|—–:,')
_ADDRESS = re.compile(
    r"(?:https?://|www\.)\S{1,2000}|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{1,190}|[#@]\w{1,100}"
)
_MARKED = re.compile(r"[^\W\d_][\u0300-\u036f]{1,20}")
_BEYOND_LATIN = re.compile("[\u0300-\u1fff\u2c00-\U0010ffff]")
_ADDRESS_SIGNS = ("@", "#", "://", "www.")


@dataclass(slots=True)
class Stretch:
    """Words without a mark between them."""

    start: int
    end: int
    turn: int
    "What a change of language before it costs."
    words: list[str]
    code: str | None
    "The language, where something else than words decides it."
    total: int = 0


@dataclass(slots=True)
class Line:
    """A line that holds anything."""

    start: int
    end: int
    text: str
    "As it is read: addresses are blanks."
    words: list[str]
    total: int
    table: Table
    decided: bool = False
    "Whether something else than words decides the language of a part."
    _stretches: list[Stretch] | None = None

    @property
    def stretches(self) -> list[Stretch]:
        """Made when first asked for: most lines are read at once."""
        if self._stretches is None:
            self._stretches = _stretches_of(self)
        return self._stretches

    def text_of(self, stretch: Stretch) -> str:
        return self.text[stretch.start - self.start : stretch.end - self.start]


def lines_of(text: str) -> Iterator[Line]:
    """The lines that hold anything."""
    simple = is_simple(text)
    at = 0
    for piece in text.split("\n"):
        if piece and not piece.isspace():
            yield line_at(piece, at, simple=simple)
        at += len(piece) + 1


def is_simple(text: str) -> bool:
    """Whether all is words and marks: no addresses, no other script, no accents that stand apart."""
    if any(sign in text for sign in _ADDRESS_SIGNS):
        return False
    return text.isascii() or _BEYOND_LATIN.search(text) is None


def line_at(piece: str, at: int, *, simple: bool) -> Line:
    """A line that starts at an offset of its text."""
    read = _remembered if len(piece) <= SHORT_LINE else _read
    text, words, total, table, decided = read(piece, simple=simple)
    return Line(at, at + len(piece), text, words, total, table, decided)


def _read(piece: str, *, simple: bool) -> tuple[str, list[str], int, Table, bool]:
    """A line as it is read, its words, what they say, how they count, and whether anything else decides."""
    piece = piece[:LONGEST_LINE] if simple else _readable(piece[:LONGEST_LINE])
    words = WORD.findall(piece)
    if not words:
        return piece, words, 0, SENTENCE, False
    total = START[words[0]] + sum(map(SENTENCE.__getitem__, words[1:]))
    table = _table_for(total)
    if table is not SENTENCE:
        total = sum(map(table.__getitem__, words))
    decided = (not simple and has_scripts(piece)) or _is_menu_of_languages(words)
    return piece, words, total, table, decided


_remembered = lru_cache(maxsize=2048)(_read)
"Menus, buttons and notices come again on every page of an outlet."


def word_total(line: Line, stretch: Stretch, number: int) -> int:
    """Evidence of one word as it was counted."""
    word = stretch.words[number]
    starts = number == 0 and line.table is SENTENCE and stretch.turn in {NEW_LINE, SENTENCE_END}
    return START[word] if starts else line.table[word]


def _table_for(total: int) -> Table:
    """How words count in a line, by what its capitals mean."""
    if lane(total, UPPER) * 100 > SHOUTING * lane(total, LETTERS):
        return CAPITALS
    words = lane(total, WORDS)
    return TITLE if words > 1 and lane(total, CAPITALISED) * 100 >= TITLED * words else SENTENCE


def _readable(piece: str) -> str:
    """As long as the line, with blanks for addresses and accents that stand apart joined to their letters."""
    return _MARKED.sub(_composed, _ADDRESS.sub(lambda found: " " * len(found[0]), piece))


def _composed(found: re.Match[str]) -> str:
    """One letter, filled up with what words may have within."""
    return normalize("NFC", found[0])[0].ljust(len(found[0]), "\u00ad")


def _is_menu_of_languages(words: list[str]) -> bool:
    endonyms = lexicon().endonyms
    return len(words) <= LONGEST_MENU and all(word.lower() in endonyms for word in words)


def _stretches_of(line: Line) -> list[Stretch]:
    found: list[Stretch] = []
    for start, end, code in script_runs(line.text):
        found += _between_marks(line, start, end, code)
    if found:
        found[0].turn = NEW_LINE
    menu = line.decided and _is_menu_of_languages(line.words)
    for stretch in found:
        words = stretch.words
        if menu:
            stretch.code = lexicon().endonyms[words[0].lower()]
        if line.table is SENTENCE and stretch.turn in {NEW_LINE, SENTENCE_END}:
            stretch.total = START[words[0]] + sum(map(SENTENCE.__getitem__, words[1:]))
        else:
            stretch.total = sum(map(line.table.__getitem__, words))
    return found


def _between_marks(line: Line, start: int, end: int, code: str | None) -> Iterator[Stretch]:
    last = start
    for found in _STRETCH.finditer(line.text, start, end):
        if words := WORD.findall(found[0]):
            first, stop = found.span()
            turn = _turn(line.text[last:first])
            yield Stretch(line.start + first, line.start + stop, turn, words, code)
            last = stop


def _turn(gap: str) -> int:
    if not _ASIDE_MARKS.isdisjoint(gap):
        return ASIDE
    return INSIDE if _SENTENCE_MARKS.isdisjoint(gap) else SENTENCE_END
