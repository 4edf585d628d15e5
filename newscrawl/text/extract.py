"""HTML -> Article or Rejection: the one function every path calls."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from lxml.html import HtmlElement

from newscrawl import __version__
from newscrawl.items import (
    Access,
    Article,
    Block,
    Discovery,
    Extractor,
    Http,
    Link,
    Quality,
    Rejection,
    Removed,
    discovery_of,
    rfc3339,
)
from newscrawl.outlet import Outlet, Rule
from newscrawl.text import notices, phrases, platforms
from newscrawl.text.authors import Byline, byline_of
from newscrawl.text.blocks import RawBlock, blocks_of
from newscrawl.text.dates import Dated, Dates, dates_of
from newscrawl.text.folding import cut, key, tidy
from newscrawl.text.head import Head, canonical_of, free_of, head_of, lang_declared_of, rights_of
from newscrawl.text.images import images_of
from newscrawl.text.language import Languages, is_mixed, languages_of
from newscrawl.text.lines import Cleaned, clean_lines
from newscrawl.text.notices import Wire, hear_around, lift_notices
from newscrawl.text.origin import syndication_of
from newscrawl.text.parse import Fault, Parsed, header, parse
from newscrawl.text.prune import MAX_REMOVED, bad_selectors, prune, removal, select
from newscrawl.text.standfirst import described_lede, ruled_lede
from newscrawl.text.story import MIN_CHARS, chars_of, container_blocks, found_blocks, linked_keys
from newscrawl.text.title import Title, title_of
from newscrawl.text.topics import page_type_of, section_of, tags_of
from newscrawl.text.verdict import empty_fault, is_listing, shell_fault
from newscrawl.urls import host_of, normal_url

NAME = "newscrawl"
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
    def sites(self) -> list[str]:
        """Names under which the outlet may sign its titles."""
        host = host_of(self.url)
        names = [self.outlet.title, self.outlet.id] if self.outlet else []
        return [*names, host, host.rpartition(".")[0].rpartition(".")[2]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Body:
    blocks: list[RawBlock]
    wire: Wire
    byline: str | None
    lede: str | None
    removed: list[Removed]


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
        url=_encodable(url),
        headers=headers or {},
        fetched=fetched,
        outlet=outlet,
        rule=_rule(outlet, fetched),
        link=link,
        status=status,
    )
    if not host_of(source.url):
        return _rejection(source, Fault(reason="bad_url", detail="not an absolute URL"))
    parsed = parse(html, source.headers)
    found = parsed if isinstance(parsed, Fault) else _article(source, parsed)
    return _rejection(source, found) if isinstance(found, Fault) else found


def _encodable(url: str) -> str:
    return url.strip().encode("utf-8", "replace").decode("utf-8")


def _rule(outlet: Outlet | None, fetched: dt.datetime | None) -> Rule:
    """The outlet's rule at the capture; without a capture date, the one that holds today."""
    if outlet is None:
        return Rule()
    day = fetched.astimezone(dt.UTC).date() if fetched else dt.date.max
    return outlet.rule_for(day) or Rule()


def _article(source: _Source, parsed: Parsed) -> Article | Fault:
    tree = parsed.tree
    head = head_of(tree, source.url, source.headers)
    lines = blocks_of(tree, hidden=False)
    if fault := shell_fault(head, tree, lines, source.status):
        return fault
    page_type = page_type_of(head)
    title = title_of(head, lines, source.sites, source.link.title if source.link else None)
    listing = is_listing(head, tree, page_type, untitled=title.raw is None)
    zone = source.outlet.zone if source.outlet else None
    dates = dates_of(
        head,
        tree,
        lines,
        titles=title.keys,
        selector=source.rule.date,
        zone=zone,
        fetched=source.fetched,
        link=source.link,
    )
    images, tags, section = images_of(head, tree), tags_of(head, tree), section_of(head, tree)
    marked = byline_of(head, tree, selector=source.rule.author, in_text=None, sites=source.sites)
    body = _body(source, head, tree, lines, title)
    text = "\n\n".join(block.text for block in body.blocks)
    if listing:
        return Fault(reason="listing", detail="a page of teasers, not a story")
    if fault := empty_fault(tree, lines, len(text), listing=listing):
        return fault
    byline = _byline(marked, body.byline, head, tree, source)
    languages = languages_of([block.text for block in body.blocks])
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    identity = normal_url(source.url)
    return Article(
        id=hashlib.sha256(f"{identity}\n{digest}".encode()).hexdigest()[:32],
        url_requested=_encodable(source.link.url) if source.link else source.url,
        url=source.url,
        url_canonical=canonical_of(head),
        url_norm=identity,
        source=source.outlet.id if source.outlet else None,
        publisher=source.outlet.title if source.outlet else head.meta("og:site_name"),
        domain=host_of(source.url) or None,
        country=source.outlet.country if source.outlet else None,
        title=title.text,
        title_raw=title.raw,
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
        lang_page=_lang_page(lines, body.blocks),
        published=_text(dates.published),
        modified=_text(dates.modified),
        published_precision=dates.published.moment.precision if dates.published else None,
        published_source=dates.published.source if dates.published else None,
        published_raw=tidy(dates.published.moment.raw) if dates.published else None,
        fetched=rfc3339(source.fetched) if source.fetched else None,
        authors=byline.authors,
        byline_raw=byline.raw,
        section=section,
        tags=tags,
        dateline_place=body.wire.place,
        images=images,
        syndication=syndication_of(head, body.wire, byline),
        access=_access(head),
        rights=rights_of(head),
        page_type=page_type,
        text_sha256=digest,
        discovery=_discovery(source.link),
        http=_http(source, parsed),
        extractor=_extractor(source),
        removed=body.removed[:MAX_REMOVED],
        quality=_quality(source, parsed, text, title, dates),
    )


