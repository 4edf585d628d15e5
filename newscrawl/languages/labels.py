"""The languages of a text as data, and the rules that label a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from newscrawl.items import LangShare

MIXED_SHARE = 0.10
"A text is mixed if French and English each have at least this share."
OTHER_SHARE = 0.50
"A text is in another language if guest languages together have at least this share."
MIN_LETTERS = 80
"A document with fewer labelled letters has no label, unless they are at least half of all letters."
NAMED_SHARE = 0.50
"A guest language with this share of the labelled letters gives the text its code."
UNDECIDED = "und"
OTHER_LANGUAGE = "other"


@dataclass(frozen=True, slots=True)
class Span:
    """A run of one language; offsets are code points, the end is exclusive."""

    start: int
    end: int
    lang: str
    "Language code; `other` for a language we cannot name, `und` if undetermined."


@dataclass(frozen=True, slots=True)
class LangBlock(Span):
    """A line, with the language of most of its letters."""

    confidence: float
    "0 to 1; 0 if the block has no language."


@dataclass(frozen=True, kw_only=True, slots=True)
class Languages:
    """The languages of a text."""

    blocks: list[LangBlock]
    "A block for each line that is not blank."
    spans: list[Span]
    "In page order; the spans of a block cover it from end to end."
    label: str
    "`fr`, `en`, `mixed`, `other` or `und`."
    score: float
    "0 to 1, confidence in the label: the share of letters that support it, weighted by their blocks."
    mix: list[LangShare]
    "Shares by number of letters, largest first; they sum to 1."

    @property
    def lang(self) -> str:
        """The label, or a guest language's own code if it has most of the text."""
        if self.label == OTHER_LANGUAGE and self.mix[0].share >= NAMED_SHARE:
            return self.mix[0].lang
        return self.label

    @property
    def codes(self) -> list[str | None]:
        """The language of each block; None if undetermined."""
        return [None if block.lang == UNDECIDED else block.lang for block in self.blocks]

    @property
    def shares(self) -> dict[str, float]:
        return {part.lang: part.share for part in self.mix}

    @property
    def is_mixed(self) -> bool:
        return is_mixed(self.mix)


def is_mixed(mix: Iterable[LangShare]) -> bool:
    """Whether French and English each have at least `MIXED_SHARE` of the labelled letters."""
    shares = {part.lang: part.share for part in mix}
    return min(shares.get("fr", 0.0), shares.get("en", 0.0)) >= MIXED_SHARE


def summarise(
    blocks: list[LangBlock], spans: list[Span], letters_by_block: Sequence[dict[str, int]]
) -> Languages:
    """Label the document by the letters that each block has in each language."""
    label, letters = label_letters(letters_by_block)
    support = sum(
        block.confidence * count
        for block, counts in zip(blocks, letters_by_block, strict=True)
        for code, count in counts.items()
        if _supports_label(label, code)
    )
    score = round(support / letters.total(), 4) if support else 0.0
    return Languages(blocks=blocks, spans=spans, label=label, score=score, mix=_language_mix(letters))


def label_letters(letters_by_block: Sequence[dict[str, int]]) -> tuple[str, Counter[str]]:
    """The label of a document, and its labelled letters by language."""
    letters: Counter[str] = Counter()
    for counts in letters_by_block:
        for code, count in counts.items():
            letters[code] += count
    all_letters = letters.total()
    del letters[UNDECIDED]
    return _choose_label(letters, all_letters), letters


def _language_mix(letters: Counter[str]) -> list[LangShare]:
    """Shares by language, largest first, rounded so that they sum to 1."""
    total = letters.total()
    ranked = sorted((+letters).items(), key=lambda item: (-item[1], item[0]))
    shares = [round(count / total, 4) for _, count in ranked]
    if shares:
        shares[0] = round(1 - sum(shares[1:]), 4)
    return [
        LangShare(lang=code, share=share, chars=count)
        for (code, count), share in zip(ranked, shares, strict=True)
    ]


def _choose_label(letters: Counter[str], all_letters: int) -> str:
    """Label a document by its labelled letters per language and the number of all its letters."""
    total = letters.total()
    if total == 0 or (total < MIN_LETTERS and total * 2 < all_letters):
        return UNDECIDED
    french, english = letters["fr"] / total, letters["en"] / total
    if french >= MIXED_SHARE and english >= MIXED_SHARE:
        return "mixed"
    if 1 - french - english >= OTHER_SHARE:
        return OTHER_LANGUAGE
    return "fr" if french >= english else "en"


def _supports_label(label: str, code: str) -> bool:
    """Whether text in the language `code` is evidence for the document's label."""
    if label == "mixed":
        return code in {"fr", "en"}
    return code not in {"fr", "en", UNDECIDED} if label == OTHER_LANGUAGE else code == label
