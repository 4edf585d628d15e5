"""What a source gave: an outcome, its links, and further sources to ask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

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
