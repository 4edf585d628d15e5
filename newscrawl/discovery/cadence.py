"""How long a source asks to be left alone: RSS `ttl`, the syndication module, `Cache-Control: max-age`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

MINUTE, HOUR = 60, 3600
DAY = 24 * HOUR
MAX_TTL = DAY
"Some feeds say a week, and print news every hour."
MAX_AGE = 6 * HOUR
"Caches in between are told ages that suit files rather than news."
_PERIODS = {"hourly": HOUR, "daily": DAY, "weekly": 7 * DAY, "monthly": 30 * DAY, "yearly": 365 * DAY}
_NUMBER = re.compile(r"\s{0,20}([0-9]{1,9})(?:\.[0-9]{0,9})?\s{0,20}")
_MAX_AGE = re.compile(r"""(?:^|[,;\s])max-age\s{0,5}=\s{0,5}"?([0-9]{1,12})""", re.IGNORECASE)


def asked_by_feed(root: etree._Element) -> int | None:
    """Seconds by the `ttl` of a feed or its update period and frequency, the longer; None: it is silent."""
    said = dict(_parts(root))
    minutes = _number(said.get("ttl"))
    # A frequency counts updates in a period; one that is not given is one.
    period = _PERIODS.get(said.get("updateperiod", "").strip().lower())
    times = _number(said.get("updatefrequency", "1")) or 1
    asked = [minutes * MINUTE] if minutes else []
    asked += [period // times] if period else []
    return min(max(asked), MAX_TTL) if asked else None


def asked_by_cache(header: str | None) -> int | None:
    """Seconds by a Cache-Control header; None when it says nothing of them."""
    found = _MAX_AGE.search(header[:1000]) if header else None
    return min(int(found[1]), MAX_AGE) or None if found else None


def longest(*asked: int | None) -> int | None:
    """The longest of those that were asked for."""
    return max((seconds for seconds in asked if seconds), default=None)


def _parts(root: etree._Element) -> Iterator[tuple[str, str]]:
    """Names and texts of what stands in the feed's head, the first of each last."""
    heads = [root, *(child for child in root if _name(child) == "channel")]
    for head in reversed(heads):
        for child in reversed(head):
            name = _name(child)
            if name in ("ttl", "updateperiod", "updatefrequency"):
                yield name, child.text or ""


def _name(element: etree._Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def _number(text: str | None) -> int | None:
    found = _NUMBER.fullmatch(text or "")
    return int(found[1]) if found else None
