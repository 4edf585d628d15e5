"""What a page says around its story; read before chrome is taken out of the tree."""

from __future__ import annotations

from dataclasses import dataclass

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import RawBlock
from newscrawl.extraction.head import Head
from newscrawl.extraction.metadata.authors import Byline, byline_of
from newscrawl.extraction.metadata.dates import Dates, dates_of
from newscrawl.extraction.metadata.images import images_of
from newscrawl.extraction.metadata.parts import live_updates_of, pages_of
from newscrawl.extraction.metadata.title import Title, title_of
from newscrawl.extraction.metadata.topics import page_type_of, section_of, tags_of
from newscrawl.extraction.normalize import tidy
from newscrawl.extraction.source import Source
from newscrawl.items import Image, LiveUpdate, PageType


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    head: Head
    lines: list[RawBlock]
    title: Title
    dates: Dates
    byline: Byline
    images: list[Image]
    tags: list[str]
    section: str | None
    page_type: PageType
    pages: list[str]
    live_updates: list[LiveUpdate]


def told_of(source: Source, head: Head, tree: HtmlElement, lines: list[RawBlock]) -> Told:
    """All of it."""
    title = title_of(
        head, lines, source.sites, tidy(source.link.title or "") or None if source.link else None
    )
    declared = page_type_of(head)
    zone = source.outlet.zone if source.outlet else None
    updates = live_updates_of(head, zone)
    return Told(
        head=head,
        lines=lines,
        title=title,
        dates=dates_of(
            head,
            tree,
            lines,
            titles=title.keys,
            selector=source.rule.date,
            zone=zone,
            fetched=source.fetched,
            link=source.link,
        ),
        byline=byline_told(source, head, tree, lines, title, in_text=None),
        images=images_of(head),
        tags=tags_of(head),
        section=section_of(head),
        page_type="liveblog" if updates and declared == "article" else declared,
        pages=pages_of(head),
        live_updates=updates,
    )


def byline_told(
    source: Source,
    head: Head,
    tree: HtmlElement,
    lines: list[RawBlock],
    title: Title,
    *,
    in_text: str | None,
) -> Byline:
    """Who wrote it; `in_text` is a byline that stood among the story's lines."""
    return byline_of(
        head,
        tree,
        selector=source.rule.author,
        in_text=in_text,
        sites=source.sites,
        lines=lines,
        titles=title.keys,
    )
