"""The checker reports every way in which an index can differ from its files."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest
from crafted import http, record, urn

from newscrawl.warc.index import INDEX_NAME, update_index
from newscrawl.warc.reader import iter_records
from newscrawl.warc.verify import WarcProblem, verify_index
from newscrawl.warc.verify.problems import IndexCode

URL = "http://example.org/"
WARC, OTHER = "one.warc.gz", "two.warc.gz"


def stored(*numbers: int) -> bytes:
    """Records as long as each other."""
    records = [record("response", f"{URL}{n}", http(b"story %d" % n), number=n) for n in numbers]
    return b"".join(gzip.compress(one, 0, mtime=0) for one in records)


def archived(folder: Path) -> Path:
    """A folder of two files and their index."""
    (folder / WARC).write_bytes(stored(1, 2, 3))
    (folder / OTHER).write_bytes(stored(4, 5))
    update_index(folder)
    return folder


def changed(folder: Path, statement: str, *given: object) -> None:
    with closing(sqlite3.connect(folder / INDEX_NAME)) as db, db:
        assert db.execute(statement, given).rowcount > 0


def found(folder: Path, *names: str) -> list[tuple[str, str | None]]:
    return [(one.code, one.record_id) for one in verify_index(folder, names or None)]


def with_another_record(folder: Path) -> None:
    (folder / "three.warc.gz").write_bytes(stored(9))


def with_longer_file(folder: Path) -> None:
    with (folder / WARC).open("ab") as stream:
        stream.write(stored(9))


def with_other_record_of_same_size(folder: Path) -> None:
    (folder / WARC).write_bytes(stored(1, 8, 3))


def with_text_for_a_database(folder: Path) -> None:
    (folder / INDEX_NAME).write_bytes(
        b"no database at all, but some text that is long enough to be read as one" * 50
    )


BROKEN: dict[str, tuple[Callable[[Path], None], list[tuple[str, str | None]]]] = {
    "a file since": (with_another_record, [("index_file_missing", None)]),
    "a file gone": (lambda folder: (folder / OTHER).unlink(), [("index_file_gone", None)]),
    "a file longer": (with_longer_file, [("index_file_changed", None)]),
    "a record changed for another": (
        with_other_record_of_same_size,
        [("index_entry_missing", urn(8)), ("index_entry_unfounded", urn(2))],
    ),
    "an entry lost": (
        lambda folder: changed(folder, "DELETE FROM records WHERE record_id = ?", urn(2)),
        [("index_entry_missing", urn(2))],
    ),
    "the last entry lost": (
        lambda folder: changed(folder, "DELETE FROM records WHERE record_id = ?", urn(3)),
        [("index_entry_missing", urn(3))],
    ),
    "an entry twice": (
        lambda folder: changed(
            folder, "INSERT INTO records SELECT * FROM records WHERE record_id = ?", urn(2)
        ),
        [("index_entry_unfounded", urn(2))],
    ),
    "an entry behind the end": (
        lambda folder: changed(
            folder, "UPDATE records SET offset = offset + 100000 WHERE record_id = ?", urn(5)
        ),
        [("index_entry_missing", urn(5)), ("index_entry_unfounded", urn(5))],
    ),
    "an entry that is a byte off": (
        lambda folder: changed(folder, "UPDATE records SET offset = offset - 1 WHERE record_id = ?", urn(2)),
        [("index_entry_unfounded", urn(2)), ("index_entry_missing", urn(2))],
    ),
    "an entry of no number": (
        lambda folder: changed(folder, "UPDATE records SET offset = 'x' WHERE record_id = ?", urn(3)),
        [("index_entry_unfounded", urn(3)), ("index_entry_missing", urn(3))],
    ),
    "entries of no file": (
        lambda folder: changed(folder, "UPDATE records SET file = 77 WHERE record_id = ?", urn(4)),
        [("index_entry_missing", urn(4)), ("index_entry_unfounded", urn(4))],
    ),
    "another status": (
        lambda folder: changed(folder, "UPDATE records SET status = 404 WHERE record_id = ?", urn(1)),
        [("index_entry_differs", urn(1))],
    ),
    "another key": (
        lambda folder: changed(folder, "UPDATE records SET surt = 'x' WHERE record_id = ?", urn(1)),
        [("index_entry_differs", urn(1))],
    ),
    "no database": (with_text_for_a_database, [("index_unreadable", None)]),
    "another version": (
        lambda folder: sqlite3.connect(folder / INDEX_NAME).executescript("PRAGMA user_version = 99").close(),
        [("index_unreadable", None)],
    ),
    "no table": (
        lambda folder: sqlite3.connect(folder / INDEX_NAME).executescript("DROP TABLE records").close(),
        [("index_unreadable", None)],
    ),
}


def test_an_index_in_step_has_no_problem(tmp_path: Path) -> None:
    assert found(archived(tmp_path)) == []


def test_a_folder_without_an_index_has_no_problem(tmp_path: Path) -> None:
    archived(tmp_path)
    (tmp_path / INDEX_NAME).unlink()
    assert found(tmp_path) == []


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
def test_what_is_out_of_step_is_named_and_nothing_else_is(tmp_path: Path, kind: str) -> None:
    spoil, expected = BROKEN[kind]
    spoil(archived(tmp_path))
    assert found(tmp_path) == expected


def test_every_code_is_shown_by_a_test() -> None:
    assert {code for _, expected in BROKEN.values() for code, _ in expected} == set(get_args(IndexCode))


def test_every_code_is_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "archive.md").read_text(encoding="utf-8")
    assert [code for code in get_args(IndexCode) if f"| `{code}` |" not in page] == []


def test_a_rebuild_after_deleting_the_index_mends_it(tmp_path: Path) -> None:
    with_other_record_of_same_size(archived(tmp_path))
    (tmp_path / INDEX_NAME).unlink()
    update_index(tmp_path)
    assert found(tmp_path) == []


def test_of_the_files_named_alone(tmp_path: Path) -> None:
    changed(archived(tmp_path), "DELETE FROM records WHERE record_id IN (?, ?)", urn(2), urn(4))
    assert found(tmp_path, OTHER) == [("index_entry_missing", urn(4))]
    assert found(tmp_path, "nothing.warc.gz") == []


def test_a_problem_says_where_the_record_stands(tmp_path: Path) -> None:
    changed(archived(tmp_path), "UPDATE records SET status = 404, method = 'PUT' WHERE record_id = ?", urn(2))
    (problem,) = verify_index(tmp_path)
    with (tmp_path / WARC).open("rb") as stream:
        (offset,) = [record.offset for record in iter_records(stream) if record.record_id == urn(2)]
    assert problem == WarcProblem(
        file=str(tmp_path / INDEX_NAME),
        offset=offset,
        record_id=urn(2),
        code="index_entry_differs",
        message=f"the entry at {offset} of 'one.warc.gz' has other method, status: "
        "delete the index and run `newscrawl index build`",
    )


def test_a_torn_record_has_no_entry_and_misses_none(tmp_path: Path) -> None:
    archived(tmp_path)
    (tmp_path / INDEX_NAME).unlink()
    (tmp_path / WARC).write_bytes((tmp_path / WARC).read_bytes()[:-9])
    update_index(tmp_path)
    assert found(tmp_path) == []
