"""Detect languages: measure the lines of a text, search for the best path, and sum up the result."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from newscrawl.languages.labels import (
    MIXED_SHARE,
    OTHER_LANGUAGE,
    UNDECIDED,
    LangBlock,
    Languages,
    Span,
    label_letters,
    summarise,
)
from newscrawl.languages.lexicon import HOME, load_lexicon
from newscrawl.languages.ngrams import STATES, UNIT, unpack_lanes
from newscrawl.languages.scores import CAPITALISED, EN, FAMILIAR, FR, LETTERS, OTHER, WORD, WORDS, lane
from newscrawl.languages.segments import (
    SHARED_SCRIPTS,
    TextLine,
    has_language,
    measure_blocks,
    measure_lines,
)
from newscrawl.languages.viterbi import best_path

MIN_FUNCTION_WORDS, MIN_FUNCTION_PERCENT = 2, 12
"Function words that identify a language without a profile: how many, and their share of the words."
MIN_PARTICLES, MIN_PARTICLE_PERCENT = 3, 40
"Particles that identify a language without a profile in a short text: how many, and their part of it."
_MAX_PARTICLE_WORDS = 40
_MAX_FAMILIAR_PERCENT = 34
"French and English texts have a larger share of words that are in the lists."
MIN_NAMES = 3
"Names that are a list."
MAX_LISTED_WORDS = 10
_LONG_WORD = 4
"Shorter words are articles and prepositions, which names have in small letters."
_ITEM_BREAK = re.compile(r"[,;:.!?/|()\[\]«»“”\"•–—]+")
_LOOKALIKES = frozenset({"fr", "en", "sw", "id", "tl", OTHER_LANGUAGE})
"What such a text is taken for."
_SHAPES = {
    "ht": re.compile(r"syon$|yen$|wa$|è[ztn]?$|zon$"),
    "gcf": re.compile(r"-(?:la|lan|a|an|lasa|tala|nan)$"),
    "ln": re.compile(r"^\w{2,}(?:aki|ami|ama|eli)$|^(?:ba|bi|mi)(?:nd|ng|ns|mb|l|k|t)\w+$"),
    "rw": re.compile(
        r"^(?:[bcknrwyz]\w?')?(?:umu|aba|imi|ibi|iki|igi|icy|ubu|uru|ama|aka|aga|utu|im|in)\w{2,}$|^bara\w+$"
    ),
}
"Endings and prefixes of their words."
_SLOPE, _SHIFT = 0.7, 2.2
"""The logistic curve over the margin, fitted to how often blocks were right. Many blocks are right without a
margin, because their neighbours are evidence too."""
_STEEPEST = 30.0
_HOME_FIT, _GUEST_FIT = (90, 170), (60, 140)
"Average cost of a word in a language that fits, and in a language that does not."
_BAD_WORD_COST = 130
"From this average cost on, that of words in no language with a profile, a guest language has no name."
_MISFIT_FACTOR = 0.3
"What is left of the confidence if words do not fit."
_MIN_WORDS = 4
"With fewer words an average means nothing."
_USUAL_LOWERCASE, _USUAL_WORDS = (2, 0.5), (6, 0.4)
"""From this number of lower-case words on, or of all words, at least this part of French or English is in the
word lists, except in 0.3 % of lines. With half of that part a line is hardly French or English."""
MAX_UNNAMED = 0.5
"Highest confidence in a language that has no name."
MAX_NO_PROFILE = 0.7
"Highest confidence in a language identified by function words alone."
SCRIPT_CONFIDENCE = 0.95
SHARED_SCRIPT_CONFIDENCE = 0.8
"Confidence in the most frequent language of a script that several languages share."
_OPENING = re.compile(r"(?:(?:[«“‘(\[]\s?)|(?:(?<!\S)[\"']))*\Z")
"Opening marks belong to the run that follows; straight quotes only after a blank."
_MAX_OPENING = 8
NO_STATE = -1
"State of a run whose language was not decided by words."


@dataclass(slots=True)
class LanguageRun:
    """Words of one language; a run reaches to the next run or to the end of its line."""

    start: int
    end: int
    state: int
    "Index of the language."
    code: str
    total: int
    "Packed evidence of its words."


_NO_RUN = LanguageRun(0, 0, NO_STATE, UNDECIDED, 0)


def detect_languages(text: str) -> Languages:
    """Detect the languages of a text; its blocks are the lines that are not blank."""
    return _detect_lines(list(measure_lines(text)))


def detect_block_languages(texts: Sequence[str]) -> Languages:
    """Detect the languages of the blocks of a document; offsets are those in the joined blocks."""
    return _detect_lines(list(measure_blocks(texts)))


def detect_label(texts: Sequence[str]) -> str:
    """The label of a document's blocks alone, as `detect_block_languages` gives it."""
    lines = list(measure_blocks(texts))
    runs_by_line = _find_runs([line for line in lines if has_language(line)])
    letters_by_block = [_count_letters(line, runs_by_line.get(line.start, ())) for line in lines]
    _discount_names(lines, runs_by_line, letters_by_block)
    return label_letters(letters_by_block)[0]


