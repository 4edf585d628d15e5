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
    text: str
    lang: str | None = None
    "BCP 47 code, `other`, or None when nothing in it has a language."
    level: int | None = None
    "1 to 6 for a heading."


class LangShare(Part):
    lang: str
    share: float
    "Part of the labelled letters, 0 to 1; the list sums to 1."
    chars: int
    "Letters counted."


class Author(Part):
    name: str
    url: str | None = None
    kind: Literal["person", "org"] = "person"


class Image(Part):
    url: str
    alt: str | None = None
    caption: str | None = None
    credit: str | None = None
    lead: bool = False
    "True for the story's main image."


class Syndication(Part):
    is_syndicated: bool | None = None
    "None when nothing on the page says either way."
    agency: str | None = None
    original_url: str | None = None
    notice: str | None = None
    "The notice lifted out of the text, verbatim."
    evidence: list[str] = Field(default_factory=list)
    "What said so, such as `notice:unedited-syndicated` or `byline:AFP`."


class Access(Part):
    free: bool | None = None
    wall: Wall = "none"
    evidence: list[str] = Field(default_factory=list)


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
    time: str | None = None
    title: str | None = None
    text: str


class Discovery(Part):
    """How the page was found."""

    via: Via
    from_url: str | None = None
    guid: str | None = None
    feed_title: str | None = None
    feed_published: str | None = None
    depth: int = 0


class Http(Part):
    status: int | None = None
    content_type: str | None = None
    charset: str | None = None
    "Encoding the page was decoded with."
    etag: str | None = None
    last_modified: str | None = None


class Extractor(Part):
    name: str
    version: str
    rules: str | None = None
    "Which dated rule of the outlet applied, as `until 2025-03-01` or `current`."
    config_hash: str | None = None
    "Digest of the outlet's rules and the platform rules in force."


class Removed(Part):
    """What was dropped from the page, for audit."""

    reason: str
    "Such as consent, comments_form, related, notice, byline, promo."
    chars: int
    sample: str
    "First 80 characters."


class Quality(Part):
    score: float | None = None
    "How well the text is likely to be chosen: the F1 the judge expects of it, 0 to 1."
    page_type_score: float | None = None
    "How sure the judge is of the page's kind, 0 to 1; None where the page declares it."
    flags: list[str] = Field(default_factory=list)
    "Such as short_text, no_date, no_title, encoding_guess, feed_body."
