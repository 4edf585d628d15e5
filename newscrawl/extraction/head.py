"""What a page and its response declare: meta tags, links, headers, JSON-LD, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml.html import HtmlElement

from newscrawl.extraction.jsonld import Node, nodes_of, story_of
from newscrawl.extraction.landmarks import Signs, signs_of
from newscrawl.extraction.normalize import cut, tidy
from newscrawl.extraction.parse import header
from newscrawl.urls import absolute

MAX_META_CHARS = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    url: str
    metas: Mapping[str, tuple[str, ...]]
    "Contents by name, property, itemprop or http-equiv, lower-case, in page order."
    links: tuple[tuple[str, str], ...]
    "(rel, href) of link elements, verbatim."
    headers: Mapping[str, str]
    nodes: list[Node]
    story: Node
    "The JSON-LD node of the story; empty when there is none."
    lang: str | None
    title: str | None
    "The title element's text."
    signs: Signs = field(default_factory=Signs)
    "Elements of the page that may tell something of the story."

    def meta(self, *names: str) -> str | None:
        """The first content that is not empty, in the order of the names."""
        return next((value for name in names for value in self.metas.get(name, ()) if value), None)

    def link(self, rel: str) -> str | None:
        """The first link of this relation, absolute."""
        hrefs = (href for name, href in self.links if rel in name.lower().split())
        return next((full for href in hrefs if (full := absolute(href, self.url))), None)


def head_of(tree: HtmlElement, url: str, headers: Mapping[str, str]) -> Head:
    """Everything declared, and the elements that may tell more: one pass over the tree."""
    signs = signs_of(tree)
    nodes = nodes_of(signs.scripts)
    title = next((one.text_content() for one in signs.titles if one.getparent().tag != "svg"), None)
    links = [(one.get("rel") or "", one.get("href") or "") for one in signs.links]
    return Head(
        url=url,
        metas=_metas(signs.metas),
        links=tuple(links),
        headers=headers,
        nodes=nodes,
        story=story_of(nodes, url) or {},
        lang=tidy(tree.get("lang") or tree.get("xml:lang") or "") or None,
        title=cut(tidy(title), 1000) if title and tidy(title) else None,
        signs=signs,
    )


def _metas(elements: list[HtmlElement]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for element in elements:
        named = {
            name.strip().lower()
            for kind in ("name", "property", "itemprop", "http-equiv")
            if (name := element.get(kind))
        }
        if named - {""}:
            content = tidy(cut(element.get("content") or "", MAX_META_CHARS))
            for name in sorted(named - {""}):
                found.setdefault(name, []).append(content)
    return {name: tuple(contents) for name, contents in found.items()}


def canonical_of(head: Head) -> str | None:
    """What the page names as its address."""
    said = head.meta("og:url")
    return head.link("canonical") or (absolute(said, head.url) if said else None)


def lang_declared_of(head: Head) -> str | None:
    """Verbatim: html lang, else og:locale, else Content-Language."""
    said = (
        head.lang
        or head.meta("og:locale", "content-language")
        or tidy(header(head.headers, "content-language") or "")
    )
    return cut(said, 40) if said else None
