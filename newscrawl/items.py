"""What flows through the line: a Link found, a Page fetched, an Article or a Rejection written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Via = Literal["feed", "news_sitemap", "sitemap", "section", "wp_api", "list"]
BlockKind = Literal["p", "h", "quote", "li", "table", "caption", "pre"]
PageType = Literal["article", "liveblog", "gallery", "video", "listing", "other"]
Wall = Literal["none", "paywall", "metered", "consent", "bot", "login"]
Precision = Literal["second", "minute", "day"]
DateSource = Literal["jsonld", "meta", "feed", "url", "dom"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A page somebody pointed at, and how it was found."""

    url: str
    "Absolute http(s) URL as the source gave it, without its fragment."
    via: Via
    "Kind of source that listed it."
    from_url: str | None = None
    "The feed, sitemap, API or section page it stood in; None for a page named by the user."
    guid: str | None = None
    "The entry's own identifier, verbatim."
    title: str | None = None
    "The entry's title as plain text."
    published: str | None = None
    "The entry's date, verbatim as the source printed it; a zone is kept if there was one."
    language: str | None = None
    "Language the source declares for it, verbatim (BCP 47 in well-made sources)."
    content: str | None = None
    "HTML of the story where the source carries it whole; a witness for the extractor, cut at 256 KiB."
    depth: int = 0
    "Steps from a configured source: 0 for its own entries."


class WarcPointer(BaseModel):
    """Where a response stands in the archive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    "File name (without folder) under archives/<outlet>/."
    offset: int
    "First byte of the record's gzip member."
    length: int
    "Bytes of the gzip member."
    record_id: str
    "WARC-Record-ID, as `<urn:uuid:...>`."
    payload_digest: str | None = None
    "`sha1:` and Base32, of the entity: transfer-decoded, still content-encoded. None without a response."


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page that was fetched and archived, not yet read: the item a spider yields."""

    link: Link
    url: str
    "Final URL after redirects."
    status: int
    "HTTP status."
    warc: WarcPointer


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Block(_Part):
    """One paragraph, heading, list item, … of the story, in page order."""

    kind: BlockKind
    text: str
    lang: str | None = None
    "BCP 47 code, `other`, or None when nothing in it has a language."
    level: int | None = None
    "1 to 6 for a heading."


class LangShare(_Part):
    lang: str
    share: float
    "Part of the labelled letters, 0 to 1; the list sums to 1."
    chars: int
    "Letters counted."


class Author(_Part):
    name: str
    url: str | None = None
    kind: Literal["person", "org"] = "person"


class Image(_Part):
    url: str
    alt: str | None = None
    caption: str | None = None
    credit: str | None = None
    lead: bool = False
    "True for the story's main image."


class Syndication(_Part):
    is_syndicated: bool | None = None
    "None when nothing on the page says either way."
    agency: str | None = None
    original_url: str | None = None
    notice: str | None = None
    "The notice lifted out of the text, verbatim."
    evidence: list[str] = Field(default_factory=list)
    "What said so, such as `notice:dd-syndicated` or `byline:AFP`."


class Access(_Part):
    free: bool | None = None
    wall: Wall = "none"
    evidence: list[str] = Field(default_factory=list)


class Rights(_Part):
    tdm_reserved: bool | None = None
    "TDMRep reservation from header or meta; None when silent."
    policy_url: str | None = None
    robots_meta: list[str] = Field(default_factory=list)
    "Directives of meta robots and X-Robots-Tag, lower-case, in page order."


class LiveUpdate(_Part):
    time: str | None = None
    title: str | None = None
    text: str


class Discovery(_Part):
    """How the page was found."""

    via: Via
    from_url: str | None = None
    guid: str | None = None
    feed_title: str | None = None
    feed_published: str | None = None
    depth: int = 0


class Http(_Part):
    status: int | None = None
    content_type: str | None = None
    charset: str | None = None
    "Encoding the page was decoded with."
    etag: str | None = None
    last_modified: str | None = None


class Extractor(_Part):
    name: str
    version: str
    rules: str | None = None
    "Which dated rule of the outlet applied, as `until 2025-03-01` or `current`."
    config_hash: str | None = None
    "Digest of the outlet's rules and the platform rules in force."


class Removed(_Part):
    """What was dropped from the page, for audit."""

    reason: str
    "Such as consent, comments_form, related, notice, byline, promo."
    chars: int
    sample: str
    "First 80 characters."


class Quality(_Part):
    score: float | None = None
    flags: list[str] = Field(default_factory=list)
    "Such as short_text, no_date, no_title, encoding_guess, feed_body."


