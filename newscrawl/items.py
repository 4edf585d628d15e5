"""What flows through the line: a Link found, a Page fetched, an Article or a Rejection written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from newscrawl.parts import (
    Access,
    Author,
    Block,
    DateSource,
    Discovery,
    Extractor,
    Http,
    Image,
    LangShare,
    LiveUpdate,
    PageType,
    Part,
    Precision,
    Quality,
    Removed,
    Rights,
    Syndication,
    Via,
    WarcPointer,
)


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
    known_id: str | None = None
    "Id of the article this page was when it was fetched last; None the first time."
    known_version: int = 0
    "Texts of this page that are archived."
    known_fields: str | None = None
    "Digests of that article's fields, as `name:digest` divided by spaces."
    known_payload: str | None = None
    "Payload digest of the page it was made from."
    rights: str | None = None
    """What the site's own files say of the page's use by machines, as `name=value` divided by spaces.

    Known when it is fetched, and noted with it; None where they say nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page that was fetched and archived, not yet read: the item a spider yields."""

    link: Link
    url: str
    "Final URL after redirects."
    status: int
    "HTTP status."
    warc: WarcPointer


class Article(Part):
    """One cleaned story: a line of `<run>.jsonl`. Every key is always present; None means unknown."""

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
    "Words of `text` as Unicode divides them, roughly: runs of letters and digits."
    char_count: int = 0
    "Code points of `text`."
    lang: str | None = None
    "Language of the body by detection: BCP 47, `mixed`, `other` or `und`."
    lang_score: float | None = None
    "0 to 1, how sure."
    lang_mix: list[LangShare] = Field(default_factory=list)
    "Languages of the body by letters, the largest share first."
    is_mixed: bool = False
    "French and English each hold at least 10 % of the labelled letters."
    lang_declared: str | None = None
    "html lang, else og:locale, else Content-Language, verbatim; never corrected."
    lang_page: str | None = None
    "Language of the page's chrome by detection."
    published: str | None = None
    "RFC 3339; with an offset unless only the day is known."
    modified: str | None = None
    "When the page says it last changed, in the form of `published`."
    published_precision: Precision | None = None
    "How finely the source told the time."
    published_source: DateSource | None = None
    "Where it was told."
    published_raw: str | None = None
    "As it was printed there."
    fetched: str | None = None
    "RFC 3339 UTC: the WARC-Date of the response."
    authors: list[Author] = Field(default_factory=list)
    "People and organisations named as writers, in page order."
    byline_raw: str | None = None
    "The byline as printed."
    section: str | None = None
    "The outlet's own name of the section."
    tags: list[str] = Field(default_factory=list)
    "Keywords and topic links, in page order, each once."
    dateline_place: str | None = None
    "Place at the head of a wire story."
    images: list[Image] = Field(default_factory=list)
    "The story's pictures, in page order."
    syndication: Syndication = Field(default_factory=Syndication)
    "Whether another's copy is printed here, and what says so."
    access: Access = Field(default_factory=Access)
    "Whether a wall stands before the story."
    rights: Rights = Field(default_factory=Rights)
    "What page and site say of its use by machines, and what was decided."
    page_type: PageType = "article"
    "What kind of page it is."
    live_updates: list[LiveUpdate] = Field(default_factory=list)
    "Timed entries of a live blog."
    pages: list[str] = Field(default_factory=list)
    "URLs of the parts, when the story goes on over several pages; only the first is in `text`."
    text_sha256: str
    "Hex digest of `text` as UTF-8."
    duplicate_of: str | None = None
    "Id of the article it repeats. None in a line; exports fill it from state (docs/copies.md)."
    cluster: str | None = None
    "Id shared by all copies of a story; None in a line, filled likewise."
    version: int = 1
    "1 for the first text seen at this page, then counted up."
    previous_id: str | None = None
    "Id of the version before."
    changed: list[str] = Field(default_factory=list)
    "Fields that differ from the version before."
    discovery: Discovery | None = None
    "How the page was found."
    http: Http = Field(default_factory=Http)
    "What the server said of the page."
    warc: WarcPointer | None = None
    "None only for a page that was extracted outside an archive."
    extractor: Extractor
    "What made the text."
    removed: list[Removed] = Field(default_factory=list)
    "What was dropped from the page, for audit; capped."
    quality: Quality = Field(default_factory=Quality)
    "What a monitor should know."


TAKEN_DOWN = "taken_down"
"Reason of a page that was taken down: it is never fetched again."


class Rejection(Part):
    """A page that became no article, and why: a line of `<run>.rejected.jsonl`."""

    schema_: Literal["newscrawl.rejection/1"] = Field(default="newscrawl.rejection/1", alias="schema")
    "Form of this line."
    url: str
    "URL that answered, or the one asked for when nothing did."
    url_requested: str
    "URL that was asked for."
    source: str | None = None
    "Outlet id."
    step: str
    "Where it ended: fetch, extract, validate, rights, dedupe; takedown of a page taken down."
    reason: str
    "Short snake_case name, such as http_404, timeout, too_short, listing, binary."
    detail: str | None = None
    "One sentence for people."
    fetched: str | None = None
    "RFC 3339 UTC: WARC-Date of the exchange; None when nothing was sent."
    discovery: Discovery | None = None
    "How the page was found."
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
