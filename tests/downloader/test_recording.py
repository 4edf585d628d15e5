"""The private names of Scrapy and Twisted that recording relies on, and the names of ciphers."""

from __future__ import annotations

import gzip
import inspect
import ssl

import pytest
from scrapy.core.downloader.handlers import http11
from scrapy.http import Response
from twisted.web import _newclient, client
from twisted.web.http_headers import Headers

from newscrawl.downloader.recording import (
    RecordingHeaders,
    WireRecorder,
    iana_cipher_name,
    is_whole,
)


def test_the_agent_takes_what_the_tap_hands_it() -> None:
    options = set(inspect.signature(http11._ScrapyAgent.__init__).parameters)
    needed = {
        "contextFactory",
        "bindAddress",
        "pool",
        "maxsize",
        "warnsize",
        "fail_on_dataloss",
        "crawler",
        "tls_verbose_logging",
    }
    assert needed <= options, f"Scrapy's _ScrapyAgent lost {needed - options}"
    assert list(inspect.signature(http11._ScrapyAgent._get_agent).parameters) == [
        "self",
        "request",
        "timeout",
    ]


def test_the_handler_makes_its_pool_from_the_lenient_factory() -> None:
    source = inspect.getsource(http11.HTTP11DownloadHandler)
    assert "self._pool._factory = _LenientHTTP11ClientFactory" in source, "Scrapy sets its pool up otherwise"
    assert "_quiescentCallback" in inspect.getsource(client._HTTP11ClientFactory), "Twisted's factory changed"


def test_the_protocol_ends_a_response_where_the_recorder_listens() -> None:
    protocol = http11._LenientHTTP11ClientProtocol
    for name in ("request", "dataReceived", "connectionLost", "_finishResponse"):
        assert callable(getattr(protocol, name, None)), f"Twisted's HTTP11ClientProtocol lost {name}"
    assert "self._finishResponse" in inspect.getsource(_newclient.HTTP11ClientProtocol.request)
    assert "writeTo" in inspect.getsource(_newclient.HTTP11ClientProtocol.request)


def test_copied_headers_keep_their_recorder() -> None:
    recorder = WireRecorder(lambda: None)  # type: ignore[arg-type,return-value]
    headers = RecordingHeaders.wrap(Headers({b"A": [b"1"]}), recorder)
    copied = headers.copy()
    assert copied.recorder is recorder
    assert copied == headers
    copied.addRawHeader(b"Host", b"x")
    assert not headers.hasHeader(b"Host")


def test_encryption_shows_in_what_the_transport_offers() -> None:
    from OpenSSL.SSL import Connection
    from twisted.internet.tcp import Client
    from twisted.protocols.tls import TLSMemoryBIOProtocol

    assert hasattr(TLSMemoryBIOProtocol, "getPeerCertificate"), "Twisted's TLS transport changed"
    assert hasattr(TLSMemoryBIOProtocol, "getHandle"), "Twisted's TLS transport lost its handle"
    assert not hasattr(Client, "getPeerCertificate"), "plain transports look like encrypted ones now"
    for name in ("get_cipher_name", "get_protocol_version_name", "get_peer_certificate"):
        assert hasattr(Connection, name), f"pyOpenSSL's Connection lost {name}"


def test_the_pool_sends_again_what_a_used_connection_lost() -> None:
    assert client.HTTPConnectionPool.retryAutomatically, "one download may be two attempts no more"
    assert "request" in inspect.getsource(client._RetryingHTTP11ClientProtocol.request)


def test_names_are_translated() -> None:
    assert iana_cipher_name("TLS_AES_128_GCM_SHA256") == "TLS_AES_128_GCM_SHA256"
    assert iana_cipher_name("ECDHE-RSA-CHACHA20-POLY1305") == "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
    assert iana_cipher_name("AES128-SHA") == "TLS_RSA_WITH_AES_128_CBC_SHA"
    assert iana_cipher_name("MADE-UP") is None
    assert iana_cipher_name(None) is None


def test_every_suite_that_openssl_enables_by_itself_has_a_name() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("DEFAULT:!PSK:!SRP")
    names = [cipher["name"] for cipher in context.get_ciphers()]
    assert len(names) > 20
    assert not [name for name in names if not iana_cipher_name(name)]


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        (b"<html><p>all of it</p></html>", True),
        (b"<html><p>all of it</p></HTML >\n<!-- cached 12:01 -->\n", True),
        (b"<rss><channel/></rss>", True),
        (b"<urlset></urlset>", True),
        (b'{"items": [1, 2]}', True),
        (gzip.compress(b"<html></html>", mtime=0), True),
        (b"<html><p>only", False),
        (b"<p>It ends with </html> and more", False),
        (b'{"items": [1, 2', False),
        (gzip.compress(b"<html>" + bytes(range(256)) * 9 + b"</html>", mtime=0)[:-60], False),
        (b"", False),
    ],
)
def test_a_message_that_ends_early_may_hold_a_whole_page(body: bytes, whole: bool) -> None:
    assert is_whole(Response("http://a/", body=body)) is whole


def test_a_redirect_needs_no_body() -> None:
    assert is_whole(Response("http://a/", status=302, headers={"Location": "/b"}, body=b"<html>cut"))
    assert not is_whole(Response("http://a/", status=302, body=b"<html>cut"))