class Article(BaseModel):
    """One cleaned story: a line of `<run>.jsonl`. Every key is always present; None means unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["newscrawl.article/1"] = Field(default="newscrawl.article/1", alias="schema")
    "Form of this line."
    id: str
    "32 hex digits: digest of url_norm and text_sha256, so an edited text gets a new id."
    url_requested: str
    "URL that was asked for."
    url: str
    "URL that answered, after redirects."
    url_canonical: str | None = None
    "What the page names as canonical, absolute."
    url_norm: str
    "Identity of the page: `url` without fragment and tracking parameters, query kept."
    source: str | None = None
    "Outlet id."
    publisher: str | None = None
    "Outlet's or site's display name."
    domain: str | None = None
    "Host of `url`, without `www.`."
    country: str | None = None
    "ISO 3166-1 alpha-2 of the outlet."
    title: str | None = None
    "Headline without the site's suffix."
    title_raw: str | None = None
    "Headline as the page's metadata gave it."
    lede: str | None = None
    "Standfirst, kept apart from the text."
    text: str
    "The story: paragraphs divided by one blank line; no lede, notice or caption."
    blocks: list[Block] = Field(default_factory=list)
    "The story's blocks in page order; `text` is made of them."
    word_count: int = 0
    char_count: int = 0
    "Code points of `text`."
    lang: str | None = None
    "Language of the body by detection: BCP 47, `mixed`, `other` or `und`."
    lang_score: float | None = None
    "0 to 1, how sure."
    lang_mix: list[LangShare] = Field(default_factory=list)
    is_mixed: bool = False
    "French and English each hold at least 10 % of the labelled letters."
    lang_declared: str | None = None
    "html lang, else og:locale, else Content-Language, verbatim; never corrected."
    lang_page: str | None = None
    "Language of the page's chrome by detection."
    published: str | None = None
    "RFC 3339; with an offset unless only the day is known."
    modified: str | None = None
    published_precision: Precision | None = None
    published_source: DateSource | None = None
    published_raw: str | None = None
    fetched: str | None = None
    "RFC 3339 UTC: the WARC-Date of the response."
    authors: list[Author] = Field(default_factory=list)
    byline_raw: str | None = None
    section: str | None = None
    tags: list[str] = Field(default_factory=list)
    dateline_place: str | None = None
    images: list[Image] = Field(default_factory=list)
    syndication: Syndication = Field(default_factory=Syndication)
    access: Access = Field(default_factory=Access)
    rights: Rights = Field(default_factory=Rights)
    page_type: PageType = "article"
    live_updates: list[LiveUpdate] = Field(default_factory=list)
    pages: list[str] = Field(default_factory=list)
    "URLs of the parts, when several pages were joined."
    text_sha256: str
    "Hex digest of `text` as UTF-8."
    simhash: str | None = None
    "16 hex digits; filled by the near-duplicate step."
    duplicate_of: str | None = None
    cluster: str | None = None
    version: int = 1
    previous_id: str | None = None
    changed: list[str] = Field(default_factory=list)
    discovery: Discovery | None = None
    http: Http = Field(default_factory=Http)
    warc: WarcPointer | None = None
    "None only for a page that was extracted outside an archive."
    extractor: Extractor
    removed: list[Removed] = Field(default_factory=list)
    quality: Quality = Field(default_factory=Quality)


class Rejection(BaseModel):
    """A page that became no article, and why: a line of `<run>.rejected.jsonl`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["newscrawl.rejection/1"] = Field(default="newscrawl.rejection/1", alias="schema")
    url: str
    "URL that answered, or the one asked for when nothing did."
    url_requested: str
    source: str | None = None
    "Outlet id."
    step: str
    "Where it ended: fetch, extract, validate, dedupe."
    reason: str
    "Short snake_case name, such as http_404, timeout, too_short, listing, binary."
    detail: str | None = None
    "One sentence for people."
    fetched: str | None = None
    "RFC 3339 UTC: WARC-Date of the exchange; None when nothing was sent."
    discovery: Discovery | None = None
    warc: WarcPointer | None = None
    "First record of the exchange: the response, or the request when none came; None when unsent."


def discovery_of(link: Link) -> Discovery:
    """The part of a link that goes into the article."""
    return Discovery(
        via=link.via,
        from_url=link.from_url,
        guid=link.guid,
        feed_title=link.title,
        feed_published=link.published,
        depth=link.depth,
    )


def rejection_of(article: Article, step: str, reason: str, detail: str | None = None) -> Rejection:
    """An article that a later step refuses."""
    return Rejection(
        url=article.url,
        url_requested=article.url_requested,
        source=article.source,
        step=step,
        reason=reason,
        detail=detail,
        fetched=article.fetched,
        discovery=article.discovery,
        warc=article.warc,
    )


def rfc3339(moment: datetime) -> str:
    """UTC with microseconds and `Z`: the form of WARC-Date and of `fetched`."""
    if moment.tzinfo is None:
        raise ValueError("a datetime without a zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
