"""The download handler: it archives each attempt on the wire before anything else sees the outcome."""

from __future__ import annotations

import json
import logging
import re
from collections import deque
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import cast
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.core.downloader import Downloader, Slot
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CloseSpider,
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy.utils.spider import DefaultSpider

from newscrawl.archive.run_files import Run, SpiderWithRun
from newscrawl.downloader.recording import Attempt, RecordingHandler, WireRecorder, iana_cipher_name
from newscrawl.downloader.request_meta import (
    FETCHED,
    LINK,
    ORIGINAL,
    PART,
    POINTER,
    RENDERED,
    SOURCE_RIGHTS,
    SUBRESOURCE,
)
from newscrawl.downloader.ssrf_guard import AddressGuard
from newscrawl.errors import ArchiveError
from newscrawl.items import STORED_LINK_FIELDS, WarcPointer
from newscrawl.warc.http import Message, parse_status, split_interim, split_message, strip_headers
from newscrawl.warc.index import INDEX_NAME, Index, IndexEntry
from newscrawl.warc.reader import iter_records, open_warc, seek_record
from newscrawl.warc.records import (
    EMPTY_DIGEST,
    MAX_MESSAGE_BYTES,
    BytesLike,
    HttpExchange,
    OriginalResponse,
    Spool,
    Truncated,
    sha1_base32,
)
from newscrawl.warc.renderings import RENDERING_FIELD, SUBRESOURCE_FIELD
from newscrawl.warc.story_parts import SOURCE_RIGHTS_FIELD, WITNESS_FIELD

logger = logging.getLogger(__name__)

Notes = tuple[tuple[str, str], ...]
"Fields of a WARC metadata record."

ARCHIVE_ATTRIBUTE = "newscrawl_archive"
"Attribute in which the add-on leaves the archive of a spider that is not ours."
MAX_ORIGINALS = 10_000
"URLs whose last response is remembered, so that a repeated response becomes a revisit record."
MAX_CANDIDATES = 5
"Latest responses of a URL that are read to find the response whose entity tag the request named."
MAX_OUTCOME_CHARS = 500
SLACK_BYTES = 1 << 20
"Room beyond the largest download, for headers and the framing of small chunks."
_ALWAYS_SECRET = frozenset({"proxy-authorization"})
# ASCII only: some readers would split the field at a Unicode line separator.
_to_json = json.JSONEncoder().encode
_SENT_AGAIN: Notes = (("outcome", "sent again on a new connection"),)
_TRUNCATING_ERRORS: tuple[tuple[type[Exception], Truncated], ...] = (
    (DownloadTimeoutError, "time"),
    (DownloadCancelledError, "length"),
    (ResponseDataLossError, "disconnect"),
    (DownloadFailedError, "disconnect"),
)
_TRUNCATING_FLAGS: tuple[tuple[str, Truncated], ...] = (
    ("dataloss", "disconnect"),
    ("download_stopped", "unspecified"),
)


