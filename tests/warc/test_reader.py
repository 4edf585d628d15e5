"""Every form of WARC is read record by record, from any offset, in bounded memory."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from pathlib import Path

import pytest
from crafted import PAGE, http, members, record, urn
from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.errors import ArchiveError, PageTooLarge
from newscrawl.items import WarcPointer
from newscrawl.warc.fast_reader import BlockStream
from newscrawl.warc.index_entries import iter_entries
from newscrawl.warc.reader import (
    MAX_PAGE_BYTES,
    iter_records,
    iter_slices,
    read_page,
    read_record,
    seek_record,
)

URL = "http://example.org/"
RECORDS = [
    record("response", f"{URL}{n}", http(b"%d" % n + PAGE * n * 100), number=n, version=version)
    for n, version in enumerate(["1.0", "1.1", "1.0", "1.1"])
]
PACKINGS = {
    "a member a record": members(RECORDS),
    "plain": b"".join(RECORDS),
    "one stream": gzip.compress(b"".join(RECORDS), mtime=0),
    "members of several": members(RECORDS[:1]) + gzip.compress(b"".join(RECORDS[1:3])) + members(RECORDS[3:]),
    "several, then one": gzip.compress(b"".join(RECORDS[:2])) + members(RECORDS[2:]),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_each_record_is_read_in_turn_and_from_its_place(tmp_path: Path, packing: str) -> None:
    (tmp_path / "f.warc.gz").write_bytes(PACKINGS[packing])
    found = list(iter_records(io.BytesIO(PACKINGS[packing])))
    assert [(one.record_id, one.url) for one in found] == [(urn(n), f"{URL}{n}") for n in range(4)]
    for one in found:
        pointer = WarcPointer(file="f.warc.gz", offset=one.offset, length=one.length, record_id=one.record_id)
        assert read_page(tmp_path, pointer).response == one


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_path_is_read_like_its_stream(tmp_path: Path, packing: str) -> None:
    path = tmp_path / "f.warc.gz"
    path.write_bytes(PACKINGS[packing])
    for source in (path, str(path)):
        assert list(iter_records(source)) == list(iter_records(io.BytesIO(PACKINGS[packing])))
    with pytest.raises(ArchiveError, match=r"other\.warc"):
        next(iter_records(tmp_path / "other.warc"))


@pytest.mark.parametrize("packing", ["a member a record", "plain"])
def test_the_place_of_a_record_is_the_bytes_it_takes(packing: str) -> None:
    data = PACKINGS[packing]
    for one in iter_records(io.BytesIO(data)):
        (alone,) = iter_records(io.BytesIO(data[one.offset : one.offset + one.length]))
        assert alone == one
        assert alone.length == one.length


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("offset", [-1, 1, 40, 10_000_000])
def test_a_place_where_nothing_stands_is_named(tmp_path: Path, packing: str, offset: int) -> None:
    (tmp_path / "f.warc.gz").write_bytes(PACKINGS[packing])
    with pytest.raises(ArchiveError, match=r"f\.warc\.gz"):
        read_page(tmp_path, WarcPointer(file="f.warc.gz", offset=offset, length=9, record_id=urn(0)))


def test_a_torn_stream_has_no_places_beyond_its_end(tmp_path: Path) -> None:
    path = tmp_path / "f.warc.gz"
    path.write_bytes(PACKINGS["one stream"][:-20])
    with path.open("rb") as stream, pytest.raises(ArchiveError, match=r"f\.warc\.gz: nothing at 9000000"):
        seek_record(stream, 9_000_000)


def test_a_large_block_is_walked_over_in_little_memory() -> None:
    size = 64 << 20
    data = record("response", URL, http(bytes(size))) + record("request", URL, bytes(size), number=2)

    def length(_kind: str, _headers: dict[str, str], block: BlockStream) -> int:
        return sum(map(len, block.pieces()))

    tracemalloc.start()
    lengths = [place.result for place in iter_slices(io.BytesIO(data), length)]
    digests = [entry.body_digest for entry in iter_entries(io.BytesIO(data))]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lengths == [size + len(http(b"")), size]
    assert len(digests) == 2
    assert peak < 8 << 20


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(sorted(PACKINGS)),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 30), st.binary(max_size=30)), max_size=5),
)
def test_damage_makes_no_error_and_no_record_of_its_own(
    packing: str, wounds: list[tuple[int, int, bytes]]
) -> None:
    data = bytearray(PACKINGS[packing])
    for at, gone, new in wounds:
        data[at : at + gone] = new
    found = list(iter_entries(io.BytesIO(bytes(data))))
    assert len(found) <= len(RECORDS) + len(wounds)


def test_a_record_that_is_too_large_for_a_page_is_not_read_as_one(tmp_path: Path) -> None:
    block = http(bytes(MAX_PAGE_BYTES))
    (tmp_path / "f.warc.gz").write_bytes(members([record("response", URL, block), RECORDS[0]]))
    pointer = WarcPointer(file="f.warc.gz", offset=0, length=1, record_id=urn(1))
    with pytest.raises(PageTooLarge, match=rf"f\.warc\.gz at 0: a record of {len(block)} bytes"):
        read_page(tmp_path, pointer)
    whole, _ = read_record(tmp_path, pointer)
    assert len(whole.block) == len(block)
    assert [one.record_id for one in iter_records(tmp_path / "f.warc.gz", max_bytes=1 << 20)] == [urn(0)]
