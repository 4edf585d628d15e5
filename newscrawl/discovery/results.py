"""The result of reading a source: its outcome, its links, and further sources to fetch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from newscrawl.discovery.xml import local_name
from newscrawl.items import Link
from newscrawl.urls import absolute_url, normalize_url

Outcome = Literal[
    "ok",
    "mended",
    "empty",
    "html",
    "malformed",
    "too_large",
    "bomb",
    "unsupported",
    "read_timeout",
    "reader_crash",
]

READ_OUTCOMES = ("ok", "mended")
"Outcomes of a source whose links could be read."
MINUTE, HOUR = 60, 3600
DAY = 24 * HOUR
MAX_TTL = DAY
"Some feeds ask for a week and publish every hour."
MAX_AGE = 6 * HOUR
"Cache headers often give ages that suit files rather than news."
_PERIODS = {"hourly": HOUR, "daily": DAY, "weekly": 7 * DAY, "monthly": 30 * DAY, "yearly": 365 * DAY}
_NUMBER = re.compile(r"\s{0,20}([0-9]{1,9})(?:\.[0-9]{0,9})?\s{0,20}")
_MAX_AGE = re.compile(r"""(?:^|[,;\s])max-age\s{0,5}=\s{0,5}"?([0-9]{1,12})""", re.IGNORECASE)
# Controls, lone surrogates and line separators can be neither encoded nor sent. Browsers turn a backslash
# into a slash and so see another host.
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|^[^?]*\\")


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceResult:
    """The outcome of reading a source; any but `ok` says why links are missing or few, or might have been."""

    outcome: Outcome
    """`mended`: like `ok`, but its XML was so broken that each entry was read alone; `html`: a web page came
    instead; `bomb`: built to expand, and not read; `too_large`: read up to the
    limit; `read_timeout`, `reader_crash`: the process that read it took too long, or died."""
    links: tuple[Link, ...] = ()
    "In the order of the source, each page once."
    child_sources: tuple[str, ...] = ()
    "Further sources to fetch: child sitemaps, the next page."
    note: str | None = None
    "A remark for people, such as `declared utf-8, read as cp1252`."
    min_interval: int | None = None
    "Seconds that the source wants between two fetches; None: it names no interval."


def make_result(
    links: tuple[Link, ...], child_sources: tuple[str, ...] = (), note: str | None = None
) -> SourceResult:
    """`ok` when there is anything to follow, else `empty`."""
    outcome: Outcome = "ok" if links or child_sources else "empty"
    return SourceResult(outcome=outcome, links=links, child_sources=child_sources, note=note)


def result_for_root(root: str) -> SourceResult:
    """The result for a document whose root element no reader expects."""
    if root == "html":
        return SourceResult(outcome="html")
    if not root:
        return SourceResult(outcome="malformed")
    return SourceResult(outcome="unsupported", note=f"root element <{root}>")


def join_notes(*notes: str | None) -> str | None:
    """All remarks as a single text; None if there are none."""
    return "; ".join(note for note in notes if note) or None


def link_url(value: object, base: str) -> str | None:
    """`value` as an absolute http(s) URL that can be requested, or None."""
    if not isinstance(value, str) or not value.strip():
        return None
    url = absolute_url(value, base)
    return None if url is None or _UNSENDABLE.search(url) else url


def next_page(value: object, base: str, url: str) -> tuple[str, ...]:
    """The source that `value` names as the next page of `url`; empty if it is none, or the same page."""
    target = link_url(value, base)
    return (target,) if target and normalize_url(target) != normalize_url(url) else ()


def unique_links(links: Iterable[Link], limit: int) -> tuple[Link, ...]:
    """Up to `limit` links, each page once, as the first link to it has it."""
    unique: dict[str, Link] = {}
    for link in links:
        if len(unique) >= limit:
            break
        unique.setdefault(normalize_url(link.url), link)
    return tuple(unique.values())


def feed_interval(root: etree._Element) -> int | None:
    """Seconds between two fetches: the longer of a feed's `ttl` and update period; None: it has neither."""
    values = dict(_iter_interval_elements(root))
    minutes = _parse_count(values.get("ttl"))
    # A frequency counts the updates in a period, and is 1 by default.
    period = _PERIODS.get(values.get("updateperiod", "").strip().lower())
    times = _parse_count(values.get("updatefrequency", "1")) or 1
    intervals = [minutes * MINUTE] if minutes else []
    intervals += [period // times] if period else []
    return min(max(intervals), MAX_TTL) if intervals else None


def cache_interval(header: str | None) -> int | None:
    """Seconds between two fetches by a Cache-Control header; None when it names no age."""
    match = _MAX_AGE.search(header[:1000]) if header else None
    return min(int(match[1]), MAX_AGE) or None if match else None


def max_interval(*intervals: int | None) -> int | None:
    """The longest of these intervals; None if none is set."""
    return max((seconds for seconds in intervals if seconds), default=None)


def _iter_interval_elements(root: etree._Element) -> Iterator[tuple[str, str]]:
    """Names and texts of the feed's interval elements; among equal names the first comes last."""
    heads = [root, *(child for child in root if local_name(child.tag) == "channel")]
    for head in reversed(heads):
        for child in reversed(head):
            name = local_name(child.tag)
            if name in ("ttl", "updateperiod", "updatefrequency"):
                yield name, child.text or ""


def _parse_count(text: str | None) -> int | None:
    match = _NUMBER.fullmatch(text or "")
    return int(match[1]) if match else None
