"""Rows handed over as one value: a statement is then the same, and is one, however many rows it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Table,
    Update,
    bindparam,
    func,
    literal,
    select,
    update,
)

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def list_table(
    columns: Sequence[ColumnElement[Any]], rows: Sequence[tuple[Any, ...]], *, is_postgresql: bool
) -> FromClause:
    """Rows as a table within a statement, with the names and types of these columns; no bytes in SQLite."""
    if is_postgresql:
        from sqlalchemy.dialects.postgresql import ARRAY

        values = list(zip(*rows, strict=True)) or [()] * len(columns)
        arrays = (
            literal(list(each), ARRAY(column.type)) for column, each in zip(columns, values, strict=True)
        )
        return func.unnest(*arrays).table_valued(*columns).render_derived()
    listed = func.json_each(to_json(rows).decode()).table_valued("value")
    names = [column.key or "" for column in columns]
    fields = (func.json_extract(listed.c.value, f"$[{at}]").label(name) for at, name in enumerate(names))
    return select(*fields).subquery()


@lru_cache(maxsize=64)
def build_array_insert(table: Table, names: tuple[str, ...]) -> postgresql.Insert:
    """PostgreSQL's INSERT of these columns, whose parameters are `columns_of_rows`."""
    from sqlalchemy.dialects import postgresql

    rows = _bound_rows(table, names)
    statement = postgresql.insert(table)
    return statement.from_select(list(names), select(*(rows.c[name] for name in names)))


@lru_cache(maxsize=64)
def build_array_update(table: Table, key: str, names: tuple[str, ...]) -> Update:
    """PostgreSQL's UPDATE of these columns by the column `key`, which is among the parameters too."""
    rows = _bound_rows(table, (key, *names))
    values = {name: rows.c[name] for name in names}
    return update(table).where(table.c[key] == rows.c[key]).values(values)


def _bound_rows(table: Table, names: Sequence[str]) -> FromClause:
    from sqlalchemy.dialects.postgresql import ARRAY

    columns = [table.c[name] for name in names]
    # A parameter must not have the name of a column that the statement sets.
    arrays = (bindparam(f"{column.name}_list", type_=ARRAY(column.type)) for column in columns)
    return func.unnest(*arrays).table_valued(*columns, name="new_rows").render_derived()


def array_parameters(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The parameters of these statements, for rows that all name the same columns."""
    return {f"{name}_list": [row[name] for row in rows] for name in rows[0]}
