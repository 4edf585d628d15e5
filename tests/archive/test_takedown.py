"""A tombstone has exactly the length of what it replaces, whatever that is, and every reader reads it."""

from __future__ import annotations

import gzip
import zlib
from datetime import UTC, datetime

import pytest

from newscrawl.archive.takedown import ExchangeSpan, tombstone
from newscrawl.errors import ArchiveError

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def exchange(length: int) -> ExchangeSpan:
    return ExchangeSpan(
        offset=0,
        length=length,
        record_ids=("<urn:uuid:00000000-0000-4000-8000-000000000001>",),
        url="http://example.org/story",
        date="2026-05-01T12:00:00.000000Z",
        refers_to=None,
        asked_for=None,
        is_erased=False,
    )


@pytest.mark.parametrize(
    "length",
    [
        *range(420, 1600, 7),
        *range(65_900, 66_100),
        *range(131_450, 131_600, 3),
        9_990,
        10_400,
        99_999,
        100_004,
        1_000_003,
    ],
)
def test_it_has_the_length_of_what_it_replaces(length: int) -> None:
    member = tombstone(exchange(length), "somebody asked", NOW)
    assert len(member) == length
    unpacker = zlib.decompressobj(31)
    record = unpacker.decompress(member)
    assert unpacker.eof
    assert not unpacker.unused_data
    head, block = record.removesuffix(b"\r\n\r\n").split(b"\r\n\r\n", 1)
    assert f"Content-Length: {len(block)}".encode() in head
    assert b"erased: 2026-05-01T12:00:00.000000Z" in block
    assert member[3] in (0, 16)
    # Readers in Go take no comment that is longer.
    assert member[3] == 0 or member.index(b"\0", 10) - 10 <= 511
    assert gzip.decompress(member) == record


def test_what_is_too_short_to_be_replaced_is_told() -> None:
    with pytest.raises(ArchiveError, match="too short"):
        tombstone(exchange(150), "", NOW)
