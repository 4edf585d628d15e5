"""HTML of whole stories, as feeds and APIs carry them."""

from __future__ import annotations

import json
import re
from typing import Any

from lxml import etree, html

TITLE_CHARS = 1000
"A title is cut here; what is longer is no title."
_MARKUP_CHARS = 20_000
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]"
)


def one_line(text: object) -> str | None:
    """Text with its white space collapsed and what cannot be printed left out; None when nothing stays."""
    if not isinstance(text, str):
        return None
    return " ".join(_UNPRINTABLE.sub("", text[:_MARKUP_CHARS]).split())[:TITLE_CHARS].rstrip() or None


def plain_title(markup: object) -> str | None:
    """What a browser would show of a title that may hold tags and entities."""
    line = one_line(markup)
    if line is None or ("<" not in line and "&" not in line):
        return line
    try:
        tree = html.fragment_fromstring(line, create_parent="div")
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return line
    return one_line("".join(tree.itertext()))


CONTENT_BYTES = 256 * 1024
"What is kept of a story."
_TAIL_CHARS = 400
_TEASER = re.compile(
    r"(\[(…|\.{3})\]|"
    r"\b(lire la suite|lire plus|en savoir plus|read more|continue reading)[\s….»→>\])]{0,6})$",
    re.IGNORECASE,
)


def whole_content(html: object) -> str | None:
    """HTML of a story, cut at the limit; None when there is none or when it ends as teasers do."""
    if not isinstance(html, str) or not html.strip():
        return None
    if _TEASER.search(plain_title(html[-_TAIL_CHARS:]) or ""):
        return None
    return html.encode("utf-8", "ignore")[:CONTENT_BYTES].decode("utf-8", "ignore")


def parsed_json(text: str | bytes) -> Any:
    """The value, or None when there is none: broken, too deep, or a number of absurd length."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def as_text(value: object) -> str | None:
    """A string or a whole number as text; None for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
