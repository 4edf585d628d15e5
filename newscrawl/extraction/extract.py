"""HTML -> Article or Rejection: `extract`, which the crawl, replay and every command share."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.body import Body, extract_body
from newscrawl.extraction.context import (
    PageContext,
    PageFacts,
    build_context,
    build_extractor,
    build_http,
    read_discovery,
)
from newscrawl.extraction.head import (
    PageHead,
    canonical_url,
    declared_language,
    read_head,
    read_site_name,
)
from newscrawl.extraction.landmarks import HeadlineContext, find_headline
from newscrawl.extraction.metadata.access import read_access
from newscrawl.extraction.metadata.authors import Byline, choose_byline
from newscrawl.extraction.metadata.dates import Dates, read_dates
from newscrawl.extraction.metadata.images import read_images
from newscrawl.extraction.metadata.parts import read_live_updates, read_page_urls
from newscrawl.extraction.metadata.rights import read_rights
from newscrawl.extraction.metadata.title import Title, choose_title
from newscrawl.extraction.metadata.topics import read_page_type, read_section, read_tags
from newscrawl.extraction.normalize import match_key, normalize_spaces, truncate
from newscrawl.extraction.parse import ParsedPage, RejectReason, parse_page
from newscrawl.extraction.reject import is_listing, reject_empty, reject_non_article
from newscrawl.extraction.view import MAX_REMOVED, PageView, build_view
from newscrawl.extraction.wire_notices import detect_syndication
from newscrawl.items import Article, Block, Image, LiveUpdate, PageType, Quality, Rejection, rfc3339
from newscrawl.languages import detect_block_languages, is_mixed
from newscrawl.urls import absolute_url, normalize_url, url_host

SHORT_CHARS = 400
"Shorter stories are flagged."
SURE_PAGE_TYPE = 0.9
"Probability from which the classifier's page type counts."
SURROUNDING_CHARS = 1_500
"Characters around the story that are read to detect the language of the page."


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtractionTrace:
    """The result for a page, with the intermediate steps that explain it."""

    result: Article | Rejection
    view: PageView | None = None
    "The blocks of the page; None if it could not be parsed."
    body: Body | None = None
    "The verdicts on the blocks; None if the page was rejected before its story was selected."


@dataclass(frozen=True, kw_only=True, slots=True)
class PageMetadata:
    """All metadata of a page, read before chrome is removed from the tree."""

    head: PageHead
    lines: list[TextBlock]
    title: Title
    dates: Dates
    byline: Byline
    images: list[Image]
    tags: list[str]
    section: str | None
    page_type: PageType
    pages: list[str]
    live_updates: list[LiveUpdate]


def extract(html: bytes | str, url: str, **facts: Unpack[PageFacts]) -> Article | Rejection:
    """The article of a page, or why there is none; the same input gives the same output in any process.

    `html` is the body as the server sent it, without content coding; text is taken as UTF-8, whatever it
    declares. `url` is the absolute address that answered. More may be given by keyword: `headers` (of the
    response), `fetched` (aware datetime of the capture), `outlet`, `memory` (of the site), `link` (that the
    crawl followed), `status` (of HTTP), `classifier` (instead of the one that comes with the package).

    It raises no error about the page: a page without a story is a `Rejection` whose `reason` says why.
    """
    body = html if isinstance(html, bytes) else codecs.BOM_UTF8 + html.encode("utf-8", "replace")
    return trace_extraction(body, url, **facts).result


def trace_extraction(html: bytes, url: str, **facts: Unpack[PageFacts]) -> ExtractionTrace:
    """Like `extract`, but with the blocks of the page and the verdict on each."""
    context = build_context(url, facts)
    if absolute_url(context.url, "") is None:
        reject = RejectReason(reason="bad_url", detail="no absolute http(s) URL")
        return ExtractionTrace(result=_build_rejection(context, reject))
    parsed = parse_page(html, context.headers)
    if isinstance(parsed, RejectReason):
        return ExtractionTrace(result=_build_rejection(context, parsed))
    return _trace_page(context, parsed)


def _trace_page(context: PageContext, page: ParsedPage) -> ExtractionTrace:
    tree = page.tree
    head = read_head(tree, context.url, context.headers)
    view = build_view(tree, head, context.rule, context.outlet.platform if context.outlet else None)
    lines = view.visible_blocks
    if reject := reject_non_article(head, tree, lines, context.status):
        return ExtractionTrace(result=_build_rejection(context, reject, page), view=view)
    metadata = _collect_metadata(context, head, tree, lines)
    untitled = metadata.title.text is None
    if is_listing(head, tree, metadata.page_type, untitled=untitled):
        reject = RejectReason(reason="listing", detail="a page of teasers, not a story")
        return ExtractionTrace(result=_build_rejection(context, reject), view=view)
    body = extract_body(
        context,
        head,
        tree,
        view,
        titles=metadata.title.keys,
        authors=[author.name for author in metadata.byline.authors if author.kind == "person"],
        live=metadata.page_type == "liveblog",
    )
    if reject := reject_empty(tree, lines, len(body.text), untitled=untitled):
        return ExtractionTrace(result=_build_rejection(context, reject, page), view=view, body=body)
    byline = metadata.byline
    if body.byline is not None:
        headline = find_headline(lines, metadata.title.keys, head.landmarks)
        byline = _read_byline(context, head, tree, headline, in_text=body.byline)
    return ExtractionTrace(result=_build_article(context, page, metadata, body, byline), view=view, body=body)


def _collect_metadata(
    context: PageContext, head: PageHead, tree: HtmlElement, lines: list[TextBlock]
) -> PageMetadata:
    """Read the metadata of a page."""
    zone = context.outlet.zone if context.outlet else None
    feed_title = normalize_spaces(context.link.title or "") if context.link else ""
    title = choose_title(head, lines, context.site_names, feed_title or None)
    headline = find_headline(lines, title.keys, head.landmarks)
    selector, fetched = context.rule.date, context.fetched
    page_type = read_page_type(head)
    updates = read_live_updates(head, zone)
    return PageMetadata(
        head=head,
        lines=lines,
        title=title,
        dates=read_dates(head, tree, headline, selector, zone=zone, fetched=fetched, link=context.link),
        byline=_read_byline(context, head, tree, headline, in_text=None),
        images=read_images(head),
        tags=read_tags(head),
        section=read_section(head),
        page_type="liveblog" if updates and page_type == "article" else page_type,
        pages=read_page_urls(head),
        live_updates=updates,
    )


def _read_byline(
    context: PageContext, head: PageHead, tree: HtmlElement, headline: HeadlineContext, *, in_text: str | None
) -> Byline:
    """Choose the byline; `in_text` is a byline that was found among the lines of the story."""
    sites, selector = context.site_names, context.rule.author
    return choose_byline(head, tree, headline, selector, in_text=in_text, sites=sites)


def _build_rejection(context: PageContext, reject: RejectReason, page: ParsedPage | None = None) -> Rejection:
    """The rejection; for a truncated page the reason is that its elements are nested too deep."""
    if page is not None and page.is_truncated:
        reject = RejectReason(
            reason="too_deep", detail=f"elements nested too deep; before them: {reject.detail}"
        )
    return Rejection(
        url=context.url,
        url_requested=context.requested_url,
        source=context.outlet.id if context.outlet else None,
        step="extract",
        reason=reject.reason,
        detail=normalize_spaces(reject.detail),
        fetched=rfc3339(context.fetched) if context.fetched else None,
        discovery=read_discovery(context.link),
    )


def _build_article(
    context: PageContext, page: ParsedPage, metadata: PageMetadata, body: Body, byline: Byline
) -> Article:
    head, text, dates, outlet = metadata.head, body.text, metadata.dates, context.outlet
    languages = detect_block_languages([block.text for block in body.blocks])
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    identity = normalize_url(context.url)
    return Article(
        id=hashlib.sha256(f"{identity}\n{digest}".encode()).hexdigest()[:32],
        url_requested=context.requested_url,
        url=context.url,
        url_canonical=canonical_url(head),
        url_norm=identity,
        source=outlet.id if outlet else None,
        publisher=outlet.title if outlet else read_site_name(head),
        domain=url_host(context.url) or None,
        country=outlet.country if outlet else None,
        title=metadata.title.text,
        title_raw=metadata.title.raw,
        lede=body.lede,
        text=text,
        blocks=[
            Block(kind=block.kind, text=block.text, lang=lang, level=block.level)
            for block, lang in zip(body.blocks, languages.codes, strict=True)
        ],
        word_count=len(text.split()),
        char_count=len(text),
        lang=languages.lang,
        lang_score=languages.score,
        lang_mix=languages.mix,
        is_mixed=is_mixed(languages.mix),
        lang_declared=declared_language(head),
        lang_page=_surrounding_language(metadata.lines, body.blocks),
        published=dates.published.date.isoformat() if dates.published else None,
        modified=dates.modified.date.isoformat() if dates.modified else None,
        published_precision=dates.published.date.precision if dates.published else None,
        published_source=dates.published.source if dates.published else None,
        published_raw=normalize_spaces(dates.published.date.raw) if dates.published else None,
        fetched=rfc3339(context.fetched) if context.fetched else None,
        authors=byline.authors,
        byline_raw=byline.raw,
        section=metadata.section,
        tags=metadata.tags,
        dateline_place=body.wire.place,
        images=metadata.images,
        syndication=detect_syndication(head, body.wire, byline),
        access=read_access(head, metadata.lines, len(text)),
        rights=read_rights(head, context.link.rights if context.link else None),
        page_type=_choose_page_type(metadata, body),
        pages=metadata.pages,
        live_updates=metadata.live_updates,
        text_sha256=digest,
        discovery=read_discovery(context.link),
        http=build_http(context.headers, context.status, page.charset),
        extractor=build_extractor(outlet, context.rule, context.memory.name if context.memory else ""),
        removed=body.removed[:MAX_REMOVED],
        quality=_assess_quality(page, metadata, body),
    )


def _surrounding_language(lines: Sequence[TextBlock], story: Sequence[TextBlock]) -> str | None:
    """The language of the text around the story; None if there is none."""
    inside = {match_key(block.text) for block in story}
    outside: list[str] = []
    chars = 0
    for line in lines:
        if chars >= SURROUNDING_CHARS:
            break
        if match_key(line.text) not in inside:
            outside.append(truncate(line.text, SURROUNDING_CHARS))
            chars += len(line.text)
    return detect_block_languages(outside).label if outside else None


def _choose_page_type(metadata: PageMetadata, body: Body) -> PageType:
    """The type that the page declares; for a plain article, the type that it almost certainly looks like."""
    if metadata.page_type != "article" or body.selection.page_type is None:
        return metadata.page_type
    page_type, probability = body.selection.page_type
    return page_type if probability >= SURE_PAGE_TYPE else metadata.page_type


def _assess_quality(page: ParsedPage, metadata: PageMetadata, body: Body) -> Quality:
    checks = {
        "short_text": len(body.text) < SHORT_CHARS,
        "no_title": metadata.title.text is None,
        "no_date": metadata.dates.published is None,
        "date_guess": metadata.dates.published is not None
        and metadata.dates.published.date.swapped is not None,
        "encoding_guess": page.is_guess,
        "second_opinion": body.selection.asked_trafilatura,
        "cut": page.is_truncated,
        "script_body": body.from_script,
        "cut_by_rules": body.is_cut_by_rules,
    }
    return Quality(
        score=None if body.score is None else round(body.score, 3),
        page_type_score=round(body.selection.page_type[1], 3) if body.selection.page_type else None,
        flags=[name for name, is_set in checks.items() if is_set],
    )
