"""What a source gave: an outcome, its links, and further sources to ask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from lxml import etree

from newscrawl.items import Link
from newscrawl.urls import absolute, normal_url

Outcome = Literal[
    "ok",
    "empty",
    "html",
    "malformed",
    "too_large",
    "bomb",
    "unsupported",
    "read_timeout",
    "reader_crash",
]

# Controls, lone surrogates and line separators can be neither encoded nor sent; browsers turn a backslash
# into a slash, so that the host they see is another.
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|^[^?]*\\")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The outcome of reading one source; anything but `ok` says why links are missing or few."""

    outcome: Outcome
    """`html`: a web page came instead; `bomb`: built to swell, not read; `too_large`: read up to the limit;
    `read_timeout`, `reader_crash`: the time for it was up, or the process that read it ended."""
    links: tuple[Link, ...] = ()
    "In the order of the source, each page once."
    more: tuple[str, ...] = ()
    "Further sources to fetch: child sitemaps, the next page."
    note: str | None = None
    "A remark for people, such as `declared utf-8, read as cp1252`."
    least: int | None = None
    "Seconds it asks to be left alone between two looks; None: it does not say."


def outcome_of(links: tuple[Link, ...], more: tuple[str, ...] = (), note: str | None = None) -> Found:
    """`ok` when there is anything to follow, else `empty`."""
    return Found(outcome="ok" if links or more else "empty", links=links, more=more, note=note)


def of_unknown_root(root: str) -> Found:
    """What a document is whose root element is not one that was looked for."""
    if root == "html":
        return Found(outcome="html")
    return Found(outcome="unsupported", note=f"root element <{root}>") if root else Found(outcome="malformed")


def link_url(value: object, base: str) -> str | None:
    """`value` as an absolute http(s) URL that can be sent, or None."""
    if not isinstance(value, str) or not value.strip():
        return None
    url = absolute(value, base)
    return None if url is None or _UNSENDABLE.search(url) else url


def first_of_each(links: Iterable[Link], limit: int) -> tuple[Link, ...]:
    """Up to `limit` links, each page once: the first to name it stays."""
    return tuple(islice(_unseen(links), limit))


def _unseen(links: Iterable[Link]) -> Iterator[Link]:
    seen: set[str] = set()
    for link in links:
        key = normal_url(link.url)
        if key not in seen:
            seen.add(key)
            yield link


def joined_notes(*notes: str | None) -> str | None:
    """The remarks there are, as one."""
    return "; ".join(note for note in notes if note) or None


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
