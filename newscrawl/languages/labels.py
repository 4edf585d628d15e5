"""What is said of a text's languages, and the rules that sum it up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from newscrawl.items import LangShare

MIXED_SHARE = 0.10
"French and English both from here on make a text mixed."
OTHER_SHARE = 0.50
"Guests together from here on make it a text in another language."
MIN_LETTERS = 80
"Fewer labelled letters, and less than half of all, say nothing of a document."
NAMED_SHARE = 0.50
"A guest with so much of the labelled letters gives the text its code."
UNDECIDED = "und"
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Span:
    """A run of one language; offsets are code points, the end is exclusive."""

    start: int
    end: int
    lang: str
    "A language's code, `other` for one we cannot name, `und` where nothing tells one."


@dataclass(frozen=True, slots=True)
class LangBlock(Span):
    """A line, with the language of most of its letters."""

    confidence: float
    "0 to 1, how sure; 0 where there is no language."


@dataclass(frozen=True, kw_only=True, slots=True)
class Languages:
    """The languages of a text."""

    blocks: list[LangBlock]
    "One for each line that holds anything."
    spans: list[Span]
    "In order; those of a block cover it from end to end."
    label: str
    "`fr`, `en`, `mixed`, `other` or `und`."
    score: float
    "0 to 1, how sure of the label: the part of the labelled letters behind it, each as sure as its block."
    mix: list[LangShare]
    "By letters, the largest share first; shares sum to 1."

    @property
    def lang(self) -> str:
        """The label, with a guest's own code where one language holds most of the text."""
        if self.label == OTHER and self.mix[0].share >= NAMED_SHARE:
            return self.mix[0].lang
        return self.label

    @property
    def codes(self) -> list[str | None]:
        """The language of each block; None where nothing tells one."""
        return [None if block.lang == UNDECIDED else block.lang for block in self.blocks]

    @property
    def shares(self) -> dict[str, float]:
        return {part.lang: part.share for part in self.mix}

    @property
    def is_mixed(self) -> bool:
        return is_mixed(self.mix)


def is_mixed(mix: Iterable[LangShare]) -> bool:
    """French and English each hold at least a tenth of the labelled letters."""
    shares = {part.lang: part.share for part in mix}
    return min(shares.get("fr", 0.0), shares.get("en", 0.0)) >= MIXED_SHARE


def mix_of(letters: Counter[str]) -> list[LangShare]:
    """Shares, largest first, rounded so that they sum to one."""
    total = letters.total()
    ranked = sorted(
        ((count, code) for code, count in letters.items() if count), key=lambda pair: (-pair[0], pair[1])
    )
    shares = [round(count / total, 4) for count, _ in ranked]
    if shares:
        shares[0] = round(1 - sum(shares[1:]), 4)
    return [
        LangShare(lang=code, share=share, chars=count)
        for (count, code), share in zip(ranked, shares, strict=True)
    ]


def label_of(letters: Counter[str], everything: int) -> str:
    """The label of a document with so many labelled letters by language, of so many letters in all."""
    total = letters.total()
    if total == 0 or (total < MIN_LETTERS and total * 2 < everything):
        return UNDECIDED
    french, english = letters["fr"] / total, letters["en"] / total
    if french >= MIXED_SHARE and english >= MIXED_SHARE:
        return "mixed"
    if 1 - french - english >= OTHER_SHARE:
        return OTHER
    return "fr" if french >= english else "en"


def behind(label: str, code: str) -> bool:
    """Whether letters of a language speak for the label of the document."""
    if label == "mixed":
        return code in {"fr", "en"}
    return code not in {"fr", "en", UNDECIDED} if label == OTHER else code == label
