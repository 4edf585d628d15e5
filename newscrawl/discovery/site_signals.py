"""All that is known of a site's reservations: what it says of one page, and how state keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from newscrawl.discovery.patterns import target_of
from newscrawl.discovery.reserved import (
    PathRule,
    TdmRule,
    UsageRule,
    ai_said,
    tdm_said,
    usage_said,
)

MAX_CHARS = 64 * 1024
"Of each file, so much is kept; rules beyond that are left out."
MAX_SAID = 24
"Of one page, so many things are said at most: each of its records notes them."
Rule = TypeVar("Rule", TdmRule, PathRule, UsageRule)


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteSignals:
    """The rules of an origin."""

    tdm: tuple[TdmRule, ...] = ()
    ai: tuple[PathRule, ...] = ()
    usage: tuple[UsageRule, ...] = ()

    def said_of(self, url: str) -> str | None:
        """As a link notes it: `name=value` divided by spaces; None where nothing is said of this page."""
        target = target_of(url)
        said = [*tdm_said(self.tdm, target), *ai_said(self.ai, target), *usage_said(self.usage, target)]
        return " ".join(said[:MAX_SAID]) or None

    def text(self) -> str:
        """As JSON."""
        return json.dumps({name: _kept(rules) for name, rules in asdict(self).items() if rules})


def signals_from(text: str | None) -> SiteSignals:
    """What `text()` has written, by this version; of another's nothing is known."""
    try:
        data: dict[str, list[list[Any]]] = json.loads(text or "{}")
        return SiteSignals(
            tdm=tuple(TdmRule(*rule) for rule in data.get("tdm", ())),
            ai=tuple(PathRule(*rule) for rule in data.get("ai", ())),
            usage=tuple(UsageRule(*rule) for rule in data.get("usage", ())),
        )
    except (ValueError, TypeError, AttributeError):
        return SiteSignals()


def _kept(rules: Iterable[Rule]) -> list[Rule]:
    kept, left = [], MAX_CHARS
    for rule in rules:
        left -= len(json.dumps(rule)) + 2
        if left < 0:
            break
        kept.append(rule)
    return kept
