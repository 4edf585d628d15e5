"""What a crawl hands on: a Link found, a Page fetched, an Article or a Rejection written."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Via = Literal["feed", "news_sitemap", "sitemap", "section", "wp_api", "list"]
BlockKind = Literal["p", "h", "quote", "li", "table", "caption", "pre", "box"]
PageType = Literal["article", "liveblog", "gallery", "video", "listing", "forum", "product", "other"]
Wall = Literal["none", "paywall", "metered", "consent", "bot", "login"]
Precision = Literal["second", "minute", "day"]
DateSource = Literal["jsonld", "meta", "feed", "url", "dom"]
RemovalKind = Literal[
    "caption",
    "byline",
    "related",
    "promo",
    "paywall",
    "box",
    "people",
    "comment",
    "other_story",
    "boilerplate",
]
RightsPolicy = Literal["archive", "no-export", "skip"]
WitnessSource = Literal["feed", "api", "page"]


class LinePart(BaseModel):
    """A frozen part of a JSON line; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class WarcPointer(LinePart):
    """Position of a response in the archive."""

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


class WitnessPointer(WarcPointer):
    """Position of the answer of a feed or an API that has the whole story of a page."""

    source: WitnessSource
    "What answered: a feed, or the WordPress API."
    entry: str
    "Id of the story there: its guid, or its URL where it has none."
    content_sha256: str
    "Hex digest of its HTML there, as UTF-8."


class StoryPage(LinePart):
    """A page of a story that is spread over several."""

    url: str
    "URL that answered; of a missing page, that of the link to it."
    warc: WarcPointer | None = None
    "Its record; None for a page that is missing in the text."

    @model_validator(mode="before")
    @classmethod
    def _from_address(cls, data: object) -> object:
        return {"url": data} if isinstance(data, str) else data  # as lines had it before version 0.2


class Block(LinePart):
    """A paragraph, heading, list item, … of the story, in page order."""

    kind: BlockKind
    "Paragraph, heading, quote, list item, table, caption, preformatted text, or box of facts."
    text: str
    "Its text, without markup."
    lang: str | None = None
    "BCP 47 code, `other`, or None when nothing in it has a language."
    level: int | None = None
    "1 to 6 for a heading."


class KindChars(LinePart):
    """How much text there is in blocks of a kind."""

    kind: BlockKind
    chars: int
    "Code points."


class LangShare(LinePart):
    """The share of a language in a text."""

    lang: str
    "BCP 47 code, or `other`."
    share: float
    "Share of the labelled letters, 0 to 1; the list sums to 1."
    chars: int
    "Letters counted."


class Author(LinePart):
    """A person or organisation named as writer."""

    name: str
    "As printed, without `By` or `Par`."
    url: str | None = None
    "Their page, absolute."
    kind: Literal["person", "org"] = "person"
    "`org` for agencies and desks."


class Image(LinePart):
    """A picture of the story."""

    url: str
    "Absolute."
    alt: str | None = None
    "Its alternative text."
    caption: str | None = None
    "What is printed beneath it."
    credit: str | None = None
    "The owner of the picture, as printed."
    lead: bool = False
    "True for the story's main image."


class Syndication(LinePart):
    """Whether the story comes from another publisher, and from which."""

    is_syndicated: bool | None = None
    "None when nothing on the page says either way."
    agency: str | None = None
    "The agency's usual name, such as AFP or PTI."
    original_url: str | None = None
    "Where the page says the story was published first."
    notice: str | None = None
    "The notice that was removed from the text, verbatim."
    evidence: list[str] = Field(default_factory=list)
    "What shows it, such as `notice:unedited-syndicated` or `byline:AFP`."


class Access(LinePart):
    """Whether everybody can read the story."""

    free: bool | None = None
    "None when nothing on the page says."
    wall: Wall = "none"
    "The kind of wall before the story."
    evidence: list[str] = Field(default_factory=list)
    "What shows it, such as `jsonld:isAccessibleForFree`."


