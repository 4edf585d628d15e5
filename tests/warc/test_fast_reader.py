"""The fast reader finds exactly the records that warcio finds, in any file."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import BinaryIO, cast

import pytest
from crafted import PAGE, http, members, record
from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.warc import fast_reader
from newscrawl.warc.fast_reader import (
    BlockStream,
    MultipleRecordsInMember,
    RecordSlice,
    read_members_fast,
    read_plain_fast,
)
from newscrawl.warc.reader import iter_slices
from newscrawl.warc.warcio_reader import iter_slices_with_warcio

URL = "http://example.org/"
RECORDS = [
    record("response", f"{URL}{n}", http(b"%d" % n + PAGE * n * 40), number=n, version=version)
    for n, version in enumerate(["1.0", "1.1", "1.0", "1.1", "1.1"])
]
BODY = b"WARC/1.0\r\nbody\r\n\r\n"


def crafted(
    *lines: bytes, version: bytes = b"WARC/1.1", end: bytes = b"\r\n\r\n", block: bytes = BODY
) -> bytes:
    """A record with one or more lines of its own."""
    usual = [b"WARC-Type: resource", b"WARC-Record-ID: <urn:a>", b"Content-Length: %d" % len(block)]
    return b"\r\n".join([version, *usual, *lines, b"", b""]) + block + end


ODD = {
    "folded": crafted(b"X-A: one\r\n two\r\n\tthree"),
    "folded length": crafted(b"Content-Length: 1\r\n 8"),
    "no space": crafted(b"X-A:one"),
    "many spaces": crafted(b"X-A:   one  "),
    "space in name": crafted(b"X A : one"),
    "no colon": crafted(b"nothing"),
    "no name": crafted(b": one"),
    "no value": crafted(b"X-A:", b"X-B: "),
    "colons": crafted(b"X-A: b: c: d"),
    "UTF-8": crafted("X-A: élargi".encode()),
    "Latin-1": crafted("X-A: élargi".encode("latin-1")),
    "controls": crafted(b"X-A: a\x00b\x0bc\x7f", b"X-B: a\rb"),
    "bare LF": crafted(b"X-A: b\nX-B: c"),
    "all LF": crafted().replace(b"\r\n", b"\n"),
    "repeated length": crafted(b"Content-Length: 3"),
    "repeated type": crafted(b"WARC-Type: metadata"),
    "repeated URI": crafted(b"WARC-Target-URI: <a:b>", b"warc-target-uri: <c:d>"),
    "repeated harmless": crafted(
        b"WARC-Concurrent-To: <a>", b"WARC-Concurrent-To: <b>", b"warc-concurrent-to: c"
    ),
    "bracketed URI": crafted(b"WARC-Target-URI: <http://example.org/>"),
    "URI of one bracket": crafted(b"WARC-Target-URI: <http://example.org/"),
    "URI of a bracket alone": crafted(b"WARC-Target-URI: <"),
    "spaced URI": crafted(b"WARC-Target-URI: http://example.org/a b"),
    "long head": crafted(b"X-A: " + b"y" * 100_000),
    "no length": crafted().replace(b"Content-Length", b"X-Length"),
    "no type": crafted().replace(b"WARC-Type", b"X-Type"),
    "signed length": crafted().replace(b"Length: ", b"Length: +"),
    "padded length": crafted().replace(b"Length: ", b"Length: 000"),
    "worded length": crafted().replace(b"Length: ", b"Length: about "),
    "long length": crafted().replace(b"Length: ", b"Length: " + b"0" * 20),
    "other type": crafted().replace(b"resource", b"Something-Else"),
    "version 0.18": crafted(version=b"WARC/0.18"),
    "version 2": crafted(version=b"WARC/2.0"),
    "version 1": crafted(version=b"WARC/1.1 "),
    "too short": crafted().replace(b"Length: ", b"Length: 1"),
    "too long": crafted(block=BODY * 20).replace(b"Length: ", b"Length: 1"),
    "no end": crafted(end=b""),
    "half an end": crafted(end=b"\r\n"),
    "long end": crafted(end=b"\r\n" * 4),
    "LF end": crafted(end=b"\n\n"),
    "noise at its end": crafted(end=b"\r\n\r\nnoise\r\n\r\n"),
    "noise for its end": crafted(end=b"noise"),
    "spaces at its end": crafted(end=b"\r\n\r\n  \r\n"),
    "no block": crafted(block=b""),
    "nothing": b"",
    "blank": b"\r\n\r\n",
    "noise": b"noise of no record at all\r\n",
    "several": RECORDS[1] + RECORDS[2],
}


def torn_members(records: list[bytes]) -> bytes:
    """A gzip member for every half of a record."""
    halves = [half for one in records for half in (one[: len(one) // 2], one[len(one) // 2 :])]
    return members(halves)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


FILES = {
    "a member a record": members(RECORDS),
    "stored": b"".join(gzip.compress(one, 0, mtime=0) for one in RECORDS),
    "plain": b"".join(RECORDS),
    "one stream": gzip.compress(b"".join(RECORDS), mtime=0),
    "several, then one": gzip.compress(b"".join(RECORDS[:2])) + members(RECORDS[2:]),
    "one, then several": members(RECORDS[:2]) + gzip.compress(b"".join(RECORDS[2:])),
    "packed twice": gzip.compress(members(RECORDS)),
    "records over members": torn_members(RECORDS),
    "ends in members of their own": members([part for one in RECORDS for part in (one[:-4], one[-4:])]),
    "plain behind packed": members(RECORDS[:2]) + b"".join(RECORDS[2:]),
    "packed behind plain": b"".join(RECORDS[:2]) + members(RECORDS[2:]),
    "noise behind": members(RECORDS[:2]) + b"noise" + members(RECORDS[2:]),
    "zeros behind": members(RECORDS[:2]) + bytes(20) + members(RECORDS[2:]),
    "noise before": b"noise" + members(RECORDS),
    "wrong checksum": flipped(members(RECORDS[:3]), len(members(RECORDS[:3])) - 6) + members(RECORDS[3:]),
    "wrong size": flipped(members(RECORDS[:3]), len(members(RECORDS[:3])) - 2) + members(RECORDS[3:]),
    "empty": b"",
} | {
    f"{name}, {packing}": packed([RECORDS[0], odd, *RECORDS[3:]])
    for name, odd in ODD.items()
    for packing, packed in {
        "packed by record": members,
        "plain": b"".join,
        "one stream": lambda records: gzip.compress(b"".join(records), mtime=0),
    }.items()
}


def whole(_kind: str, _headers: dict[str, str], block: BlockStream) -> bytes:
    return block.read(block.left)


def by_warcio(stream: BinaryIO) -> Iterator[RecordSlice[bytes]]:
    """What warcio reads, a member that holds several records unpacked for it."""
    began, met = stream.tell(), 0
    try:
        for place in iter_slices_with_warcio(stream, whole):
            met += 1
            yield place
    except MultipleRecordsInMember:
        stream.seek(began)
        unpacked = cast("BinaryIO", gzip.GzipFile(fileobj=stream))
        yield from islice(iter_slices_with_warcio(unpacked, whole), met, None)


def assert_alike(data: bytes, start: int = 0) -> None:
    ours, theirs = io.BytesIO(data), io.BytesIO(data)
    ours.seek(start)
    theirs.seek(start)
    assert list(iter_slices(ours, whole)) == list(by_warcio(theirs))


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_of_file_reads_as_with_warcio(kind: str) -> None:
    assert_alike(FILES[kind])


@pytest.mark.parametrize("kind", FILES)
def test_a_walk_from_the_middle_reads_as_with_warcio(kind: str) -> None:
    for start in (1, 40, len(members(RECORDS[:1])), len(RECORDS[0]), len(FILES[kind])):
        assert_alike(FILES[kind], start)


@pytest.mark.parametrize("piece", [7, 100, 4096])
@pytest.mark.parametrize("kind", [kind for kind in FILES if "one stream" not in kind])
def test_the_size_of_the_pieces_changes_nothing(
    kind: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast_reader, "MEMBER_READ_BYTES", piece)
    monkeypatch.setattr(fast_reader, "PLAIN_READ_BYTES", piece)
    monkeypatch.setattr(fast_reader, "MAX_DECOMPRESSED", piece)
    assert_alike(FILES[kind])


@pytest.mark.parametrize("kind", ["a member a record", "stored", "plain", "one stream", "one, then several"])
def test_every_cut_reads_as_with_warcio(kind: str) -> None:
    data = FILES[kind]
    for end in {*range(0, len(data), 41), *range(len(data) - 60, len(data))}:
        assert_alike(data[:end])


def test_a_torn_stream_of_many_blocks_reads_as_with_warcio() -> None:
    data = zlib.compressobj(0, wbits=31)
    one_stream = data.compress(b"".join(RECORDS) * 20) + data.flush()
    for end in range(2000, len(one_stream), 2003):
        assert_alike(one_stream[:end])


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 30), st.binary(max_size=30)), max_size=4),
    st.integers(0, 9000) | st.none(),
)
def test_damage_reads_as_with_warcio(
    kind: str, wounds: list[tuple[int, int, bytes]], end: int | None
) -> None:
    data = bytearray(FILES[kind])
    for at, gone, new in wounds:
        start = at % (len(data) + 1)
        data[start : start + gone] = new
    assert_alike(bytes(data[:end]))


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from([*ODD.values(), *RECORDS]), max_size=6),
    st.lists(st.integers(0, 4000), max_size=4),
)
def test_records_packed_anyhow_read_as_with_warcio(records: list[bytes], cuts: list[int]) -> None:
    data = b"".join(records)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assert_alike(members([data[start:end] for start, end in pairwise(edges)]))


def test_sound_files_need_no_warcio() -> None:
    packed, plain = io.BytesIO(members(RECORDS)), io.BytesIO(b"".join(RECORDS))
    assert len(list(read_members_fast(packed, whole))) == len(RECORDS)
    assert packed.tell() == len(packed.getvalue())
    assert len([place for place in read_plain_fast(plain, whole) if place]) == len(RECORDS)
