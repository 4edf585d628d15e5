"""Rows as Parquet: typed columns, zstd, row groups of bounded size. Needs pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import json
from pydantic import BaseModel

from newscrawl.export.manifest import NOT_REPRESENTABLE, AddArticle, ExportCounts
from newscrawl.export.partitions import Partition
from newscrawl.export.schemas import (
    COLUMNS,
    DAY_COLUMN,
    TYPED_TIMES,
    Row,
    datatrove,
    flat,
    parse_day,
    parse_moment,
)
from newscrawl.items import Article

GROUP_ROWS = 4096
GROUP_CHARS = 16 << 20
"Characters of text in a row group; its rows take some ten times as many bytes in memory."


def article_schema() -> pa.Schema:
    """Every field of an article, named as in its line, then the typed times."""
    fields = list(_struct_fields(Article)) + _time_fields()
    return pa.schema(fields, metadata={"newscrawl": str(Article.model_fields["schema_"].default)})


def arrow_type(annotation: Any) -> pa.DataType:
    """The Arrow type of an annotation; TypeError if there is none."""
    plain = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    if annotation in plain:
        return plain[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return pa.struct(_struct_fields(annotation))
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        (kind,) = {type(value) for value in arguments}
        return arrow_type(kind)
    if origin is list:
        return pa.list_(arrow_type(arguments[0]))
    if origin in (Union, UnionType):
        (kind,) = [argument for argument in arguments if argument is not NoneType]
        return arrow_type(kind)
    raise TypeError(f"no Arrow type for {annotation}")


def _struct_fields(model: type[BaseModel]) -> list[pa.Field]:
    return [
        pa.field(field.alias or name, arrow_type(field.annotation))
        for name, field in model.model_fields.items()
    ]


def _time_fields() -> list[pa.Field]:
    moments = [pa.field(name, pa.timestamp("us", tz="UTC")) for name in TYPED_TIMES]
    return [*moments, pa.field(DAY_COLUMN, pa.date32())]


@contextmanager
def parquet_writer(
    path: Path, partition: Partition, counts: ExportCounts, *, shape: str | None
) -> Iterator[AddArticle]:
    """Write a row for each article: all of its fields, or the columns of a flat shape."""
    del partition
    group = _make_group(shape)
    with pq.ParquetWriter(path, group.schema, compression="zstd", write_page_index=True) as writer:

        def add(article: Article) -> None:
            group.add(article)
            if group.is_full:
                flush()

        def flush() -> None:
            rows = group.rows
            batches = group.take_batches()
            for batch in batches:
                writer.write_batch(batch)
            if missing := len(rows) - sum(batch.num_rows for batch in batches):
                counts.rows -= missing
                counts.left_out[NOT_REPRESENTABLE] += missing

        yield add
        if group.rows:
            # Rows are counted once they are added, the last of them by now.
            flush()


@dataclass(kw_only=True)
class RowGroup:
    """Collects the rows of a row group."""

    schema: pa.Schema
    row: Callable[[Article], Any]
    "How an article is held until the group is full."
    batch: Callable[[list[Any], pa.Schema], pa.RecordBatch]
    rows: list[Any] = field(default_factory=list)
    times: list[Row] = field(default_factory=list)
    chars: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.rows) >= GROUP_ROWS or self.chars >= GROUP_CHARS

    def add(self, article: Article) -> None:
        self.rows.append(self.row(article))
        self.times.append(_typed_times(article))
        self.chars += len(article.text)

    def take_batches(self) -> list[pa.RecordBatch]:
        """Return the rows as a batch, and start the next group.

        Rows that Arrow cannot hold are left out, and those between them become batches of their own.
        """
        batches = list(self._iter_batches(self.rows, self.times))
        self.rows, self.times, self.chars = [], [], 0
        return batches

    def _iter_batches(self, rows: list[Any], times: list[Row]) -> Iterator[pa.RecordBatch]:
        try:
            yield self._make_batch(rows, times)
        except (pa.ArrowException, OverflowError):
            if len(rows) > 1:
                middle = len(rows) // 2
                yield from self._iter_batches(rows[:middle], times[:middle])
                yield from self._iter_batches(rows[middle:], times[middle:])

    def _make_batch(self, rows: list[Any], times: list[Row]) -> pa.RecordBatch:
        typed = [name for name in self.schema.names if name in times[0]]
        untyped = pa.schema([field for field in self.schema if field.name not in typed])
        columns = self.batch(rows, untyped).columns
        columns += [pa.array([row[name] for row in times], self.schema.field(name).type) for name in typed]
        return pa.record_batch(columns, schema=self.schema)


def _make_group(shape: str | None) -> RowGroup:
    """All fields of an article; or the columns of a flat row, or as datatrove has them in a struct."""
    if shape is None:
        return RowGroup(
            schema=article_schema(),
            row=lambda article: article.model_dump_json(by_alias=True).encode(),
            batch=_batch_of_lines,
        )
    types = {"text": str, "int": int, "float": float, "bool": bool, "texts": list[str]}
    columns = {name: pa.field(name, arrow_type(types[kind])) for name, (kind, _) in COLUMNS.items()}
    if shape == "datatrove":
        top = [columns.pop("text"), columns.pop("id")]
        schema = pa.schema([*top, ("metadata", pa.struct(list(columns.values())))])
        return RowGroup(schema=schema, row=datatrove, batch=_batch_of_rows)
    schema = pa.schema([*columns.values(), *_time_fields()])
    return RowGroup(schema=schema, row=flat, batch=_batch_of_rows)


def _batch_of_lines(lines: list[bytes], schema: pa.Schema) -> pa.RecordBatch:
    """Let Arrow parse JSON, which is three times as fast as converting nested Python objects."""
    content = b"\n".join(lines)
    table = json.read_json(
        pa.BufferReader(content),
        # A single block cuts no line, and a single thread leaves the lines in their order.
        read_options=json.ReadOptions(block_size=len(content) + 1, use_threads=False),
        parse_options=json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
    )
    (batch,) = table.combine_chunks().to_batches()
    return batch


def _batch_of_rows(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    return pa.record_batch(
        [pa.array([row[name] for row in rows], schema.field(name).type) for name in schema.names],
        schema=schema,
    )


def _typed_times(article: Article) -> Row:
    moments: Row = {
        name: parse_moment(getattr(article, field_name)) for name, field_name in TYPED_TIMES.items()
    }
    return moments | {DAY_COLUMN: parse_day(article.published)}
