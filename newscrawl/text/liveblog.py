"""The entries of a live blog with their times: declared in JSON-LD, else marked in the page."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from lxml.html import HtmlElement

from newscrawl.parts import LiveUpdate
from newscrawl.text.elements import text_of
from newscrawl.text.folding import cut
from newscrawl.text.head import Head
from newscrawl.text.jsonld import Node, linked, strings, text, types_of
from newscrawl.text.moments import read_moment
from newscrawl.text.printed import element_text

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
