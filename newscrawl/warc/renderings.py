"""Records of rendered pages: the document that a browser has made of a response, as a `resource` record.

Its URI is a URN, as crawlers with browsers give to what they derive from a page (browsertrix: `urn:text:`),
so that programs which replay archives go on serving the response. Its metadata record holds all that is
needed to read it as a page, the head of the response included, whatever becomes of other records.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from newscrawl.items import rfc3339
from newscrawl.warc.http import strip_headers
from newscrawl.warc.records import SerializedRecord, format_warc_fields, make_record, sha1_base32, target_uri

RENDERED = "urn:newscrawl:rendered:"
"Begins the URI of a rendering; the URL of the page follows."
SUBRESOURCE_FIELD = "subresourceOf"
"Metadata field of a request that a page sent while it was rendered: URL of the link to that page."
RENDERING_FIELD = "rendering"
"Metadata field of the response from which a rendering is made: the page is the rendering, not the response."
MISSING_FIELD = "missingAnswers"
"Metadata field of a rendering whose page asked for something that did not come, though it may another time."
SHARED_FIELD = "sharedScripts"
"Metadata field of a rendering: URLs of scripts that pages before it had asked for, with spaces between."
CONTENT_TYPE = "text/html; charset=utf-8"
HEAD_FIELD, TRUNCATED_FIELD = "responseHead", "responseTruncated"
_REPLACED = frozenset(
    {"content-type", "content-length", "content-encoding", "transfer-encoding", "etag", "last-modified"}
)
"Headers of the response that describe another body than the rendering."


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderedPage:
    """What a browser made of a page, with the facts that its records hold."""

    url: str
    date: datetime
    "When the page was fetched, with time zone."
    response_id: str
    "Record id of the response."
    html: bytes | None
    "The document as UTF-8; None if the browser failed, which only the metadata record then states."
    metadata: tuple[tuple[str, str], ...]
    "Fields for the metadata record, in order."


def rendering_records(
    page: RenderedPage, warcinfo_id: str, new_id: Callable[[], str]
) -> Iterator[SerializedRecord]:
    """The rendering, if there is any, and its metadata record."""
    common = [
        ("WARC-Date", rfc3339(page.date)),
        ("WARC-Target-URI", RENDERED + target_uri(page.url)),
        ("WARC-Warcinfo-ID", warcinfo_id),
    ]
    concurrent_to = page.response_id
    if page.html is not None:
        digest = sha1_base32(page.html)
        headers = [
            *common,
            ("Content-Type", CONTENT_TYPE),
            ("WARC-Concurrent-To", page.response_id),
            ("WARC-Block-Digest", digest),
            ("WARC-Payload-Digest", digest),
        ]
        record = make_record("resource", new_id(), headers, page.html, payload_digest=digest)
        concurrent_to = record.record_id
        yield record
    block = format_warc_fields(page.metadata)
    headers = [
        *common,
        ("Content-Type", "application/warc-fields"),
        ("WARC-Concurrent-To", concurrent_to),
        ("WARC-Block-Digest", sha1_base32(block)),
    ]
    yield make_record("metadata", new_id(), headers, block)


def page_url(uri: str) -> str:
    """The URL of the page that a record is about, whether it is a rendering or not."""
    return uri.removeprefix(RENDERED)


def is_rendering(uri: str) -> bool:
    return uri.startswith(RENDERED)


def head_notes(head: bytes, truncated: str | None) -> tuple[tuple[str, str], ...]:
    """The metadata fields that keep the head of the response, and whether its body was cut short."""
    cut = ((TRUNCATED_FIELD, truncated),) if truncated else ()
    return ((HEAD_FIELD, repr(head)), *cut)


def rendered_message(html: bytes, metadata: dict[str, str]) -> bytes:
    """A response with the head that the server sent, and the rendering in place of its body."""
    try:
        head = ast.literal_eval(metadata.get(HEAD_FIELD, ""))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        head = None
    if not isinstance(head, bytes) or not head.startswith(b"HTTP/"):
        head = b"HTTP/1.1 200 OK\r\n\r\n"
    plain, _ = strip_headers(head, _REPLACED)
    lines = plain.rstrip(b"\r\n")
    return b"%s\r\nContent-Type: %s\r\n\r\n%s" % (lines, CONTENT_TYPE.encode(), html)
