"""The small markup of the stories: `**bold**` and `[words](link)`, as HTML and as plain text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from itertools import groupby

from newscrawl.demo.story import Part
from newscrawl.parts import BlockKind

_BOLD = re.compile(r"\*\*([^*]{1,200})\*\*")
_LINK = re.compile(r"\[([^\]]{1,200})\]\(([^()\s]{1,300})\)")
_TAGS: dict[BlockKind, str] = {"p": "p", "li": "li"}


def plain(text: str) -> str:
    """The words a reader sees."""
    return _LINK.sub(r"\1", _BOLD.sub(r"\1", text))


def inline(text: str) -> str:
    """The words as HTML."""
    return _LINK.sub(r'<a href="\2">\1</a>', _BOLD.sub(r"<strong>\1</strong>", escape(text, quote=False)))


def html_of(parts: Sequence[Part], heading: str = "h2") -> list[str]:
    """The blocks as HTML, list items gathered in one list; `heading` is the tag of a sub-heading."""
    found: list[str] = []
    for kind, run in groupby(parts, key=lambda part: part.kind):
        items = [_element(part, heading) for part in run]
        found += [f"<ul>{''.join(items)}</ul>"] if kind == "li" else items
    return found


def _element(part: Part, heading: str) -> str:
    if part.kind == "quote":
        return f"<blockquote><p>{inline(part.text)}</p></blockquote>"
    tag = heading if part.kind == "h" else _TAGS[part.kind]
    return f"<{tag}>{inline(part.text)}</{tag}>"
