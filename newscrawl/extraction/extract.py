"""HTML -> Article or Rejection: `extract`, which the crawl, replay and every command share."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Unpack

from lxml.html import HtmlElement

from newscrawl.extraction.arc_story import read_arc_witness
from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.body import Body, extract_body
from newscrawl.extraction.boilerplate import PageRecord, record_page
from newscrawl.extraction.classifier.model import THRESHOLD
from newscrawl.extraction.context import (
    PageContext,
    PageFacts,
    build_context,
    build_extractor,
    build_http,
    read_discovery,
)
from newscrawl.extraction.following_pages import PageLinks, digest_paragraphs, read_page_links
from newscrawl.extraction.head import (
    PageHead,
    canonical_url,
    declared_language,
    read_head,
    read_site_name,
)
from newscrawl.extraction.joining import join_story
from newscrawl.extraction.landmarks import HeadlineContext, find_headline
from newscrawl.extraction.metadata.access import read_access
from newscrawl.extraction.metadata.authors import Byline, choose_byline
from newscrawl.extraction.metadata.dates import Dates, read_dates
from newscrawl.extraction.metadata.entry import find_contradictions, read_entry_authors, read_entry_tags
from newscrawl.extraction.metadata.images import read_images
from newscrawl.extraction.metadata.live_updates import read_live_updates
from newscrawl.extraction.metadata.rights import add_reservations, read_rights
from newscrawl.extraction.metadata.title import Title, choose_title
from newscrawl.extraction.metadata.topics import read_page_type, read_section, read_tags
from newscrawl.extraction.normalize import match_key, normalize_spaces, truncate
from newscrawl.extraction.parse import ParsedPage, RejectReason, parse_page
from newscrawl.extraction.reject import (
    SHORT_CHARS,
    SURE_PAGE_TYPE,
    has_listing_signs,
    looks_like_listing,
    reject_non_article,
    reject_status,
)
from newscrawl.extraction.script_story import has_walled_state
from newscrawl.extraction.story_forms import AMP, FormLink, find_amp_form, find_json_form, is_open
from newscrawl.extraction.story_text import compute_text_fields
from newscrawl.extraction.view import MAX_REMOVED, SAMPLE_CHARS, PageView, build_view
from newscrawl.extraction.wire_notices import detect_syndication
from newscrawl.extraction.witness import Witness
from newscrawl.extraction.witness_surplus import MIN_MORE_CHARS, WITNESS_HAS_MORE, gives_more
from newscrawl.items import Article, Block, Image, LiveUpdate, PageType, Quality, Rejection, rfc3339
from newscrawl.languages import detect_label
from newscrawl.urls import absolute_url, normalize_url, url_host

_SURE_OTHER = 0.9
"Probability from which a page counts as `other`, the type of pages that have nothing in common."
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
    links: PageLinks | None = None
    "What it says of the other pages of its story; None if it was rejected before it was read."
    form: FormLink | None = None
    "Another form of its story that is worth a request; None if there is none, or the outlet does not ask."
    reserved_by: tuple[str, ...] = ()
    "What reserves a page that was rejected, as in `Rights.reserved_by`: it holds for its AMP page too."
    lacks_pages: bool = False
    "Whether pages, or its AMP page, are not in the text that may be there another time."


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
    live_updates: list[LiveUpdate]
    witness_flags: list[str] = field(default_factory=list)
    "What was taken from the entry of a witness, and what contradicts it."


def extract(html: bytes | str, url: str, **facts: Unpack[PageFacts]) -> Article | Rejection:
    """The article of a page, or why there is none; the same input gives the same output in any process.

    `html` is the body as the server sent it, without content coding; text is taken as UTF-8, whatever it
    declares. `url` is the absolute address that answered. More may be given by keyword: `headers` (of the
    response), `fetched` (aware datetime of the capture), `outlet`, `memory` (of the site), `link` (that the
    crawl followed), `status` (of HTTP), `classifier` (instead of the one that comes with the package),
    `witness` (the story as a feed or an API gives it: HTML, or a `Witness`).

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


def find_page_links(html: bytes, url: str, **facts: Unpack[PageFacts]) -> PageLinks | None:
    """The links of a page alone, as `trace_extraction` finds them; None if it can be no page of a story."""
    context = build_context(url, facts)
    page = None if reject_status(context.status) else parse_page(html, context.headers)
    if page is None or isinstance(page, RejectReason):
        return None
    head = read_head(page.tree, context.url, context.headers)
    view = build_view(page.tree, head, context.rule)
    return read_page_links(head, page.tree, view.visible_blocks, context.place)