class Rights(LinePart):
    """What the page and its site say about use by machines, and what was decided."""

    tdm_reserved: bool | None = None
    "TDMRep: whether text and data mining is reserved; None when neither page nor site says."
    tdm_source: Literal["header", "meta", "site"] | None = None
    "Where that stands: in a header, which wins, the page's meta element, or the site's tdmrep.json."
    policy_url: str | None = None
    "URL of the terms, absolute."
    robots_meta: list[str] = Field(default_factory=list)
    """Directives of meta robots and X-Robots-Tag, lower-case, in page order, each once.
    Those for another crawler have its name before them, as `googlebot:noindex`."""
    signals: list[str] = Field(default_factory=list)
    "Preferences of Content-Signal and Content-Usage, as `ai-train=no`; a header's before robots.txt's."
    ai_txt: bool | None = None
    "What the site's ai.txt says about this page: True allowed, False disallowed, None nothing."
    reserved_by: list[str] = Field(default_factory=list)
    "Statements that reserve the page, such as `tdm-reservation=1`, `noai`, `ai-train=no`, `ai.txt`."
    policy: RightsPolicy | None = None
    """The policy of outlet or crawl, `archive` or `no-export`; None: nothing is reserved.
    A page with the policy `skip` is rejected; `no-export` excludes the article from exports."""

    @property
    def is_reserved(self) -> bool:
        """Whether exports must leave it out: by the policy, or without a policy by what page and site say."""
        if self.policy is None:
            return bool(self.tdm_reserved or self.reserved_by)
        return self.policy != "archive"


class LiveUpdate(LinePart):
    """An entry of a live blog."""

    time: str | None = None
    "In the form of `published`."
    title: str | None = None
    "Its headline."
    text: str
    "Its text, without markup."


class Discovery(LinePart):
    """How the page was discovered."""

    via: Via
    "Kind of source that listed it."
    from_url: str | None = None
    "URL of that source."
    guid: str | None = None
    "Its id in that source, verbatim."
    feed_title: str | None = None
    "Its headline in that source."
    feed_published: str | None = None
    "Its date in that source, verbatim."
    depth: int = 0
    "Steps from a configured source: 0 for its own entries."


class Http(LinePart):
    """Facts about the HTTP response."""

    status: int | None = None
    "Status code."
    content_type: str | None = None
    "Verbatim, as the two below."
    charset: str | None = None
    "Encoding that decoded the page."
    etag: str | None = None
    "Entity tag, with its quotes."
    last_modified: str | None = None
    "HTTP date."


class Extractor(LinePart):
    """The program that made the text."""

    name: str
    "Always `newscrawl`."
    version: str
    "Its version."
    rules: str | None = None
    "The dated rule of the outlet that applied, as `until 2025-03-01` or `current`."
    config_hash: str | None = None
    "Digest of the outlet's rules and the platform rules in force."


class Removed(LinePart):
    """A block that was removed from the page, for audit."""

    reason: str
    "Such as consent, comments_form, related, notice, byline, promo; `unlikely` without a rule that names it."
    kind: RemovalKind | None = None
    "What it seems to be, where the classifier left it out (`unlikely`); None for others, and without a sign."
    chars: int
    "Code points."
    sample: str
    "First 80 characters."