class CaptureHandler(RecordingHandler):
    """Downloads over HTTP/1.1 and writes each attempt to the spider's run, failures included."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        refuse_unarchived(crawler)
        self._writer = ExchangeRecorder(crawler.settings)
        self._guard = AddressGuard(crawler)

    async def download_request(self, request: Request) -> Response:
        spider = get_spider_with_run(self._crawler.spider)
        if spider is None:
            await self._guard.check(request)
            return await super().download_request(request)
        if spider.run.failure:
            raise spider.run.failure
        forget_attempt(request)
        limit = max_recorded_bytes(request.meta.get("download_maxsize", self._default_maxsize))
        recorder, clock = WireRecorder(utc_now, partial(Spool, spider.run.folder, limit)), monotonic()
        outcome: Response | Exception | None = None
        started, slot = recorder.now(), self._find_slot(request)
        left_queue = slot.lastseen if slot else 0
        try:
            await self._guard.check(request)
            outcome = await self.download_recorded(request, recorder)
            return outcome
        except Exception as error:
            outcome = error
            raise
        finally:
            seconds = monotonic() - clock
            if slot and recorder.attempts:
                # The delay before the next request counts from when the connection stood, not from the
                # look-up of the name before it: the next request may find the connection open.
                connecting = (recorder.attempts[-1].started - started).total_seconds()
                slot.lastseen = max(slot.lastseen, left_queue + min(connecting, seconds))
            notes = build_notes(request, outcome, seconds, spider)
            exchanges = self._collect_exchanges(spider, request, recorder, outcome, notes)
            # Without a connection there is only the failure to record.
            unsent = HttpExchange(url=request.url, started=started, sent=b"", received=b"", metadata=notes)
            try:
                self._writer.write(spider, request, exchanges or [unsent])
            finally:
                # The error's traceback holds this frame, which would keep the page in memory.
                del outcome, exchanges

    def _find_slot(self, request: Request) -> Slot | None:
        """The slot from whose queue the request came; None if Scrapy's downloader did not send it."""
        if name := request.meta.get(Downloader.DOWNLOAD_SLOT):
            slots: dict[str, Slot] = getattr(self._crawler.engine.downloader, "slots", {})
            return slots.get(name)
        return None

    def _collect_exchanges(
        self,
        spider: SpiderWithRun,
        request: Request,
        recorder: WireRecorder,
        outcome: Response | Exception | None,
        notes: Notes,
    ) -> list[HttpExchange]:
        """An exchange for each recorded attempt; ArchiveError when the disk could not hold them."""
        attempts = recorder.attempts
        try:
            return [
                self._make_exchange(spider, request, attempt, find_truncation(attempt, outcome), notes)
                if attempt is attempts[-1]
                else self._make_exchange(spider, request, attempt, "disconnect", _SENT_AGAIN)
                for attempt in attempts
            ]
        except OSError as error:
            raise self._writer.stop_crawl(spider, error) from error
        finally:
            for attempt in attempts:
                attempt.response.close()
            attempts.clear()

    def _make_exchange(
        self,
        spider: SpiderWithRun,
        request: Request,
        attempt: Attempt,
        truncated: Truncated | None,
        notes: Notes,
    ) -> HttpExchange:
        if attempt.failure:
            raise attempt.failure
        sent, redacted = self._writer.redact(b"".join(attempt.sent))
        received, tls = attempt.response.getvalue(), attempt.tls
        certificate = (("tlsCertificateSha256", tls.certificate),) if tls and tls.certificate else ()
        return HttpExchange(
            url=request.url,
            started=attempt.started,
            sent=sent,
            received=received,
            # The peer of a proxied connection is the proxy.
            ip=None if request.meta.get("proxy") else attempt.ip,
            tls_version=tls.version if tls else None,
            cipher=iana_cipher_name(tls.cipher) if tls else None,
            truncated=truncated if attempt.response.size else None,
            original=self._writer.find_original(spider, request, received),
            omit_chunked_digest=self._writer.omit_chunked_digest,
            metadata=(*notes, *certificate, *redacted),
        )


