"""A memory that is none says so."""

import pytest

from newscrawl.extraction.boilerplate import notes_of_json, remembered


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"schema":"another"}',
        b'{"schema":"newscrawl.memory/1","texts":[["a"]],"pages":[]}',
        b'{"schema":"newscrawl.memory/1","texts":[],"pages":[{"url":"u","day":"d","title":"t","inside":[3],"outside":[]}]}',
    ],
)
def test_what_is_no_memory_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 # whatever it says
        notes_of_json(data)


def test_nothing_is_remembered_of_nothing() -> None:
    assert remembered([]) == []
