"""Half-done lines: gone on from where they stand, or begun anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from newscrawl.archive.reextract import Part
from newscrawl.errors import ArchiveError


def begun(out: Path, task: str = "a") -> Part:
    part = Part(out=out, task=task)
    part.open()
    return part


def test_what_was_saved_is_gone_on_from(tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"
    first = begun(out)
    first.add(b"one\n")
    first.refuse("listing")
    first.close()
    # As a kill leaves it: more lines than are noted.
    out.with_name("x.jsonl.part").write_bytes(b"one\ntwo, which nobo")
    second = begun(out)
    assert (second.pages, second.articles, second.rejected) == (2, 1, {"listing": 1})
    assert list(second.lines()) == [b"one\n"]
    second.add(b"three\n")
    second.finish()
    assert out.read_bytes() == b"one\nthree\n"
    assert list(tmp_path.iterdir()) == [out]


def test_refusals_alone_are_gone_on_from_too(tmp_path: Path) -> None:
    first = begun(tmp_path / "x")
    first.refuse("listing")
    first.save()
    first.close()
    second = begun(tmp_path / "x")
    assert (second.pages, second.articles) == (1, 0)
    second.close()


def test_another_task_begins_anew(tmp_path: Path) -> None:
    first = begun(tmp_path / "x")
    first.add(b"one\n")
    first.save()
    first.close()
    second = begun(tmp_path / "x", task="b")
    assert second.pages == 0
    assert list(second.lines()) == []
    second.close()


def test_lines_that_are_shorter_than_noted_are_begun_anew(tmp_path: Path) -> None:
    first = begun(tmp_path / "x")
    first.add(b"one\n")
    first.save()
    first.close()
    first.path.write_bytes(b"on")
    second = begun(tmp_path / "x")
    assert second.pages == 0
    second.close()


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "x"
    out.write_bytes(b"old\n")
    part = begun(out)
    part.add(b"new\n")
    part.save()
    assert out.read_bytes() == b"old\n"
    part.finish()
    assert out.read_bytes() == b"new\n"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot write "):
        begun(tmp_path / "none" / "x")


def test_what_is_left_at_an_error_is_gone_on_from(tmp_path: Path) -> None:
    first = begun(tmp_path / "x")
    first.add(b"one\n")
    first.close()
    second = begun(tmp_path / "x")
    assert list(second.lines()) == [b"one\n"]
    second.close()


def test_nothing_is_left_where_nothing_was_done(tmp_path: Path) -> None:
    begun(tmp_path / "x").close()
    assert not list(tmp_path.iterdir())
