"""The download handler: every attempt on the wire is in the archive before anyone sees its outcome."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from scrapy.exceptions import (
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)

from newscrawl.archive.ciphers import iana_name
from newscrawl.archive.exchange import MAX_MESSAGE_BYTES, Exchange, Spool, Truncated
from newscrawl.handlers.guard import Guard
from newscrawl.handlers.recording import Notes, Recorder, notes_of, run_of, utc_now
from newscrawl.handlers.tap import Attempt, Tape, TappedHandler
from newscrawl.meta import FETCHED, POINTER

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from newscrawl.archive.run import Archiving

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