def record_trace(trace: ExtractionTrace) -> PageRecord | None:
    """What a site memory can learn from a page; None if it holds no story."""
    article = trace.result
    if not isinstance(article, Article) or trace.view is None or trace.body is None:
        return None
    return record_page(
        trace.view,
        _story_mask(trace),
        url=article.url_norm,
        day=(article.fetched or "")[:10],
        title=article.title or "",
    )


def _story_mask(trace: ExtractionTrace) -> Sequence[bool]:
    """Which blocks look like the story without a site memory, so that a memory never learns from itself."""
    assert trace.view
    assert trace.body
    view, likely = trace.view, trace.body.selection.probabilities
    if not likely:
        mask = [block.frame.index in view.body_frames for block in view.blocks]
    else:
        mask = [probability > THRESHOLD for probability in likely]
    return [
        is_story and block.frame.index not in view.chrome
        for is_story, block in zip(mask, view.blocks, strict=True)
    ]


def _trace_page(context: PageContext, page: ParsedPage) -> ExtractionTrace:
    tree = page.tree
    head = read_head(tree, context.url, context.headers)
    view = build_view(tree, head, context.rule, context.outlet.platform if context.outlet else None)
    lines = view.visible_blocks
    if reject := reject_status(context.status):
        return ExtractionTrace(result=_build_rejection(context, reject, page), view=view)
    links = read_page_links(head, tree, lines, context.place)
    metadata = _collect_metadata(context, head, tree, lines)
    context = _add_page_witness(context, head, tree, lines)
    untitled = metadata.title.text is None
    listing_signs = has_listing_signs(head, tree, metadata.page_type, untitled=untitled)
    body = extract_body(
        context,
        head,
        tree,
        view,
        titles=metadata.title.keys,
        authors=[author.name for author in metadata.byline.authors if author.kind == "person"],
        live=metadata.page_type == "liveblog",
    )
    # Every page is read first: its address or its teasers alone do not say that it has no story.
    if reject := reject_non_article(head, tree, view, body, listing_signs=listing_signs, untitled=untitled):
        rejection = _build_rejection(context, reject, page)
        form = _find_form(context, tree, metadata, body, rejection)
        rights = read_rights(head, context.link.rights if context.link else None)
        return ExtractionTrace(
            result=rejection,
            view=view,
            body=body,
            links=links,
            form=form,
            reserved_by=tuple(rights.reserved_by),
            lacks_pages=_waits_for_amp(context, form),
        )
    byline = metadata.byline
    if body.byline is not None:
        headline = find_headline(lines, metadata.title.keys, head.landmarks)
        byline = _read_byline(context, head, tree, headline, in_text=body.byline)
    if listing_signs and looks_like_listing(body):
        metadata = replace(metadata, page_type="listing")
    vote = body.selection.witness
    has_more = (vote is None or vote.missing_chars >= MIN_MORE_CHARS) and gives_more(
        context.witness, head, lines
    )
    if vote:
        metadata, byline = _complete_metadata(context, metadata, byline, vote.witness)
    if has_more:
        metadata = replace(metadata, witness_flags=[*metadata.witness_flags, WITNESS_HAS_MORE])
    article = _build_article(context, page, metadata, body, byline)
    if isinstance(context.witness, Witness) and (has_more or vote):
        article = add_reservations(article, context.witness.reserved_by)
    form = _find_form(context, tree, metadata, body, article)
    if context.place is None and links.urls:
        links = replace(links, story=digest_paragraphs(block.text for block in article.blocks))
        # The pages that it names are missing until it is joined with them.
        article = join_story(article, links, lambda _number, _url: None).article
    lacks_pages = _waits_for_amp(context, form)
    return ExtractionTrace(
        result=article, view=view, body=body, links=links, form=form, lacks_pages=lacks_pages
    )


def _add_page_witness(
    context: PageContext, head: PageHead, tree: HtmlElement, lines: list[TextBlock]
) -> PageContext:
    """The context with the story that the page holds as data, where the outlet asks for it."""
    asks = context.outlet is not None and "arc" in context.outlet.story_forms
    if not asks or context.witness is not None:
        return context
    if not is_open(read_access(head, lines, sum(len(line.text) for line in lines))):
        return context
    return replace(context, witness=read_arc_witness(tree))


