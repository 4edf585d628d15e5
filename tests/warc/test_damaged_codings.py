"""Content whose coding is damaged is an error; content that is cut gives what there is of it."""

import gzip
import random

import pytest

from newscrawl.warc.http import ContentError, decode_declared

TEXT = b"".join(b"The quay opened again on day %d. " % random.Random(at).getrandbits(60) for at in range(600))
PACKED = gzip.compress(TEXT)
HALF = len(PACKED) // 2


def test_half_a_page_is_not_taken_for_all_of_it() -> None:
    damaged = PACKED[:HALF] + b"\xff\xff\xff\xff" + PACKED[HALF + 4 :]
    with pytest.raises(ContentError, match=r"damaged|decompressing"):
        decode_declared(damaged, "gzip")


def test_a_page_that_is_cut_gives_what_there_is() -> None:
    found = decode_declared(PACKED[:HALF], "gzip").data
    assert TEXT.startswith(found)
    assert len(found) > len(TEXT) // 3


def test_garbage_behind_the_content_costs_nothing() -> None:
    assert decode_declared(PACKED + b"<!-- 0.2 s -->", "gzip").data == TEXT
