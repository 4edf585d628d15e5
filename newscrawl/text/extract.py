"""HTML -> Article or Rejection: the one function every path calls."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from newscrawl.items import Article, Link, Rejection, rfc3339
from newscrawl.outlet import Outlet, Rule
from newscrawl.parts import Access, Block, Image, PageType, Quality
from newscrawl.text.authors import Byline, byline_of
from newscrawl.text.blocks import RawBlock, blocks_of
from newscrawl.text.body import Body, body_of
from newscrawl.text.dates import Dated, Dates, dates_of
from newscrawl.text.folding import cut, key, tidy
from newscrawl.text.head import Head, canonical_of, free_of, head_of, lang_declared_of, rights_of
from newscrawl.text.images import images_of
from newscrawl.text.language import Languages, is_mixed, languages_of
from newscrawl.text.origin import syndication_of
from newscrawl.text.parse import Fault, Parsed, parse
from newscrawl.text.provenance import encodable, extractor_of, http_of, link_discovery, rule_of
from newscrawl.text.prune import MAX_REMOVED
from newscrawl.text.title import Title, title_of
from newscrawl.text.topics import page_type_of, section_of, tags_of
from newscrawl.text.verdict import empty_fault, is_listing, shell_fault
from newscrawl.urls import absolute, host_of, normal_url

SHORT_CHARS = 400
"A story under this is flagged."
OUTSIDE_CHARS = 6_000
"So much of the text around a story tells its language."


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """What is known before the page is read."""

    url: str
    headers: Mapping[str, str]
    fetched: dt.datetime | None
    outlet: Outlet | None
    rule: Rule
    link: Link | None
    status: int | None

    @property
    def requested(self) -> str:
        return encodable(self.link.url) if self.link else self.url

    @property
    def sites(self) -> list[str]:
        """Names under which the outlet may sign its titles."""
        host = host_of(self.url)
        names = [self.outlet.title, self.outlet.id] if self.outlet else []
        return [*names, host, host.rpartition(".")[0].rpartition(".")[2]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Told:
    """What the page says around its story; read before chrome is taken out of the tree."""

    head: Head
    lines: list[RawBlock]
    title: Title
    dates: Dates
    byline: Byline
    images: list[Image]
    tags: list[str]
    section: str | None
    page_type: PageType


def extract(
    html: bytes,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    fetched: dt.datetime | None = None,
    outlet: Outlet | None = None,
    memory: object | None = None,  # noqa: ARG001  reserved for what is learned of a site
    link: Link | None = None,
    status: int | None = None,
) -> Article | Rejection:
    """The story of a page, or why there is none; the same input gives the same answer in any process."""
    source = _Source(
        url=encodable(url.strip()),
        headers={name: encodable(value) for name, value in (headers or {}).items()},
        fetched=fetched,
        outlet=outlet,
        rule=rule_of(outlet, fetched),
        link=link,
        status=status,
    )
    if absolute(source.url, "") is None:
        return _rejection(source, Fault(reason="bad_url", detail="no absolute http(s) URL"))
    parsed = parse(html, source.headers)
    found = parsed if isinstance(parsed, Fault) else _story(source, parsed)
    return _rejection(source, found) if isinstance(found, Fault) else found


def _story(source: _Source, parsed: Parsed) -> Article | Fault:
    tree = parsed.tree
    head = head_of(tree, source.url, source.headers)
    lines = blocks_of(tree, hidden=False)
    if fault := shell_fault(head, tree, lines, source.status):
        return fault
    told = _told(source, head, tree, lines)
    untitled = told.title.text is None
    if is_listing(head, tree, told.page_type, untitled=untitled):
        return Fault(reason="listing", detail="a page of teasers, not a story")
    platform = source.outlet.platform if source.outlet else None
    body = body_of(head, tree, lines, titles=told.title.keys, rule=source.rule, platform=platform)
    if fault := empty_fault(tree, lines, len(body.text), untitled=untitled):
        return fault
    byline = told.byline
    if body.byline is not None:
        byline = byline_of(head, tree, selector=source.rule.author, in_text=body.byline, sites=source.sites)
    return _article(source, parsed, told, body, byline)


def _told(source: _Source, head: Head, tree: HtmlElement, lines: list[RawBlock]) -> _Told:
    title = title_of(
        head, lines, source.sites, tidy(source.link.title or "") or None if source.link else None
    )
    return _Told(
        head=head,
        lines=lines,
        title=title,
        dates=dates_of(
            head,
            tree,
            lines,
            titles=title.keys,
            selector=source.rule.date,
            zone=source.outlet.zone if source.outlet else None,
            fetched=source.fetched,
            link=source.link,
        ),
        byline=byline_of(head, tree, selector=source.rule.author, in_text=None, sites=source.sites),
        images=images_of(head, tree),
        tags=tags_of(head, tree),
        section=section_of(head, tree),
        page_type=page_type_of(head),
    )


def _article(source: _Source, parsed: Parsed, told: _Told, body: Body, byline: Byline) -> Article:
    head, text, dates, outlet = told.head, body.text, told.dates, source.outlet
    languages = languages_of([block.text for block in body.blocks])
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    identity = normal_url(source.url)
    return Article(
        id=hashlib.sha256(f"{identity}\n{digest}".encode()).hexdigest()[:32],
        url_requested=source.requested,
        url=source.url,
        url_canonical=canonical_of(head),
        url_norm=identity,
        source=outlet.id if outlet else None,
        publisher=outlet.title if outlet else head.meta("og:site_name"),
        domain=host_of(source.url) or None,
        country=outlet.country if outlet else None,
        title=told.title.text,
        title_raw=told.title.raw,
        lede=body.lede,
        text=text,
        blocks=_blocks(body.blocks, languages),
        word_count=len(text.split()),
        char_count=len(text),
        lang=languages.label,
        lang_score=languages.score,
        lang_mix=languages.mix,
        is_mixed=is_mixed(languages.mix),
        lang_declared=lang_declared_of(head),
        lang_page=_lang_page(told.lines, body.blocks),
        published=_moment(dates.published),
        modified=_moment(dates.modified),
        published_precision=dates.published.moment.precision if dates.published else None,
        published_source=dates.published.source if dates.published else None,
        published_raw=tidy(dates.published.moment.raw) if dates.published else None,
        fetched=rfc3339(source.fetched) if source.fetched else None,
        authors=byline.authors,
        byline_raw=byline.raw,
        section=told.section,
        tags=told.tags,
        dateline_place=body.wire.place,
        images=told.images,
        syndication=syndication_of(head, body.wire, byline),
        access=_access(head),
        rights=rights_of(head),
        page_type=told.page_type,
        text_sha256=digest,
        discovery=link_discovery(source.link),
        http=http_of(source.headers, source.status, parsed.charset),
        extractor=extractor_of(outlet, source.rule),
        removed=body.removed[:MAX_REMOVED],
        quality=_quality(parsed, told, text),
    )


def _blocks(blocks: Sequence[RawBlock], languages: Languages) -> list[Block]:
    pairs = zip(blocks, languages.blocks, strict=True)
    return [Block(kind=block.kind, text=block.text, lang=lang, level=block.level) for block, lang in pairs]


def _lang_page(lines: Sequence[RawBlock], story: Sequence[RawBlock]) -> str | None:
    """Language of what surrounds the story; None where nothing does."""
    inside = {key(block.text) for block in story}
    outside: list[str] = []
    chars = 0
    for line in lines:
        if chars >= OUTSIDE_CHARS:
            break
        if key(line.text) not in inside:
            outside.append(cut(line.text, OUTSIDE_CHARS))
            chars += len(line.text)
    return languages_of(outside).label if outside else None


def _moment(dated: Dated | None) -> str | None:
    return dated.moment.text() if dated else None


def _access(head: Head) -> Access:
    free = free_of(head)
    evidence = [] if free is None else [f"jsonld:isAccessibleForFree={str(free).lower()}"]
    return Access(free=free, wall="paywall" if free is False else "none", evidence=evidence)


def _quality(parsed: Parsed, told: _Told, text: str) -> Quality:
    checks = {
        "short_text": len(text) < SHORT_CHARS,
        "no_title": told.title.text is None,
        "no_date": told.dates.published is None,
        "encoding_guess": parsed.guessed,
    }
    return Quality(flags=[name for name, holds in checks.items() if holds])


def _rejection(source: _Source, fault: Fault) -> Rejection:
    return Rejection(
        url=source.url,
        url_requested=source.requested,
        source=source.outlet.id if source.outlet else None,
        step="extract",
        reason=fault.reason,
        detail=tidy(fault.detail),
        fetched=rfc3339(source.fetched) if source.fetched else None,
        discovery=link_discovery(source.link),
    )
