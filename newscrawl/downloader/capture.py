"""The download handler: every attempt on the wire is in the archive before anyone sees its outcome."""

from __future__ import annotations

import json
import logging
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from scrapy.exceptions import (
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)

from newscrawl.archive.run import Archiving
from newscrawl.downloader.ssrf_guard import Guard
from newscrawl.downloader.wire import Attempt, Tape, TappedHandler, iana_name
from newscrawl.errors import ArchiveError
from newscrawl.items import FETCHED, LINK, ORIGINAL, POINTER, Link
from newscrawl.warc.http import Message, split_interim, split_message, status_of, without_headers
from newscrawl.warc.index import NAME, Capture, Index
from newscrawl.warc.reader import WarcRecord, open_warc, positioned, records_of
from newscrawl.warc.records import (
    EMPTY_DIGEST,
    MAX_MESSAGE_BYTES,
    Bytes,
    Exchange,
    Original,
    Spool,
    Truncated,
    sha1_base32,
)

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings

    from newscrawl.items import WarcPointer


MAX_LOOKED_AT = 5
"Responses of one URL that are read, the youngest first, for the one whose entity tag was asked about."


def earlier_original(folder: Path, url: str, if_none_match: str = "") -> Original | None:
    """The last whole 200 response of a URL, or the last with an entity tag that the request named.

    None when the folder has no index, or the index no such response that stands where it says;
    ArchiveError when the index cannot be read.
    """
    if not (folder / NAME).is_file():
        return None
    with Index.open(folder) as index:
        answers = (c for c in index.captures("GET", url) if c.kind == "response" and c.status == 200)
        youngest = reversed(deque(answers, MAX_LOOKED_AT))
    found = [(capture, message) for capture in youngest if (message := _whole_message(folder, capture))]
    tags = tags_of(if_none_match)
    tagged = (pair for pair in found if tags & tags_of(pair[1].header("etag") or ""))
    chosen = next(tagged, found[0] if found else None)
    return _original(*chosen) if chosen else None


def tags_of(value: str) -> set[str]:
    """Entity tags of a header, compared weakly as If-None-Match wants it (RFC 9110, 13.1.2)."""
    return {tag for part in value.split(",") if (tag := part.strip().removeprefix("W/"))}


def _whole_message(folder: Path, capture: Capture) -> Message | None:
    """What stands where the index says, if it is that record still and nothing of it was cut off."""
    record = _record(folder, capture)
    if record is None or record.record_id != capture.record_id or "warc-truncated" in record.headers:
        return None
    return split_message(record.block)


def _record(folder: Path, capture: Capture) -> WarcRecord | None:
    try:
        with open_warc(folder, capture.file) as stream:
            _, _, record = next(records_of(positioned(stream, capture.offset)), (0, 0, None))
    except ArchiveError:
        return None  # the file is gone since the index was built
    return record


def _original(capture: Capture, message: Message) -> Original:
    # Not the index's digest: where a record has none, that is of the body with its framing.
    pointer = capture.pointer.model_copy(update={"payload_digest": sha1_base32(message.entity)})
    return Original(pointer=pointer, url=capture.url, date=capture.date)


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


SLACK_BYTES = 1 << 20
"Kept over the largest download, for heads and small chunks."
_SENT_AGAIN: Notes = (("outcome", "sent again on a new connection"),)
_TRUNCATED_BY: tuple[tuple[type[Exception], Truncated], ...] = (
    (DownloadTimeoutError, "time"),
    (DownloadCancelledError, "length"),
    (ResponseDataLossError, "disconnect"),
    (DownloadFailedError, "disconnect"),
)
_TRUNCATED_FLAGS: tuple[tuple[str, Truncated], ...] = (
    ("dataloss", "disconnect"),
    ("download_stopped", "unspecified"),
    ("partial", "disconnect"),
)


