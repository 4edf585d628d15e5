"""Detect languages: measure the lines of a text, search for the best path, and sum up the result."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from newscrawl.languages.labels import OTHER_LANGUAGE, UNDECIDED, LangBlock, Languages, Span, summarise
from newscrawl.languages.lexicon import HOME, load_lexicon
from newscrawl.languages.ngrams import STATES, UNIT, unpack_lanes
from newscrawl.languages.scores import CAPITALISED, EN, FAMILIAR, FR, LETTERS, OTHER, WORD, WORDS, lane
from newscrawl.languages.segments import SHARED_SCRIPTS, TextLine, has_language, measure_blocks, measure_lines
from newscrawl.languages.viterbi import best_path

MIN_FUNCTION_WORDS, MIN_FUNCTION_PERCENT = 2, 12
"Function words that identify a language without a profile: how many, and their share of the words."
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


def detect_languages(text: str) -> Languages:
    """Detect the languages of a text; its blocks are the lines that are not blank."""
    return _detect_lines(list(measure_lines(text)))


def detect_block_languages(texts: Sequence[str]) -> Languages:
    """Detect the languages of the blocks of a document; offsets are those in the joined blocks."""
    return _detect_lines(list(measure_blocks(texts)))


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
    return summarise(blocks, spans, letters_by_block)


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
    for unit, state in best_path(lines):
        runs_by_line[unit.line].append(LanguageRun(unit.start, unit.start, state, STATES[state], unit.total))
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
        yield run


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
