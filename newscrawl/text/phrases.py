"""The lexicon of chrome lines: which lines are never part of a story."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from newscrawl.text.folding import key, plain

DATA = "phrases.toml"
START_CHARS = 1500
"A banner's text may be one long paragraph."
OPENER_CHARS = 240


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    reason: str
    edge: bool
    "Counts only among the first and last lines."
    heads_list: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Lexicon:
    lines: dict[str, Phrase]
    starts: tuple[tuple[str, Phrase], ...]
    openers: tuple[tuple[str, Phrase], ...]


@cache
def lexicon() -> Lexicon:
    """The phrases that come with the package."""
    data = tomllib.loads(files("newscrawl.text").joinpath(DATA).read_text(encoding="utf-8"))
    lines: dict[str, Phrase] = {}
    starts: list[tuple[str, Phrase]] = []
    openers: list[tuple[str, Phrase]] = []
    for table in data["phrases"]:
        phrase = Phrase(reason=table["reason"], edge=table["where"] == "edge")
        head = Phrase(reason=table["reason"], edge=table["where"] == "edge", heads_list=True)
        lines |= {key(line): phrase for line in table.get("lines", ())}
        lines |= {key(line): head for line in table.get("heads", ())}
        starts += [(plain(start), phrase) for start in table.get("starts", ())]
        openers += [(plain(start), phrase) for start in table.get("openers", ())]
    return Lexicon(lines=lines, starts=tuple(starts), openers=tuple(openers))


def phrase_of(text: str) -> Phrase | None:
    """The phrase a line is, if it is one."""
    known = lexicon()
    if found := known.lines.get(key(text)):
        return found
    if len(text) > START_CHARS:
        return None
    folded = plain(text)
    return _starting(folded, known.starts) or (
        _starting(folded, known.openers) if len(text) <= OPENER_CHARS else None
    )


def _starting(folded: str, starts: Iterable[tuple[str, Phrase]]) -> Phrase | None:
    return next((phrase for start, phrase in starts if folded.startswith(start)), None)
