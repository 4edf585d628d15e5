"""Records have everything that other readers expect, and no value can break out of its header."""

import gzip
import hashlib
import random
import tracemalloc
import zlib
from base64 import b32encode
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.items import WarcPointer
from newscrawl.warc import records as records_module
from newscrawl.warc.records import (
    COMPRESSED,
    EMPTY_DIGEST,
    SPOOL_BYTES,
    STORED,
    HttpExchange,
    OriginalResponse,
    Spool,
    exchange_records,
    format_warc_fields,
    gzip_member,
    serialize_record,
    target_uri,
    warcinfo_record,
)

STARTED = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)
REQUEST = b"GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n"


def ids() -> object:
    numbers = count(1)
    return lambda: f"<urn:uuid:00000000-0000-0000-0000-{next(numbers):012}>"


def written(received: bytes | memoryview, **more: object) -> list[tuple[str, bytes]]:
    exchange = HttpExchange(
        url="http://example.org/a", started=STARTED, sent=REQUEST, received=received, **more
    )  # type: ignore[arg-type]
    records = exchange_records(exchange, "<urn:uuid:info>", ids())  # type: ignore[arg-type]
    return [(record.kind, gzip.decompress(b"".join(record.pieces))) for record in records]


def header(raw: bytes, name: str) -> list[str]:
    head = raw.partition(b"\r\n\r\n")[0].decode()
    return [line.partition(": ")[2] for line in head.split("\r\n") if line.startswith(name + ": ")]


def digest(data: bytes) -> str:
    return "sha1:" + b32encode(hashlib.sha1(data).digest()).decode()


def test_an_exchange_is_response_request_metadata_of_one_date_and_uri() -> None:
    records = written(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", metadata=(("outcome", "ok"),))
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
        exchange = HttpExchange(url="http://example.org/", started=STARTED, sent=b"", received=answer)
        record = next(iter(exchange_records(exchange, "<i>", ids())))  # type: ignore[arg-type]
        assert (record.length < len(answer)) is smaller
        assert zlib.decompress(b"".join(record.pieces), 31).endswith(body + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "body", "is_stored"),
    [
        ("Content-Type: video/mp4", b"", True),
        ("content-type: Audio/MPEG; codecs=x", b"", True),
        ("Content-Type: image/jpeg", b"", True),
        ("Content-Type: font/woff2", b"", True),
        ("Content-Type: application/pdf", b"", True),
        ("Content-Type: application/vnd.oasis.opendocument.text", b"", True),
        ("Content-Type: application/octet-stream", b"%PDF-1.7 ", True),
        ("X-Nothing: said", b"\xff\xd8\xff", True),
        ("Content-Encoding: br", b"", True),
        ("Content-Encoding: identity", b"", False),
        ("Content-Encoding: utf-8", b"", False),
        ("Content-Type: application/octet-stream", b"", False),
        ("Content-Type: text/html", b"", False),
        ("Content-Type: video", b"", False),
        ("Content-Type: image/svg+xml", b"", False),
        ("Content-Type: image/bmp", b"", False),
        ("Content-Type: image/x-icon", b"", False),
        ("Content-Type: font/ttf", b"", False),
        ("Content-Type: audio/x-wav", b"", False),
        ("Content-Type: audio/x-mpegurl", b"", False),
        ("Content-Type: image/png", b"<!doctype html><p>Not found", False),
        ("Content-Type: video/mp4", b'{"error": "gone"}', False),
    ],
)
def test_what_is_compressed_already_is_stored(head: str, body: bytes, is_stored: bool) -> None:
    answer = f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body.ljust(
        20_000, b" " if body[:1] in b"{<" else b"\0"
    )
    exchange = HttpExchange(url="http://example.org/", started=STARTED, sent=b"", received=answer)
    record = next(iter(exchange_records(exchange, "<i>", ids())))  # type: ignore[arg-type]
    assert (record.length > len(answer)) is is_stored
    assert zlib.decompress(b"".join(record.pieces), 31).endswith(answer + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"RIFF\n\0\0\0WEBPVP8 ", ["image/webp"]),
        (b"RIFF\n\0\0\0WAVEfmt ", []),
        (b"RIFF is a word", ["text/plain"]),
    ],
)
def test_a_container_is_named_by_what_it_holds(body: bytes, kind: list[str]) -> None:
    raw = dict(written(b"HTTP/1.1 200 OK\r\n\r\n" + body))["response"]
    assert header(raw, "WARC-Identified-Payload-Type") == kind


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
        serialize_record([("WARC-Target-URI", "http://a/\r\nWARC-Type: metadata")], b"")


