"""ARC files are read as WARC records, at the places where they stand."""

from __future__ import annotations

import gzip
import io

import pytest
from crafted import PAGE, http, members
from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.warc.arc import is_arc_start, parse_arc_line
from newscrawl.warc.fast_reader import BlockStream
from newscrawl.warc.reader import iter_records, seek_record
from newscrawl.warc.recovery import iter_slices_recovering

ABOUT = b"2 0 Example\nURL IP-address Archive-date Content-type Archive-length\n"
FIRST = b"filedesc://a.arc 0.0.0.0 20240506070000 text/plain 200 - - 0 a.arc %d\n%s\n" % (len(ABOUT), ABOUT)


def line(url: str, block: bytes, *, kind: str = "text/html") -> bytes:
    return f"{url} 192.0.2.7 20240506070809 {kind} {len(block)}\n".encode() + block + b"\n"


RECORDS = [FIRST, *(line(f"http://example.org/{n}", http(PAGE * n)) for n in range(1, 4))]
PACKINGS = {
    "plain": b"".join(RECORDS),
    "a member a record": members(RECORDS),
    "one stream": gzip.compress(b"".join(RECORDS), mtime=0),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_each_record_is_found_again_at_its_offset(packing: str) -> None:
    data = PACKINGS[packing]
    info, *pages = iter_records(io.BytesIO(data))
    assert (info.kind, info.block) == ("warcinfo", ABOUT)
    assert [page.url for page in pages] == [f"http://example.org/{n}" for n in range(1, 4)]
    assert [page.block for page in pages] == [http(PAGE * n) for n in range(1, 4)]
    assert len({page.record_id for page in pages}) == 3
    for page in pages:
        assert page.headers["warc-date"] == "2024-05-06T07:08:09Z"
        assert page.headers["warc-ip-address"] == "192.0.2.7"
        assert next(iter_records(seek_record(io.BytesIO(data), page.offset))) == page


def test_lines_of_both_versions_are_parsed() -> None:
    head = parse_arc_line(b"http://a/b 192.0.2.1 20240506070809 text/html 12\n")
    assert head
    assert (head.url, head.media_type, head.length) == ("http://a/b", "text/html", 12)
    head = parse_arc_line(b"http://a/b c 2001:db8::1 20240506070809 text/html 200 - - 77 a.arc 12\r\n")
    assert head
    assert (head.url, head.ip, head.media_type) == ("http://a/b c", "2001:db8::1", "text/html")
    head = parse_arc_line(b"http://a/ 192.0.2.1 199609231421 12\n")
    assert head
    assert (head.date, head.media_type) == ("19960923142100", "")


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"\n", b"WARC/1.0\n", b"http://a/ 192.0.2.1 20240506070809 text/html 12", b"GET / HTTP/1.1\n"),
        *(b"http://a/ 192.0.2.1 20240506070809 text/html x\n", b"http://a/ 192.0.2.1 2024 text/html 1\n"),
        *(b"/a 192.0.2.1 20240506070809 text/html 1\n", b"http://a/ host 20240506070809 text/html 1\n"),
        b"com,example)/ 20240506070809 http://a/ text/html 200 AB - - 9 0 a.gz\n",
    ],
)
def test_other_lines_begin_no_record(text: bytes) -> None:
    assert parse_arc_line(text) is None
    assert not is_arc_start(text)


def test_a_line_of_spaces_takes_linear_time() -> None:
    assert parse_arc_line(b"http://a/ " + b"1.1.1.1 " * 8000 + b"1\n") is None


def take(_kind: str, _headers: dict[str, str], block: BlockStream) -> int:
    return block.left


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(sorted(PACKINGS)),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 30), st.binary(max_size=30)), max_size=3),
    st.integers(0, 3000) | st.none(),
)
def test_no_damage_is_a_crash(packing: str, changes: list[tuple[int, int, bytes]], end: int | None) -> None:
    data = bytearray(PACKINGS[packing])
    for at, gone, new in changes:
        start = at % (len(data) + 1)
        data[start : start + gone] = new
    records = list(iter_slices_recovering(io.BytesIO(bytes(data[:end])), take))
    assert len(records) <= len(RECORDS) + len(changes)


def test_a_damaged_member_costs_itself_and_is_told() -> None:
    packed = [gzip.compress(one, mtime=0) for one in RECORDS]
    packed[2] = bytes(len(packed[2]))
    gaps: list[int] = []
    found = list(iter_slices_recovering(io.BytesIO(b"".join(packed)), take, gaps.append))
    assert [record.url for record in found] == ["", "http://example.org/1", "http://example.org/3"]
    assert gaps == [len(packed[0]) + len(packed[1])]
