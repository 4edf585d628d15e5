"""Cells that programs open without harm."""

from __future__ import annotations

from newscrawl.export.tally import Tally

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
"A spreadsheet runs a cell that begins so (OWASP, CSV injection); some take the wide forms for the others."
_NUL, _SHOWN = "\0", "\ufffd"
"Ends a string in C: readers of CSV and SQL functions lose what stands behind it."


def without_nul(text: str, tally: Tally) -> str:
    if _NUL not in text:
        return text
    tally.guarded += 1
    return text.replace(_NUL, _SHOWN)


def without_formula(text: str, tally: Tally) -> str:
    """With an apostrophe before what a spreadsheet would take for a formula."""
    if not text.startswith(_FORMULA):
        return text
    tally.guarded += 1
    return f"'{text}"
