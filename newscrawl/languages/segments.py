"""Split a text into lines and segments between punctuation, and sum up the evidence of their words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from unicodedata import normalize

from newscrawl.languages.lexicon import load_lexicon
from newscrawl.languages.ngrams import unpack_lanes
from newscrawl.languages.scores import (
    CAPITALISED,
    CAPITALS,
    EN,
    FAMILIAR,
    FR,
    LETTERS,
    SENTENCE,
    START,
    TITLE,
    UPPER,
    WORD,
    WORDS,
    EvidenceTable,
    lane,
)
from newscrawl.package_data import read_package_toml

_SCRIPTS = read_package_toml("newscrawl.languages", "scripts.toml")
_LETTERS: dict[str, str] = _SCRIPTS["letters"]
_OWN_LETTERS: dict[str, dict[str, str]] = _SCRIPTS["own_letters"]
SHARED_SCRIPTS = frozenset({"ar", "ru", "hi", "bn", "am"})
"Languages that share their script with others; they are named because they are the most frequent."
_NON_LATIN = re.compile("[" + "".join(_LETTERS.values()) + "]")
_BY_SCRIPT = re.compile("|".join(f"(?P<{code}>[{letters}]+)" for code, letters in _LETTERS.items()))
_BETWEEN = re.compile(r"[\W\d_]*")
_SYMBOLS = 2
"Fewer Greek letters are symbols."


def has_scripts(text: str) -> bool:
    """Whether a text has letters of a script other than Latin."""
    return not text.isascii() and _NON_LATIN.search(text) is not None


def script_runs(text: str) -> list[tuple[int, int, str | None]]:
    """Divide a text into runs by script; the language is None for Latin letters, digits and punctuation."""
    if not has_scripts(text):
        return [(0, len(text), None)]
    runs: list[tuple[int, int, str | None]] = []
    at = 0
    for start, end, code in _merge_scripts(text):
        if code == "el" and end - start < _SYMBOLS:
            continue
        if start > at:
            runs.append((at, start, None))
        runs.append((start, end, _script_language(text[start:end], code)))
        at = end
    if at < len(text):
        runs.append((at, len(text), None))
    return runs


def _merge_scripts(text: str) -> list[tuple[int, int, str]]:
    """Merge neighbouring runs of a script across punctuation; Japanese also uses Chinese letters."""
    merged: list[tuple[int, int, str]] = []
    for match in _BY_SCRIPT.finditer(text):
        start, end, code = match.start(), match.end(), str(match.lastgroup)
        if merged and _BETWEEN.fullmatch(text, merged[-1][1], start):
            before, _, last = merged[-1]
            if code == last or {code, last} == {"ja", "zh"}:
                merged[-1] = (before, end, code if code == last else "ja")
                continue
        merged.append((start, end, code))
    return merged


def _script_language(run: str, code: str) -> str:
    """The script's most frequent language, unless the run has letters of another."""
    counts = Counter(run.lower()) if code in _OWN_LETTERS else Counter[str]()
    for other, letters in _OWN_LETTERS.get(code, {}).items():
        if sum(counts[letter] for letter in letters) * 100 >= len(run):
            return other
    return code


