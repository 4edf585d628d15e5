"""Plain text of the markup that sources put into titles."""

from __future__ import annotations

import re

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
