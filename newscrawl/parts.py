"""The parts an article is made of, each field explained beneath it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Via = Literal["feed", "news_sitemap", "sitemap", "section", "wp_api", "list"]
BlockKind = Literal["p", "h", "quote", "li", "table", "caption", "pre"]
PageType = Literal["article", "liveblog", "gallery", "video", "listing", "forum", "product", "other"]
Wall = Literal["none", "paywall", "metered", "consent", "bot", "login"]
Precision = Literal["second", "minute", "day"]
DateSource = Literal["jsonld", "meta", "feed", "url", "dom"]
RightsPolicy = Literal["archive", "no-export", "skip"]


class Part(BaseModel):
    """A frozen piece of a JSON line; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class WarcPointer(Part):
    """Where a response stands in the archive."""

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


class Block(Part):
    """One paragraph, heading, list item, … of the story, in page order."""

    kind: BlockKind
    "Paragraph, heading, quote, list item, table, caption or preformatted text."
    text: str
    "Its text, without markup."
    lang: str | None = None
    "BCP 47 code, `other`, or None when nothing in it has a language."
    level: int | None = None
    "1 to 6 for a heading."


class LangShare(Part):
    """One language's part of a text."""

    lang: str
    "BCP 47 code, or `other`."
    share: float
    "Part of the labelled letters, 0 to 1; the list sums to 1."
    chars: int
    "Letters counted."


class Author(Part):
    """Somebody named as a writer."""

    name: str
    "As printed, without `By` or `Par`."
    url: str | None = None
    "Their page, absolute."
    kind: Literal["person", "org"] = "person"
    "`org` for agencies and desks."


class Image(Part):
    """A picture of the story."""

    url: str
    "Absolute."
    alt: str | None = None
    "Its alternative text."
    caption: str | None = None
    "What is printed beneath it."
    credit: str | None = None
    "Whose picture it is, as printed."
    lead: bool = False
    "True for the story's main image."


class Syndication(Part):
    """Whether the story is another's, and whose."""

    is_syndicated: bool | None = None
    "None when nothing on the page says either way."
    agency: str | None = None
    "The agency's usual name, such as AFP or PTI."
    original_url: str | None = None
    "Where the page says the story was published first."
    notice: str | None = None
    "The notice lifted out of the text, verbatim."
    evidence: list[str] = Field(default_factory=list)
    "What said so, such as `notice:unedited-syndicated` or `byline:AFP`."


class Access(Part):
    """Whether everybody may read the story."""

    free: bool | None = None
    "None when nothing on the page says."
    wall: Wall = "none"
    "What stands before the story."
    evidence: list[str] = Field(default_factory=list)
    "What said so, such as `jsonld:isAccessibleForFree`."


class Rights(Part):
    """What the page and its site say of its use by machines, and what was decided."""

    tdm_reserved: bool | None = None
    "TDMRep: whether text and data mining is reserved; None when nothing on page or site says."
    tdm_source: Literal["header", "meta", "site"] | None = None
    "Who said so: a header, which wins, the page's meta element, or else the site's tdmrep.json."
    policy_url: str | None = None
    "Where its terms stand, absolute."
    robots_meta: list[str] = Field(default_factory=list)
    """Directives of meta robots and X-Robots-Tag, lower-case, in page order, each once.

    Those for another crawler have its name before them, as `googlebot:noindex`."""
    signals: list[str] = Field(default_factory=list)
    "Preferences of Content-Signal and Content-Usage, as `ai-train=no`; a header's before robots.txt's."
    ai_txt: bool | None = None
    "What the site's ai.txt says of this page: True allowed, False disallowed, None nothing."
    reserved_by: list[str] = Field(default_factory=list)
    "What of all this reserves the page, as `tdm-reservation=1`, `noai`, `ai-train=no`, `ai.txt`."
    policy: RightsPolicy | None = None
    """What was decided, `archive` or `no-export`, as outlet or crawl would have it; None: nothing reserved.

    A page that was to be skipped is no article; `no-export` keeps it out of what exports write."""

    @property
    def is_reserved(self) -> bool:
        """Whether others should not be given it: as decided, and where nothing was, as page and site say."""
        if self.policy is None:
            return bool(self.tdm_reserved or self.reserved_by)
        return self.policy != "archive"


class LiveUpdate(Part):
    """One entry of a live blog."""

    time: str | None = None
    "In the form of `published`."
    title: str | None = None
    "Its headline."
    text: str
    "Its text, without markup."


class Discovery(Part):
    """How the page was found."""

    via: Via
    "The kind of source that named it."
    from_url: str | None = None
    "That source."
    guid: str | None = None
    "Its id there, verbatim."
    feed_title: str | None = None
    "Its headline there."
    feed_published: str | None = None
    "Its date there, verbatim."
    depth: int = 0
    "Steps from a configured source: 0 for its own entries."


class Http(Part):
    """What of the response is worth keeping beside the text."""

    status: int | None = None
    "Status code."
    content_type: str | None = None
    "Verbatim, as the two below."
    charset: str | None = None
    "Encoding the page was decoded with."
    etag: str | None = None
    "Entity tag, with its quotes."
    last_modified: str | None = None
    "HTTP date."


class Extractor(Part):
    """The program that made the text."""

    name: str
    "Always `newscrawl`."
    version: str
    "Its version."
    rules: str | None = None
    "Which dated rule of the outlet applied, as `until 2025-03-01` or `current`."
    config_hash: str | None = None
    "Digest of the outlet's rules and the platform rules in force."


class Removed(Part):
    """What was dropped from the page, for audit."""

    reason: str
    "Such as consent, comments_form, related, notice, byline, promo."
    chars: int
    "Code points."
    sample: str
    "First 80 characters."


class Quality(Part):
    """How far the line can be relied on."""

    score: float | None = None
    "How well the text is likely to be chosen: the F1 the judge expects of it, 0 to 1."
    page_type_score: float | None = None
    "How sure the judge is of the page's kind, 0 to 1; None where the page declares it."
    flags: list[str] = Field(default_factory=list)
    "Such as short_text, no_date, no_title, encoding_guess, feed_body."
