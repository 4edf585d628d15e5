"""What goes beyond fetching a page: methods, encryption, proxies, secrets, revisits, large bodies."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from wire.proxy import Proxy
from wire.request_crawl import RecordedRequests, crawl_requests
from wire.server import ANSWERS, WireServer, serving
from wire.tls import fingerprint, self_signed, tls

from newscrawl.items import WarcPointer
from newscrawl.warc.http import split_message
from newscrawl.warc.index import INDEX_NAME, Index, update_index
from newscrawl.warc.reader import iter_records, read_page
from newscrawl.warc.verify.files import verify_warcs

pytestmark = pytest.mark.crawl


@pytest.fixture
def server() -> Iterator[WireServer]:
    with serving(WireServer()) as running:
        yield running


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    running = Proxy()
    threading.Thread(target=running.serve, daemon=True).start()
    yield running
    running.stop()


def url(server: WireServer, path: str, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.port}{path}"


def blocks(done: RecordedRequests, kind: str) -> list[bytes]:
    return [record.block for record in done.of(kind)]


def protocols(done: RecordedRequests, path: str) -> list[str]:
    """WARC-Protocol of a response, whose values the reader's dictionary would not all hold."""
    raw = b"".join(gzip.decompress(file.read_bytes()) for file in done.folder.glob("*.warc.gz"))
    record = next(
        part
        for part in raw.split(b"WARC/1.1\r\n")
        if part.startswith(b"WARC-Type: response") and path.encode() in part
    )
    return [
        line[15:].decode()
        for line in record.partition(b"\r\n\r\n")[0].split(b"\r\n")
        if line.startswith(b"WARC-Protocol: ")
    ]


def test_any_method_and_body_is_recorded_as_sent(server: WireServer, tmp_path: Path) -> None:
    done = crawl_requests(
        [
            {"url": url(server, "/plain"), "method": "POST", "body": "a=1&b=é", "headers": {"X-Odd": "1"}},
            {"url": url(server, "/head"), "method": "HEAD"},
            {"url": url(server, "/plain?q=1&é"), "method": "PUT", "body": "x" * 200_000},
        ],
        tmp_path,
    )
    assert blocks(done, "request") == [exchange.received for exchange in server.log]
    assert blocks(done, "response") == [exchange.sent for exchange in server.log]
    assert [note["outcome"] for note in done.notes()] == ["ok", "ok", "ok"]


def test_cookies_are_recorded_as_they_went(server: WireServer, tmp_path: Path) -> None:
    done = crawl_requests(
        [{"url": url(server, "/cookies")}, {"url": url(server, "/plain")}], tmp_path, COOKIES_ENABLED=True
    )
    assert blocks(done, "request") == [exchange.received for exchange in server.log]
    assert b"a=1" in server.log[1].received


def test_secrets_are_left_out_and_that_is_noted(server: WireServer, tmp_path: Path) -> None:
    secret = {"Cookie": "session=s3cret", "Authorization": "Basic s3cret", "X-Kept": "1"}
    body = "authorization: not a header\r\n"
    done = crawl_requests(
        [{"url": url(server, "/plain"), "method": "POST", "headers": secret, "body": body}],
        tmp_path,
        NEWSCRAWL_WARC_REDACT="cookie, Authorization",
    )
    assert b"s3cret" in server.log[0].received
    assert b"s3cret" not in done.raw
    (request,) = blocks(done, "request")
    assert b"X-Kept: 1\r\n" in request
    assert request.endswith(body.encode())
    assert set(done.notes()[0]["redacted"].split(", ")) == {"Cookie", "Authorization"}


@pytest.mark.parametrize("at", ["headers", "bytes"])
def test_a_stopped_download_is_marked(server: WireServer, tmp_path: Path, at: str) -> None:
    done = crawl_requests([{"url": url(server, "/large"), "stop": at}], tmp_path)
    (response,) = done.of("response")
    assert response.headers["warc-truncated"] == "unspecified"
    assert server.log[0].sent.startswith(response.block)


@pytest.mark.parametrize("path", ["/large", "/large-chunked"])
def test_a_large_body_is_whole(server: WireServer, tmp_path: Path, path: str) -> None:
    done = crawl_requests([{"url": url(server, path)}], tmp_path)
    assert blocks(done, "response") == [server.log[0].sent]
    assert "warc-truncated" not in done.of("response")[0].headers
    assert not [name for name in done.folder.iterdir() if "tmp" in name.name]


