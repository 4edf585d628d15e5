"""Rows as Parquet: typed columns, zstd, row groups of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from newscrawl.errors import NewscrawlError
from newscrawl.export.schemas import COLUMNS, ColumnType, Row, datatrove, flat
from newscrawl.export.values import day_of, moment_of
from newscrawl.items import Article

if TYPE_CHECKING:
    import pyarrow as pa

    from newscrawl.export.scan import Unit
    from newscrawl.export.tally import Add, Tally


TYPED_TIMES = {"published_at": "published", "modified_at": "modified", "fetched_at": "fetched"}
"Columns of moments beside the texts they are read from; null where only the day is told."
DAY_COLUMN = "published_on"


def article_schema() -> pa.Schema:
    """Every field of an article under its name in the line, then the typed times."""
    import pyarrow as pa

    fields = list(_struct_of(Article)) + _time_fields()
    return pa.schema(fields, metadata={"newscrawl": str(Article.model_fields["schema_"].default)})


def flat_schema() -> pa.Schema:
    """The columns of a flat row, then the typed times."""
    import pyarrow as pa

    columns = [pa.field(name, _flat_type(kind)) for name, (kind, _) in COLUMNS.items()]
    return pa.schema(columns + _time_fields())


def datatrove_schema() -> pa.Schema:
    """`text`, `id`, and all other columns as the struct `metadata`."""
    import pyarrow as pa

    rest = [
        pa.field(name, _flat_type(kind)) for name, (kind, _) in COLUMNS.items() if name not in ("text", "id")
    ]
    return pa.schema([("text", pa.string()), ("id", pa.string()), ("metadata", pa.struct(rest))])


def arrow_type(annotation: Any) -> pa.DataType:
    """The type of a field; TypeError for a kind of annotation there is no rule for."""
    import pyarrow as pa

    plain = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    if annotation in plain:
        return plain[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return pa.struct(_struct_of(annotation))
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


def _struct_of(model: type[BaseModel]) -> list[pa.Field]:
    import pyarrow as pa

    return [
        pa.field(field.alias or name, arrow_type(field.annotation))
        for name, field in model.model_fields.items()
    ]


def _time_fields() -> list[pa.Field]:
    import pyarrow as pa

    moments = [pa.field(name, pa.timestamp("us", tz="UTC")) for name in TYPED_TIMES]
    return [*moments, pa.field(DAY_COLUMN, pa.date32())]


def _flat_type(kind: ColumnType) -> pa.DataType:
    python = {"text": str, "int": int, "float": float, "bool": bool, "texts": list[str]}
    return arrow_type(python[kind])


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
