"""The parts of a story: the pages over which it is spread, and the updates of a live blog."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import inner_text
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import Node, first_text, node_types, resolve_nodes, string_values
from newscrawl.extraction.landmarks import is_about_other_stories
from newscrawl.extraction.metadata.date_parser import parse_date
from newscrawl.extraction.metadata.dates import element_date_text
from newscrawl.extraction.normalize import truncate
from newscrawl.items import LiveUpdate
from newscrawl.urls import absolute_url, normalize_url

MAX_PAGES = 50
MAX_BOXES, MAX_LINKS = 10, 200
_QUERY = frozenset({"page", "pg", "pagenum", "paged", "part", "seite"})
_PATH = re.compile(r"(?:/(?:page/|p|page-|seite-)?|,|-page-|_)(\d{1,2})(?:/|\.html?|\.php)?$")
_STEM = re.compile(r"(?:\.html?|\.php|/)$")
MAX_UPDATES = 500
MAX_UPDATE_CHARS = 10_000
MIN_MARKED_UPDATES = 2
"Fewer entries with a time may be chance."
_BODIES = ("articleBody", "text", "description")


def read_page_urls(head: PageHead) -> list[str]:
    """Read the URLs of the story's pages, in order; empty if it has only this page."""
    here = normalize_url(head.url)
    urls = [url for href in _paging_links(head) if (url := absolute_url(href, head.url))]
    numbered = {number: url for url in urls if (number := _page_number(url, here)) is not None}
    if not numbered:
        return []
    numbered.setdefault(_number_in_url(here) or 1, head.url)
    if 1 not in numbered or len(numbered) < 2:
        return []  # the number is that of a day or of the story itself, not of a page
    return [numbered[number] for number in sorted(numbered)][:MAX_PAGES]


def _paging_links(head: PageHead) -> Iterator[str]:
    """Yield the links to next and previous pages, in the head and in the pagination."""
    for rel, href in head.links:
        if {"next", "prev"} & set(rel.lower().split()):
            yield href
    for link in head.landmarks.next_links:
        if not is_about_other_stories(link):
            yield link.get("href") or ""
    boxes = (link for box in head.landmarks.by_kind["paging"][:MAX_BOXES] for link in box.iter("a"))
    yield from (link.get("href") or "" for link in islice(boxes, MAX_LINKS))


def _page_number(url: str, here: str) -> int | None:
    """The page number of a URL in the story at `here`; None if it is of another story."""
    own, base = normalize_url(url), _unnumbered_url(here)
    if _unnumbered_url(own) != base or urlsplit(own).netloc != urlsplit(here).netloc:
        return None
    return _number_in_url(own) or 1


def _number_in_url(url: str) -> int | None:
    """The page number in a URL; None if it has none."""
    parts = urlsplit(url)
    for name, value in parse_qsl(parts.query):
        if name.lower() in _QUERY and value.isdecimal() and len(value) <= 2:
            return int(value)
    match = _PATH.search(parts.path)
    return int(match.group(1)) if match and match.start() else None


def _unnumbered_url(url: str) -> str:
    """A URL without its page number."""
    parts = urlsplit(url)
    query = [f"{name}={value}" for name, value in parse_qsl(parts.query) if name.lower() not in _QUERY]
    path = _STEM.sub("", _PATH.sub("", parts.path) or parts.path)
    return f"{parts.scheme}://{parts.netloc}{path}" + (f"?{'&'.join(query)}" if query else "")


def read_live_updates(head: PageHead, zone: ZoneInfo | None) -> list[LiveUpdate]:
    """Read the updates in page order; empty if the page is no live blog."""
    declared = list(_declared_updates(head, zone))[:MAX_UPDATES]
    if declared:
        return declared
    marked = list(_marked_updates(head, zone))[:MAX_UPDATES]
    return marked if len(marked) >= MIN_MARKED_UPDATES else []


def _declared_updates(head: PageHead, zone: ZoneInfo | None) -> Iterator[LiveUpdate]:
    for node in head.nodes:
        if "liveblogposting" in node_types(node):
            for update in resolve_nodes(head.nodes, node.get("liveBlogUpdate")):
                if entry := _node_update(update, zone):
                    yield entry


def _node_update(node: Node, zone: ZoneInfo | None) -> LiveUpdate | None:
    body = next((text for name in _BODIES if (text := first_text(node.get(name)))), None)
    title = first_text(node.get("headline")) or first_text(node.get("name"))
    if not (body or title):
        return None
    dates = (*string_values(node.get("datePublished")), *string_values(node.get("dateCreated")))
    return LiveUpdate(
        time=next((time for raw in dates if (time := _parse_update_time(raw, zone))), None),
        title=title if body else None,
        text=truncate(body or title or "", MAX_UPDATE_CHARS),
    )


def _marked_updates(head: PageHead, zone: ZoneInfo | None) -> Iterator[LiveUpdate]:
    """Yield the elements that are named as entries and have a time; of nested elements the innermost."""
    entries = head.landmarks.by_kind["live"]
    outer = {above for entry in entries for above in entry.iterancestors()}
    for element in entries:
        if element not in outer and (stamp := next(element.iterdescendants("time"), None)) is not None:
            yield from _element_updates(element, stamp, zone)


def _element_updates(element: HtmlElement, stamp: HtmlElement, zone: ZoneInfo | None) -> Iterator[LiveUpdate]:
    heading = next(element.iterdescendants("h2", "h3", "h4"), None)
    title = inner_text(heading) if heading is not None else ""
    body = inner_text(element)
    for other in (inner_text(stamp), title):
        body = body.replace(other, "", 1).strip() if other else body
    if body:
        time = _parse_update_time(element_date_text(stamp), zone)
        yield LiveUpdate(time=time, title=title or None, text=truncate(body, MAX_UPDATE_CHARS))


def _parse_update_time(raw: str, zone: ZoneInfo | None) -> str | None:
    date = parse_date(raw, zone)
    return date.isoformat() if date else None
