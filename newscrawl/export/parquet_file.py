"""Rows as Parquet: typed columns, zstd, row groups of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newscrawl.errors import NewscrawlError
from newscrawl.export.arrow_schema import (
    DAY_COLUMN,
    TYPED_TIMES,
    article_schema,
    datatrove_schema,
    flat_schema,
)
from newscrawl.export.flat import Row, flat
from newscrawl.export.shapes import datatrove
from newscrawl.export.times import day_of, moment_of
from newscrawl.items import Article

if TYPE_CHECKING:
    import pyarrow as pa

    from newscrawl.export.formats import Add
    from newscrawl.export.tally import Tally
    from newscrawl.export.units import Unit

GROUP_ROWS = 4096
GROUP_CHARS = 16 << 20
"Of the texts of a row group; the rows in hand take some ten times as many bytes."


def require_pyarrow() -> None:
    if find_spec("pyarrow") is None:
        raise NewscrawlError("Parquet needs pyarrow: pip install 'newscrawl[parquet]'")


@contextmanager
def parquet_writer(path: Path, unit: Unit, tally: Tally, *, shape: str | None) -> Iterator[Add]:
    """A row an article: the whole of it, or flat in the shapes that are."""
    import pyarrow.parquet as pq

    del unit, tally
    group = _group_of(shape)
    with pq.ParquetWriter(path, group.schema, compression="zstd", write_page_index=True) as writer:

        def add(article: Article) -> None:
            group.add(article)
            if group.is_full:
                writer.write_batch(group.taken())

        yield add
        if group.rows:
            writer.write_batch(group.taken())


@dataclass(kw_only=True)
class _Group:
    """The rows of a row group, until there are enough."""

    schema: pa.Schema
    row: Callable[[Article], Any]
    "What is kept of an article until the group is full."
    batch: Callable[[list[Any], pa.Schema], pa.RecordBatch]
    rows: list[Any] = field(default_factory=list)
    times: list[Row] = field(default_factory=list)
    chars: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.rows) >= GROUP_ROWS or self.chars >= GROUP_CHARS

    def add(self, article: Article) -> None:
        self.rows.append(self.row(article))
        self.times.append(_times(article))
        self.chars += len(article.text)

    def taken(self) -> pa.RecordBatch:
        """The rows as a batch; the next group begins."""
        import pyarrow as pa

        typed = [name for name in self.schema.names if name in self.times[0]]
        told = pa.schema([field for field in self.schema if field.name not in typed])
        columns = self.batch(self.rows, told).columns
        columns += [
            pa.array([row[name] for row in self.times], self.schema.field(name).type) for name in typed
        ]
        self.rows, self.times, self.chars = [], [], 0
        return pa.record_batch(columns, schema=self.schema)


def _group_of(shape: str | None) -> _Group:
    if shape is None:
        return _Group(schema=article_schema(), row=_line, batch=_batch_of_lines)
    if shape == "datatrove":
        return _Group(schema=datatrove_schema(), row=datatrove, batch=_batch_of_rows)
    return _Group(schema=flat_schema(), row=flat, batch=_batch_of_rows)


def _line(article: Article) -> bytes:
    return article.model_dump_json(by_alias=True).encode()


def _batch_of_lines(lines: list[bytes], schema: pa.Schema) -> pa.RecordBatch:
    """Arrow reads JSON three times as fast as it takes nested rows from Python."""
    import pyarrow as pa
    from pyarrow import json

    content = b"\n".join(lines)
    table = json.read_json(
        pa.BufferReader(content),
        # One block, so that no line is cut, and no threads: the order is that of the lines.
        read_options=json.ReadOptions(block_size=len(content) + 1, use_threads=False),
        parse_options=json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
    )
    (batch,) = table.combine_chunks().to_batches()
    return batch


def _batch_of_rows(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.record_batch(
        [pa.array([row[name] for row in rows], schema.field(name).type) for name in schema.names],
        schema=schema,
    )


def _times(article: Article) -> Row:
    moments: Row = {name: moment_of(getattr(article, told)) for name, told in TYPED_TIMES.items()}
    return moments | {DAY_COLUMN: day_of(article.published)}
