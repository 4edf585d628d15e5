"""The standfirst of a story: a line that its markup names, or a declared description that readers see."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice, takewhile

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import TextBlock, inner_text
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import first_text
from newscrawl.extraction.metadata.date_parser import find_dates
from newscrawl.extraction.normalize import match_key, truncate
from newscrawl.extraction.platforms import NamePatterns, frame_names
from newscrawl.extraction.view import select_elements

MIN_LEDE_CHARS = 25
MAX_LEDE_CHARS = 2_000
_LEDE_NAME = re.compile(
    r"stand-?first|chap(?:o|eau)\b|sub-?-?(?:title|head|hed)|sous-titre|\bdeck?\b|lede|\blead|excerpt|"
    r"intro\b|summary|teaser-text|accroche|tagline",
    re.I,
)
FIRST_PARAGRAPH, LAST_PARAGRAPH = 3, 6
"Paragraphs (by index) that show that the story has begun."
_MIN_BOLD = 0.9
_MAX_LINES_BETWEEN, _MAX_DATE_LINE_CHARS = 6, 120
"How many lines may follow the lede before a line with a date, and the most characters of that line."
_MAX_PARENTS = 2
"The name that marks a standfirst is on its element, or at most this many elements above."


def find_marked_lede(
    tree: HtmlElement, lines: Sequence[TextBlock], *, selector: str | None, marks: NamePatterns
) -> str | None:
    """Find the lede by the outlet's selector or the platform's names, before chrome is removed."""
    for element in select_elements(tree, selector):
        if text := inner_text(element):
            return truncate(text, MAX_LEDE_CHARS)
    if not marks:
        return None
    for line in lines:
        frames = [line.frame, *islice(line.frame.ancestors(), _MAX_PARENTS)]
        names = (name for frame in frames for name in frame_names(frame))
        if _has_lede_length(line.text) and marks.find_reason(names):
            return line.text
    return None


def _has_lede_length(line: str) -> bool:
    return MIN_LEDE_CHARS <= len(line) <= MAX_LEDE_CHARS


def find_described_lede(
    head: PageHead, lines: Sequence[TextBlock], story: Sequence[TextBlock], titles: set[str]
) -> str | None:
    """Find a declared description that readers see too, outside the story or set apart from it."""
    descriptions = [
        first_text(head.story_node.get("description")),
        head.meta("og:description"),
        head.meta("description"),
        head.meta("twitter:description"),
    ]
    keys = {match_key(text) for text in descriptions if text and _has_lede_length(text)} - titles
    body = {match_key(block.text) for block in story}
    before = _lines_before_story(lines, story)
    for at, line in enumerate(before):
        key = match_key(line.text)
        if not _has_lede_length(line.text) or not any(_matches_description(key, other) for other in keys):
            continue
        if key not in body or _is_set_apart(line) or (key in keys and _stands_apart(before, at, body)):
            return line.text
    return None


def _stands_apart(lines: Sequence[TextBlock], at: int, body: set[str]) -> bool:
    """Whether a line with a date separates it from the story that begins below."""
    if any(match_key(line.text) in body and line.kind != "h" for line in lines[:at]):
        return False
    below = lines[at + 1 : at + 1 + _MAX_LINES_BETWEEN]
    between = takewhile(lambda line: match_key(line.text) not in body, below)
    return any(len(line.text) <= _MAX_DATE_LINE_CHARS and find_dates(line.text) for line in between)


def _lines_before_story(lines: Sequence[TextBlock], story: Sequence[TextBlock]) -> list[TextBlock]:
    """The lines above the fourth paragraph of the story: its first may be the standfirst itself."""
    paragraphs = [block for block in story if block.kind == "p"]
    stop = {match_key(block.text) for block in paragraphs[FIRST_PARAGRAPH:LAST_PARAGRAPH]}
    end = next((at for at, line in enumerate(lines) if match_key(line.text) in stop), len(lines))
    return list(lines[:end])


def _matches_description(line: str, description: str) -> bool:
    short = description.removesuffix("[...]").removesuffix("...").rstrip(" .")
    return line == description or (len(short) >= 60 and line.startswith(short))


def _is_set_apart(line: TextBlock) -> bool:
    """Whether markup sets it apart from the story: its own name, or that of a box with nothing else in it."""
    if line.kind == "h" or line.bold_chars >= _MIN_BOLD * len(line.text):
        return True
    for element in (line.element, *islice(line.element.iterancestors(), _MAX_PARENTS)):
        if _LEDE_NAME.search(f"{element.get('class') or ''} {element.get('itemprop') or ''}"):
            return element is line.element or inner_text(element) == line.text
    return False
