"""gzip out of which never comes more than was asked for."""

from __future__ import annotations

import gzip
import random

from hypothesis import given
from hypothesis import strategies as st

from newscrawl.discovery.xml import Unzipped, unzipped


def test_what_is_not_zipped_stays_as_it_is() -> None:
    assert unzipped(b"abc", 3) == Unzipped(data=b"abc")
    assert unzipped(b"abcd", 3) == Unzipped(data=b"abc", fault="too_large")


def test_honest_data_beyond_the_limit_is_too_large_and_zeros_are_a_bomb() -> None:
    honest = random.Random(1).randbytes(5000)
    assert unzipped(gzip.compress(honest), 4000) == Unzipped(data=honest[:4000], fault="too_large")
    assert unzipped(gzip.compress(bytes(10_000_000)), 1_000_000).fault == "bomb"


def test_a_bomb_is_told_by_what_was_read_of_it_however_much_follows() -> None:
    body = gzip.compress(bytes(10_000_000)) + bytes(100_000)
    assert unzipped(body, 1_000_000).fault == "bomb"


def test_members_without_end_are_cut() -> None:
    found = unzipped(gzip.compress(b"x") * 5000, 1_000_000)
    assert found.fault == "cut"
    assert len(found.data) < 5000


def test_what_follows_the_last_member_is_left() -> None:
    assert unzipped(gzip.compress(b"abc") + b"junk", 100) == Unzipped(data=b"abc")


@given(st.binary(max_size=300), st.integers(1, 400))
def test_round_trip(data: bytes, limit: int) -> None:
    assert unzipped(gzip.compress(data), limit).data == data[:limit]


@given(st.binary(max_size=100), st.integers(1, 50))
def test_any_bytes_stay_within_the_limit(data: bytes, limit: int) -> None:
    assert len(unzipped(b"\x1f\x8b" + data, limit).data) <= limit