def test_fields_cannot_start_a_line_of_their_own() -> None:
    assert format_warc_fields([("outcome", "a\r\nvia: evil")]) == b"outcome: a  via: evil\r\n"


def test_the_warcinfo_names_its_file() -> None:
    record = warcinfo_record("<urn:uuid:1>", "2026-01-01T00:00:00.000000Z", "x.warc.gz", [("a", "b")])
    raw = gzip.decompress(b"".join(record.pieces))
    assert header(raw, "WARC-Filename") == ["x.warc.gz"]
    assert header(raw, "Content-Type") == ["application/warc-fields"]


@given(st.lists(st.binary(max_size=200), max_size=5), st.sampled_from([STORED, COMPRESSED]))
def test_a_member_holds_what_its_pieces_held(pieces: list[bytes], level: int) -> None:
    member = b"".join(gzip_member([*pieces], level))
    assert gzip.decompress(member) == b"".join(pieces)


@pytest.mark.parametrize("size", [0, 1, 65534, 65535, 65536, 200_000])
def test_stored_blocks_of_any_length_are_whole(size: int) -> None:
    body = random.Random(size).randbytes(size)
    assert (
        gzip.decompress(b"".join(gzip_member([b"head", body, b"tail"], STORED))) == b"head" + body + b"tail"
    )


EARLIER = datetime(2026, 3, 4, 5, 0, 0, tzinfo=UTC)


def original(payload: bytes) -> OriginalResponse:
    pointer = WarcPointer(
        file="a.warc.gz",
        offset=77,
        length=500,
        record_id="<urn:uuid:original>",
        payload_digest=digest(payload),
    )
    return OriginalResponse(pointer=pointer, url="http://example.org/a", date=EARLIER)


def test_the_same_payload_again_is_a_revisit_of_its_head_alone() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Served-By: another\r\n\r\n"
    records = written(head + b"5\r\nstory\r\n0\r\n\r\n", original=original(b"story"))
    assert [kind for kind, _ in records] == ["revisit", "request", "metadata"]
    revisit, metadata = records[0][1], records[2][1]
    assert revisit.partition(b"\r\n\r\n")[2] == head + b"\r\n\r\n"
    assert header(revisit, "WARC-Profile") == [
        "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
    ]
    assert header(revisit, "WARC-Refers-To") == ["<urn:uuid:original>"]
    assert header(revisit, "WARC-Refers-To-Target-URI") == ["http://example.org/a"]
    assert header(revisit, "WARC-Refers-To-Date") == ["2026-03-04T05:00:00.000000Z"]
    assert header(revisit, "WARC-Payload-Digest") == [digest(b"story")]
    assert header(revisit, "WARC-Block-Digest") == [digest(head)]
    assert b"originalFile: a.warc.gz\r\noriginalOffset: 77\r\n" in metadata
    assert header(metadata, "WARC-Concurrent-To") == header(revisit, "WARC-Record-ID")


def test_not_modified_is_a_revisit_with_an_empty_block() -> None:
    head = b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'
    records = dict(written(head, original=original(b"story")))
    revisit = records["revisit"]
    assert header(revisit, "Content-Length") == ["0"]
    assert header(revisit, "WARC-Payload-Digest") == [digest(b"story")]
    assert header(revisit, "WARC-Profile") == ["http://netpreserve.org/warc/1.1/revisit/server-not-modified"]
    assert f"notModified: {head!r}\r\n".encode() in records["metadata"]