class Quality(LinePart):
    """How reliable the line is."""

    score: float | None = None
    "Expected F1 score of the text as written, 0 to 1; None where no classifier has seen it (script_body)."
    page_type_score: float | None = None
    "How sure the classifier is of the page's type, 0 to 1; None where the page declares it."
    witness: Literal["feed", "api", "page", "none"] = "none"
    "What gave the story too and was compared with the page (`page`: its own data); `none` also for a teaser."
    witness_agreement: float | None = None
    "F1, by characters, of the classifier's choice against what that source has, 0 to 1."
    witness_common_chars: int = 0
    "Code points of the page's blocks that both the classifier and that source have in the story."
    witness_extra_chars: list[KindChars] = Field(default_factory=list)
    "Code points of blocks that only the classifier chose, by kind of block."
    witness_missed_chars: list[KindChars] = Field(default_factory=list)
    "Code points of blocks that only that source has, by kind of block on the page."
    witness_only_chars: int = 0
    "Code points of what that source has and the page lacks; they are not in the text."
    witness_only_sample: str | None = None
    "First 80 characters of that."
    flags: list[str] = Field(default_factory=list)
    "Such as short_text, no_date, coding_mended, cut_short, witness_partial: docs/text.md explains each."


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A page that a source or a user named, and how it was discovered."""

    url: str
    "Absolute http(s) URL as the source gave it, without its fragment."
    via: Via
    "Kind of source that listed it."
    from_url: str | None = None
    "The feed, sitemap, API or section page that lists it; None for a page named by the user."
    guid: str | None = None
    "The entry's own identifier, verbatim."
    title: str | None = None
    "The entry's title as plain text."
    published: str | None = None
    "The entry's date, verbatim, with its zone if there is any."
    language: str | None = None
    "Language the source declares for it, verbatim (BCP 47 in well-made sources)."
    content: str | None = None
    "HTML of the story if the source has all of it. Cut at 256 KiB; stored only in the source's answer."
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    "Authors and categories that the source names, as plain text; stored like the content."
    witness: WitnessPointer | None = None
    "Where the archive has that content; None without one, and for sources too long to be read again."
    depth: int = 0
    "Steps from a configured source: 0 for its own entries."
    known_id: str | None = None
    "Id of the article that the last fetch of this page gave; None before the first."
    known_version: int = 0
    known_pages: int = 0
    "Number of texts of this page that are archived; of pages that the last has, if none may be lost for now."
    known_fields: str | None = None
    known_payload: str | None = None
    "Digests of that article's fields, as `name:digest` separated by spaces; payload digest of its page."
    rights: str | None = None
    "What the site's files say about use by machines when it is fetched: `name=value`, separated by spaces."


STORED_LINK_FIELDS = sorted({each.name for each in fields(Link)} - {"content", "authors", "tags", "witness"})
"Fields of a link that are stored with its page; its witness is stored beside them."


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page that was fetched and archived but not yet extracted: the item that a spider yields."""

    link: Link
    url: str
    "Final URL after redirects."
    status: int
    "HTTP status."
    warc: WarcPointer


