"""How well the classifier agrees with feeds and APIs that have the whole stories: sums over articles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from newscrawl.items import Quality

WITHOUT_WITNESS = "none"
"The source of an article without a witness."
_PARTIAL_FLAG = "witness_partial"
"Flag of an article whose feed or API has only a part of its story."
CLOSE = 0.9
"F1 by characters from which classifier and witness agree on an article."
KIND_LABELS: dict[str, str] = {
    "p": "paragraphs",
    "h": "headings",
    "quote": "quotes",
    "li": "list items",
    "table": "tables",
    "caption": "captions",
    "pre": "preformatted text",
}
_NOTABLE_SHARE = 0.01
"Kinds of block with a smaller share of the compared text are not named."


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """The classifier's choice beside witnesses; characters are those of articles whose witness is whole."""

    whole: int = 0
    "Articles whose feed or API has the whole story."
    partial: int = 0
    "Articles of which it has a part: what it lacks says nothing about the classifier."
    close: int = 0
    "Articles with a whole witness on which both agree: F1 of CLOSE or more."
    common: int = 0
    "Characters of blocks that both have."
    extra: Mapping[str, int] = field(default_factory=dict)
    "Characters of blocks that only the classifier chose, by kind of block."
    missed: Mapping[str, int] = field(default_factory=dict)
    "Characters of blocks that only the witness has, by kind of block."

    @property
    def chosen(self) -> int:
        """Characters of all blocks that the classifier chose."""
        return self.common + sum(self.extra.values())

    @property
    def expected(self) -> int:
        """Characters of all blocks that the witnesses have."""
        return self.common + sum(self.missed.values())

    @property
    def precision(self) -> float | None:
        """Share of the chosen text that the witnesses have; None where there is none."""
        return self.common / self.chosen if self.chosen else None

    @property
    def recall(self) -> float | None:
        """Share of the witnesses' text that the classifier chose; None where there is none."""
        return self.common / self.expected if self.expected else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None where there is no text."""
        both = self.chosen + self.expected
        return 2 * self.common / both if both else None

    def as_dict(self) -> dict[str, Any]:
        """For programs; shares have four digits."""
        shares = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return {
            **asdict(self),
            **{name: share if share is None else round(share, 4) for name, share in shares.items()},
        }

    def describe_differences(self) -> str:
        """`too much: paragraphs 8%, captions 2%; missed: list items 3%`, of the text of witnesses."""
        parts = (("too much", self.extra), ("missed", self.missed))
        described = ((title, self._describe_kinds(chars)) for title, chars in parts)
        return "; ".join(f"{title}: {kinds}" for title, kinds in described if kinds)

    def _describe_kinds(self, chars: Mapping[str, int]) -> str:
        shares = {kind: count / max(1, self.expected) for kind, count in Counter(chars).most_common()}
        return ", ".join(
            f"{KIND_LABELS.get(kind, kind)} {share:.0%}"
            for kind, share in shares.items()
            if share >= _NOTABLE_SHARE
        )


def read_agreement(quality: Quality) -> Agreement | None:
    """That of an article; None where no witness was compared."""
    if quality.witness == WITHOUT_WITNESS:
        return None
    if _PARTIAL_FLAG in quality.flags:
        return Agreement(partial=1)
    return Agreement(
        whole=1,
        close=int((quality.witness_agreement or 0) >= CLOSE),
        common=quality.witness_common_chars,
        extra={part.kind: part.chars for part in quality.witness_extra_chars},
        missed={part.kind: part.chars for part in quality.witness_missed_chars},
    )


def sum_agreements(agreements: Iterable[Agreement]) -> Agreement:
    """That of several articles, or of several runs."""
    whole = partial = close = common = 0
    extra, missed = Counter[str](), Counter[str]()
    for agreement in agreements:
        whole, partial = whole + agreement.whole, partial + agreement.partial
        close, common = close + agreement.close, common + agreement.common
        extra.update(agreement.extra)
        missed.update(agreement.missed)
    return Agreement(
        whole=whole, partial=partial, close=close, common=common, extra=dict(extra), missed=dict(missed)
    )
