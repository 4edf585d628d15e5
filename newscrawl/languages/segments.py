"""Text -> lines -> stretches between punctuation, each with the evidence of its words summed up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import normalize

from newscrawl.languages.lexicon import lexicon
from newscrawl.languages.ngrams import unpacked
from newscrawl.languages.scores import (
    CAPITALISED,
    CAPITALS,
    EN,
    FR,
    KNOWN,
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

_SCRIPTS = {
    "ja": "\u3040-\u30ff",
    "zh": "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ffff",
    "ko": "\u1100-\u11ff\uac00-\ud7af",
    "ar": "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefe",
    "ru": "\u0400-\u052f",
    "el": "\u0370-\u03ff\u1f00-\u1fff",
    "he": "\u0590-\u05ff",
    "th": "\u0e00-\u0e7f",
    "hi": "\u0900-\u097f",
    "am": "\u1200-\u139f",
    "bn": "\u0980-\u09ff",
    "pa": "\u0a00-\u0a7f",
    "gu": "\u0a80-\u0aff",
    "ta": "\u0b80-\u0bff",
    "te": "\u0c00-\u0c7f",
    "kn": "\u0c80-\u0cff",
    "ml": "\u0d00-\u0d7f",
    "ka": "\u10a0-\u10ff\u1c90-\u1cbf",
    "hy": "\u0530-\u058f",
}
"A script's letters, under the language most written in it."
_OWN_LETTERS = {
    "ar": (("ur", "ٹڈڑںے"), ("ckb", "ڕڵۆێ"), ("fa", "پچژگ")),
    "ru": (("sr", "ђћџјљњ"), ("uk", "іїєґ"), ("be", "ў")),
}
"Letters that a script's most frequent language lacks; every hundredth letter of a text is one."
SHARED = frozenset({"ar", "ru", "hi", "bn", "am"})
"Of several languages that write the script, these are named because they write it most."
_STRANGE = re.compile("[" + "".join(_SCRIPTS.values()) + "]")
_BY_SCRIPT = re.compile("|".join(f"(?P<{code}>[{letters}]+)" for code, letters in _SCRIPTS.items()))
_BETWEEN = re.compile(r"[\W\d_]*")
_SYMBOLS = 2
"Fewer Greek letters are a symbol."


def has_scripts(text: str) -> bool:
    """Whether anything in it is not in Latin letters."""
    return not text.isascii() and _STRANGE.search(text) is not None


def script_runs(text: str) -> list[tuple[int, int, str | None]]:
    """Runs of one script, which tile the text; None for Latin letters and what belongs to no script."""
    if not has_scripts(text):
        return [(0, len(text), None)]
    runs: list[tuple[int, int, str | None]] = []
    at = 0
    for start, end, code in _joined(text):
        if code == "el" and end - start < _SYMBOLS:
            continue
        if start > at:
            runs.append((at, start, None))
        runs.append((start, end, _language(text[start:end], code)))
        at = end
    if at < len(text):
        runs.append((at, len(text), None))
    return runs


def _joined(text: str) -> list[tuple[int, int, str]]:
    """Neighbours in one script, with what stands between them; Japanese writes Chinese letters too."""
    joined: list[tuple[int, int, str]] = []
    for found in _BY_SCRIPT.finditer(text):
        start, end, code = found.start(), found.end(), str(found.lastgroup)
        if joined and _BETWEEN.fullmatch(text, joined[-1][1], start):
            before, _, last = joined[-1]
            if code == last or {code, last} == {"ja", "zh"}:
                joined[-1] = (before, end, code if code == last else "ja")
                continue
        joined.append((start, end, code))
    return joined


def _language(run: str, code: str) -> str:
    """The script's most frequent language, unless it has letters of another."""
    counts = Counter(run.lower()) if code in _OWN_LETTERS else Counter[str]()
    for other, letters in _OWN_LETTERS.get(code, ()):
        if sum(counts[letter] for letter in letters) * 100 >= len(run):
            return other
    return code


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


LONGEST_NAMES = 8
"Words; a longer line of capitalised words is a headline."
LONGEST_SHOUTED_NAMES = 4
LONGEST_ACRONYM = 6
SHORT_ACRONYM = 3
"Letters: WHO and UN are no words where everything is in capitals."
MARGIN = 110
"By which the n-grams of a word must prefer one language for unknown words to have one."


def has_language(line: Line) -> bool:
    """Whether anything in the line tells one."""
    if line.decided:
        return True
    words = lane(line.total, WORDS)
    if words == 0 or words > LONGEST_NAMES:
        return words > 0
    spelt = [word for word in line.words if not word[0].isdigit()]
    if all(map(_is_acronym, spelt)):
        return any(len(word) > SHORT_ACRONYM and lane(CAPITALS[word], KNOWN) for word in spelt)
    shouted = line.table is CAPITALS and words > LONGEST_SHOUTED_NAMES
    named = not lane(line.total, KNOWN) and lane(line.total, CAPITALISED) == words
    return shouted or not named or _tell_by_letters(spelt, MARGIN * words)


def _tell_by_letters(words: list[str], margin: int) -> bool:
    """Whether the n-grams of the words, read as any others, prefer French or English to all else."""
    costs = unpacked(sum(map(CAPITALS.__getitem__, words)))
    least, second = sorted(costs)[:2]
    return second - least >= margin and least in {costs[FR], costs[EN]}


def _is_acronym(word: str) -> bool:
    return word.isupper() and len(word) <= LONGEST_ACRONYM
