"""All that was found on a page, put together as an Article."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from newscrawl.items import Article, rfc3339
from newscrawl.parts import Block, PageType, Quality
from newscrawl.text.access import access_of
from newscrawl.text.authors import Byline
from newscrawl.text.blocks import RawBlock
from newscrawl.text.body import Body
from newscrawl.text.dates import Dated
from newscrawl.text.folding import cut, key, tidy
from newscrawl.text.head import canonical_of, lang_declared_of
from newscrawl.text.language import Languages, is_mixed, languages_of
from newscrawl.text.origin import syndication_of
from newscrawl.text.parse import Parsed
from newscrawl.text.provenance import extractor_of, http_of, link_discovery
from newscrawl.text.prune import MAX_REMOVED
from newscrawl.text.rights import rights_of
from newscrawl.text.source import Source
from newscrawl.text.told import Told
from newscrawl.urls import host_of, normal_url

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
