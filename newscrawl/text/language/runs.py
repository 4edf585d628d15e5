"""Runs of one language within lines: what the search chose and what scripts decided, merged and named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from newscrawl.text.language.confidence import is_strange
from newscrawl.text.language.evidence import OTHER
from newscrawl.text.language.guests import UNNAMED, named
from newscrawl.text.language.lexicon import HOME
from newscrawl.text.language.profiles import STATES
from newscrawl.text.language.reading import Line
from newscrawl.text.language.search import ways_through

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
