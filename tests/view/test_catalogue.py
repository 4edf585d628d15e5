"""The catalogue follows the lines: what is new is found, what is gone leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from lines_made import article, write_run
from typer.testing import CliRunner

from newscrawl.archive.manifest import update_manifest
from newscrawl.archive.report import Report, write_report
from newscrawl.cli import app
from newscrawl.errors import ArchiveError
from newscrawl.view.catalogue import CATALOGUE_NAME, Catalogue, CatalogueProgress, parse_second
from newscrawl.view.search import SearchRequest, search

SECRET = "zyxwvutsrq"
FETCHED = "2026-04-01T00:00:00.000000Z"


def count(catalogue: Catalogue, words: str = "") -> int:
    return int(search(catalogue, SearchRequest(words=words))["total"])


def bytes_on_disk(archives: Path) -> bytes:
    return b"".join(path.read_bytes() for path in archives.glob(f"{CATALOGUE_NAME}*"))


def test_new_changed_and_deleted_files_are_noticed(tmp_path: Path) -> None:
    first = write_run(tmp_path, [article(1, "premier texte", fetched=FETCHED)])
    with closing(Catalogue.open(tmp_path)) as catalogue:
        assert catalogue.update()
        assert not catalogue.update()
        write_run(tmp_path, [article(2, "second texte", fetched=FETCHED)], pid=2)
        assert catalogue.update()
        assert count(catalogue, "texte") == 2
        write_run(tmp_path, [article(3, "autre texte", fetched=FETCHED)])
        os.utime(first, ns=(1, 1))
        assert catalogue.update()
        assert (count(catalogue, "premier"), count(catalogue, "autre"), count(catalogue)) == (0, 1, 2)
        first.unlink()
        assert catalogue.update()
        assert count(catalogue) == 1


def test_what_was_taken_away_is_not_in_the_file_any_more(tmp_path: Path) -> None:
    others = [article(page, f"texte {page} " * 50, fetched=FETCHED) for page in range(2, 50)]
    path = write_run(tmp_path, [article(1, f"un nom {SECRET} " * 30, fetched=FETCHED), *others])
    with closing(Catalogue.open(tmp_path)) as catalogue:
        catalogue.update()
        assert count(catalogue, SECRET) == 1
    assert SECRET.encode() in bytes_on_disk(tmp_path)
    write_run(tmp_path, others)
    os.utime(path, ns=(1, 1))
    with closing(Catalogue.open(tmp_path)) as catalogue:
        catalogue.update()
        assert (count(catalogue, SECRET), count(catalogue)) == (0, len(others))
    # Half of the word too, since the index shares beginnings.
    assert SECRET[:6].encode() not in bytes_on_disk(tmp_path)


def test_takedown_brings_the_catalogue_up_to_date(tmp_path: Path) -> None:
    url = "https://www.example.org/1"
    taken = article(1, f"le {SECRET}", fetched=FETCHED, url_requested=url, pages=[])
    other = article(2, "reste", fetched=FETCHED, url_requested="https://www.example.org/2", pages=[])
    update_manifest(write_run(tmp_path, [taken, other]))
    with closing(Catalogue.open(tmp_path)) as catalogue:
        catalogue.update()
    done = CliRunner().invoke(app, ["takedown", url, "--archives", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert SECRET.encode() not in bytes_on_disk(tmp_path)
    with closing(Catalogue.open(tmp_path)) as catalogue:
        assert count(catalogue) == 1


def test_a_replay_is_left_out_also_if_its_report_comes_later(tmp_path: Path) -> None:
    path = write_run(tmp_path, [article(1, "rejeu", fetched=FETCHED)])
    with closing(Catalogue.open(tmp_path)) as catalogue:
        catalogue.update()
        assert count(catalogue) == 1
        report = Report(
            run=path.stem, outlet="example", started=FETCHED, finished=FETCHED, seconds=1, reason="finished",
            replay_of="another",
        )  # fmt: skip
        write_report(path.parent, report)
        assert catalogue.update()
        assert count(catalogue) == 0


def test_broken_lines_cost_themselves_alone(tmp_path: Path) -> None:
    good = article(1, "bon", fetched=FETCHED)
    write_run(tmp_path, [b"{\n", good, b'{"id": 7, "text_sha256": ""}\n', b"\xff\xfe\n", b"[]\n"])
    with closing(Catalogue.open(tmp_path)) as catalogue:
        catalogue.update()
        assert count(catalogue) == 1
        assert catalogue.count_broken("example") == 4


def test_odd_values_of_a_line_are_no_error(tmp_path: Path) -> None:
    line = {"id": "x", "text_sha256": "", "text": 7, "title": ["a"], "version": 1 << 80, "lang": None}
    line |= {"published": "10000-13-45", "fetched": {}, "syndication": "AFP", "section": "\ud800 \x00\x02"}
    write_run(tmp_path, [json.dumps(line).encode() + b"\n"])
    with closing(Catalogue.open(tmp_path)) as catalogue:
        catalogue.update()
        (hit,) = search(catalogue, SearchRequest())["hits"]
    assert hit["time"] == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"x" * 2000])
def test_a_damaged_catalogue_is_made_anew(tmp_path: Path, content: bytes) -> None:
    write_run(tmp_path, [article(1, "texte", fetched=FETCHED)])
    (tmp_path / CATALOGUE_NAME).write_bytes(content)
    with closing(Catalogue.open(tmp_path)) as catalogue:
        catalogue.update()
        assert count(catalogue) == 1


def test_a_catalogue_of_another_version_is_made_anew(tmp_path: Path) -> None:
    write_run(tmp_path, [article(1, "texte", fetched=FETCHED)])
    with closing(Catalogue.open(tmp_path)) as catalogue:
        catalogue.update()
    with closing(sqlite3.connect(tmp_path / CATALOGUE_NAME)) as connection:
        connection.execute("PRAGMA user_version = 999")
    with closing(Catalogue.open(tmp_path)) as catalogue:
        assert count(catalogue) == 0
        catalogue.update()
        assert count(catalogue) == 1


def test_progress_and_stopping(tmp_path: Path) -> None:
    for pid in (1, 2, 3):
        write_run(tmp_path, [article(pid, "texte", fetched=FETCHED)], pid=pid)
    seen: list[CatalogueProgress] = []
    with closing(Catalogue.open(tmp_path)) as catalogue:
        catalogue.update(seen.append, lambda: len(seen) == 2)
        assert seen == [CatalogueProgress(1, 3, 1), CatalogueProgress(2, 3, 2)]
        assert count(catalogue) == 2
        catalogue.update()
        assert count(catalogue) == 3


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no such folder"):
        Catalogue.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:05.5Z", 5),
        ("1900-01-01", 0),
        ("yesterday", None),
        (None, None),
        (7, None),
    ],
)
def test_times_of_lines(text: object, second: int | None) -> None:
    assert parse_second(text) == second


def test_a_catalogue_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    write_run(tmp_path, [article(1, "texte", fetched=FETCHED)])
    with closing(Catalogue.open(tmp_path)) as catalogue:
        (tmp_path / CATALOGUE_NAME).unlink()
        (tmp_path / CATALOGUE_NAME).mkdir()
        with pytest.raises(ArchiveError, match=re.escape(CATALOGUE_NAME)):
            catalogue.update()
