"""Declarations of a page and its response: meta tags, links, headers and JSON-LD, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml.html import HtmlElement

from newscrawl.extraction.jsonld import (
    Node,
    find_story_node,
    first_text,
    node_types,
    read_nodes,
    resolve_nodes,
)
from newscrawl.extraction.landmarks import PageLandmarks, find_landmarks
from newscrawl.extraction.normalize import normalize_spaces, truncate
from newscrawl.extraction.parse import find_header
from newscrawl.urls import absolute_url

MAX_META_CHARS = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class PageHead:
    """What a page declares about itself, and its landmarks."""

    url: str
    metas: Mapping[str, tuple[str, ...]]
    "Contents by name, property, itemprop or http-equiv, lower-case, in page order."
    links: tuple[tuple[str, str], ...]
    "(rel, href) of link elements, verbatim."
    headers: Mapping[str, str]
    nodes: list[Node]
    story_node: Node
    "The JSON-LD node of the story; empty if there is none."
    lang: str | None
    title: str | None
    "Text of the title element."
    landmarks: PageLandmarks = field(default_factory=PageLandmarks)
    "Elements that may hold metadata of the story."

    def meta(self, *names: str) -> str | None:
        """The first non-empty content, in the order of the names."""
        return next((value for name in names for value in self.metas.get(name, ()) if value), None)

    def link(self, rel: str) -> str | None:
        """The first link with this relation, as an absolute URL."""
        hrefs = (href for name, href in self.links if rel in name.lower().split())
        return next((url for href in hrefs if (url := absolute_url(href, self.url))), None)


def read_head(tree: HtmlElement, url: str, headers: Mapping[str, str]) -> PageHead:
    """The declarations and landmarks of a page, found in a single pass over the tree."""
    landmarks = find_landmarks(tree)
    nodes = read_nodes(landmarks.scripts)
    titles = (element.text_content() for element in landmarks.titles if element.getparent().tag != "svg")
    title = next(titles, None)
    return PageHead(
        url=url,
        metas=_read_metas(landmarks.metas),
        links=tuple((element.get("rel") or "", element.get("href") or "") for element in landmarks.links),
        headers=headers,
        nodes=nodes,
        story_node=find_story_node(nodes, url) or {},
        lang=normalize_spaces(tree.get("lang") or tree.get("xml:lang") or "") or None,
        title=truncate(normalize_spaces(title), 1000) if title and normalize_spaces(title) else None,
        landmarks=landmarks,
    )


def _read_metas(elements: list[HtmlElement]) -> dict[str, tuple[str, ...]]:
    metas: dict[str, list[str]] = {}
    for element in elements:
        names = {
            name.strip().lower()
            for attribute in ("name", "property", "itemprop", "http-equiv")
            if (name := element.get(attribute))
        } - {""}
        if names:
            content = normalize_spaces(
                truncate(element.get("content") or element.get("datetime") or "", MAX_META_CHARS)
            )
            for name in sorted(names):
                metas.setdefault(name, []).append(content)
    return {name: tuple(contents) for name, contents in metas.items()}


def read_site_name(head: PageHead) -> str | None:
    """The name of the site: og:site_name, else the publisher that JSON-LD names."""
    publishers = resolve_nodes(head.nodes, head.story_node.get("publisher"))
    organisations = (node for node in publishers if "person" not in node_types(node))
    names = (first_text(node.get("name")) for node in organisations)
    return head.meta("og:site_name") or next(filter(None, names), None)


def canonical_url(head: PageHead) -> str | None:
    """The address that the page declares as its own: its canonical link, else og:url."""
    declared = head.meta("og:url")
    return head.link("canonical") or (absolute_url(declared, head.url) if declared else None)


def declared_language(head: PageHead) -> str | None:
    """Verbatim: the lang attribute of html, else og:locale, else Content-Language."""
    declared = (
        head.lang
        or head.meta("og:locale", "content-language")
        or normalize_spaces(find_header(head.headers, "content-language") or "")
    )
    return truncate(declared, 40) if declared else None
