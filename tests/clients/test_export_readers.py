"""Programs that people analyse with read what we export: all rows, the same texts, the types we told.

The rows are odd ones made for this, many plain ones, and those of a crawl of the whole embedded newsroom.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lines_made import article, write_run
from wire.crawl import environment
from wire.programs import program

from newscrawl.export.run import Selection, run_export
from newscrawl.export.sinks import sink_for
from newscrawl.items import Article
from newscrawl.warc.reader import iter_records

pytestmark = pytest.mark.slow

EXPORTS: tuple[tuple[str, str, str | None], ...] = (
    ("parquet", "parquet", None),
    ("a.jsonl.gz", "jsonl", None),
    ("a.jsonl.zst", "jsonl", None),
    ("a.csv", "csv", None),
    ("a.db", "sqlite", None),
    ("flat", "jsonl", "huggingface"),
    ("flat_parquet", "parquet", "huggingface"),
    ("datatrove", "jsonl", "datatrove"),
    ("zyte", "jsonl", "zyte"),
)
ODD = ('quotes " and, commas\nand lines', "\u2028 \u202e \ufeff 🗞 e\u0301", "{} [] null", "x" * 3_000_000)
TITLES = ("L'Économie", "Le port")
READERS = (
    "pandas_parquet",
    "pandas_csv",
    "polars_parquet",
    "polars_jsonl",
    "duckdb_parquet",
    "duckdb_jsonl",
    "duckdb_zstd",
    "duckdb_csv",
    "datasets_parquet",
    "datasets_jsonl",
    "datasets_folder",
    "datasets_own_lines",
    "datatrove_jsonl",
    "datatrove_parquet",
    "datatrove_own_lines",
    "zyte_items",
    "datasette",
)


def made() -> list[Article]:
    """The first row leaves empty what later ones fill: types cannot be guessed by it."""
    bare: dict[str, Any] = {
        "tags": [],
        "agency": None,
        "lang_score": None,
        "published": "2026-03-03",
        "lede": None,
    }
    odd = [article(n, text, **(bare if n == 0 else {})) for n, text in enumerate(ODD)]
    plain = [article(100 + n, f"Text {n} of many.", title=TITLES[n % 2]) for n in range(60)]
    return odd + plain


@pytest.fixture(scope="module")
def rows(demo_archive: Path) -> list[Article]:
    """All that is exported, in no order."""
    crawled = (path for path in demo_archive.glob("*/*.jsonl") if not path.name.endswith(".rejected.jsonl"))
    lines = [line for path in crawled for line in path.read_bytes().splitlines()]
    assert len(lines) >= 60
    return made() + [Article.model_validate_json(line) for line in lines]


@pytest.fixture(scope="module")
def answers(
    demo_archive: Path, rows: list[Article], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    python = program("python")
    folder = tmp_path_factory.mktemp("exports")
    own = made()
    write_run(folder / "archives", own[:30], outlet="echo")
    write_run(folder / "archives", own[30:], outlet="tide", day="20260305")
    outlets = ["echo", "tide"]
    for path in demo_archive.glob("*/*.report.json"):
        shutil.copytree(path.parent, folder / "archives" / path.parent.name)
        outlets.append(path.parent.name)
    for name, form, shape in EXPORTS:
        sink = sink_for(
            str(folder / name), form, shape=shape, compression=None, selection=Selection(), staging=folder
        )
        assert run_export(folder / "archives", outlets, Selection(), sink).rows == len(rows)
    done = subprocess.run(
        [python, Path(__file__).with_name("read_exports.py"), folder],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"reader"')]
    return {one["reader"]: one for one in told} | {"outlets": {"all": sorted(outlets)}}


@pytest.mark.parametrize("reader", READERS)
def test_all_rows_arrive_with_their_texts(
    answers: dict[str, dict[str, Any]], rows: list[Article], reader: str
) -> None:
    digests = sorted(hashlib.sha256(row.text.encode()).hexdigest() for row in rows)
    found = answers[reader]
    assert "error" not in found, found["error"]
    assert found["rows"] == len(digests)
    assert found["texts"] == hashlib.sha256("".join(digests).encode()).hexdigest()


def test_types_are_those_of_the_schema(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["pandas_parquet"]["kinds"] == {
        "word_count": "int64",
        "is_mixed": "bool",
        "published_at": "datetime64[us, UTC]",
    }
    assert answers["pandas_csv"]["kinds"] == {"is_mixed": "bool"}
    assert answers["polars_parquet"]["kinds"] == {
        "word_count": "Int64",
        "tags": "List(String)",
        "published_at": "Datetime(time_unit='us', time_zone='UTC')",
    }
    assert answers["duckdb_parquet"]["kinds"] == [["TIMESTAMP WITH TIME ZONE", "VARCHAR[]", "VARCHAR"]]
    assert answers["polars_jsonl"]["kinds"] == {"word_count": "Int64", "tags": "List(String)"}
    assert answers["duckdb_jsonl"]["kinds"] == ["VARCHAR", "BIGINT", "BOOLEAN", "VARCHAR[]", "VARCHAR"]
    assert answers["datatrove_jsonl"]["kinds"] == {"word_count": "int", "is_mixed": "bool", "tags": "list"}
    assert answers["datasets_jsonl"]["kinds"] == {"word_count": "int64", "agency": "string"}
    assert answers["duckdb_csv"]["kinds"] == ["VARCHAR", "BOOLEAN"]
    assert answers["datasets_parquet"]["kinds"] == {
        "word_count": "int64",
        "published_at": "timestamp[us, tz=UTC]",
    }


def test_a_data_set_has_a_split_for_each_day(answers: dict[str, dict[str, Any]], rows: list[Article]) -> None:
    splits = answers["datasets_folder"]["splits"]
    assert splits["flat"] == splits["flat_parquet"]
    assert (splits["flat"]["day_2026_03_04"], splits["flat"]["day_2026_03_05"]) == (30, len(made()) - 30)
    assert sum(splits["flat"].values()) == len(rows)


def test_folders_are_columns(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["pandas_parquet"]["outlets"] == answers["polars_parquet"]["outlets"]
    assert answers["pandas_parquet"]["outlets"] == answers["outlets"]["all"]


def test_the_reader_of_archives_keeps_every_page(
    answers: dict[str, dict[str, Any]], demo_archive: Path, rows: list[Article]
) -> None:
    assert "error" not in answers["datatrove_warc"], answers["datatrove_warc"]["error"]
    kept, pages = answers["datatrove_warc"]["ids"], []
    for path in demo_archive.glob("*/*.warc.gz"):
        with path.open("rb") as stream:
            pages += [
                record.headers["warc-record-id"]
                for record in iter_records(stream)
                if record.kind == "response" and record.headers["warc-identified-payload-type"] == "text/html"
            ]
    assert kept == sorted(pages)
    assert {row.warc.record_id for row in rows[len(made()) :] if row.warc} <= set(kept)


def test_datasette_searches_without_accents(answers: dict[str, dict[str, Any]]) -> None:
    found = answers["datasette"]["found"]
    assert found.count("L'Économie") == 30
    assert "Le port" not in found


def test_zyte_items_have_authors(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["zyte_items"]["author"] == "Aïcha Mbarga"
