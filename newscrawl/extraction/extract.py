"""HTML -> Article or Rejection: the one function every path calls."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newscrawl.extraction.blocks import RawBlock
from newscrawl.extraction.body import Body, body_of
from newscrawl.extraction.boilerplate import Memory
from newscrawl.extraction.classifier.model import Judge
from newscrawl.extraction.head import canonical_of, head_of, lang_declared_of
from newscrawl.extraction.metadata.access import access_of
from newscrawl.extraction.metadata.authors import Byline
from newscrawl.extraction.metadata.dates import Dated
from newscrawl.extraction.metadata.page import Told, byline_told, told_of
from newscrawl.extraction.metadata.rights import rights_of
from newscrawl.extraction.normalize import cut, key, tidy
from newscrawl.extraction.parse import Fault, Parsed, parse
from newscrawl.extraction.reject import empty_fault, is_listing, shell_fault
from newscrawl.extraction.source import Source, encodable, extractor_of, http_of, link_discovery, rule_of
from newscrawl.extraction.view import MAX_REMOVED, View, view_of
from newscrawl.extraction.wire_notices import syndication_of
from newscrawl.items import Article, Block, Link, PageType, Quality, Rejection, rfc3339
from newscrawl.languages import Languages, is_mixed, languages_of
from newscrawl.outlet import Outlet
from newscrawl.urls import absolute, host_of, normal_url

SHORT_CHARS = 400
"A story under this is flagged."
SURE_KIND = 0.9
"The judge's word on the kind of page counts from here."
OUTSIDE_CHARS = 1_500
"So much of the text around a story tells its language."


def article_of(source: Source, parsed: Parsed, told: Told, body: Body, byline: Byline) -> Article:
    """The item of a page whose story was found."""
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
        lang=languages.lang,
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
        access=access_of(head, told.lines, len(text)),
        rights=rights_of(head, source.link.rights if source.link else None),
        page_type=_page_type(told, body),
        pages=told.pages,
        live_updates=told.live_updates,
        text_sha256=digest,
        discovery=link_discovery(source.link),
        http=http_of(source.headers, source.status, parsed.charset),
        extractor=extractor_of(outlet, source.rule, source.memory.name if source.memory else ""),
        removed=body.removed[:MAX_REMOVED],
        quality=_quality(parsed, told, body),
    )


def _blocks(blocks: Sequence[RawBlock], languages: Languages) -> list[Block]:
    pairs = zip(blocks, languages.codes, strict=True)
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


def _page_type(told: Told, body: Body) -> PageType:
    """What the page declares, else what it surely looks like."""
    kind, sure = body.story.kind or (told.page_type, 1.0)
    return kind if sure >= SURE_KIND and told.page_type == "article" else told.page_type


def _quality(parsed: Parsed, told: Told, body: Body) -> Quality:
    checks = {
        "short_text": len(body.text) < SHORT_CHARS,
        "no_title": told.title.text is None,
        "no_date": told.dates.published is None,
        "encoding_guess": parsed.guessed,
        "second_opinion": body.story.asked,
        "cut": parsed.cut,
    }
    return Quality(
        score=round(body.story.confidence, 3),
        page_type_score=round(body.story.kind[1], 3) if body.story.kind else None,
        flags=[name for name, holds in checks.items() if holds],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """What became of a page, and how: for people who ask why a line went."""

    result: Article | Rejection
    view: View | None = None
    "The page's blocks; None where it could not be parsed."
    body: Body | None = None
    "Verdicts on them; None where the page was refused before its story was looked for."


def extract(
    html: bytes,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    fetched: dt.datetime | None = None,
    outlet: Outlet | None = None,
    memory: Memory | None = None,
    link: Link | None = None,
    status: int | None = None,
    judge: Judge | None = None,
) -> Article | Rejection:
    """The story of a page, or why there is none; the same input gives the same answer in any process."""
    return explained(
        html,
        url,
        headers=headers,
        fetched=fetched,
        outlet=outlet,
        memory=memory,
        link=link,
        status=status,
        judge=judge,
    ).result


def explained(
    html: bytes,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    fetched: dt.datetime | None = None,
    outlet: Outlet | None = None,
    memory: Memory | None = None,
    link: Link | None = None,
    status: int | None = None,
    judge: Judge | None = None,
) -> Explained:
    """As `extract`, with the page's blocks and the verdict on each."""
    source = Source(
        url=encodable(url.strip()),
        headers={name: encodable(value) for name, value in (headers or {}).items()},
        fetched=fetched,
        outlet=outlet,
        rule=rule_of(outlet, fetched),
        link=link,
        status=status,
        judge=judge,
        memory=memory,
    )
    if absolute(source.url, "") is None:
        fault = Fault(reason="bad_url", detail="no absolute http(s) URL")
        return Explained(result=_rejection(source, fault))
    parsed = parse(html, source.headers)
    return (
        _story(source, parsed) if isinstance(parsed, Parsed) else Explained(result=_rejection(source, parsed))
    )


def _story(source: Source, parsed: Parsed) -> Explained:
    tree = parsed.tree
    head = head_of(tree, source.url, source.headers)
    view = view_of(tree, head, source.rule, source.outlet.platform if source.outlet else None)
    lines = view.visible
    if fault := shell_fault(head, tree, lines, source.status):
        return Explained(result=_rejection(source, _or_cut(fault, parsed)), view=view)
    told = told_of(source, head, tree, lines)
    untitled = told.title.text is None
    if is_listing(head, tree, told.page_type, untitled=untitled):
        fault = Fault(reason="listing", detail="a page of teasers, not a story")
        return Explained(result=_rejection(source, fault), view=view)
    authors = [author.name for author in told.byline.authors if author.kind == "person"]
    body = body_of(
        source, head, tree, view, titles=told.title.keys, authors=authors, live=told.page_type == "liveblog"
    )
    if fault := empty_fault(tree, lines, len(body.text), untitled=untitled):
        return Explained(result=_rejection(source, _or_cut(fault, parsed)), view=view, body=body)
    byline = told.byline
    if body.byline is not None:
        byline = byline_told(source, head, tree, lines, told.title, in_text=body.byline)
    return Explained(result=article_of(source, parsed, told, body, byline), view=view, body=body)


def _or_cut(fault: Fault, parsed: Parsed) -> Fault:
    """The fault, or the parser's, where it stopped before the page did."""
    if not parsed.cut:
        return fault
    return Fault(reason="too_deep", detail=f"elements nested too deep; before them: {fault.detail}")


def _rejection(source: Source, fault: Fault) -> Rejection:
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
