"""Boilerplate phrases: lines that are never part of a story, by their wording."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache

from newscrawl.extraction.normalize import fold, fold_normalized, match_key, strip_punctuation
from newscrawl.package_data import read_package_toml

START_CHARS = 1500
"Longest line that is compared at all; a consent banner may be a single long paragraph."
OPENER_CHARS = 240
HEAD_CHARS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    reason: str
    edge_only: bool
    "Whether it counts only among the first and last lines of a story."
    opens_list: bool = False
    "Whether it is the label of a list, which goes with it."


class PrefixTable:
    """Beginnings of lines. Most lines begin with none of them, which a single `startswith` shows."""

    def __init__(self, phrases: dict[str, Phrase]) -> None:
        self._phrases = phrases
        self._prefixes = tuple(phrases)

    def find(self, folded: str) -> Phrase | None:
        """The phrase that a folded line begins with."""
        if not folded.startswith(self._prefixes):
            return None
        return next(phrase for prefix, phrase in self._phrases.items() if folded.startswith(prefix))


@dataclass(frozen=True, kw_only=True, slots=True)
class PhraseLexicon:
    lines: dict[str, Phrase]
    starts: PrefixTable
    openers: PrefixTable
    "Beginnings of short lines that hold a link to another story."
    heads: PrefixTable
    "Beginnings of labels that open a list."


@cache
def load_phrases() -> PhraseLexicon:
    """The phrases that come with the package."""
    data = read_package_toml("newscrawl.extraction", "phrases.toml")
    lines: dict[str, Phrase] = {}
    prefixes: dict[str, dict[str, Phrase]] = {"starts": {}, "openers": {}, "head_starts": {}}
    for table in data["phrases"]:
        phrase = Phrase(reason=table["reason"], edge_only=table["where"] == "edge")
        head = replace(phrase, opens_list=True)
        lines |= {match_key(line): phrase for line in table.get("lines", ())}
        lines |= {match_key(line): head for line in table.get("heads", ())}
        for key, phrases in prefixes.items():
            kind = head if key == "head_starts" else phrase
            phrases |= {_fold_prefix(prefix): kind for prefix in table.get(key, ())}
    starts, openers, heads = map(PrefixTable, prefixes.values())
    return PhraseLexicon(lines=lines, starts=starts, openers=openers, heads=heads)


def _fold_prefix(prefix: str) -> str:
    """The folded prefix; a space at its end stays, since it means that the word must end there."""
    return fold(prefix) + " " * prefix.endswith(" ")


@lru_cache(maxsize=4096)
def find_phrase(text: str) -> Phrase | None:
    """The phrase that a line with normalized spaces is or begins with, if any."""
    if len(text) > START_CHARS:
        return None
    lexicon = load_phrases()
    folded = fold_normalized(text)
    return (
        lexicon.lines.get(strip_punctuation(folded))
        or lexicon.starts.find(folded)
        or (lexicon.openers.find(folded) if len(text) <= OPENER_CHARS else None)
        or (lexicon.heads.find(folded) if len(text) <= HEAD_CHARS else None)
    )
