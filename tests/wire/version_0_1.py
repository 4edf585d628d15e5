"""What version 0.1 left behind: the archive and the state of an outlet that it crawled."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine, MetaData, create_engine, insert, inspect, select, text

FOLDER = Path(__file__).parents[1] / "data" / "version_0_1"
OUTLET = "kamer_echo"
RUN = "kamer_echo-20261129131813041-4432"
PORT = 28640
"Where the newsroom was served, and so part of each URL."
ENDED = 1_795_958_295
"The run had ended by then."
Rows = dict[str, list[tuple[object, ...]]]


def copy_archives(folder: Path) -> Path:
    """A folder of archives as version 0.1 wrote it, state included."""
    shutil.copytree(FOLDER / OUTLET, folder / OUTLET)
    write_sqlite(folder / "state.sqlite")
    return folder


def write_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(gzip.decompress((FOLDER / "state.sql.gz").read_bytes()).decode())


def write_state(url: str, folder: Path) -> None:
    """Write the state of version 0.1 into an empty database; `folder` takes a file on the way."""
    if url.startswith("sqlite:///"):
        write_sqlite(Path(url.removeprefix("sqlite:///")))
        return
    write_sqlite(folder / "old.sqlite")
    tables = MetaData()
    with opened(f"sqlite:///{folder}/old.sqlite") as source, opened(url) as target:
        tables.reflect(source)
        with source.connect() as reading, target.begin() as writing:
            for statement in (FOLDER / "schema_postgresql.sql").read_text().split(";\n"):
                if statement.strip():
                    writing.execute(text(statement))
            writing.execute(text("DELETE FROM schema_version"))
            for table in tables.sorted_tables:
                if rows := [dict(row) for row in reading.execute(select(table)).mappings()]:
                    writing.execute(insert(table), rows)


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """The database without newscrawl, which would migrate it."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        yield engine
    finally:
        engine.dispose()


def read_rows(url: str) -> Rows:
    """All rows of all tables, columns in the order in which the tables have them."""
    with opened(url) as engine, engine.connect() as connection:
        names = sorted(inspect(connection).get_table_names())
        found = {name: connection.execute(text(f'SELECT * FROM "{name}"')).all() for name in names}
    return {name: sorted((tuple(map(_plain, row)) for row in rows), key=repr) for name, rows in found.items()}


def read_columns(url: str) -> dict[str, list[str]]:
    """The columns of all tables, in their order."""
    with opened(url) as engine:
        found = inspect(engine)
        return {
            name: [str(column["name"]) for column in found.get_columns(name)]
            for name in found.get_table_names()
        }


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value