class ExchangeRecorder:
    """Writes the exchanges of a handler or middleware to the spider's run."""

    def __init__(self, settings: BaseSettings) -> None:
        redacted = settings.getlist("NEWSCRAWL_WARC_REDACT")
        self._secret = _ALWAYS_SECRET | {name.strip().lower() for name in redacted}
        names = "|".join(map(re.escape, sorted(self._secret - {""})))
        self._may_hold_secret = re.compile(rf"(?i)\n(?:{names})[ \t]*:".encode("latin-1", "replace")).search
        self.omit_chunked_digest = settings["NEWSCRAWL_WARC_CHUNKED_DIGEST"] == "omit"
        self._originals: dict[str, OriginalResponse] = {}

    def find_original(
        self, spider: SpiderWithRun, request: Request, received: BytesLike
    ) -> OriginalResponse | None:
        """The URL's last complete response in this run or, for a 304 only, in an earlier run.

        A run holds all its own pages: it refers to another run only for what a server did not send again.
        """
        if request.method != "GET":
            return None
        original = self._originals.get(request.url)
        if original or parse_status(split_interim(received)[1]) != HTTPStatus.NOT_MODIFIED:
            return original
        expected: OriginalResponse | None = request.meta.get(ORIGINAL)
        if expected and expected.url == request.url:
            return expected
        if_none_match = b", ".join(request.headers.getlist("If-None-Match")).decode("latin-1")
        try:
            return find_earlier_original(spider.run.folder, request.url, if_none_match)
        except ArchiveError as error:
            logger.warning("%s: cannot look up earlier responses: %s", request.url, error)
            return None

    def redact(self, sent: bytes) -> tuple[bytes, Notes]:
        """The request without its secret headers, and the metadata field that names them."""
        if not self._may_hold_secret(sent):
            return sent, ()
        clean, removed = strip_headers(sent, self._secret)
        return clean, (("redacted", ", ".join(removed)),) if removed else ()

    def write(self, spider: SpiderWithRun, request: Request, exchanges: list[HttpExchange]) -> None:
        """Archive the attempts of a download; a failure to write stops the crawl.

        Afterwards `request.meta` holds POINTER and FETCHED of the last attempt.
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
            spider.stop_on_archive_error(error)
            raise

    def write_note(self, spider: SpiderWithRun, request: Request, notes: Notes) -> None:
        """Archive only a metadata record: the outcome of a request that was not sent."""
        note = HttpExchange(url=request.url, started=utc_now(), sent=b"", received=b"", metadata=notes)
        self.write(spider, request, [note])

    @staticmethod
    def stop_crawl(spider: SpiderWithRun, error: OSError) -> ArchiveError:
        """End a run whose disk could not hold the response; returns the error to raise."""
        failure = ArchiveError(f"cannot write into {spider.run.folder}: {error.strerror}")
        spider.run.failure = spider.run.failure or failure
        spider.stop_on_archive_error(failure)
        return failure

    def _remember(self, url: str, exchange: HttpExchange, pointer: WarcPointer) -> None:
        if exchange.truncated or pointer.payload_digest in (None, EMPTY_DIGEST):
            return
        if exchange.original and exchange.original.pointer.payload_digest == pointer.payload_digest:
            return  # written as a revisit record, to which no other revisit may refer
        self._originals.pop(url, None)
        self._originals[url] = OriginalResponse(pointer=pointer, url=exchange.url, date=exchange.started)
        if len(self._originals) > MAX_ORIGINALS:
            del self._originals[next(iter(self._originals))]


def find_earlier_original(folder: Path, url: str, if_none_match: str = "") -> OriginalResponse | None:
    """The URL's last complete 200 response, preferring the response whose entity tag the request named.

    None when the folder has no index, or the index has no such response that is still in its place;
    ArchiveError when the index cannot be read.
    """
    if not (folder / INDEX_NAME).is_file():
        return None
    with Index.open(folder) as index:
        responses = (
            entry for entry in index.captures("GET", url) if entry.kind == "response" and entry.status == 200
        )
        latest = reversed(deque(responses, MAX_CANDIDATES))
    candidates = [(entry, message) for entry in latest if (message := _read_whole_message(folder, entry))]
    tags = parse_entity_tags(if_none_match)
    tagged = (pair for pair in candidates if tags & parse_entity_tags(pair[1].header("etag") or ""))
    if not (chosen := next(tagged, candidates[0] if candidates else None)):
        return None
    entry, message = chosen
    # The index may hold the digest of the body with its chunked framing, so compute the payload's own.
    pointer = entry.pointer.model_copy(update={"payload_digest": sha1_base32(message.entity)})
    return OriginalResponse(pointer=pointer, url=entry.url, date=entry.date)


def parse_entity_tags(value: str) -> set[str]:
    """The entity tags of a header, ready for weak comparison as If-None-Match requires (RFC 9110, 13.1.2)."""
    return {tag for part in value.split(",") if (tag := part.strip().removeprefix("W/"))}


def _read_whole_message(folder: Path, entry: IndexEntry) -> Message | None:
    """The message at the indexed place, if that record is still there and was not truncated."""
    try:
        with open_warc(folder, entry.file) as stream:
            record = next(iter_records(seek_record(stream, entry.offset)), None)
    except ArchiveError:
        return None  # the file has gone since the index was built
    if record is None or record.record_id != entry.record_id or "warc-truncated" in record.headers:
        return None
    return split_message(record.block)


def get_spider_with_run(spider: object) -> SpiderWithRun | None:
    """What records a spider's requests: the archive that the add-on gave it, else a spider of ours itself."""
    if archive := getattr(spider, ARCHIVE_ATTRIBUTE, None):
        return cast("SpiderWithRun", archive)
    # A spider of another project may call anything its `run`.
    return cast("SpiderWithRun", spider) if isinstance(getattr(spider, "run", None), Run) else None


