"""Where a request may go: asked before it is sent, of every handler, with a proxy and without."""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from attacks.server import listening
from scrapy import Request
from scrapy.http import Response
from scrapy.settings import Settings
from twisted.internet.error import DNSLookupError
from wire.proxy import Proxy
from wire.request_crawl import RecordedRequests, crawl_requests
from wire.server import Answer, WireServer, serving

from newscrawl.downloader.refusals import ForbiddenPort, PrivateAddress
from newscrawl.downloader.ssrf_guard import AddressGuard, GuardedResolver

HANDLER = "newscrawl.downloader.adapter.ReconstructingHandler"
HTTPX = "scrapy.core.downloader.handlers._httpx.HttpxDownloadHandler"


def guard(allowed: str = "0", first_urls: tuple[str, ...] = ()) -> AddressGuard:
    crawler: Any = SimpleNamespace(
        settings=Settings({"NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": allowed}),
        spider=SimpleNamespace(first_urls=lambda: first_urls),
    )
    return AddressGuard(crawler, uses_resolver=False)


def check(guard: AddressGuard, url: str) -> None:
    asyncio.run(guard.check(Request(url)))


@pytest.mark.parametrize(
    "url",
    [
        "http://1.1.1.1/",
        "https://1.1.1.1/",
        "http://1.1.1.1:8080/",
        "https://1.1.1.1:8443/",
        "http://[2606:4700::1]/",
    ],
)
def test_sites_may_be_asked(url: str) -> None:
    check(guard(), url)


@pytest.mark.parametrize("port", [22, 25, 3306, 6379, 8081, 11211, 65535])
def test_other_ports_may_not(port: int) -> None:
    with pytest.raises(ForbiddenPort):
        check(guard(), f"http://1.1.1.1:{port}/")


def test_a_port_that_the_outlet_names_is_open_on_that_host_alone() -> None:
    named = guard(first_urls=("http://1.1.1.1:8081/feed", "http://1.0.0.1/"))
    check(named, "http://1.1.1.1:8081/story")
    with pytest.raises(ForbiddenPort):
        check(named, "http://1.0.0.1:8081/")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:7f00:1]/",
        "http://[fd00::1]/",
        "http://0/",
        "http://\uff11\uff12\uff17.0.0.1/",
    ],
)
def test_private_addresses_may_not_be_asked(url: str) -> None:
    with pytest.raises(PrivateAddress):
        check(guard(), url)


def test_what_is_allowed_is_allowed_alone() -> None:
    allowing = guard("127.0.0.1:8001, [::1]")
    check(allowing, "http://127.0.0.1:8001/")
    check(allowing, "http://[::1]:9/")
    # By another name it is the same place.
    check(allowing, "http://localhost:8001/") if _localhost_is_ipv4() else None
    with pytest.raises(PrivateAddress):
        check(allowing, "http://127.0.0.1:8002/")
    check(guard("1"), "http://127.0.0.1:22/")


def _localhost_is_ipv4() -> bool:
    import socket

    return {place[4][0] for place in socket.getaddrinfo("localhost", None)} == {"127.0.0.1"}


@pytest.mark.parametrize(("peer", "is_refused"), [("127.0.0.1", True), ("1.1.1.1", False), (None, False)])
def test_the_peer_of_a_handler_that_looks_up_names_itself_is_looked_at(peer: Any, is_refused: bool) -> None:
    response = Response("http://example.org/", ip_address=peer)
    if is_refused:
        with pytest.raises(PrivateAddress):
            guard().check_peer(Request("http://example.org/"), response)
    else:
        guard().check_peer(Request("http://example.org/"), response)


def resolver(allowed: str) -> GuardedResolver:
    crawler: Any = SimpleNamespace(
        settings=Settings({"NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": allowed, "DNSCACHE_ENABLED": True})
    )
    return GuardedResolver.from_crawler(crawler, object())


def test_the_resolver_refuses_whatever_was_said_before() -> None:
    """A name may have another address when it is connected to than when it was asked about."""
    refusing = resolver("127.0.0.1:8001")
    refusing.proxies.add("proxy.example")
    assert refusing._check_address("1.1.1.1", "news.example") == "1.1.1.1"
    assert refusing._check_address("127.0.0.1", "news.example") == "127.0.0.1"
    assert refusing._check_address("10.0.0.9", "proxy.example") == "10.0.0.9"
    with pytest.raises(DNSLookupError):
        refusing._check_address("10.0.0.1", "news.example")
    with pytest.raises(DNSLookupError):
        resolver("0")._check_address("127.0.0.1", "news.example")


def redirecting(forbidden: int) -> WireServer:
    to = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % forbidden
    server = WireServer()
    server.answers["/away"] = Answer([to])
    return server


def outcomes(done: RecordedRequests) -> list[str]:
    return sorted(note["outcome"].partition(":")[0] for note in done.notes())


@pytest.mark.crawl
def test_a_wrapped_handler_is_guarded_as_well(tmp_path: Path) -> None:
    with listening() as forbidden, serving(redirecting(forbidden.port)) as server:
        done = crawl_requests(
            [{"url": f"{server.base}/plain"}, {"url": f"{server.base}/away"}],
            tmp_path,
            NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES=f"127.0.0.1:{server.port}",
            DOWNLOAD_HANDLERS={"http": HANDLER},
            NEWSCRAWL_CAPTURE_ADAPTER=HTTPX,
        )
        assert not forbidden.connections
    assert outcomes(done) == ["PrivateAddress", "ok", "ok"]
    assert len(done.of("request")) == 2


@pytest.mark.crawl
def test_a_proxy_is_not_asked_for_private_addresses(tmp_path: Path) -> None:
    """The proxy itself may be on a private address: whoever runs the crawl named it."""
    proxy = Proxy()
    Thread(target=proxy.serve, daemon=True).start()
    through = {"proxy": f"http://127.0.0.1:{proxy.port}"}
    try:
        with listening() as forbidden, serving(redirecting(forbidden.port)) as server:
            urls = [f"{server.base}/away", f"http://localhost:{forbidden.port}/"]
            done = crawl_requests(
                [{"url": url, "meta": through} for url in urls],
                tmp_path,
                NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES=f"127.0.0.1:{server.port}",
            )
            assert not forbidden.connections
    finally:
        proxy.stop()
    assert outcomes(done) == ["PrivateAddress", "PrivateAddress", "ok"]
    assert len(proxy.log) == 1
