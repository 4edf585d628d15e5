"""Languages that their script gives away."""

from __future__ import annotations

import re
from collections import Counter

_SCRIPTS = {
    "ja": "\u3040-\u30ff",
    "zh": "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ffff",
    "ko": "\u1100-\u11ff\uac00-\ud7af",
    "ar": "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefe",
    "ru": "\u0400-\u052f",
    "el": "\u0370-\u03ff\u1f00-\u1fff",
    "he": "\u0590-\u05ff",
    "th": "\u0e00-\u0e7f",
    "hi": "\u0900-\u097f",
    "am": "\u1200-\u139f",
    "bn": "\u0980-\u09ff",
    "pa": "\u0a00-\u0a7f",
    "gu": "\u0a80-\u0aff",
    "ta": "\u0b80-\u0bff",
    "te": "\u0c00-\u0c7f",
    "kn": "\u0c80-\u0cff",
    "ml": "\u0d00-\u0d7f",
    "ka": "\u10a0-\u10ff\u1c90-\u1cbf",
    "hy": "\u0530-\u058f",
}
"A script's letters, under the language most written in it."
_OWN_LETTERS = {
    "ar": (("ur", "ٹڈڑںے"), ("ckb", "ڕڵۆێ"), ("fa", "پچژگ")),
    "ru": (("sr", "ђћџјљњ"), ("uk", "іїєґ"), ("be", "ў")),
}
"Letters that a script's most frequent language lacks; every hundredth letter of a text is one."
SHARED = frozenset({"ar", "ru", "hi", "bn", "am"})
"Of several languages that write the script, these are named because they write it most."
_STRANGE = re.compile("[" + "".join(_SCRIPTS.values()) + "]")
_BY_SCRIPT = re.compile("|".join(f"(?P<{code}>[{letters}]+)" for code, letters in _SCRIPTS.items()))
_BETWEEN = re.compile(r"[\W\d_]*")
_SYMBOLS = 2
"Fewer Greek letters are a symbol."


def has_scripts(text: str) -> bool:
    """Whether anything in it is not in Latin letters."""
    return not text.isascii() and _STRANGE.search(text) is not None


def script_runs(text: str) -> list[tuple[int, int, str | None]]:
    """Runs of one script, which tile the text; None for Latin letters and what belongs to no script."""
    if not has_scripts(text):
        return [(0, len(text), None)]
    runs: list[tuple[int, int, str | None]] = []
    at = 0
    for start, end, code in _joined(text):
        if code == "el" and end - start < _SYMBOLS:
            continue
        if start > at:
            runs.append((at, start, None))
        runs.append((start, end, _language(text[start:end], code)))
        at = end
    if at < len(text):
        runs.append((at, len(text), None))
    return runs


def _joined(text: str) -> list[tuple[int, int, str]]:
    """Neighbours in one script, with what stands between them; Japanese writes Chinese letters too."""
    joined: list[tuple[int, int, str]] = []
    for found in _BY_SCRIPT.finditer(text):
        start, end, code = found.start(), found.end(), str(found.lastgroup)
        if joined and _BETWEEN.fullmatch(text, joined[-1][1], start):
            before, _, last = joined[-1]
            if code == last or {code, last} == {"ja", "zh"}:
                joined[-1] = (before, end, code if code == last else "ja")
                continue
        joined.append((start, end, code))
    return joined


def _language(run: str, code: str) -> str:
    """The script's most frequent language, unless it has letters of another."""
    counts = Counter(run.lower()) if code in _OWN_LETTERS else Counter[str]()
    for other, letters in _OWN_LETTERS.get(code, ()):
        if sum(counts[letter] for letter in letters) * 100 >= len(run):
            return other
    return code