class Article(LinePart):
    """A cleaned story: a line of `<run>.jsonl`. Every key is always present; None means unknown."""

    schema_: Literal["newscrawl.article/1"] = Field(default="newscrawl.article/1", alias="schema")
    "Form of this line."
    id: str
    "32 hex digits: digest of url_norm and text_sha256, so an edited text gets a new id."
    url_requested: str
    "URL that was requested."
    url: str
    "URL that answered, after redirects."
    url_canonical: str | None = None
    "The canonical URL that the page names, absolute."
    url_norm: str
    "Identity of the page: `url` without fragment and tracking parameters, but with its query."
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
    "Headline as in the page's metadata."
    lede: str | None = None
    "Standfirst; it is not part of the text."
    text: str
    "The story: paragraphs separated by a blank line; no lede, notice or caption."
    blocks: list[Block] = Field(default_factory=list)
    "The story's blocks in page order; `text` is made of all but those of the kind `box`."
    word_count: int = 0
    "Words of `text`: runs of letters and digits, roughly as Unicode segments words."
    char_count: int = 0
    "Code points of `text`."
    lang: str | None = None
    "Language of the body by detection: BCP 47, `mixed`, `other` or `und`."
    lang_score: float | None = None
    "How sure the detection is, 0 to 1."
    lang_mix: list[LangShare] = Field(default_factory=list)
    "Languages of the body by letters, the largest share first."
    is_mixed: bool = False
    "French and English each hold at least 10 % of the labelled letters."
    lang_declared: str | None = None
    "html lang, else og:locale, else Content-Language, verbatim; never corrected."
    lang_page: str | None = None
    "Language of the page's chrome by detection."
    published: str | None = None
    "RFC 3339; with an offset unless it is a day without a time."
    modified: str | None = None
    "Last change after the publication according to the page, in the form of `published`."
    published_precision: Precision | None = None
    "Precision of the source's date."
    published_source: DateSource | None = None
    "Where the date was found."
    published_raw: str | None = None
    "The date as it was printed there."
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
    "Whether the story comes from another publisher, and what shows it."
    access: Access = Field(default_factory=Access)
    "Whether a wall stands before the story."
    rights: Rights = Field(default_factory=Rights)
    "What page and site say about use by machines, and what was decided."
    page_type: PageType = "article"
    "What kind of page it is."
    live_updates: list[LiveUpdate] = Field(default_factory=list)
    "Timed entries of a live blog."
    pages: list[StoryPage] = Field(default_factory=list)
    "The pages of a story that is spread over several, in order; empty for a story on a single page."
    text_sha256: str
    "Hex digest of `text` as UTF-8."
    duplicate_of: str | None = None
    "Id of the article it repeats. None in a line; exports fill it from state (docs/duplicates.md)."
    cluster: str | None = None
    "Id shared by all near-duplicates of a story; None in a line, filled in likewise."
    version: int = 1
    "1 for the first text of this page, then counted up."
    previous_id: str | None = None
    "Id of the version before; the same id where only the headline has changed."
    changed: list[str] = Field(default_factory=list)
    "Fields that differ from the version before."
    discovery: Discovery | None = None
    "How the page was discovered."
    http: Http = Field(default_factory=Http)
    "Status and headers of the response."
    warc: WarcPointer | None = None
    "The page's record; None only for a page that was extracted outside an archive."
    extractor: Extractor
    "The program and rules that made the text."
    removed: list[Removed] = Field(default_factory=list)
    "Blocks that were removed from the page, for audit; capped."
    quality: Quality = Field(default_factory=Quality)
    "Expected quality of the text, and warnings."

    @property
    def text_blocks(self) -> list[Block]:
        """The blocks that `text` is made of."""
        return [block for block in self.blocks if block.kind != "box"]


class Rejection(LinePart):
    """A page that is no article, and why: a line of `<run>.rejected.jsonl`."""

    schema_: Literal["newscrawl.rejection/1"] = Field(default="newscrawl.rejection/1", alias="schema")
    "Form of this line."
    url: str
    "URL that answered, or else the URL that was requested."
    url_requested: str
    "URL that was requested."
    source: str | None = None
    "Outlet id."
    step: str
    "The step that rejected it: fetch, extract, validate, rights, dedupe; takedown of a page taken down."
    reason: str
    "Short snake_case name, such as http_404, timeout, too_short, listing, binary."
    detail: str | None = None
    "A sentence for people."
    fetched: str | None = None
    "RFC 3339 UTC: WARC-Date of the exchange; None when nothing was sent."
    discovery: Discovery | None = None
    "How the page was discovered."
    warc: WarcPointer | None = None
    "First record of the exchange: the response, or the request when none came; None when unsent."


def make_discovery(link: Link) -> Discovery:
    """The part of a link that becomes part of the article."""
    same = {name: getattr(link, name) for name in ("via", "from_url", "guid", "depth")}
    return Discovery(**same, feed_title=link.title, feed_published=link.published)


def reject_article(article: Article, step: str, reason: str, detail: str | None = None) -> Rejection:
    """The rejection of an article by a later step."""
    names = ("url", "url_requested", "source", "fetched", "discovery", "warc")
    page = {name: getattr(article, name) for name in names}
    return Rejection(**page, step=step, reason=reason, detail=detail)


def rfc3339(moment: datetime) -> str:
    """UTC with microseconds and `Z`: the form of WARC-Date and of `fetched`."""
    if moment.tzinfo is None:
        raise ValueError("a datetime without a zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
