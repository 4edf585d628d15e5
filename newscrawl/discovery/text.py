"""Titles, full texts and JSON values in the feeds and APIs of sites."""

from __future__ import annotations

import json
import re
from typing import Any

from lxml import etree, html

TITLE_CHARS = 1000
"Titles are cut here; anything longer is no title."
_MARKUP_CHARS = 20_000
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]"
)
CONTENT_BYTES = 256 * 1024
"A story's HTML is cut here."
_TAIL_CHARS = 400
_TEASER = re.compile(
    r"(\[(…|\.{3})\]|"
    r"\b(lire la suite|lire plus|en savoir plus|read more|continue reading)[\s….»→>\])]{0,6})$",
    re.IGNORECASE,
)


def clean_line(text: object) -> str | None:
    """Text with single spaces and without unprintable characters; None when nothing is left."""
    if not isinstance(text, str):
        return None
    return " ".join(_UNPRINTABLE.sub("", text[:_MARKUP_CHARS]).split())[:TITLE_CHARS].rstrip() or None


def strip_title_markup(markup: object) -> str | None:
    """A title, which may hold tags and entities, as a browser would show it."""
    line = clean_line(markup)
    if line is None or ("<" not in line and "&" not in line):
        return line
    try:
        tree = html.fragment_fromstring(line, create_parent="div")
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return line
    return clean_line("".join(tree.itertext()))


def full_content(html: object) -> str | None:
    """The HTML of a full story, cut at the limit; None when there is none or it ends like a teaser."""
    if not isinstance(html, str) or not html.strip():
        return None
    if _TEASER.search(strip_title_markup(html[-_TAIL_CHARS:]) or ""):
        return None
    return html.encode("utf-8", "ignore")[:CONTENT_BYTES].decode("utf-8", "ignore")


def parse_json(text: str | bytes) -> Any:
    """The parsed value; None if it is broken, too deep, or has a number of absurd length."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def scalar_text(value: object) -> str | None:
    """A string or a whole number as text; None for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
