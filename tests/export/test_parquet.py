"""Parquet: types told by the classes, rows as they were."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from lines_made import article, write_run

from newscrawl.export import formats
from newscrawl.export import parquet as parquet_file
from newscrawl.export.parquet import arrow_type, article_schema
from newscrawl.export.run import Selection, run_export
from newscrawl.export.sinks import sink_for
from newscrawl.items import Article, Rejection
from newscrawl.schema import ARTICLE

TIMES = ("published_at", "modified_at", "fetched_at", "published_on")


def exported(tmp_path: Path, made: list[Article], shape: str | None = None) -> Path:
    write_run(tmp_path / "archives", made)
    out = tmp_path / "out"
    sink = sink_for(str(out), "parquet", shape=shape, compression=None, selection=Selection(), staging=out)
    run_export(tmp_path / "archives", ["example"], Selection(), sink)
    return out


def test_every_field_has_a_column_of_its_type() -> None:
    schema = article_schema()
    assert schema.names == [
        *(field.alias or name for name, field in Article.model_fields.items()),
        *TIMES,
    ]
    text, number = pa.string(), pa.int64()
    assert schema.field("blocks").type == pa.list_(
        pa.struct([("kind", text), ("text", text), ("lang", text), ("level", number)])
    )
    assert schema.field("tags").type == pa.list_(text)
    assert schema.field("lang_score").type == pa.float64()
    assert schema.field("is_mixed").type == pa.bool_()
    assert schema.field("published_at").type == pa.timestamp("us", tz="UTC")
    nothing = [field.name for field in schema if pa.types.is_null(field.type)]
    assert not nothing


@pytest.mark.parametrize("annotation", [dict[str, str], int | str, bytes])
def test_a_kind_of_field_without_a_rule_is_an_error(annotation: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        arrow_type(annotation)


def test_rejections_would_have_types_too() -> None:
    assert all(arrow_type(field.annotation) for field in Rejection.model_fields.values())


def test_rows_read_back_as_they_were(tmp_path: Path) -> None:
    made = [article(n, f"Text {n} \u2028 \0 🗞") for n in range(5)]
    rows = ds.dataset(exported(tmp_path, made), partitioning="hive").to_table().to_pylist()
    assert {(row.pop("outlet"), row.pop("date")) for row in rows} == {("example", "2026-03-04")}
    times = [{name: row.pop(name) for name in TIMES} for row in rows]
    assert [Article.model_validate(row) for row in rows] == made
    assert times[0]["published_at"] == dt.datetime(2026, 3, 3, 17, 5, tzinfo=dt.UTC)
    assert times[0]["published_on"] == dt.date(2026, 3, 3)


ODD_TIMES = [
    "2026-03-03",
    "0001-01-01T00:00:00+05:00",
    "9999-12-31T23:59:59-05:00",
    "soon",
    "2026-02-30",
    None,
]


def test_a_time_that_is_none_is_null_and_its_text_stays(tmp_path: Path) -> None:
    made = [article(n, published=told) for n, told in enumerate(ODD_TIMES)]
    table = ds.dataset(exported(tmp_path, made)).to_table(["published", "published_at", "published_on"])
    assert table["published"].to_pylist() == ODD_TIMES
    assert table["published_at"].null_count == len(ODD_TIMES)
    assert table["published_on"].to_pylist() == [
        dt.date(2026, 3, 3), dt.date(1, 1, 1), dt.date(9999, 12, 31), None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize("shape", ["huggingface", "datatrove"])
def test_flat_rows_have_typed_columns(tmp_path: Path, shape: str) -> None:
    out = exported(tmp_path, [ARTICLE.model_copy(update={"duplicate_of": None})], shape)
    (row,) = ds.dataset(out / "data" if shape == "huggingface" else out).to_table().to_pylist()
    flat = row["metadata"] | row if shape == "datatrove" else row
    assert (flat["text"], flat["id"], flat["tags"]) == (ARTICLE.text, ARTICLE.id, ARTICLE.tags)
    assert (flat["warc_offset"], flat["share_fr"], flat["is_mixed"]) == (48_213, 0.4364, True)


def test_row_groups_are_bounded_by_rows_and_by_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_file, "GROUP_ROWS", 3)
    monkeypatch.setattr(parquet_file, "GROUP_CHARS", 1000)
    made = [article(n, f"{n}") for n in range(4)] + [article(n, f"{n}" + "x" * 1000) for n in (5, 6)]
    (path,) = exported(tmp_path, made).rglob("*.parquet")
    meta = pq.ParquetFile(path).metadata
    assert [meta.row_group(n).num_rows for n in range(meta.num_row_groups)] == [3, 2, 1]
    assert meta.row_group(0).column(0).compression == "ZSTD"


def test_without_pyarrow_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from newscrawl.errors import NewscrawlError

    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(NewscrawlError, match=r"newscrawl\[parquet\]"):
        sink_for(
            str(tmp_path), "parquet", shape=None, compression=None, selection=Selection(), staging=tmp_path
        )