INSIDE, ASIDE, SENTENCE_END, NEW_LINE = 700, 350, 450, 140
"Costs of a change of language: within a clause, at quotes and commas, after a sentence, on a new line."
BETWEEN_BLOCKS = "\n\n"
MAX_LINE_CHARS = 1_000_000
"Characters read of a line; the rest is assumed to be in the same languages."
MAX_CACHED_CHARS = 120
"Longest line whose evidence is cached."
MIN_UPPER_PERCENT = 60
"Percentage of capital letters from which a line counts as written in capitals."
MAX_MENU_WORDS = 60
"Longest menu of languages, in words."
MIN_TITLE_PERCENT = 75
"Percentage of capitalised words from which a line is a title."
_SEGMENT = re.compile(r"[^.!?…;:,«»“”\"()\[\]/|—–]+")
_SENTENCE_MARKS = frozenset(".!?…;")
_ASIDE_MARKS = frozenset('«»“”"()[]/|—–:,')
_ADDRESS = re.compile(
    r"(?:https?://|www\.)\S{1,2000}|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{1,190}|[#@]\w{1,100}"
)
_COMBINING = re.compile(r"[^\W\d_][\u0300-\u036f]{1,20}")
_BEYOND_LATIN = re.compile("[^\x00-\u02ff\u2000-\u2bff]")
_ADDRESS_SIGNS = ("@", "#", "://", "www.")
MAX_NAME_WORDS = 8
"A longer line of capitalised words is a headline."
MAX_CAPITALS_NAME_WORDS = 4
MAX_ACRONYM = 6
MAX_SHORT_ACRONYM = 3
"WHO and UN are not evidence in a line of capitals."
MARGIN = 110
"By how much the n-grams of a word must prefer a language for unfamiliar words to have a language."


@dataclass(slots=True)
class Segment:
    """Words without punctuation between them."""

    start: int
    end: int
    change_cost: int
    "Cost of a change of language before this segment."
    words: list[str]
    code: str | None
    "The language, if the script or a menu of languages decides it."
    evidence: list[int] = field(default_factory=list)
    "Packed, of each word."
    total: int = 0
    "Packed evidence of the words."


@dataclass(slots=True)
class TextLine:
    """A line that is not blank."""

    start: int
    end: int
    text: str
    "The line with blanks in place of addresses."
    words: list[str]
    total: int
    "Packed evidence of the words."
    table: EvidenceTable
    "How words count in this line."
    has_fixed_parts: bool = False
    "Whether the script or a menu of languages decides the language of a part."
    _segments: list[Segment] | None = None

    @property
    def segments(self) -> list[Segment]:
        """Split on demand: most lines get their language as a whole."""
        if self._segments is None:
            self._segments = _split_segments(self)
        return self._segments


def measure_lines(text: str) -> Iterator[TextLine]:
    """Yield the lines that are not blank."""
    simple = _is_simple(text)
    at = 0
    for piece in text.split("\n"):
        if piece and not piece.isspace():
            yield _measure_line(piece, at, simple=simple)
        at += len(piece) + 1


def measure_blocks(texts: Sequence[str]) -> Iterator[TextLine]:
    """Yield a line for each block of a document; offsets are those in the joined blocks."""
    at = 0
    for text in texts:
        yield _measure_line(text.replace("\n", " "), at, simple=_is_simple(text))
        at += len(text) + len(BETWEEN_BLOCKS)


def _is_simple(text: str) -> bool:
    """Whether a text has only words and punctuation: no addresses, other scripts or combining accents."""
    if any(sign in text for sign in _ADDRESS_SIGNS):
        return False
    return text.isascii() or _BEYOND_LATIN.search(text) is None


def _measure_line(piece: str, at: int, *, simple: bool) -> TextLine:
    """Measure the evidence of a line that starts at offset `at` of its text."""
    measure = _measure_cached if len(piece) <= MAX_CACHED_CHARS else _measure
    return TextLine(at, at + len(piece), *measure(piece, simple=simple))


def _measure(piece: str, *, simple: bool) -> tuple[str, list[str], int, EvidenceTable, bool]:
    """The fields of a `TextLine` after its offsets."""
    piece = piece[:MAX_LINE_CHARS] if simple else _clean_line(piece[:MAX_LINE_CHARS])
    words = WORD.findall(piece)
    if not words:
        return piece, words, 0, SENTENCE, False
    total = START[words[0]] + sum(map(SENTENCE.__getitem__, words[1:]))
    table = _choose_table(total)
    if table is not SENTENCE:
        total = sum(map(table.__getitem__, words))
    has_fixed_parts = (not simple and has_scripts(piece)) or _is_menu_of_languages(words)
    return piece, words, total, table, has_fixed_parts


