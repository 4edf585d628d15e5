"""Boilerplate phrases: lines that are never part of a story, by their wording."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import NamedTuple

from newscrawl.extraction.normalize import (
    fold,
    fold_normalized,
    match_key,
    normalize_spaces,
    replace_chars,
    strip_punctuation,
)
from newscrawl.package_data import read_package_toml

START_CHARS = 1500
"Longest line that is compared at all; a consent banner may be a single long paragraph."
OPENER_CHARS = 240
HEAD_CHARS = 60
PATTERN_CHARS = 240
"Longest line that is compared with patterns: what a page says of itself is short."
MAX_SENTENCES = 4

_WORD = re.compile(r"<(\w+)>")
_GROUP = re.compile(r"(?<!\\)\((?!\?)")
_BRACKET = re.compile(r"\\.|\[[^]]*\]|[()|]")
"What a pattern is divided at; what is escaped or in a set of letters is none."
_PLAIN_START = re.compile(r"(?:[a-z' ](?![?*{]))+")
HEAD_LETTERS = 6
"So many letters tell most patterns apart."
_STRAY = re.compile(r"[^\w\s\"'%.,:;!?()/&@#+|>€$£-]+")
"Pictograms, arrows and bullets."
_SPACED_MARKS = tuple((f" {mark}", mark) for mark in "?!;:.,)")
_LEFT_EDGE, _RIGHT_EDGE = " '%.,:;!?()/&+|>-", " '.,:;!?()/&@#+|>-"
"What of the signs that are left says nothing before the first word, and after the last."
_SENTENCE_BREAK = re.compile(r"(?:[.!?:]|\.\.\.)\s+(?=\w)|\s[-|>]+\s|\s\|\s?")
_REPORTED = re.compile(
    r",\s(?:[\w'-]+\s){0,4}?(?:dit|disait|disent|declare|affirme|explique|repete|lance|lancait|ecrit|promet|raconte|"
    r"conseille|recommande|demande|exhorte|previent|rappelle|suggere|ordonne|advises|advised|urges|urged|recommends|"
    r"plaide|estime|assure|insiste|said|says|say|read|reads|told|wrote|writes|repeats|asks|asked|warned|argues)\b|"
    r",\s[^,]{0,40}\w-(?:t-)?(?:il|elle|ils|elles|on)\b"
)
"A clause that reports speech: what it reports is part of a story."
_PURPOSE = re.compile(r"(?:pour|afin d[e'] ?|for|to|chaque|every) ?[^,\"]{3,90}, ")
"As in `for more news, follow us`."
# fmt: off
_SMALL_WORDS = frozenset({
    "de", "du", "des", "d", "la", "le", "les", "l", "et", "en", "au", "aux", "sur", "a", "à", "pour", "par",
    "via", "the", "of", "and", "for", "in", "on", "at", "by", "van", "von", "der", "den", "el", "al", "&",
})
# fmt: on
_QUOTED_START = re.compile(r"\s*[\"“«][^\"”»]+[\"”»]\W*\w")
"A quotation that ends before the line does: the line says who used the words."
_TITLE_BREAK = r" ?(?:[:|>]+|>>+| -) ?"
_TITLE_STOPS = (".", "。", "।")
_OPENING_MARKS, _CLOSING_MARKS = " \"'«»„“”‘’([¿¡", " )]»«>→›…"
_TITLE_START = re.compile(r"[\"'(]*[A-ZÀ-ÖØ-Þ0-9]")
_TITLE_END = re.compile(r"\.\W*$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    reason: str
    edge_only: bool
    "Whether it counts only among the first and last lines of a story."
    outside_only: bool = False
    "Whether it counts only outside the sentences of a story, or for a line of links."
    opens_list: bool = False
    "Whether it is the label of a list, which goes with it."


class PrefixTable:
    """Beginnings of lines. Most lines begin with none of them, which a look at their first letters shows."""

    def __init__(self, phrases: dict[str, Phrase]) -> None:
        self._phrases = phrases
        self._prefixes = tuple(phrases)
        self._shortest = min(map(len, phrases), default=0)
        self._heads = frozenset(prefix[: self._shortest] for prefix in phrases)

    def find(self, folded: str) -> Phrase | None:
        """The phrase that a folded line begins with."""
        found = self.find_prefix(folded)
        return self._phrases[found] if found else None

    def find_prefix(self, folded: str) -> str | None:
        """The beginning that a folded line has."""
        if folded[: self._shortest] not in self._heads or not folded.startswith(self._prefixes):
            return None
        return next(prefix for prefix in self._prefixes if folded.startswith(prefix))


@dataclass(frozen=True, kw_only=True)
class LinePattern:
    """The pattern of a whole line, or of a label in front of the title of another story.

    Its groups cover names.
    """

    phrase: Phrase
    rank: int
    "The same for patterns that share a reason; the lowest decides."
    text: str

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """Compiled when it is first needed: a page needs few."""
        return re.compile(self.text)


class PatternTable:
    """Patterns by what lines begin with. Most lines begin like those of a few patterns."""

    def __init__(self, patterns: list[LinePattern]) -> None:
        self.patterns = patterns
        self._by_head: dict[str, set[int]] = {}
        for number, pattern in enumerate(patterns):
            for head in pattern_heads(f"(?:{pattern.text})"):
                self._by_head.setdefault(head[:HEAD_LETTERS], set()).add(number)
        self._found: dict[tuple[str, ...], tuple[LinePattern, ...]] = {}

    def find(self, key: str) -> tuple[LinePattern, ...]:
        """Patterns that may match a line without case and accents, in their order."""
        heads = tuple(key[:size] for size in range(HEAD_LETTERS + 1) if key[:size] in self._by_head)
        if heads not in self._found:
            numbers = sorted(set().union(*(self._by_head[head] for head in heads)))
            self._found[heads] = tuple(self.patterns[number] for number in numbers)
        return self._found[heads]


class PhrasePatterns(NamedTuple):
    lines: PatternTable
    titled: PatternTable
    "Labels in front of the title of another story."


class RelatedLine(NamedTuple):
    """A label such as `Les også`, and what follows on its line."""

    title: str
    "Of the other story; empty if the label stands alone."
    is_separated: bool
    "Whether a colon or another mark stands between label and title."


def _captured(match: re.Match[str], line: str) -> Iterator[str]:
    """The parts of a line that the groups of a match cover, in the line's own letters."""
    return (line[slice(*span)] for span in match.regs[1:] if span[0] >= 0)


