"""Records: what other readers take for granted is there, and nothing can break out of a header."""

import gzip
import hashlib
import random
import zlib
from base64 import b32encode
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.archive.exchange import Exchange
from newscrawl.archive.records import (
    PACKED,
    STORED,
    exchange_records,
    fields_block,
    gzip_member,
    record_pieces,
    target_uri,
    warcinfo_record,
)

STARTED = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)
REQUEST = b"GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n"


def ids() -> object:
    numbers = count(1)
    return lambda: f"<urn:uuid:00000000-0000-0000-0000-{next(numbers):012}>"


def written(received: bytes, **more: object) -> list[tuple[str, bytes]]:
    exchange = Exchange(url="http://example.org/a", started=STARTED, sent=REQUEST, received=received, **more)  # type: ignore[arg-type]
    records = exchange_records(exchange, "<urn:uuid:info>", ids())  # type: ignore[arg-type]
    return [(record.kind, gzip.decompress(b"".join(record.pieces))) for record in records]


def header(raw: bytes, name: str) -> list[str]:
    head = raw.partition(b"\r\n\r\n")[0].decode()
    return [line.partition(": ")[2] for line in head.split("\r\n") if line.startswith(name + ": ")]


def digest(data: bytes) -> str:
    return "sha1:" + b32encode(hashlib.sha1(data).digest()).decode()


def test_an_exchange_is_response_request_metadata_of_one_date_and_uri() -> None:
    records = written(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", notes=(("outcome", "ok"),))
    assert [kind for kind, _ in records] == ["response", "request", "metadata"]
    response_id = header(records[0][1], "WARC-Record-ID")
    for _, raw in records:
        assert raw.startswith(b"WARC/1.1\r\n")
        assert header(raw, "WARC-Date") == ["2026-03-04T05:06:07.123456Z"]
        assert header(raw, "WARC-Target-URI") == ["http://example.org/a"]
        assert raw.endswith(b"\r\n\r\n")
    assert header(records[1][1], "WARC-Concurrent-To") == response_id
    assert header(records[2][1], "WARC-Concurrent-To") == response_id


def test_blocks_are_the_bytes_of_the_wire() -> None:
    answer = b"HTTP/1.0 200 Fine, Really\r\nX:1\r\nx :2\r\n folded\r\ncaf\xe9: \xff\r\n\r\n\x00body"
    records = dict(written(answer))
    assert records["response"].partition(b"\r\n\r\n")[2] == answer + b"\r\n\r\n"
    assert records["request"].partition(b"\r\n\r\n")[2] == REQUEST + b"\r\n\r\n"


def test_the_payload_digest_is_the_entitys_whatever_the_framing() -> None:
    plain = dict(written(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstory"))["response"]
    framed = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nst\r\n3;x=y\r\nory\r\n0\r\n\r\n"
    chunked = dict(written(framed))["response"]
    assert (
        header(plain, "WARC-Payload-Digest") == header(chunked, "WARC-Payload-Digest") == [digest(b"story")]
    )
    assert header(chunked, "WARC-Block-Digest") == [digest(framed)]


def test_interim_answers_go_to_metadata() -> None:
    early, final = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"
    records = dict(written(early + final))
    assert records["response"].partition(b"\r\n\r\n")[2] == final + b"\r\n\r\n"
    assert b"interim: " in records["metadata"]
    assert b"103 Early Hints" in records["metadata"]


def test_no_http_answer_means_no_response_record() -> None:
    for received in (b"", b"SSH-2.0-OpenSSH\r\n"):
        assert [kind for kind, _ in written(received)] == ["request", "metadata"]


def test_connection_facts_are_headers() -> None:
    raw = dict(written(b"HTTP/1.1 200 OK\r\n\r\n", ip="192.0.2.1", tls_version="TLSv1.3", cipher="TLS_X"))
    assert header(raw["response"], "WARC-IP-Address") == ["192.0.2.1"]
    assert header(raw["response"], "WARC-Protocol") == ["http/1.1", "tls/1.3"]
    assert header(raw["response"], "WARC-Cipher-Suite") == ["TLS_X"]


def test_encoded_bodies_are_stored_and_plain_ones_packed() -> None:
    body = bytes(20_000)
    for coding, smaller in ((b"", True), (b"Content-Encoding: gzip\r\n", False)):
        answer = b"HTTP/1.1 200 OK\r\n" + coding + b"\r\n" + body
        exchange = Exchange(url="http://example.org/", started=STARTED, sent=b"", received=answer)
        record = next(iter(exchange_records(exchange, "<i>", ids())))  # type: ignore[arg-type]
        assert (record.length < len(answer)) is smaller
        assert zlib.decompress(b"".join(record.pieces), 31).endswith(body + b"\r\n\r\n")


def test_html_behind_gzip_is_identified() -> None:
    body = gzip.compress(b"\n <!DOCTYPE html><html><body>x</body></html>")
    raw = dict(written(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + body))["response"]
    assert header(raw, "WARC-Identified-Payload-Type") == ["text/html"]


@given(st.text(max_size=60))
def test_no_url_can_break_out_of_its_header(tail: str) -> None:
    uri = target_uri("http://example.org/" + tail)
    assert uri.isascii()
    assert not set(uri) & set("\r\n\x00 #")


def test_a_header_with_a_line_end_is_refused() -> None:
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        record_pieces([("WARC-Target-URI", "http://a/\r\nWARC-Type: metadata")], b"")


def test_fields_cannot_start_a_line_of_their_own() -> None:
    assert fields_block([("outcome", "a\r\nvia: evil")]) == b"outcome: a  via: evil\r\n"


def test_the_warcinfo_names_its_file() -> None:
    record = warcinfo_record("<urn:uuid:1>", "2026-01-01T00:00:00.000000Z", "x.warc.gz", [("a", "b")])
    raw = gzip.decompress(b"".join(record.pieces))
    assert header(raw, "WARC-Filename") == ["x.warc.gz"]
    assert header(raw, "Content-Type") == ["application/warc-fields"]


@given(st.lists(st.binary(max_size=200), max_size=5), st.sampled_from([STORED, PACKED]))
def test_a_member_holds_what_its_pieces_held(pieces: list[bytes], level: int) -> None:
    member = b"".join(gzip_member([*pieces], level))
    assert gzip.decompress(member) == b"".join(pieces)


@pytest.mark.parametrize("size", [0, 1, 65534, 65535, 65536, 200_000])
def test_stored_blocks_of_any_length_are_whole(size: int) -> None:
    body = random.Random(size).randbytes(size)
    assert (
        gzip.decompress(b"".join(gzip_member([b"head", body, b"tail"], STORED))) == b"head" + body + b"tail"
    )