def _body(source: _Source, head: Head, tree: HtmlElement, lines: list[RawBlock], title: Title) -> _Body:
    """Prune, find the story, clean its lines, lift its notices."""
    named = platforms.named_elements(tree)
    declared = source.outlet.platform if source.outlet else None
    held = platforms.platforms_of(named, head.meta("generator") or "", declared)
    containers = select(tree, source.rule.body)
    ruled = [(element, "outlet_rule") for selector in source.rule.drop for element in select(tree, selector)]
    early = ruled_lede(tree, lines, selector=source.rule.lede, marks=platforms.lede_marks(held))
    removed = prune(tree, [*ruled, *platforms.chrome_of(named, held)], keep=containers)
    raw = container_blocks(containers) if containers else found_blocks(tree, source.url)
    lede = early or described_lede(head, lines, raw, title.keys)
    cleaned = _cleaned(raw, lines, title, lede)
    if lede and chars_of(cleaned.blocks) < MIN_CHARS <= chars_of(raw):
        lede, cleaned = None, _cleaned(raw, lines, title, None)  # all there is to read is no standfirst
    blocks, wire, taken = lift_notices(cleaned.blocks)
    hear_around(lines, blocks, wire)
    removed += [*cleaned.removed, *(removal("notice", text) for text in taken)]
    return _Body(blocks=blocks, wire=wire, byline=cleaned.byline, lede=lede, removed=removed)


def _cleaned(raw: list[RawBlock], lines: Sequence[RawBlock], title: Title, lede: str | None) -> Cleaned:
    captions = {key(line.text) for line in lines if line.kind == "caption"}
    return clean_lines(raw, titles=title.keys, lede=lede, captions=captions, linked=linked_keys(lines, raw))


def _byline(marked: Byline, in_text: str | None, head: Head, tree: HtmlElement, source: _Source) -> Byline:
    """The byline of the markup, completed by the one that stood in the text."""
    if in_text is None:
        return marked
    return byline_of(head, tree, selector=source.rule.author, in_text=in_text, sites=source.sites)


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


def _text(dated: Dated | None) -> str | None:
    return dated.moment.text() if dated else None


def _access(head: Head) -> Access:
    free = free_of(head)
    evidence = [] if free is None else [f"jsonld:isAccessibleForFree={str(free).lower()}"]
    return Access(free=free, wall="paywall" if free is False else "none", evidence=evidence)


def _http(source: _Source, parsed: Parsed) -> Http:
    names = ("content-type", "etag", "last-modified")
    content_type, etag, modified = (tidy(header(source.headers, name) or "") or None for name in names)
    return Http(
        status=source.status,
        content_type=content_type,
        charset=parsed.charset,
        etag=etag,
        last_modified=modified,
    )


def _discovery(link: Link | None) -> Discovery | None:
    if link is None:
        return None
    found = discovery_of(link)
    clean = {
        name: _encodable(value) if isinstance(value, str) else value
        for name, value in found.model_dump().items()
    }
    return Discovery.model_validate(clean)


def _extractor(source: _Source) -> Extractor:
    until = source.rule.until
    has_rules = source.outlet is not None and bool(source.outlet.rules)
    rules = (f"until {until.isoformat()}" if until else "current") if has_rules else None
    said = json.dumps([source.rule.model_dump(mode="json"), _data_digest()], sort_keys=True)
    return Extractor(
        name=NAME,
        version=__version__,
        rules=rules,
        config_hash=hashlib.sha256(said.encode()).hexdigest()[:16],
    )


@cache
def _data_digest() -> str:
    """Digest of the rules that come with the package."""
    folder = files("newscrawl.text")
    names = (notices.DATA, phrases.DATA, platforms.DATA)
    return hashlib.sha256(b"\n".join(folder.joinpath(name).read_bytes() for name in names)).hexdigest()


def _quality(source: _Source, parsed: Parsed, text: str, title: Title, dates: Dates) -> Quality:
    rule = source.rule
    checks = {
        "short_text": len(text) < SHORT_CHARS,
        "no_title": title.text is None,
        "no_date": dates.published is None,
        "encoding_guess": parsed.guessed,
        "bad_selector": bool(bad_selectors([rule.body, rule.lede, rule.author, rule.date, *rule.drop])),
    }
    return Quality(flags=[name for name, holds in checks.items() if holds])


def _rejection(source: _Source, fault: Fault) -> Rejection:
    return Rejection(
        url=source.url,
        url_requested=_encodable(source.link.url) if source.link else source.url,
        source=source.outlet.id if source.outlet else None,
        step="extract",
        reason=fault.reason,
        detail=tidy(fault.detail),
        fetched=rfc3339(source.fetched) if source.fetched else None,
        discovery=_discovery(source.link),
    )
