"""Links of a section page: its anchors, in page order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from lxml import etree, html

from newscrawl.discovery.results import Found, link_url, outcome_of
from newscrawl.discovery.text import one_line
from newscrawl.discovery.xml import is_utf8, marked_encoding
from newscrawl.items import Link
from newscrawl.urls import normal_url

PAGE_BYTES = 10 * 1024 * 1024
_NODES_OF_TEXT = 200
"Elements looked into for one text: broken pages nest links by the thousand."


def page_tree(body: bytes) -> html.HtmlElement | None:
    """The page, or None when there is none in it; bytes behind the limit are not read."""
    data = _one_byte_each(body[:PAGE_BYTES]).replace(b"\0", b"")
    if not data.strip():
        return None
    # UTF-8 that holds is UTF-8 whatever the page declares; else what it declares is all there is.
    encoding = "utf-8" if is_utf8(data) else None
    parser = html.HTMLParser(encoding=encoding, no_network=True, huge_tree=True, remove_comments=True)
    try:
        tree = html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return None
    return tree if isinstance(tree, html.HtmlElement) else None


def _one_byte_each(data: bytes) -> bytes:
    """UTF-8 in place of the wide encodings, which lxml does not notice by itself."""
    wide = marked_encoding(data)
    return data if wide in (None, "utf-8") else data.decode(wide or "", "replace").lstrip("\ufeff").encode()


def base_of(tree: html.HtmlElement, url: str) -> str:
    """What links of the page are relative to."""
    for base in islice(tree.iter("base"), 1):
        return link_url(base.get("href"), url) or url
    return url


def text_of(element: html.HtmlElement) -> str | None:
    """The words in an element, as one line."""
    parts = [element.text or ""]
    for node in islice(element.iterdescendants(), _NODES_OF_TEXT):
        if node.tag not in ("script", "style"):
            parts.append(node.text or "")
        parts.append(node.tail or "")
    return one_line(" ".join(parts))


SECTION_LINKS = 2_000
_ANCHORS = 50_000
"Anchors looked at; menus of real pages hold hundreds."


def links_of_section(body: bytes, url: str, accept: Callable[[str], bool]) -> Found:
    """The anchors of a page that `accept` takes, each page once under its first words; `more` is rel=next."""
    if len(body) > PAGE_BYTES:
        return Found(outcome="too_large")
    tree = page_tree(body)
    if tree is None:
        return Found(outcome="malformed" if body.strip() else "empty")
    base = base_of(tree, url)
    links: dict[str, Link] = {}
    for link in _anchor_links(tree, base, url):
        key = normal_url(link.url)
        if key in links and links[key].title is None:
            # Pictures come first and have no words; the headline links to the same page.
            links[key] = replace(links[key], title=link.title)
        elif key not in links and len(links) < SECTION_LINKS and accept(link.url):
            links[key] = link
    return outcome_of(tuple(links.values()), _next_page(tree, base, url))


def _anchor_links(tree: html.HtmlElement, base: str, url: str) -> Iterator[Link]:
    for anchor in islice(tree.iter("a", "area"), _ANCHORS):
        target = link_url(anchor.get("href"), base)
        if target:
            yield Link(url=target, via="section", from_url=url, title=text_of(anchor))


def _next_page(tree: html.HtmlElement, base: str, url: str) -> tuple[str, ...]:
    for element in islice(tree.iter("link", "a"), _ANCHORS):
        if "next" in (element.get("rel") or "").lower().split():
            target = link_url(element.get("href"), base)
            if target and normal_url(target) != normal_url(url):
                return (target,)
    return ()
