"""The standfirst: a lede that stands on the page apart from the story."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice, takewhile

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import RawBlock, text_of
from newscrawl.extraction.head import Head
from newscrawl.extraction.jsonld import text
from newscrawl.extraction.metadata.date_parser import moments_in
from newscrawl.extraction.normalize import cut, key
from newscrawl.extraction.platforms import Marks, names_of
from newscrawl.extraction.view import select

MIN_CHARS = 25
MAX_CHARS = 2_000
_NAMED = re.compile(
    r"stand-?first|chap(?:o|eau)\b|sub-?-?(?:title|head|hed)|sous-titre|\bdeck?\b|lede|\blead|excerpt|"
    r"intro\b|summary|teaser-text|accroche|tagline",
    re.I,
)
FIRST, FIRST_END = 3, 6
"Paragraphs by which a story is known to be under way."
_BOLD = 0.9
_BETWEEN, _DATED_CHARS = 6, 120
"The line with a date is one of so many, and no longer."
_NEAR = 2
"A standfirst's name is on its element or so many above."


def ruled_lede(
    tree: HtmlElement, lines: Sequence[RawBlock], *, selector: str | None, marks: Marks
) -> str | None:
    """By the outlet's selector, else by the platform's marks; asked before chrome is taken out."""
    for element in select(tree, selector):
        if found := text_of(element):
            return cut(found, MAX_CHARS)
    if not marks.exact and not marks.starts:
        return None
    for line in lines:
        frames = [line.frame, *islice(line.frame.above(), _NEAR)]
        if _fits(line.text) and marks.reason(name for frame in frames for name in names_of(frame)):
            return line.text
    return None


def _fits(line: str) -> bool:
    return MIN_CHARS <= len(line) <= MAX_CHARS


def _near(element: HtmlElement) -> list[HtmlElement]:
    return [element, *islice(element.iterancestors(), _NEAR)]


def described_lede(
    head: Head, lines: Sequence[RawBlock], story: Sequence[RawBlock], titles: set[str]
) -> str | None:
    """By a description that readers see too, outside the story or marked as something else."""
    said = [
        text(head.story.get("description")),
        head.meta("og:description"),
        head.meta("description"),
        head.meta("twitter:description"),
    ]
    keys = {key(one) for one in said if one and _fits(one)} - titles
    body = {key(block.text) for block in story}
    before = _before(lines, story)
    for at, line in enumerate(before):
        folded = key(line.text)
        if not _fits(line.text) or not any(_same(folded, one) for one in keys):
            continue
        apart = folded in keys and _stands_apart(before, at, body)
        if folded not in body or _is_marked(line) or apart:
            return line.text
    return None


def _stands_apart(lines: Sequence[RawBlock], at: int, body: set[str]) -> bool:
    """Whether a line with a date divides it from the story that begins below."""
    if any(key(line.text) in body and line.kind != "h" for line in lines[:at]):
        return False
    between = takewhile(lambda line: key(line.text) not in body, lines[at + 1 : at + 1 + _BETWEEN])
    return any(len(line.text) <= _DATED_CHARS and moments_in(line.text) for line in between)


def _before(lines: Sequence[RawBlock], story: Sequence[RawBlock]) -> list[RawBlock]:
    """Lines down to where the story is surely under way; its first may be the standfirst itself."""
    stop = {key(block.text) for block in [block for block in story if block.kind == "p"][FIRST:FIRST_END]}
    end = next((at for at, line in enumerate(lines) if key(line.text) in stop), len(lines))
    return list(lines[:end])


def _same(line: str, description: str) -> bool:
    short = description.removesuffix("[...]").removesuffix("...").rstrip(" .")
    return line == description or (len(short) >= 60 and line.startswith(short))


def _is_marked(line: RawBlock) -> bool:
    """Whether markup sets it apart from the story: by its own name, or that of a box it has alone."""
    if line.kind == "h" or line.strong >= _BOLD * len(line.text):
        return True
    own = next((element for element in _near(line.element) if _NAMED.search(_names(element))), None)
    return own is not None and (own is line.element or text_of(own) == line.text)


def _names(element: HtmlElement) -> str:
    return f"{element.get('class') or ''} {element.get('itemprop') or ''}"
