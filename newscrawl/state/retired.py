"""Sources of an outlet that are given up as dead."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from newscrawl.state.database import Database
from newscrawl.state.tables import feeds


def retired_sources(database: Database, outlet: str, named: Collection[str]) -> list[str]:
    """Those of the sources that its file names; where it names none, of those that ever answered."""
    statement = select(feeds.c.url, feeds.c.changed).where(
        feeds.c.outlet == outlet, feeds.c.retired.is_not(None)
    )
    with database.reading() as connection:
        rows = connection.execute(statement.order_by(feeds.c.url)).all()
    return [row.url for row in rows if (row.url in named if named else row.changed is not None)]
