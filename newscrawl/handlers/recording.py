"""From a finished download to the archive: what is noted of it, what is left out, and how it is written."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import fields
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from newscrawl.archive.exchange import Bytes, Exchange, Original
from newscrawl.archive.http import split_interim, status_of, without_headers
from newscrawl.archive.originals import earlier_original
from newscrawl.archive.records import EMPTY_DIGEST
from newscrawl.archive.run import Archiving
from newscrawl.errors import ArchiveError
from newscrawl.items import Link
from newscrawl.meta import FETCHED, LINK, ORIGINAL, POINTER

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response
    from scrapy.settings import BaseSettings

    from newscrawl.parts import WarcPointer

logger = logging.getLogger(__name__)

Notes = tuple[tuple[str, str], ...]

MAX_ORIGINALS = 10_000
"URLs whose last response is remembered, to write a revisit when it comes again."
MAX_OUTCOME_CHARS = 500
_LINK_FIELDS = sorted(field.name for field in fields(Link))
# ASCII alone: a line separator that Unicode knows would cut the note in two for some readers.
_to_json = json.JSONEncoder().encode
_ALWAYS_SECRET = frozenset({"proxy-authorization"})


class Recorder:
    """Writes the exchanges of one handler to the spider's run."""

    def __init__(self, settings: BaseSettings) -> None:
        named = settings.getlist("NEWSCRAWL_WARC_REDACT")
        self._secret = _ALWAYS_SECRET | {name.strip().lower() for name in named}
        names = "|".join(map(re.escape, sorted(self._secret - {""})))
        self._may_hold_secret = re.compile(rf"(?i)\n(?:{names})[ \t]*:".encode("latin-1", "replace")).search
        self.omit_chunked_digest = settings["NEWSCRAWL_WARC_CHUNKED_DIGEST"] == "omit"
        self._originals: dict[str, Original] = {}

    def original_of(self, spider: Archiving, request: Request, received: Bytes) -> Original | None:
        """The last whole response of the URL in this run; for a 304, else that of an earlier one.

        A run holds its pages itself: of another's, only what a server did not send again is referred to.
        """
        if request.method != "GET":
            return None
        known = self._originals.get(request.url)
        if known or status_of(split_interim(received)[1]) != HTTPStatus.NOT_MODIFIED:
            return known
        told: Original | None = request.meta.get(ORIGINAL)
        if told and told.url == request.url:
            return told
        asked = b", ".join(request.headers.getlist("If-None-Match")).decode("latin-1")
        try:
            return earlier_original(spider.run.folder, request.url, asked)
        except ArchiveError as error:
            logger.warning("%s: nothing is known of earlier runs: %s", request.url, error)
            return None

    def redacted(self, sent: bytes) -> tuple[bytes, Notes]:
        """A request without its secrets, and the note that says so."""
        if not self._may_hold_secret(sent):
            return sent, ()
        clean, gone = without_headers(sent, self._secret)
        return clean, (("redacted", ", ".join(gone)),) if gone else ()

    def write(self, spider: Archiving, request: Request, exchanges: list[Exchange]) -> None:
        """Archive the attempts of one download; the crawl stops when that fails.

        After it, `request.meta` holds POINTER and FETCHED of the last.
        """
        if spider.run.failure:
            raise spider.run.failure
        try:
            for exchange in exchanges:
                pointer = spider.run.write_exchange(exchange)
                if exchange.sent:
                    request.meta[POINTER], request.meta[FETCHED] = pointer, exchange.started
                if request.method == "GET":
                    self._remember(request.url, exchange, pointer)
        except ArchiveError as error:
            spider.archive_failed(error)
            raise

    @staticmethod
    def stopped(spider: Archiving, error: OSError) -> ArchiveError:
        """The error that ends a run whose disk could not hold what came."""
        failure = ArchiveError(f"cannot write into {spider.run.folder}: {error.strerror}")
        spider.run.failure = spider.run.failure or failure
        spider.archive_failed(failure)
        return failure

    def _remember(self, url: str, exchange: Exchange, pointer: WarcPointer) -> None:
        if exchange.truncated or pointer.payload_digest in (None, EMPTY_DIGEST):
            return
        if exchange.original and exchange.original.pointer.payload_digest == pointer.payload_digest:
            return  # written as a revisit, and nothing may refer to one
        self._originals.pop(url, None)
        self._originals[url] = Original(pointer=pointer, url=exchange.url, date=exchange.started)
        if len(self._originals) > MAX_ORIGINALS:
            del self._originals[next(iter(self._originals))]


def run_of(spider: object) -> Archiving | None:
    """The spider, if it has a run to write to; spiders without one are served unrecorded."""
    return cast("Archiving", spider) if hasattr(spider, "run") else None


def utc_now() -> datetime:
    return datetime.now(UTC)


def outcome_of(outcome: Response | Exception | None) -> str:
    """`ok`, the error's class and message, or `cancelled`."""
    if isinstance(outcome, Exception):
        return f"{type(outcome).__name__}: {outcome}"[:MAX_OUTCOME_CHARS]
    return "ok" if outcome else "cancelled"


def notes_of(request: Request, outcome: Response | Exception | None, seconds: float) -> Notes:
    """The metadata record: how it went, and how the page was found (enough to make the article again)."""
    meta = request.meta
    notes = [("outcome", outcome_of(outcome)), ("fetchTimeMs", str(round(seconds * 1000)))]
    if link := meta.get(LINK):
        if link.from_url:
            notes.append(("via", link.from_url))
        found = {name: value for name in _LINK_FIELDS if (value := getattr(link, name))}
        notes.append(("discovery", _to_json(found)))
    if redirected := meta.get("redirect_urls"):
        notes.append(("redirectedFrom", redirected[-1]))
    if retries := meta.get("retry_times"):
        notes.append(("retryTimes", str(retries)))
    if proxy := meta.get("proxy"):
        notes.append(("proxy", _without_credentials(proxy)))
    return tuple(notes)


def _without_credentials(proxy: str) -> str:
    return urlsplit(proxy if "://" in proxy else f"//{proxy}").netloc.rpartition("@")[2]
