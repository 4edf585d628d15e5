"""Links of a section page: its anchors, in page order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from lxml import html

from newscrawl.discovery.found import Found, link_url, outcome_of
from newscrawl.discovery.page import PAGE_BYTES, base_of, page_tree, text_of
from newscrawl.items import Link
from newscrawl.urls import normal_url

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
