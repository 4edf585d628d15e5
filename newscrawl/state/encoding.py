"""How values are stored in columns: page keys, digests, links as JSON, dates as seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from newscrawl.digests import blake2b_digest, json_digest
from newscrawl.items import STORED_LINK_FIELDS, Article, Link, WarcPointer, WitnessPointer
from newscrawl.urls import normalize_url

UNDATED_SITEMAP_SECONDS = 30 * 86_400
"An undated entry of a sitemap may be of any year: it waits behind a month of news."
_RUN_FIELDS = frozenset({"known_id", "known_version", "known_pages", "known_fields", "known_payload"})
"Fields a link is given when it is handed out; their values have columns of their own."
_LINK_FIELDS = [name for name in STORED_LINK_FIELDS if name not in _RUN_FIELDS]
READER_FIELDS = ("title", "lede", "text", "authors", "published", "modified", "section", "tags")
"Fields whose change makes a difference to readers."
_FIELD_DIGEST_BYTES = 4
_DIGEST_BYTES = 8
_KEY_BYTES = 16
_PAGES_DIGITS = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class PreviousFetch:
    """What a server sent last time, for asking it whether that has changed."""

    etag: str | None = None
    last_modified: str | None = None
    url: str
    "The URL that answered, after redirects."
    date: datetime
    warc: WarcPointer | None = None
    "Record of the response."

    @property
    def headers(self) -> dict[str, str]:
        """The conditions of a request (RFC 9110, 13.1); empty when the server sent no validators."""
        conditions = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in conditions.items() if value}


def page_key(outlet: str, url: str) -> bytes:
    """Identity of a page within an outlet."""
    return page_key_from_normal(outlet, normalize_url(url))


def page_key_from_normal(outlet: str, normal: str) -> bytes:
    """The same for a URL that is already normalised."""
    return blake2b_digest(f"{outlet}\0{normal}", _KEY_BYTES)


def text_digest(*parts: str | None) -> bytes:
    """Eight bytes that stand for some texts, in their order."""
    return blake2b_digest("\0".join(part or "" for part in parts), _DIGEST_BYTES)


def published_desc(link: Link, now: int) -> int:
    """Minus the second of a link's date, never after now; of its discovery where it has no date."""
    published = _parse_published(link.published)
    if published is not None:
        return -min(published, now)
    return -(now - UNDATED_SITEMAP_SECONDS if link.via == "sitemap" else now)


def _parse_published(text: str | None) -> int | None:
    """Seconds of a date in one of the two forms that sources use; None for all others."""
    if not text:
        return None
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            date = parse(text)
            return epoch_seconds(date if date.tzinfo else date.replace(tzinfo=UTC))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def encode_link(link: Link) -> str:
    """A link as JSON, without fields that are empty."""
    return json.dumps({name: value for name in _LINK_FIELDS if (value := getattr(link, name))})


def decode_link(text: str, **run_fields: Any) -> Link:
    """A link from JSON; the content that early versions stored with it is left out."""
    values = json.loads(text)
    return Link(**{name: value for name, value in values.items() if name in _LINK_FIELDS}, **run_fields)


def encode_witness(witness: WitnessPointer | None) -> str | None:
    """Where the archive has the story as a source gave it, as JSON."""
    return witness.model_dump_json() if witness else None


def decode_witness(text: str | None) -> WitnessPointer | None:
    return WitnessPointer.model_validate_json(text) if text else None


def encode_warc(pointer: WarcPointer, url: str, date: str, pages: int = 1) -> str:
    """The position of a response in the archive, as JSON; with the number of its story's pages if several."""
    more = {"pages": pages} if pages > 1 else {}
    return json.dumps({"pointer": pointer.model_dump(), "url": url, "date": date, **more})


def decode_page_count(warc: str | None) -> int:
    """How many pages the story of a row's record has in its text; 0 without a record."""
    return int(json.loads(warc).get("pages", 1)) if warc else 0


def count_pages(article: Article) -> int:
    """The pages that are in the text of an article."""
    return sum(page.warc is not None for page in article.pages) or 1


def decode_previous_fetch(
    etag: str | None, last_modified: str | None, warc: str | None
) -> PreviousFetch | None:
    """These columns of a row as an object; None when the row names no record."""
    if not warc:
        return None
    data = json.loads(warc)
    return PreviousFetch(
        etag=etag,
        last_modified=last_modified,
        url=data["url"],
        date=datetime.fromisoformat(data["date"]),
        warc=WarcPointer.model_validate(data["pointer"]),
    )


def payload_digest(article: Article) -> str | None:
    """Digest of an article's page; for a story over several pages, one that stands for all of them."""
    own = article.warc.payload_digest if article.warc else None
    pages = [page.warc.payload_digest if page.warc else None for page in article.pages]
    return f"pages:{json_digest([own, *pages], _PAGES_DIGITS)}" if pages else own


def field_digests(article: Article) -> str:
    """`name:digest` of each field that readers see, separated by spaces."""
    data = article.model_dump(mode="json", include=set(READER_FIELDS))
    texts = {name: json.dumps(data[name], sort_keys=True) for name in READER_FIELDS}
    digests = {name: blake2b_digest(text, _FIELD_DIGEST_BYTES) for name, text in texts.items()}
    return " ".join(f"{name}:{digest.hex()}" for name, digest in digests.items())


def changed_fields(before: str, after: str) -> list[str]:
    """Names of the fields whose digests differ."""
    previous = set(before.split(" "))
    return [digest.partition(":")[0] for digest in after.split(" ") if digest not in previous]


def epoch_seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def from_epoch(seconds: float) -> datetime:
    """The aware datetime of a second since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)
