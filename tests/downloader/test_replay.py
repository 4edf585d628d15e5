"""Replays answer from the archive as the network did."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from scrapy.core.downloader.handlers import http11
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from twisted.internet.error import ConnectionRefusedError as TxConnectionRefusedError
from twisted.internet.protocol import Protocol, connectionDone
from wire.crawl import ROOT, environment
from wire.server import ANSWERS, Answer, WireServer, serving

from newscrawl.archive.replay import RecordedCapture, request_key
from newscrawl.downloader.refusals import ReplayMiss
from newscrawl.downloader.replay import (
    CHUNK_BYTES,
    NO_ADDRESS,
    InMemoryPool,
    InMemoryTransport,
    RecordedFailure,
    recorded_failure,
)
from newscrawl.items import WarcPointer

# Asks for what the command line names, several times where it says so, and prints what came.
SPIDER = """
import hashlib, json, sys
from scrapy import Request
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.utils.project import get_project_settings
from newscrawl.spiders.base import ArchivingSpider

asked, given = json.loads(sys.argv[1]), json.loads(sys.argv[2])
seen = []

class Asking(ArchivingSpider):
    name = "asking"

    def first_urls(self):
        return []

    async def start(self):
        for number, (method, url, body) in enumerate(asked):
            yield Request(url, self.answered, method=method, body=body, errback=self.failed,
                          dont_filter=True, cb_kwargs={"number": number}, priority=-number)

    def answered(self, response, number):
        seen.append([number, response.status, response.url, response.flags, response.protocol,
                     str(response.ip_address), hashlib.sha256(response.body).hexdigest(),
                     sorted((n.decode("latin-1"), [v.decode("latin-1") for v in vs])
                            for n, vs in response.headers.items()),
                     type(response).__name__])

    def failed(self, failure):
        response = getattr(failure.value, "response", None)
        seen.append([failure.request.cb_kwargs["number"], type(failure.value).__name__, str(failure.value),
                     response.status if response else None])

settings = get_project_settings()
settings.setdict(given, priority="cmdline")
process = AsyncCrawlerProcess(settings)
crawler = process.create_crawler(Asking)
process.crawl(crawler)
process.start()
counted = {name: value for name, value in crawler.stats.get_stats().items()
           if name.split("/")[0] in ("downloader", "retry", "robotstxt", "httperror") and "bytes" not in name}
