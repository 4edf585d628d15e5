"""Damage costs only the records it hits: all others are found at their offsets."""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from crafted import http, record, urn

from newscrawl.warc.fast_reader import BlockStream
from newscrawl.warc.index import Index, update_index
from newscrawl.warc.reader import iter_records, seek_record
from newscrawl.warc.recovery import MAX_GAPS, iter_slices_recovering

COUNT = 9
NOISE = random.Random(4).randbytes(70_000)
"More than a reader takes at a time, and nothing that could be packed."


def packed(body: bytes) -> list[bytes]:
    return [
        gzip.compress(
            record("response", f"http://example.org/{n}", http(body + b"%d" % n), number=n), mtime=0
        )
        for n in range(COUNT)
    ]


def plain(body: bytes) -> list[bytes]:
    return [
        record("response", f"http://example.org/{n}", http(body + b"%d" % n), number=n) for n in range(COUNT)
    ]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "lost": lambda raw: raw[: len(raw) // 2],
    "its opening lost": lambda raw: raw[30:],
    "zeros": lambda raw: b"\x00" * len(raw),
    "noise": lambda raw: random.Random(5).randbytes(len(raw)),
    "noise before": lambda raw: b"\x1f\x8b\x08" + NOISE[:5000] + raw[40:],
    "a hole": lambda raw: raw[:60] + b"\x00" * 50 + raw[110:],
    "sector gone": lambda raw: raw[: len(raw) // 3] + raw[len(raw) // 3 + 90 :],
}


def ids(data: bytes) -> list[str]:
    """Ids of the records found, each read again from its place."""
    stream = io.BytesIO(data)
    places = list(iter_slices_recovering(stream, lambda kind, headers, block: headers["warc-record-id"]))
    for place in places:
        found = next(iter_records(seek_record(io.BytesIO(data), place.offset)))
        assert found.record_id == place.result
    assert len({place.offset for place in places}) == len(places)
    return [place.result for place in places]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("broken", [(0,), (4,), (3, 4), (1, 5), (7,)])
@pytest.mark.parametrize("body", [b"story" * 100, NOISE], ids=["small", "large"])
def test_in_a_packed_file_only_broken_members_are_lost(
    damage: str, broken: tuple[int, ...], body: bytes
) -> None:
    parts = [DAMAGES[damage](raw) if n in broken else raw for n, raw in enumerate(packed(body))]
    assert ids(b"".join(parts)) == [urn(n) for n in range(COUNT) if n not in broken]


@pytest.mark.parametrize("damage", ["its opening lost", "zeros", "noise"])
@pytest.mark.parametrize("broken", [(0,), (4,), (3, 4), (1, 5)])
@pytest.mark.parametrize("body", [b"story" * 100, NOISE], ids=["small", "large"])
def test_in_a_plain_file_too(damage: str, broken: tuple[int, ...], body: bytes) -> None:
    parts = [DAMAGES[damage](raw) if n in broken else raw for n, raw in enumerate(plain(body))]
    # The lost line end before the next record is what tells where it begins.
    parts = [part if part.endswith(b"\r\n\r\n") else part[:-2] + b"\r\n" for part in parts]
    assert set(ids(b"".join(parts))) >= {urn(n) for n in range(COUNT) if n not in broken}


def test_a_whole_file_is_walked_once() -> None:
    asked: list[str] = []

    def take(_kind: str, headers: dict[str, str], _block: BlockStream) -> str:
        asked.append(headers["warc-record-id"])
        return asked[-1]

    for parts in (packed(b"x"), plain(b"x")):
        asked.clear()
        assert len(list(iter_slices_recovering(io.BytesIO(b"".join(parts)), take))) == COUNT == len(asked)


def test_in_one_gzip_stream_nothing_behind_the_damage_is_made_up() -> None:
    whole = gzip.compress(b"".join(plain(NOISE)), mtime=0)
    assert len(ids(whole)) == COUNT
    broken = whole[: len(whole) // 2] + b"\x00" * 100 + whole[len(whole) // 2 + 100 :]
    found = ids(broken)
    assert found == [urn(n) for n in range(len(found))]
    assert 0 < len(found) < COUNT


def test_a_file_of_gaps_is_given_up() -> None:
    parts = [piece for raw in packed(b"x") * 130 for piece in (raw, b"\x1f\x8b\x08\x00gap")]
    places = list(iter_slices_recovering(io.BytesIO(b"".join(parts)), lambda *_: None))
    assert len(places) == MAX_GAPS


def test_the_index_holds_what_stands_behind_the_damage(tmp_path: Path) -> None:
    parts = packed(b"story")
    parts[2] = parts[2][:50] + b"\x00" * 20 + parts[2][70:]
    (tmp_path / "a.warc.gz").write_bytes(b"".join(parts))
    update_index(tmp_path)
    with Index.open(tmp_path) as index:
        assert [c.record_id for c in index.by_key()] == [urn(n) for n in range(COUNT) if n != 2]


@pytest.mark.parametrize("cuts", [(), (1,), (1, 2), (3, 6), tuple(range(1, COUNT))])
@pytest.mark.parametrize("body", [b"story" * 100, NOISE], ids=["small", "large"])
def test_a_sound_file_has_no_gap_however_it_is_packed(cuts: tuple[int, ...], body: bytes) -> None:
    records, edges, gaps = plain(body), [0, *cuts, COUNT], list[int]()
    parts = [b"".join(records[start:end]) for start, end in pairwise(edges)]
    data = b"".join(gzip.compress(part, mtime=0) for part in parts)
    assert len(list(iter_slices_recovering(io.BytesIO(data), lambda *_: None, gaps.append))) == COUNT
    assert gaps == []
    list(iter_slices_recovering(io.BytesIO(data[:-9]), lambda *_: None, gaps.append))
    assert len(gaps) == 1
