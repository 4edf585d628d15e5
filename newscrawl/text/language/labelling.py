"""Text -> Languages: reading, search and the rules, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from newscrawl.text.language.confidence import by_script, by_words
from newscrawl.text.language.evidence import LETTERS, lane
from newscrawl.text.language.gates import has_language
from newscrawl.text.language.labels import (
    OTHER,
    UNDECIDED,
    LangBlock,
    Languages,
    Span,
    behind,
    label_of,
    mix_of,
)
from newscrawl.text.language.reading import Line, is_simple, line_at, lines_of
from newscrawl.text.language.runs import DECIDED, Run, runs_by_line

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
    return by_words(sum(run.total for run in own), own[0].state, named=lang != OTHER)


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
