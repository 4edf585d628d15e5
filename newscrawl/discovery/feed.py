"""Links of a feed: RSS, RDF and Atom by way of feedparser, JSON Feed."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import feedparser

from newscrawl.discovery.ampersands import mended_ampersands
from newscrawl.discovery.content import whole_content
from newscrawl.discovery.decode import encoding_of
from newscrawl.discovery.feed_tree import FEED_ROOTS, canonical_feed
from newscrawl.discovery.found import (
    Found,
    first_of_each,
    joined_notes,
    link_url,
    of_unknown_root,
    outcome_of,
)
from newscrawl.discovery.json_body import as_text, parsed_json
from newscrawl.discovery.opening import opening_of
from newscrawl.discovery.plain import one_line, plain_title
from newscrawl.discovery.unzip import unzipped
from newscrawl.items import Link
from newscrawl.urls import normal_url

logger = logging.getLogger(__name__)

FEED_BYTES = 10 * 1024 * 1024
"A feed is the latest entries; what is longer is not read at all."
FEED_LINKS = 5_000
_GUID_CHARS = 2_083
_HTML_TYPES = ("text/html", "application/xhtml+xml")

Entry = Mapping[str, Any]


def links_of_feed(body: bytes, url: str, content_type: str | None = None) -> Found:
    """The entries of a feed as links, in its order; nothing is ever fetched."""
    plain = unzipped(body, FEED_BYTES)
    if plain.fault in ("too_large", "bomb"):
        return Found(outcome="bomb" if plain.fault == "bomb" else "too_large")
    encoding = encoding_of(plain.data, content_type)
    text = plain.data.decode(encoding.name, "replace").lstrip("\ufeff \t\r\n")
    cut = "gzip ends early" if plain.fault else None
    if not text:
        return Found(outcome="empty", note=cut)
    if text[0] in "{[":
        return _of_json(text, url)
    return _of_xml(text, url, joined_notes(encoding.note, cut))


def _of_xml(text: str, url: str, note: str | None) -> Found:
    opening = opening_of(text, FEED_ROOTS)
    if opening.is_bomb:
        return Found(outcome="bomb", note="entities that swell")
    if opening.root not in FEED_ROOTS:
        return of_unknown_root(opening.root)
    tree = canonical_feed(mended_ampersands(text[opening.at :]), FEED_LINKS)
    feed = _parsed(tree.xml, url) if tree else None
    if tree is None or feed is None:
        return Found(outcome="malformed", note="no feed can be made of it")
    remarks = joined_notes(note, opening.note, tree.note)
    links = first_of_each(_entry_links(feed, url), FEED_LINKS)
    if feed.entries and not links:
        return Found(outcome="malformed", note=joined_notes("no entry has a usable link", remarks))
    return replace(outcome_of(links, _next_page(feed, url), remarks), least=tree.least)


def _parsed(xml: bytes, url: str) -> Any:
    """What feedparser makes of canonical XML; None when it fails on it."""
    try:
        # Bytes in a stream: a string could be taken for a file's name or a URL. No Content-Location is given,
        # so that guids stay as printed; sanitising would alter the story and is slow.
        return feedparser.parse(io.BytesIO(xml), sanitize_html=False, resolve_relative_uris=False)
    except Exception:  # the edge of a step: whatever a parser of the wild web raises concerns this feed alone
        logger.warning("feedparser failed on %s", url, exc_info=True)
        return None


def _entry_links(feed: Any, url: str) -> Iterator[Link]:
    language = one_line(feed.feed.get("language"))
    is_atom = (feed.version or "").startswith("atom")
    for entry in feed.entries:
        target = _entry_url(entry, url, is_atom)
        if target:
            yield Link(
                url=target,
                via="feed",
                from_url=url,
                guid=_guid(entry.get("id")),
                title=_title(entry, is_atom),
                # feedparser warns when `updated` is asked for and only `published` is there
                published=one_line(
                    entry.get("published") or dict.get(entry, "updated") or entry.get("created")
                ),
                language=one_line(entry.get("language")) or _content_language(entry) or language,
                content=_content(entry),
            )


def _entry_url(entry: Entry, url: str, is_atom: bool) -> str | None:
    own = link_url(entry.get("feedburner_origlink"), url)
    if own:
        return own
    if not entry.get("links"):
        # A permalink guid (feedparser copies it) stands in for a missing link, if it is a URL by itself.
        is_permalink = is_atom or entry.get("link") == entry.get("id")
        return link_url(entry.get("id"), "") if is_permalink else None
    candidates = [entry.get("link"), *_alternates(entry)]
    return next((target for value in candidates if (target := link_url(value, url))), None)


def _alternates(entry: Entry) -> list[object]:
    return [link.get("href") for link in entry["links"][:50] if link.get("rel") == "alternate"]


def _guid(value: object) -> str | None:
    line = one_line(value)
    return line[:_GUID_CHARS] if line else None


def _title(entry: Entry, is_atom: bool) -> str | None:
    detail = entry.get("title_detail") or {}
    literal = is_atom and detail.get("type") == "text/plain"
    return one_line(entry.get("title")) if literal else plain_title(entry.get("title"))


def _content_language(entry: Entry) -> str | None:
    details = [*(entry.get("content") or [])[:1], entry.get("title_detail") or {}]
    return next((one_line(detail["language"]) for detail in details if detail.get("language")), None)


def _content(entry: Entry) -> str | None:
    stories = [part.get("value") for part in entry.get("content") or [] if part.get("type") in _HTML_TYPES]
    longest = max((story for story in stories if isinstance(story, str)), key=len, default=None)
    return whole_content(longest)


def _next_page(feed: Any, url: str) -> tuple[str, ...]:
    hrefs = [link.get("href") for link in feed.feed.get("links", [])[:50] if link.get("rel") == "next"]
    return _further(hrefs[0] if hrefs else None, url)


def _further(value: object, url: str) -> tuple[str, ...]:
    target = link_url(value, url)
    return (target,) if target and normal_url(target) != normal_url(url) else ()


def _of_json(text: str, url: str) -> Found:
    feed = parsed_json(text)
    if feed is None:
        return Found(outcome="malformed", note="broken JSON")
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        return Found(outcome="unsupported", note="JSON, but no JSON Feed")
    items = [cast("Entry", item) for item in feed["items"] if isinstance(item, dict)]
    links = first_of_each(_item_links(items, url, one_line(feed.get("language"))), FEED_LINKS)
    if items and not links:
        return Found(outcome="malformed", note="no entry has a usable link")
    return outcome_of(links, _further(feed.get("next_url"), url))


def _item_links(items: list[Entry], url: str, language: str | None) -> Iterator[Link]:
    for item in items:
        identity = as_text(item.get("id"))
        # The format wants an item's id to be its URL; some feeds give nothing else.
        target = (
            link_url(item.get("url"), url)
            or link_url(item.get("external_url"), url)
            or link_url(identity, "")
        )
        if target:
            yield Link(
                url=target,
                via="feed",
                from_url=url,
                guid=_guid(identity),
                title=plain_title(item.get("title")),
                published=one_line(item.get("date_published")) or one_line(item.get("date_modified")),
                language=one_line(item.get("language")) or language,
                content=whole_content(item.get("content_html")),
            )
