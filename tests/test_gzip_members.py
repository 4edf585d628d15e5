"""gzip data of many members is read whole and in linear time."""

from __future__ import annotations

import gzip
import random
import time
import zlib

import pytest

from newscrawl.gzip_members import inflate_members


def test_all_members_are_read_and_what_follows_is_not() -> None:
    body = gzip.compress(b"one ") + gzip.compress(b"two " * 10_000) + gzip.compress(b"") + b"\0\0 padding"
    found = inflate_members(body, 1 << 20)
    assert (found.data, found.is_whole) == (b"one " + b"two " * 10_000, True)
    assert found.used == len(body) - 10


def test_a_cut_member_gives_what_it_has() -> None:
    body = gzip.compress(b"one ") + gzip.compress(bytes(range(256)) * 40)[:-9]
    found = inflate_members(body, 1 << 20)
    assert found.data.startswith(b"one " + bytes(range(200)))
    assert not found.is_whole


def test_no_more_is_inflated_than_there_is_room_for() -> None:
    found = inflate_members(gzip.compress(b"\0" * 1_000_000) * 5, 1000)
    assert found.data == b"\0" * 1000
    assert found.used < 1000


def test_what_is_no_gzip_at_all_is_an_error() -> None:
    with pytest.raises(zlib.error):
        inflate_members(b"<html>", 1000)


def test_a_hundred_thousand_members_take_linear_time() -> None:
    body = gzip.compress(b"a") * 100_000
    began = time.process_time()
    assert inflate_members(body, 1 << 20).data == b"a" * 100_000
    assert time.process_time() - began < 3


def test_damage_differs_from_a_cut() -> None:
    body = gzip.compress(random.Random(1).randbytes(5_000))
    damaged = body[:3_000] + bytes([body[3_000] ^ 255]) + body[3_001:]
    assert inflate_members(damaged, 1 << 20).is_damaged
    assert not inflate_members(body[:3_000], 1 << 20).is_damaged
    assert not inflate_members(body + b"\x1f\x8b no member", 1 << 20).is_damaged