def refuse_unarchived(crawler: Crawler) -> None:
    """End a crawl before its first request if a handler that archives has nothing to write to.

    Only what `scrapy shell` and `scrapy fetch` request for people goes unrecorded.
    """
    spider = crawler.spider
    if spider is None or isinstance(spider, DefaultSpider) or get_spider_with_run(spider):
        return
    # The exceptions of a handler's constructor become failures of each request, so the spider is not opened.
    crawler.signals.connect(_refuse_opening, signals.spider_opened)


def _refuse_opening(spider: Spider) -> None:
    """A function of the module, because each of several handlers connects it, and it shall run once."""
    logger.error(
        "%s: nothing would be archived: a download handler of newscrawl has no archive by itself; set "
        'ADDONS = {"newscrawl.addon.WarcAddon": 500} and take the handler out of DOWNLOAD_HANDLERS',
        spider.name,
    )
    raise CloseSpider("not_archived")


def forget_attempt(request: Request) -> None:
    """Drop the record pointer and time that a retry or redirect copied from an earlier attempt."""
    for key in (POINTER, FETCHED):
        request.meta.pop(key, None)


def build_notes(
    request: Request,
    outcome: Response | Exception | None,
    seconds: float,
    spider: SpiderWithRun | None = None,
) -> Notes:
    """The metadata record's fields: the outcome and how the page was found, enough to rebuild the article."""
    meta = request.meta
    notes = [("outcome", describe_outcome(outcome)), ("fetchTimeMs", str(round(seconds * 1000)))]
    if link := meta.get(LINK):
        if link.from_url:
            notes.append(("via", link.from_url))
        link_fields = {name: value for name in STORED_LINK_FIELDS if (value := getattr(link, name))}
        notes.append(("discovery", _to_json(link_fields)))
        if spider and (witness := spider.find_witness(link)):
            notes.append((WITNESS_FIELD, _to_json(witness.model_dump())))
            notes += [(SOURCE_RIGHTS_FIELD, rights)] if (rights := meta.get(SOURCE_RIGHTS)) else []
    if part := meta.get(PART):
        notes += part.fields
        notes += [(SOURCE_RIGHTS_FIELD, rights)] if (rights := meta.get(SOURCE_RIGHTS)) else []
    if meta.get(RENDERED):
        notes.append((RENDERING_FIELD, "follows"))
    if sender := meta.get(SUBRESOURCE):
        notes.append((SUBRESOURCE_FIELD, sender))
    if redirected := meta.get("redirect_urls"):
        notes.append(("redirectedFrom", redirected[-1]))
    if retries := meta.get("retry_times"):
        notes.append(("retryTimes", str(retries)))
    if proxy := meta.get("proxy"):
        # The netloc without its credentials.
        authority = urlsplit(proxy if "://" in proxy else f"//{proxy}").netloc
        notes.append(("proxy", authority.rpartition("@")[2]))
    return tuple(notes)


def describe_outcome(outcome: Response | Exception | None) -> str:
    """`ok`, the error's class and message, or `cancelled`."""
    if isinstance(outcome, Exception):
        return f"{type(outcome).__name__}: {outcome}"[:MAX_OUTCOME_CHARS]
    return "ok" if outcome else "cancelled"


def max_recorded_bytes(max_download: int) -> int:
    """Bytes recorded of a message when downloads end at `max_download`; 0 means that they have no limit."""
    if not max_download:
        return MAX_MESSAGE_BYTES
    return min(max_download + max_download // 4 + SLACK_BYTES, MAX_MESSAGE_BYTES)


def find_truncation(attempt: Attempt, outcome: Response | Exception | None) -> Truncated | None:
    """The WARC-Truncated reason of an incomplete message; None when it is complete."""
    if attempt.response.is_truncated:
        return "length"
    if attempt.is_complete:
        return None
    if outcome is None:
        return "unspecified"
    if isinstance(outcome, Exception):
        return next((why for kind, why in _TRUNCATING_ERRORS if isinstance(outcome, kind)), "unspecified")
    # Scrapy flags a body that only the end of the connection delimits; here that end was no orderly close.
    return flagged_truncation(outcome) or ("disconnect" if "partial" in outcome.flags else None)


def flagged_truncation(response: Response) -> Truncated | None:
    """The WARC-Truncated reason that the response's flags give."""
    return next((why for flag, why in _TRUNCATING_FLAGS if flag in response.flags), None)


def utc_now() -> datetime:
    return datetime.now(UTC)
