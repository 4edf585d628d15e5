"""Clusters from the database are exported with the articles, and exported again when they change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lines_made import article, write_run
from typer.testing import CliRunner

from newscrawl.cli import app
from newscrawl.items import Article
from newscrawl.state.database import Database, database_url
from newscrawl.state.documents import DocumentTable
from newscrawl.state.encoding import page_key

PAGES = [
    article(n, f"Café {n}.", url_requested=f'http://example.org/caf\u00e9/{n}?q="x"', cluster=None)
    for n in (1, 2, 3)
]


def store_copies(archives: Path, made: list[tuple[Article, str | None]]) -> None:
    """Store copies of the first article, as a crawl or `newscrawl dedup` would."""
    database = Database.open(database_url("", archives.resolve()))
    try:
        with DocumentTable(database).writing() as rows:
            rows.clear()
            for member, original in made:
                columns: dict[str, Any] = {
                    "first_article_id": member.id,
                    "latest_article_id": member.id,
                    "outlet": "example",
                    "url": member.url,
                }
                key = page_key("example", member.url_requested)
                rows.store(
                    [
                        columns
                        | {
                            "key": key,
                            "published": 1,
                            "fetched_at": 1,
                            "cluster": made[0][0].id,
                            "duplicate_of": original,
                        }
                    ]
                )
    finally:
        database.close()


def exported(tmp_path: Path, *args: str) -> dict[str, Any]:
    command = [
        "export",
        "-f",
        "jsonl",
        "-o",
        str(tmp_path / "out"),
        "--archives",
        str(tmp_path / "archives"),
        "--json",
    ]
    done = CliRunner().invoke(app, [*command, *args])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def read(tmp_path: Path) -> list[tuple[str | None, str | None]]:
    lines = [
        line
        for path in sorted((tmp_path / "out").rglob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    return [(row["cluster"], row["duplicate_of"]) for row in map(json.loads, lines)]


def test_clusters_are_the_latest_from_the_database(tmp_path: Path) -> None:
    archives, (first, second, third) = tmp_path / "archives", PAGES
    write_run(archives, [first, second])
    write_run(archives, [third], day="20260305")
    exported(tmp_path)
    assert read(tmp_path) == [(None, None)] * 3
    assert not (archives / "state.sqlite").exists()
    inode = (tmp_path / "out/outlet=example/date=2026-03-05/articles.jsonl").stat().st_ino
    store_copies(archives, [(first, None), (second, first.id)])
    exported(tmp_path)
    assert read(tmp_path) == [(first.id, None), (first.id, first.id), (None, None)]
    assert (tmp_path / "out/outlet=example/date=2026-03-05/articles.jsonl").stat().st_ino == inode


def test_unwanted_copies_are_left_out(tmp_path: Path) -> None:
    write_run(tmp_path / "archives", PAGES)
    store_copies(tmp_path / "archives", [(PAGES[0], None), (PAGES[2], PAGES[0].id)])
    assert exported(tmp_path, "--no-duplicates")["left_out"] == {"duplicate": 1}
