"""Arrow types of articles, told by the classes and never guessed from rows."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from newscrawl.export.flat import COLUMNS, ColumnType
from newscrawl.items import Article

if TYPE_CHECKING:
    import pyarrow as pa

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
