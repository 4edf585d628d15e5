"""Reads the links of a section page: its anchors, in page order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from lxml import etree, html

from newscrawl.charsets import bom_charset, is_utf8
from newscrawl.discovery.results import SourceResult, link_url, make_result, next_page
from newscrawl.discovery.text import clean_line
from newscrawl.items import Link
from newscrawl.urls import normalize_url

PAGE_BYTES = 10 * 1024 * 1024
_NODES_OF_TEXT = 200
"Elements searched for a link's text: broken pages nest links by the thousand."
SECTION_LINKS = 2_000
_ANCHORS = 50_000
"Limit of anchors; the menus of real pages have hundreds."


def parse_page_tree(body: bytes) -> html.HtmlElement | None:
    """The parsed page, or None if it has no content; bytes beyond the limit are ignored."""
    data = _wide_to_utf8(body[:PAGE_BYTES]).replace(b"\0", b"")
    if not data.strip():
        return None
    # Valid UTF-8 is UTF-8 whatever the page declares; otherwise its declaration is all there is.
    encoding = "utf-8" if is_utf8(data) else None
    parser = html.HTMLParser(encoding=encoding, no_network=True, huge_tree=True, remove_comments=True)
    try:
        tree = html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return None
    return tree if isinstance(tree, html.HtmlElement) else None


def _wide_to_utf8(data: bytes) -> bytes:
    """Convert UTF-16 and UTF-32, which lxml does not detect, to UTF-8."""
    wide = bom_charset(data)
    return data if wide in (None, "utf-8") else data.decode(wide or "", "replace").lstrip("\ufeff").encode()


def find_base_url(tree: html.HtmlElement, url: str) -> str:
    """The URL that the page's links are relative to."""
    for base in islice(tree.iter("base"), 1):
        return link_url(base.get("href"), url) or url
    return url


def element_text(element: html.HtmlElement) -> str | None:
    """The text of an element on a single line."""
    parts = [element.text or ""]
    for node in islice(element.iterdescendants(), _NODES_OF_TEXT):
        if node.tag not in ("script", "style"):
            parts.append(node.text or "")
        parts.append(node.tail or "")
    return clean_line(" ".join(parts))


def read_section_page(body: bytes, url: str, accept: Callable[[str], bool]) -> SourceResult:
    """The anchors that `accept` takes, each page once with its first text; rel=next is the child source."""
    if len(body) > PAGE_BYTES:
        return SourceResult(outcome="too_large")
    tree = parse_page_tree(body)
    if tree is None:
        return SourceResult(outcome="malformed" if body.strip() else "empty")
    base = find_base_url(tree, url)
    links: dict[str, Link] = {}
    for link in _anchor_links(tree, base, url):
        key = normalize_url(link.url)
        if key in links and links[key].title is None:
            # A picture without text often precedes the headline that links to the same page.
            links[key] = replace(links[key], title=link.title)
        elif key not in links and len(links) < SECTION_LINKS and accept(link.url):
            links[key] = link
    return make_result(tuple(links.values()), _find_next_page(tree, base, url))


def _anchor_links(tree: html.HtmlElement, base: str, url: str) -> Iterator[Link]:
    for anchor in islice(tree.iter("a", "area"), _ANCHORS):
        target = link_url(anchor.get("href"), base)
        if target:
            yield Link(url=target, via="section", from_url=url, title=element_text(anchor))


def _find_next_page(tree: html.HtmlElement, base: str, url: str) -> tuple[str, ...]:
    for element in islice(tree.iter("link", "a"), _ANCHORS):
        is_next = "next" in (element.get("rel") or "").lower().split()
        if is_next and (target := next_page(element.get("href"), base, url)):
            return target
    return ()
