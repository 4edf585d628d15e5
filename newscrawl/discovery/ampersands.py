"""Ampersands as XML wants them: sources print HTML's entities and bare ones."""

from __future__ import annotations

import re
from html.entities import name2codepoint

_AMPERSAND = re.compile(r"&(?:(#\d{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{0,30});)?")
_XML_NAMES = frozenset({"lt", "gt", "amp", "quot", "apos"})


def mended_ampersands(text: str) -> str:
    """XML whose named entities are characters and whose bare ampersands are escaped; CDATA stays as it is."""
    parts: list[str] = []
    at = 0
    while (start := text.find("<![CDATA[", at)) >= 0 and (end := text.find("]]>", start)) >= 0:
        parts += [_AMPERSAND.sub(_mended, text[at:start]), text[start : end + 3]]
        at = end + 3
    return "".join([*parts, _AMPERSAND.sub(_mended, text[at:])])


def _mended(match: re.Match[str]) -> str:
    name = match[1]
    if name is None:
        return "&amp;"
    if name.startswith("#") or name in _XML_NAMES:
        return match[0]
    # Nothing declares entities any more, so what HTML does not know either is plain text.
    return chr(name2codepoint[name]) if name in name2codepoint else f"&amp;{name};"
