"""Spools: small messages stay in memory, large ones wait in a file, and none grows without end."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.warc import records as exchange
from newscrawl.warc.records import SPOOL_BYTES, Spool


def filled(spool: Spool, *parts: bytes) -> Spool:
    for part in parts:
        spool.add(part)
    return spool


@given(st.lists(st.binary(max_size=50), max_size=12), st.integers(0, 60), st.integers(0, 400))
def test_a_spool_holds_what_came_up_to_its_limit(parts: list[bytes], last: int, limit: int) -> None:
    whole = b"".join(parts)
    for most in (exchange.SPOOL_BYTES, 40):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(exchange, "SPOOL_BYTES", most)
            spool = filled(Spool(limit=limit), *parts)
            assert spool.is_cut == (len(whole) > limit)
            dropped = min(last, len(whole))
            spool.drop_last(dropped)
            expected = whole[: len(whole) - dropped][:limit]
            assert bytes(spool.whole()) == expected
            assert spool.size == len(expected)


def test_a_large_message_is_not_held_in_memory_and_leaves_no_file(tmp_path: Path) -> None:
    block = bytes(range(256)) * 256
    tracemalloc.start()
    spool = Spool(tmp_path)
    for _ in range(20 * SPOOL_BYTES // len(block)):
        spool.add(block)
    window = spool.whole()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(window) == 20 * SPOOL_BYTES
    assert window[-len(block) :] == block
    assert peak < 3 * SPOOL_BYTES
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        filled(Spool(tmp_path / "gone"), bytes(SPOOL_BYTES + 1))