def _detect_lines(lines: Sequence[TextLine]) -> Languages:
    runs_by_line = _find_runs([line for line in lines if has_language(line)])
    blocks: list[LangBlock] = []
    spans: list[Span] = []
    letters_by_block: list[dict[str, int]] = []
    for line in lines:
        runs = runs_by_line.get(line.start, [])
        letters = _count_letters(line, runs)
        lang = max(letters, key=lambda code: (letters[code], code))
        blocks.append(LangBlock(line.start, line.end, lang, _block_confidence(lang, runs)))
        own_spans = [Span(run.start, run.end, run.code) for run in runs]
        spans += own_spans or [Span(line.start, line.end, UNDECIDED)]
        letters_by_block.append(letters)
    _discount_names(lines, runs_by_line, letters_by_block)
    return summarise(blocks, spans, letters_by_block)


def _discount_names(
    lines: Sequence[TextLine],
    runs_by_line: dict[int, list[LanguageRun]],
    letters_by_block: Sequence[dict[str, int]],
) -> None:
    """Take lists of the other language's names out of the letters, where only they make a text mixed."""
    letters: Counter[str] = Counter()
    for counts in letters_by_block:
        letters.update(counts)
    del letters[UNDECIDED]
    if min(letters[code] / max(letters.total(), 1) for code in HOME) < MIXED_SHARE:
        return
    for code in HOME:
        names = _count_name_letters(lines, runs_by_line, code)
        in_names, total = names.total(), letters.total()
        if in_names and letters[code] - in_names < MIXED_SHARE * (total - in_names):
            for number, count in names.items():
                letters_by_block[number][code] -= count
            return


def _count_name_letters(
    lines: Sequence[TextLine], runs_by_line: dict[int, list[LanguageRun]], code: str
) -> Counter[int]:
    """By number of the line, the letters of names in a language that stand in a list."""
    items = [
        (number, item)
        for number, line in enumerate(lines)
        for run in runs_by_line.get(line.start) or [_NO_RUN]
        for item in (_split_items(line, run) if run.code == code else [""])
    ]
    counts: Counter[int] = Counter()
    for is_list, group in groupby(items, key=lambda entry: _is_name(entry[1])):
        names = list(group) if is_list else []
        if len(names) >= MIN_NAMES:
            for number, item in names:
                counts[number] += sum(map(str.isalpha, item))
    return counts


def _split_items(line: TextLine, run: LanguageRun) -> list[str]:
    """The entries of a run that may be a list; what has no word is none."""
    text = line.text[run.start - line.start : run.end - line.start]
    return [item for item in _ITEM_BREAK.split(text) if WORD.search(item)]


