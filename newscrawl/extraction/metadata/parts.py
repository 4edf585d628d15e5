"""The pages that one story is spread over, as far as one of them tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import text_of
from newscrawl.extraction.head import Head
from newscrawl.extraction.jsonld import Node, linked, strings, text, types_of
from newscrawl.extraction.landmarks import is_elsewhere
from newscrawl.extraction.metadata.date_parser import read_moment
from newscrawl.extraction.metadata.dates import element_text
from newscrawl.extraction.normalize import cut
from newscrawl.items import LiveUpdate
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


MAX_UPDATES = 500
MAX_UPDATE_CHARS = 10_000
FEW = 2
"Fewer timed entries in a page are chance."
_BODIES = ("articleBody", "text", "description")


def live_updates_of(head: Head, zone: ZoneInfo | None) -> list[LiveUpdate]:
    """Entries in page order; none on a page that is no live blog."""
    declared = list(_declared(head, zone))[:MAX_UPDATES]
    if declared:
        return declared
    marked = list(_marked(head, zone))[:MAX_UPDATES]
    return marked if len(marked) >= FEW else []


def _declared(head: Head, zone: ZoneInfo | None) -> Iterator[LiveUpdate]:
    for node in head.nodes:
        if "liveblogposting" in types_of(node):
            for update in linked(head.nodes, node.get("liveBlogUpdate")):
                if found := _of_node(update, zone):
                    yield found


def _of_node(node: Node, zone: ZoneInfo | None) -> LiveUpdate | None:
    body = next((said for name in _BODIES if (said := text(node.get(name)))), None)
    title = text(node.get("headline")) or text(node.get("name"))
    if not (body or title):
        return None
    times = (*strings(node.get("datePublished")), *strings(node.get("dateCreated")))
    return LiveUpdate(
        time=next((told for raw in times if (told := _time(raw, zone))), None),
        title=title if body else None,
        text=cut(body or title or "", MAX_UPDATE_CHARS),
    )


def _marked(head: Head, zone: ZoneInfo | None) -> Iterator[LiveUpdate]:
    """Elements named as entries that hold a time of their own; of nested ones the innermost."""
    entries = head.signs.named["live"]
    outer = {above for one in entries for above in one.iterancestors()}
    for element in entries:
        if element not in outer and (stamp := next(element.iterdescendants("time"), None)) is not None:
            yield from _of_element(element, stamp, zone)


def _of_element(element: HtmlElement, stamp: HtmlElement, zone: ZoneInfo | None) -> Iterator[LiveUpdate]:
    heading = next(element.iterdescendants("h2", "h3", "h4"), None)
    title = text_of(heading) if heading is not None else ""
    body = text_of(element)
    for other in (text_of(stamp), title):
        body = body.replace(other, "", 1).strip() if other else body
    if body:
        time = _time(element_text(stamp), zone)
        yield LiveUpdate(time=time, title=title or None, text=cut(body, MAX_UPDATE_CHARS))


def _time(raw: str, zone: ZoneInfo | None) -> str | None:
    moment = read_moment(raw, zone)
    return moment.text() if moment else None
