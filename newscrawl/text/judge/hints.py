"""What the page declares about its story: witnesses the judge compares blocks with, never text to take."""

from __future__ import annotations

import re
from dataclasses import dataclass

from newscrawl.text.head import Head
from newscrawl.text.jsonld import text

MAX_BODY_CHARS = 200_000
"Ten times a long story: blocks are looked for in it, each in all of it."
_WORDS = re.compile(r"\w+")
_ASCII_WORDS = bytes(ord(chr(at).lower()) if chr(at).isalnum() or at == ord("_") else 32 for at in range(128))
_ASCII_WORDS += bytes(128)
"Bytes of ASCII in lower case, spaces for what stands between words: several times faster than the pattern."
# Scripts that are written without spaces between words: each letter counts as a word.
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hints:
    title: frozenset[str] = frozenset()
    "Words of the declared title."
    description: frozenset[str] = frozenset()
    body: str = ""
    "Letters and digits of JSON-LD's articleBody, lower-case, without anything between them."


def hints_of(head: Head) -> Hints:
    """Title, description and articleBody as the page's meta tags and JSON-LD tell them."""
    body = (text(head.story.get("articleBody")) or "")[:MAX_BODY_CHARS]
    return Hints(
        title=frozenset(words_of(head.meta("og:title") or head.title or "")),
        description=frozenset(words_of(head.meta("og:description", "description") or "")),
        body="".join(_WORDS.findall(body.lower())),
    )


def words_of(text: str) -> list[str]:
    """Words, lower-case; in Chinese, Japanese, Korean and Thai each letter is one."""
    if text.isascii():
        return text.encode("ascii").translate(_ASCII_WORDS).decode("ascii").split()
    found = _WORDS.findall(text.lower())
    if not _UNSPACED.search(text):
        return found
    return [part for word in found for part in (word if _UNSPACED.search(word) else (word,))]


def unspaced_letters(text: str) -> int:
    """How many letters of scripts without spaces a text has."""
    return 0 if text.isascii() else len(_UNSPACED.findall(text))
