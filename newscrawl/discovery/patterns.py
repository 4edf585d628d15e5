"""Path patterns of robots.txt and its kin: `*` stands for anything, a `$` at the end for the end."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def target_of(url: str) -> str:
    """What patterns are held against: path and query, in one spelling."""
    parts = urlsplit(url)
    return one_spelling((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def one_spelling(text: str) -> str:
    """Percent-encoded where it must be and nowhere else, so that both sides compare (RFC 9309, 2.2.2)."""
    return quote(_ESCAPED.sub(_plain, text), safe="/%:@!$&'()*+,;=~-._?[]#", errors="replace")


def _plain(escaped: re.Match[str]) -> str:
    char = chr(int(escaped[1], 16))
    return char if char in _UNRESERVED else escaped[0].upper()


def matches(pattern: str, target: str) -> bool:
    """Whether a target begins as the pattern says. Takes one pass, however many stars there are."""
    pattern = one_spelling(pattern)
    anchored = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not others:
        return target == first if anchored else target.startswith(first)
    if not target.startswith(first):
        return False
    at = len(first)
    last = others.pop() if anchored else ""
    for piece in others:
        found = target.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return target.endswith(last) and len(target) - len(last) >= at