def _is_name(item: str) -> bool:
    """Whether the longer words of an entry of a list are written like a name's, and few are a menu's."""
    words = WORD.findall(item)
    long_words = [word for word in words if len(word) >= _LONG_WORD]
    if not long_words or not 2 <= len(words) <= MAX_LISTED_WORDS or not words[0][0].isupper():
        return False
    in_menus = sum(word.lower() in load_lexicon().chrome for word in long_words)
    if in_menus * 2 > len(long_words):
        return False
    return sum(not word.islower() for word in long_words) * 2 > len(long_words)


def _count_letters(line: TextLine, runs: Sequence[LanguageRun]) -> dict[str, int]:
    """Letters of the line's words, by language."""
    if not runs:
        return {UNDECIDED: lane(line.total, LETTERS)}
    letters: dict[str, int] = {}
    for run in runs:
        letters[run.code] = letters.get(run.code, 0) + lane(run.total, LETTERS)
    return letters


def _find_runs(lines: Sequence[TextLine]) -> dict[int, list[LanguageRun]]:
    """The runs of each line, which cover it from end to end, by the start of the line."""
    runs_by_line: list[list[LanguageRun]] = [
        [LanguageRun(s.start, s.end, NO_STATE, s.code, s.total) for s in line.segments if s.code is not None]
        if line.has_fixed_parts
        else []
        for line in lines
    ]
    unordered = {number for number, runs in enumerate(runs_by_line) if runs}
    for passage, state in best_path(lines):
        run = LanguageRun(passage.start, passage.start, state, STATES[state], passage.total)
        runs_by_line[passage.line].append(run)
    for number in unordered:
        runs_by_line[number].sort(key=lambda run: run.start)
    return {
        line.start: list(_name_guest_runs(line, _cover_line(line, _merge_runs(runs))))
        for line, runs in zip(lines, runs_by_line, strict=True)
    }


def _merge_runs(runs: Iterable[LanguageRun]) -> list[LanguageRun]:
    merged: list[LanguageRun] = []
    for run in runs:
        if merged and merged[-1].code == run.code:
            merged[-1].total += run.total
        else:
            merged.append(run)
    return merged


def _cover_line(line: TextLine, runs: list[LanguageRun]) -> list[LanguageRun]:
    """Extend the runs so that they cover the line without gaps."""
    for run, following in pairwise(runs):
        run.end = following.start = line.start + _run_start(line.text, following.start - line.start)
    if runs:
        runs[0].start, runs[-1].end = line.start, line.end
    return runs


def _run_start(text: str, at: int) -> int:
    """The start of the run whose first word follows the offset `at`: its opening marks belong to it."""
    while at < len(text) and text[at].isspace():
        at += 1
    opening = _OPENING.search(text, max(at - _MAX_OPENING, 0), at)
    return opening.start() if opening else at


def _name_guest_runs(line: TextLine, runs: Iterable[LanguageRun]) -> Iterator[LanguageRun]:
    """Give runs that fit no profile the code of the language that their function words identify."""
    for run in runs:
        if run.state != NO_STATE and _fits_badly(run.total, run.state):
            code = _guest_code(line.text[run.start - line.start : run.end - line.start])
            if run.code not in HOME or code != OTHER_LANGUAGE:
                run.state, run.code = OTHER, code
        if run.code in _LOOKALIKES and _is_unfamiliar(run.total):
            named = _particle_code(line.text[run.start - line.start : run.end - line.start])
            if named is not None:
                run.state, run.code = OTHER, named
        yield run


def _is_unfamiliar(total: int) -> bool:
    """Whether few of the words are in the lists of French or English."""
    words = lane(total, WORDS)
    return words >= _MIN_WORDS and lane(total, FAMILIAR) * 100 <= _MAX_FAMILIAR_PERCENT * words


