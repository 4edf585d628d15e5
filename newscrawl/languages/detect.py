"""Text -> Languages: reading, search and the rules, in order."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from newscrawl.languages.labels import OTHER as OTHER_LABEL
from newscrawl.languages.labels import UNDECIDED, LangBlock, Languages, Span, behind, label_of, mix_of
from newscrawl.languages.lexicon import HOME, lexicon
from newscrawl.languages.ngrams import STATES, UNIT, unpacked
from newscrawl.languages.scores import CAPITALISED, EN, FR, KNOWN, LETTERS, OTHER, WORD, WORDS, lane
from newscrawl.languages.segments import SHARED, Line, has_language, is_simple, line_at, lines_of
from newscrawl.languages.viterbi import ways_through

ENOUGH = 2
"Function words that name a language."
PORTION = 12
"Percent of the words they must be."
UNNAMED = "other"


def named(text: str) -> str:
    """The code of a run that no profile fits, or `other`."""
    function = lexicon().function
    words = [word.lower() for word in WORD.findall(text)]
    counts = Counter(code for word in words if (code := function.get(word)) and code not in STATES)
    ranked = counts.most_common(2)
    if not ranked:
        return UNNAMED
    (code, most), second = ranked[0], ranked[1][1] if len(ranked) > 1 else 0
    sure = most >= ENOUGH and most * 100 >= PORTION * len(words) and most > second
    return code if sure else UNNAMED


_SLOPE, _SHIFT = 0.7, 2.2
"""Of the logistic curve over the margin, fitted to how often blocks were right. Without a margin many are,
for neighbours speak too."""
_STEEPEST = 30.0
_HOME_FIT, _GUEST_FIT = (90, 170), (60, 140)
"What words cost on average in a language that fits, and in one that does not."
_STRANGE_EACH = 130
"From this cost of a word on, as much as words of no known language cost, a guest has no name."
_MISFIT = 0.3
"Left of the confidence where words do not fit."
_FEW_WORDS = 4
"Fewer say nothing of an average."
_SMALL_KNOWN, _ALL_KNOWN = (2, 0.5), (6, 0.4)
"""Of so many words in small letters, or in any, French and English have at least this part in their lists,
save three lines in a thousand; a line with half of it is hardly theirs."""
UNNAMED_OF_CONFIDENCE = 0.5
"At most, for a language that no profile fits."
WITHOUT_PROFILE = 0.7
"At most, for one that function words alone name."
SCRIPT = 0.95
SHARED_SCRIPT = 0.8
"For the language most written in a script that others share."


def by_words(total: int, state: int, *, named: bool) -> float:
    """Of a language chosen by the words summed up; `named`, if it has a code."""
    costs = list(unpacked(total))
    own = costs.pop(state)
    sure = _logistic(_SHIFT + _SLOPE * (min(costs) - own) / UNIT)
    if state == OTHER:
        return round(min(max(sure, _MISFIT), WITHOUT_PROFILE if named else UNNAMED_OF_CONFIDENCE), 3)
    most = _most_by_lists(total) if state in {FR, EN} else 1.0
    return round(min(sure * _fit(total, state, own), most), 3)


def _fit(total: int, state: int, own: int) -> float:
    """What is left of the confidence for how well the words fit the language."""
    words = lane(total, WORDS)
    if words < _FEW_WORDS:
        return 1.0
    good, bad = _HOME_FIT if state in {FR, EN} else _GUEST_FIT
    return 1 - (1 - _MISFIT) * min(max((own / words - good) / (bad - good), 0.0), 1.0)


def _most_by_lists(total: int) -> float:
    """The most that can be said for French or English of words of which so many are in their lists.

    A language without a profile that shares a function word and some letters with them fits well otherwise.
    """
    words, known = lane(total, WORDS), lane(total, KNOWN)
    small = words - lane(total, CAPITALISED)
    part = min(_of_usual(known, small, *_SMALL_KNOWN), _of_usual(known, words, *_ALL_KNOWN))
    return 1 - (1 - _MISFIT) * min(2 - 2 * part, 1.0)


def _of_usual(known: int, words: int, least: int, usual: float) -> float:
    """The known part of the words against the usual one, 1 at most; also where too few words tell."""
    return min(known / (words * usual), 1.0) if words >= least else 1.0


def is_strange(total: int, state: int) -> bool:
    """Whether words fit their language so badly that it is likely another, or are in one without a name."""
    return state == OTHER or (
        lane(total, WORDS) >= _FEW_WORDS and lane(total, state) > _STRANGE_EACH * lane(total, WORDS)
    )


def by_script(code: str) -> float:
    """Of a language its script gave away."""
    return SHARED_SCRIPT if code in SHARED else SCRIPT


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(min(value, _STEEPEST), -_STEEPEST)))


_OPENING = re.compile(r"(?:(?:[«“‘(\[]\s?)|(?:(?<!\S)[\"']))*\Z")
"Marks before a run that belong to it; straight quotes do after a blank."
_REACH = 8
DECIDED = -1
"The state of what something else than words decided."


@dataclass(slots=True)
class Run:
    """Words of one language, from where they start to where the next run or the end of the line is."""

    start: int
    end: int
    state: int
    "Number of the language."
    code: str
    total: int
    "Evidence of its words."


def runs_by_line(lines: Sequence[Line]) -> dict[int, list[Run]]:
    """The runs of each line, which cover it from end to end; by where the line starts."""
    pieces: list[list[Run]] = [
        [Run(s.start, s.end, DECIDED, s.code, s.total) for s in line.stretches if s.code is not None]
        if line.decided
        else []
        for line in lines
    ]
    mingled = {number for number, found in enumerate(pieces) if found}
    for unit, state in ways_through(lines):
        pieces[unit.line].append(Run(unit.start, unit.start, state, STATES[state], unit.total))
    for number in mingled:
        pieces[number].sort(key=lambda run: run.start)
    return {
        line.start: list(_named(line, _covering(line, _merged(found))))
        for line, found in zip(lines, pieces, strict=True)
    }


def _merged(pieces: Iterable[Run]) -> list[Run]:
    merged: list[Run] = []
    for piece in pieces:
        if merged and merged[-1].code == piece.code:
            merged[-1].total += piece.total
        else:
            merged.append(piece)
    return merged


def _covering(line: Line, runs: list[Run]) -> list[Run]:
    """The runs stretched until nothing of the line is left between them."""
    for run, following in pairwise(runs):
        run.end = following.start = line.start + _opening(line.text, following.start - line.start)
    if runs:
        runs[0].start, runs[-1].end = line.start, line.end
    return runs


def _opening(text: str, at: int) -> int:
    """Where a run begins that has its first words from an offset on: with what opens them."""
    while at < len(text) and text[at].isspace():
        at += 1
    found = _OPENING.search(text, max(at - _REACH, 0), at)
    return found.start() if found else at


def _named(line: Line, runs: Iterable[Run]) -> Iterator[Run]:
    """The runs, with names for languages without a profile where function words give one."""
    for run in runs:
        if run.state != DECIDED and is_strange(run.total, run.state):
            code = named(line.text[run.start - line.start : run.end - line.start])
            if run.code not in HOME or code != UNNAMED:
                run.state, run.code = OTHER, code
        yield run


BETWEEN_BLOCKS = "\n\n"


def label(text: str) -> Languages:
    """The languages of a text; its blocks are the lines that hold anything."""
    return _labelled(list(lines_of(text)))


def languages_of(texts: Sequence[str]) -> Languages:
    """The languages of blocks that belong together, one for each; offsets are those of the blocks joined."""
    lines: list[Line] = []
    at = 0
    for text in texts:
        lines.append(line_at(text.replace("\n", " "), at, simple=is_simple(text)))
        at += len(text) + len(BETWEEN_BLOCKS)
    return _labelled(lines)


def _labelled(lines: Sequence[Line]) -> Languages:
    runs = runs_by_line([line for line in lines if has_language(line)])
    blocks: list[LangBlock] = []
    spans: list[Span] = []
    weights: list[dict[str, int]] = []
    for line in lines:
        own = runs.get(line.start, [])
        letters = _letters(line, own)
        lang = (
            max(letters, key=lambda code: (letters[code], code)) if len(letters) > 1 else next(iter(letters))
        )
        blocks.append(LangBlock(line.start, line.end, lang, _confidence(lang, own)))
        spans += [Span(run.start, run.end, run.code) for run in own] or [
            Span(line.start, line.end, UNDECIDED)
        ]
        weights.append(letters)
    return _summed_up(blocks, spans, weights)


def _letters(line: Line, runs: Sequence[Run]) -> dict[str, int]:
    """Letters of the line's words, by language."""
    if not runs:
        return {UNDECIDED: lane(line.total, LETTERS)}
    letters: dict[str, int] = {}
    for run in runs:
        letters[run.code] = letters.get(run.code, 0) + lane(run.total, LETTERS)
    return letters


def _confidence(lang: str, runs: Sequence[Run]) -> float:
    own = [run for run in runs if run.code == lang]
    if not own:
        return 0.0
    if own[0].state == DECIDED:
        return by_script(lang)
    return by_words(sum(run.total for run in own), own[0].state, named=lang != OTHER_LABEL)


def _summed_up(blocks: list[LangBlock], spans: list[Span], weights: Sequence[dict[str, int]]) -> Languages:
    """The whole from its blocks and the letters that each of them has by language."""
    letters: Counter[str] = Counter()
    for weight in weights:
        for code, count in weight.items():
            letters[code] += count
    everything = letters.total()
    del letters[UNDECIDED]
    name = label_of(letters, everything)
    sure = sum(
        block.confidence * count
        for block, weight in zip(blocks, weights, strict=True)
        for code, count in weight.items()
        if behind(name, code)
    )
    score = round(sure / letters.total(), 4) if sure else 0.0
    return Languages(blocks=blocks, spans=spans, label=name, score=score, mix=mix_of(letters))
