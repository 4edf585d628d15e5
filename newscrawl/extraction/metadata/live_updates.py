"""The updates of a live blog."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import inner_text
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import Node, first_text, node_types, resolve_nodes, string_values
from newscrawl.extraction.metadata.date_parser import parse_date
from newscrawl.extraction.metadata.dates import element_date_text
from newscrawl.extraction.normalize import truncate
from newscrawl.items import LiveUpdate

MAX_UPDATES = 500
MAX_UPDATE_CHARS = 10_000
MIN_MARKED_UPDATES = 2
"Fewer entries with a time may be chance."
_BODIES = ("articleBody", "text", "description")


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
