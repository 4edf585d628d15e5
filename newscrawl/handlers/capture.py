"""The download handler: every attempt on the wire is in the archive before anyone sees its outcome."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, cast

from scrapy.exceptions import (
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)

from newscrawl.archive.exchange import Exchange, Truncated
from newscrawl.archive.run import Archiving
from newscrawl.errors import ArchiveError
from newscrawl.handlers.tap import Attempt, Tape, TappedHandler
from newscrawl.items import Link
from newscrawl.meta import FETCHED, LINK, POINTER

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response

logger = logging.getLogger(__name__)

_LINK_FIELDS = sorted(field.name for field in fields(Link))
_to_json = json.JSONEncoder(ensure_ascii=False).encode
_PROXY_SECRET = re.compile(rb"(?im)^proxy-authorization:[^\r\n]*\r?\n")
_TRUNCATED_BY: tuple[tuple[type[Exception], Truncated], ...] = (
    (DownloadTimeoutError, "time"),
    (DownloadCancelledError, "length"),
    (ResponseDataLossError, "disconnect"),
    (DownloadFailedError, "disconnect"),
)
_TRUNCATED_FLAGS: tuple[tuple[str, Truncated], ...] = (
    ("dataloss", "disconnect"),
    ("download_stopped", "unspecified"),
)


class CaptureHandler(TappedHandler):
    """Downloads over HTTP/1.1 and writes each attempt to the spider's run, failures included.

    After it, `request.meta` holds POINTER and FETCHED. A spider without a run is served unrecorded.
    """

    async def download_request(self, request: Request) -> Response:
        spider = cast("Archiving | None", self._crawler.spider)
        if not hasattr(spider, "run"):
            return await super().download_request(request)
        assert spider is not None
        tape, clock = Tape(_now), monotonic()
        started = tape.now()
        outcome: Response | Exception | None = None
        try:
            outcome = await self.download_taped(request, tape)
            return outcome
        except Exception as error:
            outcome = error
            raise
        finally:
            fields = _notes(request, outcome, monotonic() - clock)
            self._record(spider, request, list(_exchanges(request, tape, started, outcome, fields)))
            tape.attempts.clear()

    def _record(self, spider: Archiving, request: Request, exchanges: list[Exchange]) -> None:
        if spider.run.failure:
            raise spider.run.failure
        try:
            for exchange in exchanges:
                request.meta[POINTER] = spider.run.write_exchange(exchange)
                request.meta[FETCHED] = exchange.started
        except ArchiveError as error:
            spider.archive_failed(error)
            raise


def _now() -> datetime:
    return datetime.now(UTC)


def _exchanges(
    request: Request,
    tape: Tape,
    started: datetime,
    outcome: Response | Exception | None,
    notes: tuple[tuple[str, str], ...],
) -> Iterator[Exchange]:
    """One exchange an attempt; one without bytes when no connection came about."""
    if not tape.attempts:
        yield Exchange(url=request.url, started=started, sent=b"", received=b"", notes=notes)
        return
    for attempt in tape.attempts[:-1]:
        yield _exchange(request, attempt, "disconnect", (("outcome", "sent again on a new connection"),))
    yield _exchange(request, tape.attempts[-1], _truncated(outcome), notes)


def _exchange(
    request: Request,
    attempt: Attempt,
    truncated: Truncated | None,
    notes: tuple[tuple[str, str], ...],
) -> Exchange:
    proxied = "proxy" in request.meta
    received = b"".join(attempt.received)
    cipher = attempt.cipher if attempt.cipher and attempt.cipher.startswith("TLS_") else None
    return Exchange(
        url=request.url,
        started=attempt.started,
        # Behind a plain proxy the request carries the proxy's password, which is nobody's news.
        sent=_PROXY_SECRET.sub(b"", b"".join(attempt.sent)) if proxied else b"".join(attempt.sent),
        received=received,
        ip=None if proxied else attempt.ip,
        tls_version=attempt.tls_version,
        cipher=cipher,
        truncated=truncated if received else None,
        notes=notes,
    )


def _truncated(outcome: Response | Exception | None) -> Truncated | None:
    if outcome is None:
        return "unspecified"
    if isinstance(outcome, Exception):
        return next((why for kind, why in _TRUNCATED_BY if isinstance(outcome, kind)), None)
    return next((why for flag, why in _TRUNCATED_FLAGS if flag in outcome.flags), None)


def _notes(
    request: Request, outcome: Response | Exception | None, seconds: float
) -> tuple[tuple[str, str], ...]:
    """The metadata record: how it went, and how the page was found (enough to make the article again)."""
    meta = request.meta
    failed = isinstance(outcome, Exception)
    notes = [
        (
            "outcome",
            f"{type(outcome).__name__}: {outcome}"[:500] if failed else "ok" if outcome else "cancelled",
        ),
        ("fetchTimeMs", str(round(seconds * 1000))),
    ]
    if link := meta.get(LINK):
        if link.from_url:
            notes.append(("via", link.from_url))
        found = {name: value for name in _LINK_FIELDS if (value := getattr(link, name))}
        notes.append(("discovery", _to_json(found)))
    if redirected := meta.get("redirect_urls"):
        notes.append(("redirectedFrom", redirected[-1]))
    if retries := meta.get("retry_times"):
        notes.append(("retryTimes", str(retries)))
    return tuple(notes)


def _outcome_name(outcome: Response | Exception | None) -> str:
    if isinstance(outcome, Exception):
        return f"{type(outcome).__name__}: {outcome}"[:500]
    return "ok" if outcome else "cancelled"
