"""Strings as they are kept, and as they are compared."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Tab and line feed are white space here; every other control character, the soft hyphen, zero-width
# spaces and halves of surrogate pairs carry no text. Joiners (U+200C, U+200D) do, in Persian and in emoji.
_NOTHING = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f\x80-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff\ud800-\udfff\ufffe\uffff]"
)
_SPACE = re.compile(r"\s+")
_SPACE_IN_LINE = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\n\s*\n")
_ALIKE = tuple(
    (
        {"’": "'", "‘": "'", "ʼ": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'}
        | {"–": "-", "—": "-", "‑": "-", "‐": "-", "−": "-", "…": "...", "`": "'"}
    ).items()
)
_EDGES = " \t\n.:;,!?*-_|\"'()[]{}>+"


def tidy(text: str) -> str:
    """One line in NFC: white space folded to single spaces, nothing invisible, no lone surrogate."""
    line = " ".join(text.split())
    # Most lines are so already, and asking costs less than rewriting; nothing invisible is printable.
    if line.isprintable() and (line.isascii() or unicodedata.is_normalized("NFC", line)):
        return line
    return _SPACE.sub(" ", unicodedata.normalize("NFC", _NOTHING.sub("", text))).strip()


def tidy_lines(text: str) -> str:
    """As `tidy`, but line breaks stay and empty lines go: for tables and preformatted text."""
    clean = _SPACE_IN_LINE.sub(" ", unicodedata.normalize("NFC", _NOTHING.sub("", text)))
    return _EMPTY_LINES.sub("\n", "\n".join(line.strip() for line in clean.split("\n"))).strip()


def plain(text: str) -> str:
    """Tidy and case-folded, with one kind of quote, apostrophe and dash: what phrases are written in."""
    return plain_of(tidy(text))


def plain_of(tidied: str) -> str:
    """`plain` for what is tidy already."""
    alike = tidied.replace("`", "'") if tidied.isascii() else _alike(tidied)
    bare = alike.replace('"', "").casefold()
    return " ".join(bare.split()).replace(" :", ":")


def _alike(text: str) -> str:
    """One by one: most are in no text, and `str.translate` asks a table for each character."""
    for odd, usual in _ALIKE:
        if odd in text:
            text = text.replace(odd, usual)
    return text


@lru_cache(maxsize=4096)
def key(text: str) -> str:
    """What two spellings of one line have in common: `plain` without punctuation and spaces at its ends."""
    return trimmed(plain(text))


def trimmed(folded: str) -> str:
    """Without punctuation and spaces at the ends."""
    return folded.strip(_EDGES)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters."""
    return text if len(text) <= limit else text[:limit]
