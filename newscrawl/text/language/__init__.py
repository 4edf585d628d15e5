"""Which languages a text is in: line by line, runs of words within a line, and as a whole."""

from __future__ import annotations

from newscrawl.text.language.labelling import label, languages_of
from newscrawl.text.language.labels import LangBlock, Languages, Span, is_mixed

__all__ = ["LangBlock", "Languages", "Span", "is_mixed", "label", "languages_of"]
