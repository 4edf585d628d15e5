"""Programs that people analyse with read what we export: all rows, the same texts, the types we told."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lines_made import article, write_run
from wire.crawl import environment
from wire.programs import program

from newscrawl.export.run import export
from newscrawl.export.selection import Selection
from newscrawl.export.sinks import sink_for
from newscrawl.items import Article

pytestmark = pytest.mark.slow

EXPORTS: tuple[tuple[str, str, str | None], ...] = (
    ("parquet", "parquet", None),
    ("a.jsonl.gz", "jsonl", None),
    ("a.jsonl.zst", "jsonl", None),
    ("a.csv", "csv", None),
    ("a.db", "sqlite", None),
    ("flat", "jsonl", "huggingface"),
    ("datatrove", "jsonl", "datatrove"),
    ("zyte", "jsonl", "zyte"),
)
ODD = ('quotes " and, commas\nand lines', "\u2028 \u202e \ufeff 🗞 e\u0301", "{} [] null", "x" * 3_000_000)
TITLES = ("L'Économie", "Le port")
READERS = (
    "pandas_parquet",
    "pandas_csv",
    "polars_parquet",
    "duckdb_parquet",
    "duckdb_jsonl",
    "duckdb_zstd",
    "duckdb_csv",
    "datasets_parquet",
    "datasets_jsonl",
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
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    python = program("python")
    folder = tmp_path_factory.mktemp("exports")
    rows = made()
    write_run(folder / "archives", rows[:30], outlet="echo")
    write_run(folder / "archives", rows[30:], outlet="tide", day="20260305")
    for name, form, shape in EXPORTS:
        sink = sink_for(
            str(folder / name), form, shape=shape, packing=None, selection=Selection(), staging=folder
        )
        assert export(folder / "archives", ["echo", "tide"], Selection(), sink).rows == len(rows)
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
    return {one["reader"]: one for one in told}


@pytest.mark.parametrize("reader", READERS)
def test_all_rows_arrive_with_their_texts(answers: dict[str, dict[str, Any]], reader: str) -> None:
    digests = sorted(hashlib.sha256(row.text.encode()).hexdigest() for row in made())
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
    assert answers["duckdb_parquet"]["kinds"] == [["TIMESTAMP WITH TIME ZONE", "VARCHAR[]", "Aïcha Mbarga"]]
    assert answers["duckdb_csv"]["kinds"] == ["VARCHAR", "BOOLEAN"]
    assert answers["datasets_parquet"]["kinds"] == {
        "word_count": "int64",
        "published_at": "timestamp[us, tz=UTC]",
    }


def test_folders_are_columns(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["pandas_parquet"]["outlets"] == answers["polars_parquet"]["outlets"] == ["echo", "tide"]


def test_datasette_searches_without_accents(answers: dict[str, dict[str, Any]]) -> None:
    found = answers["datasette"]["found"]
    assert set(found) == {"L'Économie"}
    assert len(found) == 30


def test_zyte_items_have_authors(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["zyte_items"]["author"] == "Aïcha Mbarga"
