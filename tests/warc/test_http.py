"""HTTP/1 messages are parsed through their transfer and content codings without losing bytes."""

import gzip
import time
import tracemalloc
import zlib

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.warc import http
from newscrawl.warc.http import (
    ContentError,
    Message,
    dechunk,
    decode_content,
    decode_declared,
    frame_entity,
    is_response,
    iter_chunks,
    parse_status,
    split_interim,
    split_message,
    strip_headers,
)


def chunked(body: bytes, size: int, extension: bytes = b"") -> bytes:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    framed = [b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts]
    return b"".join(framed) + b"0\r\n\r\n"


@given(st.binary(max_size=3000), st.integers(1, 700), st.sampled_from([b"", b";name=value", b" "]))
def test_dechunking_undoes_chunking(body: bytes, size: int, extension: bytes) -> None:
    assert dechunk(chunked(body, size, extension)) == body


def test_a_cut_off_chunk_gives_what_came() -> None:
    assert dechunk(b"5\r\nhello\r\n5\r\nwo") == b"hellowo"


@given(st.binary(max_size=500))
def test_splitting_keeps_every_byte(raw: bytes) -> None:
    message = split_message(raw)
    assert message.head + message.body == raw


@given(st.binary(max_size=300))
def test_any_bytes_have_headers_and_an_entity(raw: bytes) -> None:
    message = split_message(b"HTTP/1.1 200 OK\r\n" + raw)
    assert isinstance(message.headers, list)
    assert isinstance(message.entity, bytes)


def test_headers_keep_order_case_and_repeats_and_join_folded_lines() -> None:
    message = split_message(
        b"HTTP/1.1 200 Fine, Really\r\nX-B: 1\r\nno colon here\r\nx-b: 2\r\nFolded: a\r\n  b\r\n\r\nbody"
    )
    assert message.headers == [("X-B", "1"), ("x-b", "2"), ("Folded", "a b")]
    assert message.header("x-b") == "1, 2"
    assert message.status == 200