@pytest.mark.parametrize(
    ("version", "openssl", "name", "iana"),
    [
        (ssl.TLSVersion.TLSv1_3, "", "tls/1.3", "TLS_AES_256_GCM_SHA384"),
        (
            ssl.TLSVersion.TLSv1_2,
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "tls/1.2",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ),
    ],
)
def test_encryption_is_told_of_first_and_reused_connections(
    tmp_path: Path, version: ssl.TLSVersion, openssl: str, name: str, iana: str
) -> None:
    pem = self_signed(tmp_path)
    accepted = []
    wrap = tls(pem, version, openssl)

    def counted(connection: socket.socket) -> socket.socket:
        accepted.append(connection)
        return wrap(connection)

    with serving(WireServer(wrap=counted)) as server:
        paths = ["/plain", "/chunked", "/nothing"]
        done = crawl_requests([{"url": url(server, path, "https")} for path in paths], tmp_path)
    # Twisted sends the request again that a used connection did not answer.
    assert len(accepted) == 2
    assert [exchange.path for exchange in server.log] == [*paths, "/nothing"]
    assert blocks(done, "request") == [exchange.received for exchange in server.log]
    assert blocks(done, "response") == [exchange.sent for exchange in server.log[:2]]
    for path in ("/plain", "/chunked"):
        assert protocols(done, path) == ["http/1.1", name]
    for record in done.of("request"):
        assert record.headers["warc-cipher-suite"] == iana
        assert record.headers["warc-ip-address"] == "127.0.0.1"
    assert [note["tlsCertificateSha256"] for note in done.notes()] == [fingerprint(pem)] * 4


def no_tls(connection: socket.socket) -> socket.socket:
    """Ends every handshake before it began."""
    connection.recv(1)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connection.close()
    raise ConnectionAbortedError