def is_name(text: str) -> bool:
    """Whether the words of a text are written like those of a name."""
    words = text.split()
    small = [word.islower() for word in words]
    return not all(small) and all(
        not is_small or word in _SMALL_WORDS or word[:2] in {"d'", "l'"}
        for word, is_small in zip(words, small, strict=True)
    )


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


@cache
def load_line_patterns() -> PhrasePatterns:
    """The patterns that come with the package."""
    data = read_package_toml("newscrawl.extraction", "phrase_patterns.toml")
    words: dict[str, str] = {}
    for name, text in data["words"].items():
        words[name] = _insert_words(text, words)
    patterns: list[LinePattern] = []
    labels: list[LinePattern] = []
    for number, table in enumerate(data["patterns"]):
        where = table["where"]
        phrase = Phrase(reason=table["reason"], edge_only=where == "edge", outside_only=where == "outside")
        lines = [_insert_words(text, words) for text in table["lines"]]
        # Those with names last: where the first that matches covers no name, the others are not asked.
        lines.sort(key=lambda line: _GROUP.search(line) is not None)
        titled = [f"(?:{_insert_words(text, words)}){_TITLE_BREAK}" for text in table.get("titled", ())]
        patterns += [LinePattern(phrase=phrase, rank=number, text=text) for text in lines]
        labels += [LinePattern(phrase=phrase, rank=number, text=text) for text in titled]
    return PhrasePatterns(PatternTable(patterns), PatternTable(labels))


