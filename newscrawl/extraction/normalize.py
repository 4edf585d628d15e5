"""Text normalization: the form in which strings are stored, and the form in which they are compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from html import unescape
from itertools import islice

# Tab and line feed count as white space; every other control character, the soft hyphen, zero-width spaces
# and lone surrogates carry no text. The joiners U+200C and U+200D do, in Persian and in emoji.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f\x80-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff\ud800-\udfff\ufffe\uffff]"
)
_SPACE = re.compile(r"\s+")
_ENTITY = re.compile(r"&(?:#\d{2,6}|#x[0-9a-f]{2,5}|[a-z]{2,8}\d?);", re.IGNORECASE)
_SPACE_IN_LINE = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\n\s*\n")
_ASCII_PUNCTUATION = tuple(
    (
        {"’": "'", "‘": "'", "ʼ": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'}
        | {"–": "-", "—": "-", "‑": "-", "‐": "-", "−": "-", "…": "...", "`": "'"}
    ).items()
)
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")
"Letters of scripts without spaces between words."
_EDGE_PUNCTUATION = " \t\n.:;,!?*-_|\"'()[]{}>+"


def normalize_spaces(text: str) -> str:
    """A single line in NFC, with single spaces and without invisible characters or lone surrogates."""
    # Most lines are in this form already, and checking costs less than rewriting. No invisible character is
    # printable, nor any white space but the blank.
    is_single = text.isprintable() and "  " not in text
    line = text.strip() if is_single else " ".join(text.split())
    if (is_single or line.isprintable()) and (line.isascii() or unicodedata.is_normalized("NFC", line)):
        return line
    return _SPACE.sub(" ", unicodedata.normalize("NFC", _INVISIBLE.sub("", text))).strip()


def normalize_lines(text: str) -> str:
    """Like `normalize_spaces`, but line breaks stay and empty lines go: for preformatted text."""
    clean = _SPACE_IN_LINE.sub(" ", unicodedata.normalize("NFC", _INVISIBLE.sub("", text)))
    return _EMPTY_LINES.sub("\n", "\n".join(line.strip() for line in clean.split("\n"))).strip()


def fold(text: str) -> str:
    """Normalized and case-folded text with a single kind of apostrophe and dash and no double quotes."""
    return fold_normalized(normalize_spaces(text))


def fold_normalized(text: str) -> str:
    """`fold` for text that has normalized spaces."""
    unified = text.replace("`", "'") if text.isascii() else replace_chars(text, _ASCII_PUNCTUATION)
    bare = unified.replace('"', "").casefold()
    return " ".join(bare.split()).replace(" :", ":")


def replace_chars(text: str, forms: Iterable[tuple[str, str]]) -> str:
    """A text with some characters replaced, in turn."""
    # Most of them are in no text, while `str.translate` looks every character up.
    for variant, plain in forms:
        if variant in text:
            text = text.replace(variant, plain)
    return text


@lru_cache(maxsize=4096)
def match_key(text: str) -> str:
    """What different spellings of a line share: folded, without punctuation at the ends."""
    return strip_punctuation(fold(text))


def strip_punctuation(folded: str) -> str:
    """Folded text without punctuation and spaces at its ends."""
    return folded.strip(_EDGE_PUNCTUATION)


def resolve_entities(text: str) -> str:
    """Text with its HTML entities resolved, also where they were escaped twice, as `O&amp;#039;Neil`."""
    for _ in range(2):
        if not _ENTITY.search(text):
            break
        text = unescape(text)
    return text


def truncate(text: str, limit: int) -> str:
    """At most the first `limit` characters."""
    return text if len(text) <= limit else text[:limit]


def text_size(text: str) -> float:
    """Characters of a text; a Chinese, Japanese or Thai letter says as much as 2.5 Latin ones."""
    return len(text) if text.isascii() else len(text) + 1.5 * len(_UNSPACED.findall(text))


def has_more_chars(texts: Iterable[str], limit: int) -> bool:
    """Whether texts have more characters than this, without the spaces around each; counts the first 200."""
    return sum(len(text.strip()) for text in islice(texts, 200)) > limit