_measure_cached = lru_cache(maxsize=2048)(_measure)
"Menus, buttons and notices are the same on every page of an outlet."


def _choose_table(total: int) -> EvidenceTable:
    """Choose how words count in a line, by its share of capitals."""
    if lane(total, UPPER) * 100 > MIN_UPPER_PERCENT * lane(total, LETTERS):
        return CAPITALS
    words = lane(total, WORDS)
    return TITLE if words > 1 and lane(total, CAPITALISED) * 100 >= MIN_TITLE_PERCENT * words else SENTENCE


def _clean_line(piece: str) -> str:
    """Blank out addresses and compose accents with their letters; the length stays the same."""
    return _COMBINING.sub(_compose_letter, _ADDRESS.sub(lambda match: " " * len(match[0]), piece))


def _compose_letter(match: re.Match[str]) -> str:
    """A composed letter, padded with soft hyphens, which may stand within a word."""
    return normalize("NFC", match[0])[0].ljust(len(match[0]), "\u00ad")


def _is_menu_of_languages(words: list[str]) -> bool:
    endonyms = load_lexicon().endonyms
    return len(words) <= MAX_MENU_WORDS and all(word.lower() in endonyms for word in words)


def _split_segments(line: TextLine) -> list[Segment]:
    segments: list[Segment] = []
    for start, end, code in script_runs(line.text):
        segments += _iter_segments(line, start, end, code)
    if segments:
        segments[0].change_cost = NEW_LINE
    is_menu = line.has_fixed_parts and _is_menu_of_languages(line.words)
    for segment in segments:
        if is_menu:
            segment.code = load_lexicon().endonyms[segment.words[0].lower()]
        starts = line.table is SENTENCE and segment.change_cost in {NEW_LINE, SENTENCE_END}
        first = (START if starts else line.table)[segment.words[0]]
        segment.evidence = [first, *map(line.table.__getitem__, segment.words[1:])]
        segment.total = sum(segment.evidence)
    return segments


def _iter_segments(line: TextLine, start: int, end: int, code: str | None) -> Iterator[Segment]:
    last = start
    for match in _SEGMENT.finditer(line.text, start, end):
        if words := WORD.findall(match[0]):
            first, stop = match.span()
            cost = _change_cost(line.text[last:first])
            yield Segment(line.start + first, line.start + stop, cost, words, code)
            last = stop


def _change_cost(gap: str) -> int:
    """What a change of language costs at the punctuation between two segments."""
    if not _ASIDE_MARKS.isdisjoint(gap):
        return ASIDE
    return INSIDE if _SENTENCE_MARKS.isdisjoint(gap) else SENTENCE_END


def has_language(line: TextLine) -> bool:
    """Whether the language of a line can be determined."""
    if line.has_fixed_parts:
        return True
    count = lane(line.total, WORDS)
    if count == 0 or count > MAX_NAME_WORDS:
        return count > 0
    words = [word for word in line.words if not word[0].isdigit()]
    if all(map(_is_acronym, words)):
        return any(len(word) > MAX_SHORT_ACRONYM and lane(CAPITALS[word], FAMILIAR) for word in words)
    in_capitals = line.table is CAPITALS and count > MAX_CAPITALS_NAME_WORDS
    only_names = not lane(line.total, FAMILIAR) and lane(line.total, CAPITALISED) == count
    return in_capitals or not only_names or _letters_favour_home(words, MARGIN * count)


def _letters_favour_home(words: list[str], margin: int) -> bool:
    """Whether the n-grams of the words, whatever their capitals, clearly prefer French or English."""
    costs = unpack_lanes(sum(map(CAPITALS.__getitem__, words)))
    least, second = sorted(costs)[:2]
    return second - least >= margin and least in {costs[FR], costs[EN]}


def _is_acronym(word: str) -> bool:
    return word.isupper() and len(word) <= MAX_ACRONYM