def pattern_heads(pattern: str) -> set[str]:
    """Beginnings of which each text that matches has one; empty if the pattern does not say."""
    heads: set[str] = set()
    while pattern.startswith("("):
        *alternatives, rest = _split_group(pattern)
        if pattern.startswith(("(?!", "(?=")):
            pattern = rest
            continue
        for alternative in alternatives:
            heads |= pattern_heads(alternative)
        if not rest.startswith(("?", "*", "{")):
            return heads
        pattern = rest[1:].removeprefix("?")
    letters = _PLAIN_START.match(pattern)
    return heads | {letters[0] if letters else ""}


def _split_group(pattern: str) -> list[str]:
    """The alternatives of the group that a pattern begins with, and what follows the group."""
    depth, parts, start = 0, [], pattern.index(":") + 1 if pattern.startswith("(?:") else 1
    for match in _BRACKET.finditer(pattern):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0 or (depth == 1 and match[0] == "|"):
            parts.append(pattern[start : match.start()])
            start = match.end()
        if depth == 0:
            break
    return [*parts, pattern[start:]]


def _insert_words(text: str, words: dict[str, str]) -> str:
    return _WORD.sub(lambda match: words[match[1]], text)


@lru_cache(maxsize=4096)
def find_phrase(text: str) -> Phrase | None:
    """The phrase, label or pattern that a line with normalized spaces has, if any."""
    if len(text) > PATTERN_CHARS:
        return find_listed_phrase(text)
    line = split_related_line(text)
    if line is not None and not line.title:
        return Phrase(reason="related", edge_only=False, opens_list=True)
    is_sentence = line is not None and not line.is_separated and line.title.endswith(_TITLE_STOPS)
    listed = find_listed_phrase(text)
    if listed is not None and not is_sentence and not _is_reported_appeal(text):
        return listed
    if line is not None and _is_titled(line):
        return Phrase(reason="related", edge_only=False)
    return find_line_pattern(text)


def _is_reported_appeal(text: str) -> bool:
    """Whether a person of the story makes the appeal of a line: `Download the app, he advises`."""
    lexicon = load_phrases()
    folded = fold_normalized(text)
    if strip_punctuation(folded) in lexicon.lines or not lexicon.starts.find_prefix(folded):
        return False
    return _REPORTED.search(letters_only(plain_line(text))) is not None


def _is_titled(line: RelatedLine) -> bool:
    """Whether a title rather than a clause stands behind a label."""
    begins = line.title.lstrip(_OPENING_MARKS)[:1]
    return line.is_separated and not begins.islower() and not line.title.endswith(_TITLE_STOPS)


def split_related_line(text: str) -> RelatedLine | None:
    """The label that leads to other stories and the rest of a line that begins with such a label."""
    if len(text) > OPENER_CHARS:
        return None
    match = _load_related_labels().match(letters_only(text))
    if match is None:
        return None
    title = text[match.end() :].strip().rstrip(_CLOSING_MARKS)
    return RelatedLine(title, bool(match["mark"].strip()))


@cache
def _load_related_labels() -> re.Pattern[str]:
    """A label at the start of a line in lower case and without accents, with the mark behind it."""
    data = read_package_toml("newscrawl.extraction", "phrase_patterns.toml")
    labels = {letters_only(normalize_spaces(label)) for label in data["related"]["labels"]}
    joined = "|".join(re.escape(label) for label in sorted(labels, key=lambda label: (-len(label), label)))
    return re.compile(rf"[\W_]*(?:{joined})(?![^\W_])(?P<mark>[\W_]*)")


@lru_cache(maxsize=16_384)
def find_listed_phrase(text: str) -> Phrase | None:
    """The phrase that a line with normalized spaces is or begins with, without a look at the patterns.

    The classifier was trained on these, and reads many more lines than a story has.
    """
    if len(text) > START_CHARS:
        return None
    lexicon = load_phrases()
    folded = fold_normalized(text)
    return (
        lexicon.lines.get(strip_punctuation(folded))
        or (None if _QUOTED_START.match(text) else lexicon.starts.find(folded))
        or (_find_opener(lexicon, text, folded) if len(text) <= OPENER_CHARS else None)
        or (lexicon.heads.find(folded) if len(text) <= HEAD_CHARS and text[-1:] != "." else None)
    )


