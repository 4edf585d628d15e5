"""Detect the languages of a text: by line, by run of words within a line, and for the whole."""

from __future__ import annotations

from newscrawl.languages.detect import detect_block_languages, detect_label, detect_languages
from newscrawl.languages.labels import LangBlock, Languages, Span, is_mixed

__all__ = [
    "LangBlock",
    "Languages",
    "Span",
    "detect_block_languages",
    "detect_label",
    "detect_languages",
    "is_mixed",
]