@pytest.mark.parametrize(
    "line", [b"X-Many: y\r\n", b" folded\r\n", b"a:\n", b"X-Long: " + b"y" * 65_000 + b"\n"]
)
def test_a_head_of_any_length_is_read_in_little_time_and_memory(line: bytes) -> None:
    head = b"HTTP/1.1 200 OK\nContent-Type: text/html\n" + line * (8_000_000 // len(line))
    message = split_message(head + b"\r\nstory")
    tracemalloc.start()
    began = time.process_time()
    try:
        assert (message.header("content-type") or "").startswith("text/html")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < 3
    assert peak < 40 << 20
    assert sum(len(name) + len(value) for name, value in message.headers) <= http.MAX_HEAD_BYTES
    assert (message.content, message.body) == (b"story", b"story")


def test_a_header_that_ends_behind_the_limit_is_left_out_as_a_whole() -> None:
    first = b"X-First: " + b"y" * (http.MAX_HEAD_BYTES - 100)
    message = split_message(b"HTTP/1.1 200 OK\r\n" + first + b"\r\nX-Next: " + b"z" * 200 + b"\r\n\r\nstory")
    assert [name for name, _ in message.headers] == ["X-First"]


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"news" * 100, mtime=0)),
        ("gzip", gzip.compress(b"news" * 50, mtime=0) + gzip.compress(b"news" * 50, mtime=0)),
        ("gzip", gzip.compress(b"news" * 100, mtime=0) + b"rubbish"),
        ("deflate", zlib.compress(b"news" * 100)),
        ("deflate", zlib.compress(b"news" * 100)[2:-4]),
        ("br", brotli.compress(b"news" * 100)),
        ("zstd", zstd.compress(b"news" * 100)),
        ("identity", b"news" * 100),
    ],
)
def test_content_codings_are_undone(coding: str, packed: bytes) -> None:
    assert decode_content(packed, coding) == b"news" * 100


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "nonsense"])
def test_broken_content_is_a_named_error(coding: str) -> None:
    with pytest.raises(ContentError):
        decode_content(b"\xffnot packed at all", coding)


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress), ("zstd", zstd.compress)],
)
def test_a_bomb_ends_at_the_cap(coding: str, pack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_CONTENT_BYTES", 10_000)
    assert len(decode_content(pack(bytes(3_000_000)), coding)) == 10_000  # type: ignore[operator]


def test_content_is_decoded_no_further_than_is_asked_for() -> None:
    bomb = gzip.compress(gzip.compress(bytes(30_000_000)))
    message = split_message(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\n" + bomb)
    tracemalloc.start()
    try:
        assert message.decode(1_000_001).data == bytes(1_000_001)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
    assert len(message.content) == 30_000_000


def test_codings_are_undone_from_last_to_first() -> None:
    body = gzip.compress(brotli.compress(b"story"))
    message = split_message(b"HTTP/1.1 200 OK\r\nContent-Encoding: br, gzip\r\n\r\n" + body)
    assert message.content == b"story"


def test_interim_answers_are_set_apart() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    final = b"HTTP/1.1 200 OK\r\n\r\nx"
    assert split_interim(early + early + final) == ([early, early], final)


def test_switching_protocols_is_a_final_answer() -> None:
    switching = b"HTTP/1.1 101 Switching Protocols\r\n\r\nx"
    assert split_interim(switching) == ([], switching)


@given(st.binary(max_size=300))
def test_a_window_is_read_as_bytes_are(raw: bytes) -> None:
    interim, final = split_interim(memoryview(raw))
    assert (interim, bytes(final)) == split_interim(raw)
    assert b"".join(iter_chunks(memoryview(raw))) == dechunk(raw)


@pytest.mark.parametrize("coding", [b"", b"Transfer-Encoding: chunked\r\n"])
@given(entity=st.binary(max_size=200))
def test_an_entity_is_framed_as_the_head_says(coding: bytes, entity: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + coding + b"\r\n"
    message = split_message(frame_entity(head, entity))
    assert (message.head, message.entity) == (head, entity)


def test_headers_go_with_their_folded_lines_and_only_from_the_head() -> None:
    head = b"GET / HTTP/1.1\r\nA: 1\r\nCOOKIE: s\r\n more\r\nB: 2\r\ncookie : t\r\n\r\n"
    body = b"Cookie: in the body\r\n"
    clean, gone = strip_headers(head + body, {"cookie"})
    assert clean == b"GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\n" + body
    assert gone == ["COOKIE", "cookie"]


@given(st.binary(max_size=300))
def test_without_names_nothing_is_left_out(raw: bytes) -> None:
    assert strip_headers(raw, set()) == (raw, [])


@pytest.mark.parametrize(
    ("raw", "code", "status"),
    [
        (b"HTTP/1.1 200 OK\r\n", 200, 200),
        (b"HTTP/1.1 200", 200, 200),
        (b"HTTP/2 204 \r\n", 204, 204),
        (b"HTTP/1.1  200 OK\r\n", 200, 200),
        (b"http/1.1 200 OK\r\n", 200, 200),
        (b"XTTP/11.01 404\r\n", 404, 404),
        (b"HTTP/1.1 2000 OK\r\n", 2000, None),
        (b"HTTP/1.1 -20 OK\r\n", -20, None),
        (b"HTTP/\r1.1 2_04 No Content\r\n", 204, 204),
        (b"HTTP/1.1 00000000000200 OK\r\n", 200, 200),
        (b"HTTP/1.1 20x OK\r\n", None, None),
        (b"ICY 200 OK\r\n", None, None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", None, None),
        (b"<html>", None, None),
        (b"", None, None),
        (b"a/1.1\n200 OK\r\n", None, None),
        (b"GET /1.1 HTTP/1.1\r\n", None, None),
    ],
)
def test_an_answer_is_what_a_client_takes_for_one(raw: bytes, code: int | None, status: int | None) -> None:
    for window in (raw, memoryview(raw)):
        assert parse_status(window) == code
        assert is_response(window) is (code is not None)
    assert split_message(raw).status == status


def test_switching_protocols_is_an_interim_answer_where_http_goes_on() -> None:
    switch, page = b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"
    assert split_interim(switch + page) == ([switch], page)
    assert split_interim(switch + b"\x81\x05hello") == ([], switch + b"\x81\x05hello")


@pytest.mark.parametrize("size", [b"6", b"ffffffff", b"f" * 16, b"f" * 40])
def test_a_chunk_larger_than_what_is_there_gives_what_is_there(size: bytes) -> None:
    body = b"3\r\none\r\n" + size + b"\r\nthree"
    assert dechunk(body) == b"onethree"
    assert b"".join(iter_chunks(memoryview(body))) == b"onethree"


@pytest.mark.parametrize(
    ("lines", "chunked"),
    [
        (["chunked"], True),
        (["gzip, Chunked "], True),
        (["chunked", "chunked2"], True),
        (["gzip"], False),
        (["identity", "gzip"], False),
        ([], False),
    ],
)
def test_chunked_is_what_the_last_or_the_first_coding_says(lines: list[str], chunked: bool) -> None:
    head = "".join(f"Transfer-Encoding: {value}\r\n" for value in lines)
    assert Message(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode(), b"").is_chunked is chunked


@pytest.mark.parametrize("zeros", [1, 15, 16, 20, 900])
def test_zeros_before_a_chunk_size_do_not_end_the_body(zeros: int) -> None:
    fill = b"0" * zeros
    body = b"%b5\r\nhello\r\n%bA;x=y\r\n, world 1!\r\n%b\r\n\r\n" % (fill, fill, fill)
    assert dechunk(body) == b"hello, world 1!"


@pytest.mark.parametrize("line", [b" " * 99_000, b"0" * 99_000, b"f" * 99_000, b" 0" * 1000 + b"5;" * 9000])
def test_a_long_line_in_place_of_a_chunk_size_is_not_dwelt_on(line: bytes) -> None:
    began = time.process_time()
    assert dechunk(line) == b""
    assert time.process_time() - began < 0.5


STORY_BYTES = "<html><p>Un été à Kribi.</p></html>".encode()


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        ("gzip", STORY_BYTES),
        ("br", STORY_BYTES),
        ("deflate", STORY_BYTES),
        ("zstd", STORY_BYTES),
        ("utf-8", STORY_BYTES),
        ("none", STORY_BYTES),
        ("gzip", STORY_BYTES.decode().encode("utf-16")),
        ("", gzip.compress(STORY_BYTES, mtime=0x6B0C4737)),
        ("utf-8", gzip.compress(STORY_BYTES, mtime=0x6B0C4737)),
        ("br", gzip.compress(STORY_BYTES, mtime=0x6B0C4737)),
        ("gzip", zstd.compress(STORY_BYTES)),
        ("gzip", gzip.compress(gzip.compress(STORY_BYTES, mtime=0x6B0C4737), mtime=0)),
        ("gzip, gzip", gzip.compress(STORY_BYTES, mtime=0x6B0C4737)),
    ],
)
def test_content_is_read_as_what_it_is_where_the_header_is_wrong(declared: str, sent: bytes) -> None:
    found = decode_declared(sent, declared)
    assert found.is_mended
    assert found.data in (STORY_BYTES, STORY_BYTES.decode().encode("utf-16"))


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        ("", STORY_BYTES),
        ("identity", STORY_BYTES),
        ("gzip", gzip.compress(STORY_BYTES, mtime=0x6B0C4737)),
        ("x-gzip", gzip.compress(STORY_BYTES, mtime=0x6B0C4737)),
        ("br, gzip", gzip.compress(brotli.compress(STORY_BYTES), mtime=0)),
    ],
)
def test_a_header_that_is_right_is_not_mended(declared: str, sent: bytes) -> None:
    assert decode_declared(sent, declared) == (STORY_BYTES, False)


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        ("gzip", gzip.compress(STORY_BYTES, mtime=0x6B0C4737)[:10] + b"\xff" * 40),
        ("gzip", b"\0\1\2 neither text nor packed"),
        ("aes128gcm", bytes(range(200))),
    ],
)
def test_damaged_content_is_not_taken_for_text(declared: str, sent: bytes) -> None:
    with pytest.raises(ContentError):
        decode_declared(sent, declared)


def test_a_gzip_file_stays_one() -> None:
    packed = gzip.compress(STORY_BYTES, mtime=0x6B0C4737)
    assert decode_declared(packed, "", is_file=True) == (packed, False)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-gzip\r\n\r\n"
    assert split_message(head + packed).content == packed


def test_chunks_of_a_byte_each_take_no_more_memory_than_their_content() -> None:
    body = b"1\r\na\r\n" * 200_000
    tracemalloc.start()
    try:
        assert dechunk(body) == b"a" * 200_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20