@pytest.mark.parametrize(
    ("answer", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nanother story", {"original": original(b"story")}),
        (b"HTTP/1.1 200 OK\r\n\r\nstory", {"original": original(b"story"), "truncated": "disconnect"}),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", {}),
    ],
)
def test_anything_else_is_a_response(answer: bytes, more: dict[str, object]) -> None:
    assert [kind for kind, _ in written(answer, **more)] == ["response", "request", "metadata"]


def test_the_digest_of_a_chunked_payload_can_be_left_out() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert header(dict(written(chunked))["response"], "WARC-Payload-Digest") == [EMPTY_DIGEST]
    left_out = dict(written(chunked, omit_chunked_digest=True))["response"]
    assert header(left_out, "WARC-Payload-Digest") == []
    plain = dict(written(b"HTTP/1.1 200 OK\r\n\r\na", omit_chunked_digest=True))["response"]
    assert header(plain, "WARC-Payload-Digest") == [digest(b"a")]


def test_another_protocol_is_named() -> None:
    raw = dict(written(b"HTTP/1.1 200 OK\r\n\r\n", protocol="h2"))["response"]
    assert header(raw, "WARC-Protocol") == ["h2"]


@pytest.mark.parametrize("coding", [b"", b"Content-Encoding: gzip\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_large_answer_seen_through_a_window_is_the_same_record(coding: bytes) -> None:
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (3 * SPOOL_BYTES, bytes(3 * SPOOL_BYTES))
    answer = b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n" + coding + b"\r\n" + body
    assert written(memoryview(answer)) == written(answer)


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_note_of_any_text_stays_one_line(value: str, url: str) -> None:
    block = format_warc_fields([("via", value), ("outcome", "ok")])
    lines = block.decode().splitlines()
    assert len(lines) == 2
    assert lines[1] == "outcome: ok"
    assert target_uri("http://a/" + url).isascii()


def test_lone_surrogates_do_not_stop_the_archive() -> None:
    assert format_warc_fields([("via", "a\ud800b")]) == b"via: a?b\r\n"
    assert target_uri("http://a/\ud800").isascii()


@pytest.mark.parametrize("coding", [b"", b"Content-Encoding: gzip\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_large_answer_is_never_whole_in_memory(tmp_path: Path, coding: bytes) -> None:
    spool = Spool(tmp_path)
    spool.add(b"HTTP/1.1 200 OK\r\n" + coding + b"\r\n")
    chunk = b"10000\r\n%s\r\n" % random.Random(1).randbytes(0x10000)
    tracemalloc.start()
    for _ in range(10 * SPOOL_BYTES // len(chunk)):
        spool.add(chunk)
    exchange = HttpExchange(url="http://a/", started=STARTED, sent=b"", received=spool.getvalue())
    (response, _) = exchange_records(exchange, "<urn:uuid:info>", ids())  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert response.length > 9 * SPOOL_BYTES
    assert peak < 4 * SPOOL_BYTES


def filled(spool: Spool, *parts: bytes) -> Spool:
    for part in parts:
        spool.add(part)
    return spool


@given(st.lists(st.binary(max_size=50), max_size=12), st.integers(0, 60), st.integers(0, 400))
def test_a_spool_holds_what_came_up_to_its_limit(parts: list[bytes], last: int, limit: int) -> None:
    whole = b"".join(parts)
    for most in (records_module.SPOOL_BYTES, 40):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(records_module, "SPOOL_BYTES", most)
            spool = filled(Spool(limit=limit), *parts)
            assert spool.is_truncated == (len(whole) > limit)
            dropped = min(last, len(whole))
            spool.drop_last(dropped)
            expected = whole[: len(whole) - dropped][:limit]
            assert bytes(spool.getvalue()) == expected
            assert spool.size == len(expected)


def test_a_large_message_is_not_held_in_memory_and_leaves_no_file(tmp_path: Path) -> None:
    block = bytes(range(256)) * 256
    tracemalloc.start()
    spool = Spool(tmp_path)
    for _ in range(20 * SPOOL_BYTES // len(block)):
        spool.add(block)
    window = spool.getvalue()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(window) == 20 * SPOOL_BYTES
    assert window[-len(block) :] == block
    assert peak < 3 * SPOOL_BYTES
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        filled(Spool(tmp_path / "gone"), bytes(SPOOL_BYTES + 1))
