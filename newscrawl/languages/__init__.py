"""Which languages a text is in: line by line, runs of words within a line, and as a whole."""

from __future__ import annotations

from newscrawl.languages.detect import label, languages_of
from newscrawl.languages.labels import LangBlock, Languages, Span, is_mixed

__all__ = ["LangBlock", "Languages", "Span", "is_mixed", "label", "languages_of"]