class CaptureHandler(TappedHandler):
    """Downloads over HTTP/1.1 and writes each attempt to the spider's run, failures included."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._recorder = Recorder(crawler.settings)
        self._guard = Guard(crawler)

    async def download_request(self, request: Request) -> Response:
        spider = run_of(self._crawler.spider)
        if spider is None:
            await self._guard.check(request)
            return await super().download_request(request)
        if spider.run.failure:
            raise spider.run.failure
        for key in (POINTER, FETCHED):
            request.meta.pop(key, None)  # copied from an earlier attempt
        limit = kept_at_most(request.meta.get("download_maxsize", self._default_maxsize))
        tape, clock = Tape(utc_now, partial(Spool, spider.run.folder, limit)), monotonic()
        outcome: Response | Exception | None = None
        started = tape.now()
        try:
            await self._guard.check(request)
            outcome = await self.download_taped(request, tape)
            return outcome
        except Exception as error:
            outcome = error
            raise
        finally:
            notes = notes_of(request, outcome, monotonic() - clock)
            exchanges = self._kept(spider, request, tape, outcome, notes)
            # Without a connection there is nothing but the failure to tell of.
            none = Exchange(url=request.url, started=started, sent=b"", received=b"", notes=notes)
            try:
                self._recorder.write(spider, request, exchanges or [none])
            finally:
                # The error holds this frame through its traceback: the page must not hang on it.
                del outcome, exchanges

    def _kept(
        self,
        spider: Archiving,
        request: Request,
        tape: Tape,
        outcome: Response | Exception | None,
        notes: Notes,
    ) -> list[Exchange]:
        """The exchanges of a tape, which is empty then; ArchiveError when the disk could not hold them."""
        try:
            return list(self._exchanges(spider, request, tape, outcome, notes))
        except OSError as error:
            raise self._recorder.stopped(spider, error) from error
        finally:
            for attempt in tape.attempts:
                attempt.received.close()
            tape.attempts.clear()

    def _exchanges(
        self,
        spider: Archiving,
        request: Request,
        tape: Tape,
        outcome: Response | Exception | None,
        notes: Notes,
    ) -> Iterator[Exchange]:
        """One exchange an attempt."""
        for attempt in tape.attempts:
            if attempt is tape.attempts[-1]:
                yield self._exchange(spider, request, attempt, truncation(attempt, outcome), notes)
            else:
                yield self._exchange(spider, request, attempt, "disconnect", _SENT_AGAIN)

    def _exchange(
        self,
        spider: Archiving,
        request: Request,
        attempt: Attempt,
        truncated: Truncated | None,
        notes: Notes,
    ) -> Exchange:
        if attempt.failure:
            raise attempt.failure
        sent, redacted = self._recorder.redacted(b"".join(attempt.sent))
        received, tls = attempt.received.whole(), attempt.tls
        certificate = (("tlsCertificateSha256", tls.certificate),) if tls and tls.certificate else ()
        return Exchange(
            url=request.url,
            started=attempt.started,
            sent=sent,
            received=received,
            # Of a proxied connection the peer is the proxy.
            ip=None if request.meta.get("proxy") else attempt.ip,
            tls_version=tls.version if tls else None,
            cipher=iana_name(tls.cipher) if tls else None,
            truncated=truncated if attempt.received.size else None,
            original=self._recorder.original_of(spider, request, received),
            omit_chunked_digest=self._recorder.omit_chunked_digest,
            notes=(*notes, *certificate, *redacted),
        )


def kept_at_most(largest: int) -> int:
    """Bytes of a message that are kept where downloads end at `largest`, which 0 lifts."""
    return min(largest + largest // 4 + SLACK_BYTES, MAX_MESSAGE_BYTES) if largest else MAX_MESSAGE_BYTES


def truncation(attempt: Attempt, outcome: Response | Exception | None) -> Truncated | None:
    """Why what came is not the whole message; None when it is."""
    if attempt.received.is_cut:
        return "length"
    if attempt.is_whole:
        return None
    if outcome is None:
        return "unspecified"
    if isinstance(outcome, Exception):
        return next((why for kind, why in _TRUNCATED_BY if isinstance(outcome, kind)), "unspecified")
    return next((why for flag, why in _TRUNCATED_FLAGS if flag in outcome.flags), None)
