"""The pages that one story is spread over, as far as one of them tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import parse_qsl, urlsplit

from newscrawl.text.head import Head
from newscrawl.text.signs import is_elsewhere
from newscrawl.urls import absolute, normal_url

MAX_PAGES = 50
MAX_BOXES, MAX_LINKS = 10, 200
_QUERY = frozenset({"page", "pg", "pagenum", "paged", "part", "seite"})
_PATH = re.compile(r"(?:/(?:page/|p|page-|seite-)?|,|-page-|_)(\d{1,2})(?:/|\.html?|\.php)?$")
_STEM = re.compile(r"(?:\.html?|\.php|/)$")


def pages_of(head: Head) -> list[str]:
    """Addresses of all known pages of the story, in their order; empty where it has but this one."""
    here = normal_url(head.url)
    said = [full for link in _linked(head) if (full := absolute(link, head.url))]
    numbered = {number: full for full in said if (number := _number(full, here)) is not None}
    if not numbered:
        return []
    numbered.setdefault(_counted(here) or 1, head.url)
    if 1 not in numbered or len(numbered) < 2:
        return []  # a number that is the page's own: of a day, or of the story itself
    return [numbered[number] for number in sorted(numbered)][:MAX_PAGES]


def _linked(head: Head) -> Iterator[str]:
    """What the page names as next, in its head or in its pagination."""
    for rel, href in head.links:
        if {"next", "prev"} & set(rel.lower().split()):
            yield href
    for link in head.signs.nexts:
        if not is_elsewhere(link):
            yield link.get("href") or ""
    boxes = (link for box in head.signs.named["paging"][:MAX_BOXES] for link in box.iter("a"))
    yield from (link.get("href") or "" for link in islice(boxes, MAX_LINKS))


def _number(url: str, here: str) -> int | None:
    """Which page of the story at `here` an address is; None when it is of another story."""
    own, base = normal_url(url), _base(here)
    if _base(own) != base or urlsplit(own).netloc != urlsplit(here).netloc:
        return None
    return _counted(own) or 1


def _counted(url: str) -> int | None:
    """The page's number in an address."""
    parts = urlsplit(url)
    for name, value in parse_qsl(parts.query):
        if name.lower() in _QUERY and value.isdecimal() and len(value) <= 2:
            return int(value)
    found = _PATH.search(parts.path)
    return int(found.group(1)) if found and found.start() else None


def _base(url: str) -> str:
    """The address without the page's number."""
    parts = urlsplit(url)
    query = [f"{name}={value}" for name, value in parse_qsl(parts.query) if name.lower() not in _QUERY]
    path = _STEM.sub("", _PATH.sub("", parts.path) or parts.path)
    return f"{parts.scheme}://{parts.netloc}{path}" + (f"?{'&'.join(query)}" if query else "")
