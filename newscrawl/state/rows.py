"""Values as state keeps them: keys, digests, links as JSON, dates as seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from typing import Any

from newscrawl.items import Article, Link, WarcPointer
from newscrawl.urls import normal_url

UNDATED_SITEMAP_SECONDS = 30 * 86_400
"An undated entry of a sitemap may be of any year: it waits behind a month of news."
_PASSING = frozenset({"known_id", "known_version", "known_fields", "known_payload"})
"What a link is told of its page when it is handed out; state has that in columns of its own."
_LINK_FIELDS = [field.name for field in fields(Link) if field.name not in _PASSING]
WATCHED = ("title", "lede", "text", "authors", "published", "modified", "section", "tags")
"Fields whose change makes a difference to readers."
_FIELD_BYTES = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a server gave last time, to ask it whether that has changed."""

    etag: str | None = None
    last_modified: str | None = None
    url: str
    "Where it answered, after redirects."
    date: datetime
    warc: WarcPointer | None = None
    "Its record."

    @property
    def headers(self) -> dict[str, str]:
        """The conditions of a request (RFC 9110, 13.1); empty when the server gave nothing to go by."""
        named = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in named.items() if value}


def key_of(outlet: str, url: str) -> bytes:
    """Identity of a page within an outlet."""
    return key_of_normal(outlet, normal_url(url))


def key_of_normal(outlet: str, normal: str) -> bytes:
    """The same of a URL that is normalised already."""
    return blake2b(f"{outlet}\0{normal}".encode("utf-8", "replace"), digest_size=16).digest()


def digest_of(*parts: str | None) -> bytes:
    """Eight bytes of what a source says."""
    joined = "\0".join(part or "" for part in parts)
    return blake2b(joined.encode("utf-8", "replace"), digest_size=8).digest()


def seconds_of(moment: datetime) -> int:
    return int(moment.timestamp())


def moment_of(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def staleness_of(link: Link, now: int) -> int:
    """Minus the second a link is of: its own date, never after now, else when it was found."""
    published = _published(link.published)
    if published is not None:
        return -min(published, now)
    return -(now - UNDATED_SITEMAP_SECONDS if link.via == "sitemap" else now)


def _published(text: str | None) -> int | None:
    """Seconds of a date in either of the two forms that sources use; None for all others."""
    if not text:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
            return seconds_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def link_text(link: Link, *, whole: bool = True) -> str:
    """A link as JSON, the fields that say something; without the story it carried unless `whole`."""
    found = {name: value for name in _LINK_FIELDS if (value := getattr(link, name))}
    if not whole:
        found.pop("content", None)
    return json.dumps(found)


def link_from(text: str, **known: Any) -> Link:
    return Link(**json.loads(text), **known)


def warc_text(pointer: WarcPointer, url: str, date: str) -> str:
    """Where a response stands, as JSON."""
    return json.dumps({"pointer": pointer.model_dump(), "url": url, "date": date})


def seen_of(etag: str | None, last_modified: str | None, warc: str | None) -> Seen | None:
    """The columns of a row as a Seen; None when no record is known."""
    if not warc:
        return None
    data = json.loads(warc)
    return Seen(
        etag=etag,
        last_modified=last_modified,
        url=data["url"],
        date=datetime.fromisoformat(data["date"]),
        warc=WarcPointer.model_validate(data["pointer"]),
    )


def field_digests(article: Article) -> str:
    """`name:digest` of each watched field, divided by spaces."""
    data = article.model_dump(mode="json", include=set(WATCHED))
    return " ".join(f"{name}:{_field_digest(data[name])}" for name in WATCHED)


def _field_digest(value: object) -> str:
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=_FIELD_BYTES).hexdigest()


def changed_fields(before: str, after: str) -> list[str]:
    """Names of the fields whose digests differ."""
    known = set(before.split(" "))
    return [part.partition(":")[0] for part in after.split(" ") if part not in known]