def _find_opener(lexicon: PhraseLexicon, text: str, folded: str) -> Phrase | None:
    """The opener of a line, unless the rest of the line is a clause rather than the title of a story."""
    prefix = lexicon.openers.find_prefix(folded)
    if prefix is None or _REPORTED.search(folded):
        return None
    title = text.partition(":")[2].strip()
    is_clause = prefix.endswith(":") and title[:1].islower()
    return None if is_clause else lexicon.openers.find(folded)


def find_line_pattern(text: str) -> Phrase | None:
    """The phrase whose patterns cover a line as a whole, or each of its sentences."""
    line = plain_line(text)
    key = letters_only(line)
    if not line or _REPORTED.search(key):
        return None
    if (cover := _find_cover(line, key)) is not None:
        return cover
    if not _TITLE_END.search(text) and (label := _find_label(line, key)) is not None:
        return label
    breaks = [match.span() for match in _SENTENCE_BREAK.finditer(key)]
    if not 0 < len(breaks) < MAX_SENTENCES:
        return None
    starts, ends = [0, *(end for _, end in breaks)], [*(start for start, _ in breaks), len(key)]
    first: Phrase | None = None
    for start, end in zip(starts, ends, strict=True):
        if start == end:  # two marks in a row
            continue
        cover = _find_cover(line[start:end], key[start:end])
        if cover is None:
            return None
        first = first or cover
    return first


def _find_cover(line: str, key: str) -> Phrase | None:
    """The phrase whose patterns cover a sentence; the purpose in front of an appeal counts as part of it."""
    found = _find_covering(line, key)
    purpose = _PURPOSE.match(key)
    behind = _find_covering(line[purpose.end() :], key[purpose.end() :]) if purpose else None
    if found is None or (behind is not None and behind.rank < found.rank):
        found = behind
    return found.phrase if found else None


def _find_covering(line: str, key: str) -> LinePattern | None:
    """The pattern that covers a line; `key` is the line without case and accents, letter by letter."""
    refused = None
    for pattern in load_line_patterns().lines.find(key):
        if pattern.rank != refused and (match := pattern.compiled.fullmatch(key)):
            if all(map(is_name, _captured(match, line))):
                return pattern
            refused = pattern.rank
    return None


def _find_label(line: str, key: str) -> Phrase | None:
    """The phrase of a line that is the title of another story behind a label."""
    refused = None
    for pattern in load_line_patterns().titled.find(key):
        if pattern.rank != refused and (label := pattern.compiled.match(key)):
            if _TITLE_START.match(line, label.end()):
                return pattern.phrase
            refused = pattern.rank
    return None


def plain_line(text: str) -> str:
    """A line in its own letters, with plain punctuation and nothing else around or between its words."""
    line = _unify(text).replace("©", "Copyright ").replace("œ", "oe").replace("(C)", "Copyright ")
    if line.count('"') % 2:
        line = line.replace('"', " ")
    line = " ".join(_STRAY.sub(" ", line).split())
    for spaced, mark in _SPACED_MARKS:
        line = line.replace(spaced, mark)
    return line.lstrip(_LEFT_EDGE).rstrip(_RIGHT_EDGE)


def _unify(text: str) -> str:
    return text if text.isascii() else replace_chars(text, _PUNCTUATION)


_PUNCTUATION = tuple(
    (
        {"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—": "-", "‑": "-"}
        | {"…": "...", "・": "|", "\u00b7": "|", "•": "|"}
    ).items()
)


class _PlainLetters(dict[int, str]):
    """Letters in lower case and without accents, by code point; each is looked up once."""

    def __missing__(self, code: int) -> str:
        letter = unicodedata.normalize("NFD", chr(code))[0].lower()[:1]
        return self.setdefault(code, letter)


_PLAIN_LETTERS = _PlainLetters()


def letters_only(line: str) -> str:
    """The line in lower case and without accents; each letter keeps its place."""
    return line.lower() if line.isascii() else line.translate(_PLAIN_LETTERS)
