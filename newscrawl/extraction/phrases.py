"""The lexicon of chrome lines: which lines are never part of a story."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from newscrawl.extraction.normalize import key, plain, plain_of, trimmed

DATA = "phrases.toml"
START_CHARS = 1500
"A banner's text may be one long paragraph."
OPENER_CHARS = 240
HEAD_CHARS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    reason: str
    edge: bool
    "Counts only among the first and last lines."
    heads_list: bool = False


class Starts:
    """Beginnings of lines; most lines begin with none, and one question tells."""

    def __init__(self, phrases: dict[str, Phrase]) -> None:
        self._phrases = phrases
        self._all = tuple(phrases)

    def of(self, folded: str) -> Phrase | None:
        """The phrase a folded line begins with."""
        if not folded.startswith(self._all):
            return None
        return next(phrase for start, phrase in self._phrases.items() if folded.startswith(start))


@dataclass(frozen=True, kw_only=True, slots=True)
class Lexicon:
    lines: dict[str, Phrase]
    starts: Starts
    openers: Starts
    heads: Starts
    "Beginnings of lines that open a list."


@cache
def lexicon() -> Lexicon:
    """The phrases that come with the package."""
    data = tomllib.loads(files("newscrawl.extraction").joinpath(DATA).read_text(encoding="utf-8"))
    lines: dict[str, Phrase] = {}
    starts: dict[str, Phrase] = {}
    openers: dict[str, Phrase] = {}
    heads: dict[str, Phrase] = {}
    for table in data["phrases"]:
        phrase = Phrase(reason=table["reason"], edge=table["where"] == "edge")
        head = Phrase(reason=table["reason"], edge=table["where"] == "edge", heads_list=True)
        lines |= {key(line): phrase for line in table.get("lines", ())}
        lines |= {key(line): head for line in table.get("heads", ())}
        heads |= {_beginning(start): head for start in table.get("head_starts", ())}
        starts |= {_beginning(start): phrase for start in table.get("starts", ())}
        openers |= {_beginning(start): phrase for start in table.get("openers", ())}
    return Lexicon(lines=lines, starts=Starts(starts), openers=Starts(openers), heads=Starts(heads))


def _beginning(start: str) -> str:
    """Folded; a space at its end is meant: the word must end there."""
    return plain(start) + " " * start.endswith(" ")


@lru_cache(maxsize=4096)
def phrase_of(text: str) -> Phrase | None:
    """The phrase a tidy line is, if it is one."""
    if len(text) > START_CHARS:
        return None
    known = lexicon()
    folded = plain_of(text)
    return (
        known.lines.get(trimmed(folded))
        or known.starts.of(folded)
        or (known.openers.of(folded) if len(text) <= OPENER_CHARS else None)
        or (known.heads.of(folded) if len(text) <= HEAD_CHARS else None)
    )
