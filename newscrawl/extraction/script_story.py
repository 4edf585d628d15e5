"""The story in a page's scripts, for pages that show it by script alone: JSON-LD or the state of the page.

A text counts as the story only beside the headline of the page: in the node of the story, or in an object of
the state that holds the headline.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape, unescape
from itertools import islice

from lxml import etree
from lxml.html import HtmlElement, document_fromstring

from newscrawl.extraction.blocks import TextBlock, build_outline
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import MAX_CHARS, Json, is_free, string_values
from newscrawl.extraction.normalize import match_key
from newscrawl.extraction.parse import MAX_ATTRIBUTES, count_attributes

MIN_SCRIPT_CHARS = 400
"A shorter text is a description of the story rather than the story."
_MAX_SCRIPTS = 50
_MAX_VALUES = 20_000
"Values of a page's state that are looked at; a headline and its story come early."
_MAX_DEPTH = 30
_MAX_TITLED = 20
"Objects with the headline whose text is looked at."
_MAX_TITLE_CHARS = 300
_STATE = re.compile(r"^\s*(?:window\.|self\.|var |let |const )?[\w.$\[\]\"']{1,80}\s*=\s*(?=[{\[])")
"How scripts assign the state of a page to a variable."
_MARKUP = re.compile(r"</?[a-z][^<>]{0,200}>", re.IGNORECASE)
_BLOCK_MARKUP = re.compile(r"<(?:p|br|div|h[2-6]|ul|blockquote)\b", re.IGNORECASE)
_TEXT_KEYS = ("text", "html", "content", "value", "body", "paragraph", "data")
"Keys under which the parts of a story hold their text; what is below `data` or `content` is searched too."
_MAX_PART_DEPTH = 3


def read_script_story(head: PageHead, tree: HtmlElement, titles: set[str]) -> list[TextBlock]:
    """The blocks of the story in JSON-LD or else in the state of the page; empty if neither holds it.

    A story that the page declares as not free stays what the page shows of it.
    """
    if is_free(head.story_node) is False:
        return []
    declared = max(string_values(head.story_node.get("articleBody")), key=len, default="")
    if len(declared) >= MIN_SCRIPT_CHARS:
        return _read_blocks([declared])
    best: list[str] = []
    for state in _read_states(tree):
        for parts in _titled_texts(state, titles):
            if _count_chars(parts) > _count_chars(best):
                best = parts
    return _read_blocks(best) if _count_chars(best) >= MIN_SCRIPT_CHARS else []


def _count_chars(parts: list[str]) -> int:
    return sum(map(len, parts))


def _read_blocks(parts: list[str]) -> list[TextBlock]:
    """The blocks of texts that may be HTML; a line of plain text is a paragraph."""
    whole = "".join(part if _BLOCK_MARKUP.search(part) else _mark_paragraphs(part) for part in parts)
    whole = whole.replace("\x00", "")
    if count_attributes(whole) > MAX_ATTRIBUTES:
        return []
    try:
        return build_outline(document_fromstring(f"<div>{whole}</div>"))[0]
    except (etree.ParserError, AssertionError):
        return []


def _mark_paragraphs(text: str) -> str:
    text = text if _MARKUP.search(text) else escape(unescape(text))
    return "".join(f"<p>{line}</p>" for line in text.splitlines())


def _read_states(tree: HtmlElement) -> Iterator[Json]:
    """Yield what the scripts of a page hold as JSON, apart from JSON-LD."""
    chars = 0
    for script in list(tree.iter("script"))[:_MAX_SCRIPTS]:
        text, kind = script.text or "", (script.get("type") or "").lower()
        chars += len(text)
        if len(text) < MIN_SCRIPT_CHARS or chars > MAX_CHARS or "ld+json" in kind:
            continue
        start = 0 if "json" in kind else next((match.end() for match in [_STATE.match(text)] if match), -1)
        if start >= 0:
            try:
                yield json.JSONDecoder(strict=False).raw_decode(text[start:].lstrip())[0]
            except (ValueError, RecursionError):
                continue


def _titled_texts(state: Json, titles: set[str]) -> Iterator[list[str]]:
    """Yield the longest text in each object that holds the headline."""
    titled = (
        (value, depth)
        for value, depth in _walk([(state, 0)])
        if isinstance(value, dict) and any(_is_title(part, titles) for part in value.values())
    )
    for value, depth in islice(titled, _MAX_TITLED):
        yield max((_read_parts(part) for part, _ in _walk([(value, depth)])), key=_count_chars)


def _walk(values: list[tuple[Json, int]]) -> Iterator[tuple[Json, int]]:
    """Yield the values and all values inside, outer ones first, with their depths."""
    for value, depth in values:
        if len(values) > _MAX_VALUES:
            return
        yield value, depth
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if depth < _MAX_DEPTH:
            values.extend((part, depth + 1) for part in inner)


def _is_title(value: Json, titles: set[str]) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TITLE_CHARS and match_key(value) in titles


def _read_parts(value: Json) -> list[str]:
    """The text of a string, or of a list whose items are paragraphs."""
    if isinstance(value, str):
        return [value] if len(value) >= MIN_SCRIPT_CHARS and " " in value[:100] else []
    if not isinstance(value, list):
        return []
    return [text for item in value if (text := _part_text(item, 0))]


def _part_text(item: Json, depth: int) -> str:
    if isinstance(item, str):
        return item if " " in item else ""
    if not isinstance(item, dict) or depth > _MAX_PART_DEPTH:
        return ""
    return next((text for key in _TEXT_KEYS if (text := _part_text(item.get(key), depth + 1))), "")