def _find_form(
    context: PageContext, tree: HtmlElement, metadata: PageMetadata, body: Body, result: Article | Rejection
) -> FormLink | None:
    """Another form of the story that is worth a request."""
    if context.outlet is None or not context.outlet.story_forms or context.place is not None:
        return None
    head, form = metadata.head, None
    if isinstance(result, Article):
        vote = body.selection.witness
        is_decided = bool(context.rule.body) or (vote is not None and vote.decides)
        form = find_json_form(head, context.outlet, result, is_decided=is_decided)
    access = result.access if isinstance(result, Article) else read_access(head, metadata.lines, 0)
    form = form or find_amp_form(head, context.outlet, result, access)
    return None if form and has_walled_state(head, tree, metadata.title.keys) else form


def _waits_for_amp(context: PageContext, form: FormLink | None) -> bool:
    """Whether the text may be on an AMP page; none is asked for where pages are rendered."""
    return form is not None and form.form == AMP and not (context.outlet and context.outlet.browser)


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
        live_updates=updates,
    )


def _read_byline(
    context: PageContext, head: PageHead, tree: HtmlElement, headline: HeadlineContext, *, in_text: str | None
) -> Byline:
    """Choose the byline; `in_text` is a byline that was found among the lines of the story."""
    sites, selector = context.site_names, context.rule.author
    return choose_byline(head, tree, headline, selector, in_text=in_text, sites=sites)


def _complete_metadata(
    context: PageContext, metadata: PageMetadata, byline: Byline, witness: Witness
) -> tuple[PageMetadata, Byline]:
    """What the page does not say, as the entry of the witness has it; flags name that and contradictions."""
    zone, dates = context.outlet.zone if context.outlet else None, metadata.dates
    authors = [] if byline.authors else read_entry_authors(witness, context.site_names, metadata.head.lang)
    tags = [] if metadata.tags else read_entry_tags(witness)
    published = dates.published.date if dates.published else None
    flags = find_contradictions(witness, metadata.title.text, published, zone)
    flags += ["authors_from_witness"] * bool(authors) + ["tags_from_witness"] * bool(tags)
    metadata = replace(metadata, tags=metadata.tags or tags, witness_flags=flags)
    return metadata, replace(byline, authors=byline.authors or authors)


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
    head, dates, outlet = metadata.head, metadata.dates, context.outlet
    identity = normalize_url(context.url)
    return Article(
        **compute_text_fields(_build_blocks(body), identity),
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
        access=read_access(head, metadata.lines, len(body.text)),
        rights=read_rights(head, context.link.rights if context.link else None),
        page_type=_choose_page_type(metadata, body),
        live_updates=metadata.live_updates,
        discovery=read_discovery(context.link),
        http=build_http(context.headers, context.status, page.charset),
        extractor=build_extractor(outlet, context.rule, context.memory.name if context.memory else ""),
        removed=body.removed[:MAX_REMOVED],
        quality=_assess_quality(page, metadata, body),
    )


def _build_blocks(body: Body) -> list[Block]:
    """The blocks of the story, and the boxes of facts between them."""
    blocks = [Block(kind=block.kind, text=block.text, level=block.level) for block in body.blocks]
    for box in reversed(body.boxes):
        blocks.insert(box.after, Block(kind="box", text=box.text))
    return blocks


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
    return detect_label(outside) if outside else None


def _choose_page_type(metadata: PageMetadata, body: Body) -> PageType:
    """The type that the page declares; for a plain article, the type that it looks like."""
    if metadata.page_type != "article" or body.selection.page_type is None:
        return metadata.page_type
    page_type, probability = body.selection.page_type
    least = _SURE_OTHER if page_type == "other" else SURE_PAGE_TYPE
    return page_type if probability >= least else metadata.page_type


def _assess_quality(page: ParsedPage, metadata: PageMetadata, body: Body) -> Quality:
    vote = body.selection.witness
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
        "witness_partial": vote is not None and not vote.decides,
    }
    return Quality(
        score=None if body.score is None else round(body.score, 3),
        page_type_score=round(body.selection.page_type[1], 3) if body.selection.page_type else None,
        witness=vote.witness.source if vote else "none",
        witness_agreement=round(vote.agreement.f1, 3) if vote else None,
        witness_common_chars=vote.agreement.common_chars if vote else 0,
        witness_extra_chars=vote.agreement.extra_chars if vote else [],
        witness_missed_chars=vote.agreement.missed_chars if vote else [],
        witness_only_chars=vote.missing_chars if vote else 0,
        witness_only_sample=truncate(vote.missing[0].text, SAMPLE_CHARS) if vote and vote.missing else None,
        flags=[*(name for name, is_set in checks.items() if is_set), *metadata.witness_flags],
    )