print(json.dumps([sorted(seen), counted]))
"""
OPTIONS = {
    "NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": "1",
    "NEWSCRAWL_EXTRACT_PROCESSES": "1",
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": False,
    "DOWNLOAD_TIMEOUT": 2,
    "DOWNLOAD_MAXSIZE": 50_000,
    "RETRY_TIMES": 1,
    "REDIRECT_MAX_TIMES": 3,
}


def asked(requests: list[tuple[str, str, str]], **settings: object) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", SPIDER, json.dumps(requests), json.dumps({**OPTIONS, **settings})],
        cwd=ROOT,
        env={**environment(), "SCRAPY_SETTINGS_MODULE": "newscrawl.settings"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.crawl
def test_responses_errors_and_counts_are_those_of_the_wire(tmp_path: Path) -> None:
    """POST by its body, HEAD, repeated requests, and every hostile answer; then with the server gone."""
    answers = {**ANSWERS, "/head": Answer([b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n"])}
    with serving(WireServer(answers)) as server:
        base = f"http://127.0.0.1:{server.port}"
        requests = [("GET", base + path, "") for path in answers if path not in ("/head", "/robots.txt")]
        requests += [("POST", base + "/plain", "one"), ("POST", base + "/gzip", "two")]
        requests += [
            ("HEAD", base + "/head", ""),
            ("GET", base + "/chunked", ""),
            ("GET", base + "/chunked", ""),
        ]
        requests += [("GET", "http://127.0.0.1:9/", ""), ("GET", "file:///etc/hostname", "")]
        live = asked(requests, NEWSCRAWL_ARCHIVES=str(tmp_path / "live"))
    folder = str(tmp_path / "live" / "asking")
    replayed = asked(
        requests, NEWSCRAWL_ARCHIVES=str(tmp_path / "again"), NEWSCRAWL_REPLAY=folder, DOWNLOAD_TIMEOUT=600
    )
    assert len(live[0]) == len(requests)
    assert replayed[0] == live[0]
    assert replayed[1] == live[1]


@pytest.mark.crawl
def test_a_post_with_another_body_is_a_miss(tmp_path: Path) -> None:
    with serving(WireServer()) as server:
        url = f"http://127.0.0.1:{server.port}/plain"
        asked([("POST", url, "one")], NEWSCRAWL_ARCHIVES=str(tmp_path))
    options = {"NEWSCRAWL_ARCHIVES": str(tmp_path / "again"), "NEWSCRAWL_REPLAY": str(tmp_path)}
    seen, counted = asked([("POST", url, "one"), ("POST", url, "two"), ("GET", url, "")], **options)
    assert [row[1] for row in seen] == [200, "ReplayMiss", "ReplayMiss"]
    assert f"not in the archive: POST {url}" in seen[1][2]
    assert "retry/count" not in counted


def a_capture(outcome: str, kind: str = "response", truncated: str = "") -> RecordedCapture:
    pointer = WarcPointer(file="a.warc.gz", offset=0, length=1, record_id="<urn:uuid:1>")
    return RecordedCapture(
        key=request_key("GET", "http://example.org/"),
        run="r",
        date=datetime(2026, 1, 1, tzinfo=UTC),
        pointer=pointer,
        kind=kind,
        outcome=outcome,
        truncated=truncated,
    )


@pytest.mark.parametrize(
    "error",
    [
        DownloadTimeoutError("Getting http://a/ took longer than 2.0 seconds."),
        DownloadCancelledError("too large"),
        DownloadConnectionRefusedError("refused"),
        CannotResolveHostError("DNS lookup failed"),
        ResponseDataLossError(),
        DownloadFailedError("[<Failure: ParseError>]"),
        TxConnectionRefusedError("111"),
        OSError(5, "broken pipe"),
        ValueError("not this: or that"),
    ],
)
def test_an_error_comes_again_with_its_class_name_and_words(error: Exception) -> None:
    again = recorded_failure(a_capture(f"{type(error).__name__}: {error}"))
    assert isinstance(again, type(error))
    assert type(again).__name__ == type(error).__name__
    assert str(again) == str(error)


def test_an_error_of_an_unknown_class_keeps_its_name() -> None:
    again = recorded_failure(a_capture("SomethingElse: odd"))
    assert isinstance(again, RecordedFailure)
    assert f"{type(again).__name__}: {again}" == "SomethingElse: odd"


@pytest.mark.parametrize(
    "name", ["KeyboardInterrupt", "SystemExit", "print", "BaseException", "StopIteration"]
)
def test_an_archive_cannot_end_the_process_by_a_name(name: str) -> None:
    assert isinstance(recorded_failure(a_capture(f"{name}: x")), RecordedFailure)


@pytest.mark.parametrize(
    ("capture", "kind"),
    [
        (a_capture("", truncated="time"), DownloadTimeoutError),
        (a_capture("", truncated="length"), DownloadCancelledError),
        (a_capture("", kind="request"), DownloadFailedError),
        (a_capture("", truncated="disconnect"), type(None)),
        (a_capture("ok"), type(None)),
        (a_capture(""), type(None)),
        (a_capture("two words: no error"), type(None)),
    ],
)
def test_an_archive_without_notes_says_by_its_records_how_it_ended(
    capture: RecordedCapture, kind: type[object]
) -> None:
    assert isinstance(recorded_failure(capture), kind)


def test_a_miss_is_not_tried_again() -> None:
    assert issubclass(ReplayMiss, IgnoreRequest)


def test_scrapys_handler_asks_its_pool_for_connections() -> None:
    """The one private name the replay leans on beyond the tap."""
    assert "pool=self._pool" in Path(http11.__file__).read_text(), (
        "Scrapy's handler hands its pool on otherwise"
    )


class Turns:
    """A reactor's turns, taken by the test."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def later(self, _: float, call: Callable[..., Any], *args: Any) -> None:
        self.waiting.append((call, args))

    def run(self) -> None:
        while self.waiting:
            call, args = self.waiting.pop(0)
            call(*args)


class Listening(Protocol):
    def __init__(self, pause_after: int = 0) -> None:
        self.got: list[bytes] = []
        self.ended = 0
        self.pause_after = pause_after

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 # Twisted's name
        self.got.append(data)
        if len(self.got) == self.pause_after:
            self.transport.pauseProducing()

    def connectionLost(self, reason: Any = connectionDone) -> None:  # noqa: N802 # Twisted's name
        self.ended += 1


def connected(protocol: Listening, received: bytes, turns: Turns, ip: str = "192.0.2.1") -> InMemoryTransport:
    pool = InMemoryPool(lambda: protocol, turns.later)
    pool.load(received, ip)
    pool.getConnection(None, None)
    return protocol.transport


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES])
def test_everything_comes_in_pieces_and_then_the_end(size: int) -> None:
    protocol, turns = Listening(), Turns()
    connected(protocol, b"x" * size, turns)
    assert not protocol.got, "nothing comes before the request is sent"
    turns.run()
    assert len(b"".join(protocol.got)) == size
    assert max(map(len, protocol.got), default=0) <= CHUNK_BYTES
    assert protocol.ended == 1


def test_a_pause_holds_the_rest_and_the_end_back() -> None:
    protocol, turns = Listening(pause_after=1), Turns()
    transport = connected(protocol, b"x" * (3 * CHUNK_BYTES), turns)
    turns.run()
    assert (len(protocol.got), protocol.ended) == (1, 0)
    transport.resumeProducing()
    turns.run()
    assert (len(protocol.got), protocol.ended) == (3, 1)


@pytest.mark.parametrize("how", ["loseConnection", "abortConnection", "stopProducing"])
def test_a_connection_that_is_given_up_ends_once_and_gives_nothing_more(how: str) -> None:
    protocol, turns = Listening(), Turns()
    transport = connected(protocol, b"x" * CHUNK_BYTES, turns)
    getattr(transport, how)()
    turns.run()
    transport.loseConnection()
    turns.run()
    assert (protocol.got, protocol.ended) == ([], 1)


@pytest.mark.parametrize(
    ("ip", "host"), [("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1"), ("", NO_ADDRESS)]
)
def test_the_peer_is_the_recorded_one(ip: str, host: str) -> None:
    assert connected(Listening(), b"", Turns(), ip).getPeer().host == host