def _particle_code(text: str) -> str | None:
    """The language without a profile whose particles and endings are most of the words of a text."""
    words = [word.lower().replace("’", "'") for word in WORD.findall(text)]
    lexicon = load_lexicon()
    creole = lexicon.particles["ht"]
    home = sum(lexicon.function.get(word) in HOME and word not in creole for word in words)
    if len(words) > _MAX_PARTICLE_WORDS or home > 1:
        return None
    counts = {
        code: sum(
            word in particles or lexicon.function.get(word) == code or _SHAPES[code].search(word) is not None
            for word in words
        )
        for code, particles in lexicon.particles.items()
    }
    code = max(counts, key=lambda code: (counts[code], code == "ht"))
    is_sure = counts[code] >= MIN_PARTICLES and counts[code] * 100 >= MIN_PARTICLE_PERCENT * len(words)
    return code if is_sure else None


def _fits_badly(total: int, state: int) -> bool:
    """Whether words have no language with a profile, or cost so much in it that another is likelier."""
    words = lane(total, WORDS)
    return state == OTHER or (words >= _MIN_WORDS and lane(total, state) > _BAD_WORD_COST * words)


def _guest_code(text: str) -> str:
    """The language without a profile that the function words of a text identify, or `other`."""
    function = load_lexicon().function
    words = [word.lower() for word in WORD.findall(text)]
    counts = Counter(code for word in words if (code := function.get(word)) and code not in STATES)
    ranked = counts.most_common(2)
    if not ranked:
        return OTHER_LANGUAGE
    (code, most), second = ranked[0], ranked[1][1] if len(ranked) > 1 else 0
    is_sure = most >= MIN_FUNCTION_WORDS and most * 100 >= MIN_FUNCTION_PERCENT * len(words) and most > second
    return code if is_sure else OTHER_LANGUAGE


def _block_confidence(lang: str, runs: Sequence[LanguageRun]) -> float:
    own = [run for run in runs if run.code == lang]
    if not own:
        return 0.0
    if own[0].state == NO_STATE:
        return SHARED_SCRIPT_CONFIDENCE if lang in SHARED_SCRIPTS else SCRIPT_CONFIDENCE
    return _word_confidence(sum(run.total for run in own), own[0].state, is_named=lang != OTHER_LANGUAGE)


def _word_confidence(total: int, state: int, *, is_named: bool) -> float:
    """Confidence in a language chosen by words, from their summed evidence."""
    costs = list(unpack_lanes(total))
    own = costs.pop(state)
    evidence = _SHIFT + _SLOPE * (min(costs) - own) / UNIT
    confidence = 1 / (1 + math.exp(-max(min(evidence, _STEEPEST), -_STEEPEST)))
    if state == OTHER:
        return round(min(max(confidence, _MISFIT_FACTOR), MAX_NO_PROFILE if is_named else MAX_UNNAMED), 3)
    limit = _lexicon_limit(total) if state in {FR, EN} else 1.0
    return round(min(confidence * _fit_factor(total, state, own), limit), 3)


def _fit_factor(total: int, state: int, cost: int) -> float:
    """What is left of the confidence, by the average cost of a word."""
    words = lane(total, WORDS)
    if words < _MIN_WORDS:
        return 1.0
    good, bad = _HOME_FIT if state in {FR, EN} else _GUEST_FIT
    return 1 - (1 - _MISFIT_FACTOR) * min(max((cost / words - good) / (bad - good), 0.0), 1.0)


def _lexicon_limit(total: int) -> float:
    """The highest confidence in French or English, by how many of the words are in their lists.

    A language without a profile that shares a function word and some letters with them fits well too.
    """
    words, familiar = lane(total, WORDS), lane(total, FAMILIAR)
    lowercase = words - lane(total, CAPITALISED)
    part_of_lowercase = _share_of_usual(familiar, lowercase, *_USUAL_LOWERCASE)
    part = min(part_of_lowercase, _share_of_usual(familiar, words, *_USUAL_WORDS))
    return 1 - (1 - _MISFIT_FACTOR) * min(2 - 2 * part, 1.0)


def _share_of_usual(familiar: int, words: int, least: int, usual: float) -> float:
    """The familiar share of the words divided by the usual share, at most 1; 1 if there are too few words."""
    return min(familiar / (words * usual), 1.0) if words >= least else 1.0