def test_a_connection_that_never_was_leaves_a_note(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with serving(WireServer(wrap=no_tls)) as broken, serving(WireServer()) as silent:
        addresses = [url(broken, "/", "https"), url(silent, "/", "https"), f"http://127.0.0.1:{port}/"]
        done = crawl_requests([{"url": address} for address in addresses], tmp_path, DOWNLOAD_TIMEOUT=2)
    assert not done.of("request")
    assert not done.of("response")
    outcomes = [note["outcome"].partition(":")[0] for note in done.notes()]
    assert outcomes == ["DownloadFailedError", "DownloadTimeoutError", "DownloadConnectionRefusedError"]


def test_a_place_that_is_refused_leaves_a_note(server: WireServer, tmp_path: Path) -> None:
    done = crawl_requests([{"url": url(server, "/plain")}], tmp_path, NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES="0")
    (note,) = done.notes()
    assert note["outcome"].startswith("PrivateAddress: ")
    assert not server.log


def test_a_plain_proxy_is_noted_without_its_password(
    server: WireServer, proxy: Proxy, tmp_path: Path
) -> None:
    through = {"proxy": f"http://me:s3cret@127.0.0.1:{proxy.port}"}
    done = crawl_requests([{"url": url(server, "/chunked"), "meta": through}], tmp_path)
    assert b"Proxy-Authorization: " in proxy.log[0]
    lines = [line for line in proxy.log[0].splitlines(True) if not line.startswith(b"Proxy-Authorization")]
    assert blocks(done, "request") == [b"".join(lines)]
    assert blocks(done, "response") == [server.log[0].sent]
    assert not [record for record in done.records if "warc-ip-address" in record.headers]
    (note,) = done.notes()
    assert note["proxy"] == f"127.0.0.1:{proxy.port}"
    assert note["redacted"] == "Proxy-Authorization"


def test_through_a_tunnel_the_origins_exchange_is_recorded(proxy: Proxy, tmp_path: Path) -> None:
    pem = self_signed(tmp_path)
    with serving(WireServer(wrap=tls(pem, ssl.TLSVersion.TLSv1_3))) as server:
        through = {"proxy": f"http://me:s3cret@127.0.0.1:{proxy.port}"}
        done = crawl_requests([{"url": url(server, "/plain", "https"), "meta": through}], tmp_path)
    assert proxy.log[0].startswith(b"CONNECT ")
    assert blocks(done, "request") == [exchange.received for exchange in server.log]
    assert blocks(done, "response") == [exchange.sent for exchange in server.log]
    assert b"Proxy-Authorization" not in done.raw
    assert not [record for record in done.records if "warc-ip-address" in record.headers]
    (note,) = done.notes()
    assert note["tlsCertificateSha256"] == fingerprint(pem)
    assert note["proxy"] == f"127.0.0.1:{proxy.port}"


def test_a_request_sent_again_by_itself_stands_there_twice(server: WireServer, tmp_path: Path) -> None:
    done = crawl_requests([{"url": url(server, "/plain")}, {"url": url(server, "/stale")}], tmp_path)
    assert [exchange.sent for exchange in server.log[1:]] == [b"", ANSWERS["/stale"].pieces[0]]
    assert blocks(done, "request") == [exchange.received for exchange in server.log]
    assert blocks(done, "response") == [server.log[0].sent, server.log[2].sent]
    assert [note["outcome"] for note in done.notes("/stale")] == ["sent again on a new connection", "ok"]


def test_a_page_that_comes_again_is_a_revisit(server: WireServer, tmp_path: Path) -> None:
    again = {"If-None-Match": '"a"'}
    address = url(server, "/etag")
    done = crawl_requests([{"url": address}, {"url": address}, {"url": address, "headers": again}], tmp_path)
    (original,) = done.of("response")
    same, unchanged = done.of("revisit")
    for revisit in (same, unchanged):
        assert revisit.headers["warc-refers-to"] == original.record_id
        assert revisit.headers["warc-refers-to-target-uri"] == address
        assert revisit.headers["warc-refers-to-date"] == original.headers["warc-date"]
        assert revisit.headers["warc-payload-digest"] == original.headers["warc-payload-digest"]
    assert same.headers["warc-profile"].endswith("/1.1/revisit/identical-payload-digest")
    assert same.block == split_message(server.log[1].sent).head
    assert unchanged.headers["warc-profile"].endswith("/1.1/revisit/server-not-modified")
    assert unchanged.block == b""
    assert done.notes()[2]["notModified"] == repr(server.log[2].sent)


def test_what_has_not_changed_since_an_earlier_run_refers_to_its_page(
    server: WireServer, tmp_path: Path
) -> None:
    address = url(server, "/etag")
    (original,) = crawl_requests([{"url": address}], tmp_path, NEWSCRAWL_INDEX=0).of("response")
    conditional = {"url": address, "headers": {"If-None-Match": '"a"'}}
    (unknown,) = crawl_requests([conditional], tmp_path, NEWSCRAWL_INDEX=0).of("response")[1:]
    assert b" 304 " in unknown.block, "without an index there is nothing to refer to"
    update_index(tmp_path / "asking")
    done = crawl_requests([conditional, {"url": address}], tmp_path)
    (revisit,) = done.of("revisit")
    assert revisit.headers["warc-profile"].endswith("/1.1/revisit/server-not-modified")
    assert revisit.headers["warc-refers-to"] == original.record_id
    assert revisit.headers["warc-refers-to-target-uri"] == address
    assert revisit.headers["warc-refers-to-date"] == original.headers["warc-date"]
    assert revisit.headers["warc-payload-digest"] == original.headers["warc-payload-digest"]
    assert revisit.block == b""
    again = done.of("response")[-1]
    assert again.block == original.block, "what was sent again is in its own run"
    assert not list(verify_warcs(sorted(done.folder.glob("*.warc.gz"))))
    with Index.open(done.folder) as index:
        (capture,) = (c for c in index.captures("GET", address) if c.kind == "revisit")
    message = read_page(done.folder, capture.pointer).message
    assert message.head + message.body == original.block


def test_an_index_that_cannot_be_read_is_told_of_and_costs_no_page(
    server: WireServer, tmp_path: Path
) -> None:
    (tmp_path / "asking").mkdir()
    (tmp_path / "asking" / INDEX_NAME).write_bytes(b"no database at all" * 100)
    done = crawl_requests([{"url": url(server, "/304")}], tmp_path)
    assert len(done.of("response")) == 1
    assert "cannot look up earlier responses" in done.output


def test_a_revisit_is_read_with_the_body_of_its_original(server: WireServer, tmp_path: Path) -> None:
    done = crawl_requests([{"url": url(server, "/chunked")}] * 2, tmp_path)
    (revisit,) = done.of("revisit")
    (path,) = done.folder.glob("*.warc.gz")
    with path.open("rb") as stream:
        record = next(record for record in iter_records(stream) if record.kind == "revisit")
    pointer = WarcPointer(
        file=path.name, offset=record.offset, length=record.length, record_id=revisit.record_id
    )
    message = read_page(done.folder, pointer).message
    assert message.head == split_message(server.log[1].sent).head
    assert message.content == split_message(server.log[0].sent).content


def test_other_payloads_methods_and_parts_are_no_revisits(server: WireServer, tmp_path: Path) -> None:
    requests = [
        {"url": url(server, "/plain"), "method": "POST", "body": "a"},
        {"url": url(server, "/plain")},
        {"url": url(server, "/plain?other")},
        {"url": url(server, "/cut-length")},
        {"url": url(server, "/cut-length")},
        {"url": url(server, "/redirect"), "meta": {"dont_redirect": True}},
        {"url": url(server, "/redirect"), "meta": {"dont_redirect": True}},
    ]
    done = crawl_requests(requests, tmp_path)
    assert not done.of("revisit")
    assert len(done.of("response")) == len(requests)


def test_chunked_digests_can_be_left_out(server: WireServer, tmp_path: Path) -> None:
    done = crawl_requests(
        [{"url": url(server, path)} for path in ("/chunked", "/plain")],
        tmp_path,
        NEWSCRAWL_WARC_CHUNKED_DIGEST="omit",
    )
    chunked, plain = done.of("response")
    assert "warc-payload-digest" not in chunked.headers
    assert "warc-payload-digest" in plain.headers


def test_files_of_a_pipeline_are_recorded(server: WireServer, tmp_path: Path) -> None:
    done = crawl_requests(
        [{"url": url(server, "/plain"), "meta": {"files": [url(server, "/gzip")]}}],
        tmp_path,
        ITEM_PIPELINES={"scrapy.pipelines.files.FilesPipeline": 1},
        FILES_STORE=str(tmp_path / "files"),
    )
    assert [exchange.path for exchange in server.log] == ["/plain", "/gzip"]
    assert blocks(done, "response") == [exchange.sent for exchange in server.log]


def test_a_page_that_refreshes_elsewhere_is_followed_on_record(server: WireServer, tmp_path: Path) -> None:
    done = crawl_requests([{"url": url(server, "/refresh")}], tmp_path, METAREFRESH_ENABLED=True)
    assert blocks(done, "response") == [exchange.sent for exchange in server.log]
    assert done.notes("/plain?refreshed")[0]["redirectedFrom"] == url(server, "/refresh")


def test_what_never_went_out_is_not_recorded(tmp_path: Path) -> None:
    robots = b"HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\nUser-agent: *\r\nDisallow: /private/ \r\n\r\n"
    answers = {**ANSWERS, "/robots.txt": type(ANSWERS["/plain"])([robots])}
    with serving(WireServer(answers=answers)) as server:
        requests = [{"url": url(server, path)} for path in ("/plain", "/plain", "/private/a")]
        cache = {"HTTPCACHE_ENABLED": True, "HTTPCACHE_DIR": str(tmp_path / "cache")}
        done = crawl_requests(requests, tmp_path, ROBOTSTXT_OBEY=True, **cache)
    assert [exchange.path for exchange in server.log] == ["/robots.txt", "/plain"]
    assert blocks(done, "request") == [exchange.received for exchange in server.log]
    assert len(done.of("metadata")) == 2


def test_a_disk_that_cannot_hold_a_large_body_stops_the_crawl(server: WireServer, tmp_path: Path) -> None:
    requests = [{"url": url(server, path)} for path in ("/plain", "/large", "/chunked")]
    done = crawl_requests(requests, tmp_path, LARGEST_FILE=500_000)
    assert [exchange.path for exchange in server.log] == ["/plain", "/large"]
    assert blocks(done, "response") == [server.log[0].sent]
    (report,) = done.folder.glob("*.report.json")
    assert json.loads(report.read_text())["error"].startswith(
        f"cannot write into {done.folder}: File too large"
    )
    assert json.loads(report.read_text())["reason"] == "archive_error"
