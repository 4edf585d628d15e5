"""The pages of an outlet in the database: looked up, added and changed in batches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, groupby, islice, zip_longest
from typing import Any, get_args

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)

from newscrawl.items import Via
from newscrawl.state.database import Database, reconnecting
from newscrawl.state.hosts import HostTable, url_origin
from newscrawl.state.refetch_policy import (
    CLOCK_TOLERANCE,
    CRASHES_PROCESS,
    REVISIT_AGES,
    is_time_due,
    longest_page_wait,
)
from newscrawl.state.row_lists import array_parameters, build_array_insert, build_array_update
from newscrawl.state.schema import urls

BATCH = 1000
"Rows of one transaction: other crawls never wait longer than these take."
_KINDS = sorted(get_args(Via))
# Built once, like the updates below: it runs for each page.
_DUPLICATE = (
    select(urls.c.url)
    .where(
        urls.c.article_id == bindparam("article_id"),
        urls.c.outlet == bindparam("outlet"),
        urls.c.key != bindparam("except_key"),
        urls.c.article_run != bindparam("except_run"),
    )
    .limit(1)
)


class UrlTable:
    """Rows of `urls` of one outlet; keys come from `encoding.page_key`."""

    def __init__(self, database: Database, outlet: str, revisit_ages: Sequence[int] = REVISIT_AGES) -> None:
        self._database = database
        self.outlet = outlet
        self.revisit_ages = revisit_ages
        "Ages at which its articles are fetched again, in seconds."
        self.longest_wait = longest_page_wait(revisit_ages)
        "Due times that are further away were written by a wrong clock."

    def find(self, keys: Iterable[bytes]) -> dict[bytes, Row[Any]]:
        """Status, listing, due time and witness of the keys that have a row."""
        found: dict[bytes, Row[Any]] = {}
        for batch in batches(keys):
            found |= {row.key: row for row in self._find_batch(batch)}
        return found

    @reconnecting
    def _find_batch(self, keys: list[bytes]) -> Sequence[Any]:
        columns = select(
            urls.c.key,
            urls.c.status,
            urls.c.source_digest,
            urls.c.listing_digest,
            urls.c.next_due,
            urls.c.article_id,
            urls.c.witness,
        )
        with self._database.reading() as connection:
            return connection.execute(columns.where(self._database.is_among(urls.c.key, keys))).all()

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """New rows; where the key is there already, the old row stays as it is."""
        for batch in batches(rows):
            self._add_batch(batch)

    def change(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """New values of rows by `at`, their key; of two changes of a row the later holds."""
        for batch in batches(rows):
            self._change_batch(batch)

    @reconnecting
    def _add_batch(self, batch: list[Mapping[str, Any]]) -> None:
        with self._database.committing() as connection:
            if connection.dialect.name == "postgresql":
                statement = build_array_insert(urls, tuple(batch[0]))
                statement = statement.on_conflict_do_nothing(index_elements=["key"])
                connection.execute(statement, array_parameters(batch))
            else:
                statement = self._database.insert(urls).on_conflict_do_nothing(index_elements=["key"])
                connection.execute(statement, batch)

    @reconnecting
    def _change_batch(self, batch: list[Mapping[str, Any]]) -> None:
        with self._database.committing() as connection:
            # An article has more columns than a rejection; what is one after the other goes together.
            for columns, group in groupby(batch, key=tuple):
                names, rows = tuple(name for name in columns if name != "at"), list(group)
                if connection.dialect.name == "postgresql":
                    last = {row["at"]: {"key": row["at"], **row} for row in rows}
                    values = array_parameters(list(last.values()))
                    del values["at_list"]
                    connection.execute(build_array_update(urls, "key", names), values)
                else:
                    connection.execute(_build_update(names), rows)

    @reconnecting
    def row(self, key: bytes) -> Row[Any] | None:
        """The whole row of a key."""
        with self._database.reading() as connection:
            return connection.execute(select(urls).where(urls.c.key == key)).first()

    def paused_until(self, url: str, now: int) -> int | None:
        """Until when the host of a page wants to be left alone."""
        return HostTable(self._database).paused_until(url_origin(url), now)

    @reconnecting
    def waiting(self, now: int, limit: int, without: Collection[bytes] = ()) -> list[Row[Any]]:
        """Up to `limit` rows that are due: the newest of each kind of source in turn."""
        shares: dict[str, list[Row[Any]]] = {kind: [] for kind in _KINDS}
        newest = (self._select_newest(kind, now, limit + len(without)).subquery() for kind in _KINDS)
        with self._database.reading() as connection:
            # A kind without rows costs one lookup in the index.
            rows = connection.execute(union_all(*map(select, newest))).all()
        for row in sorted(rows, key=lambda row: (row.published_desc, row.id)):
            if row.key not in without:
                shares[row.via].append(row)
        turns = chain.from_iterable(zip_longest(*shares.values()))
        return list(islice((row for row in turns if row is not None), limit))

    def _select_newest(self, via: str, now: int, limit: int) -> Select[Any]:
        statement = select(urls).where(urls.c.outlet == self.outlet, urls.c.via == via)
        statement = statement.where(self._is_due_column(now))
        return statement.order_by(urls.c.published_desc, urls.c.id).limit(limit)

    @reconnecting
    def left_in_flight(self, now: int) -> list[Row[Any]]:
        """Rows that earlier runs requested and did not finish, those with the fewest crashes first."""
        statement = select(urls).where(
            urls.c.outlet == self.outlet, urls.c.in_flight_run.is_not(None), self._is_due_column(now)
        )
        order = (urls.c.crash_count, urls.c.published_desc, urls.c.id)
        with self._database.reading() as connection:
            return list(connection.execute(statement.order_by(*order)))

    def record_crash(self, run: str) -> int:
        """Count a crash at each row that a dead run had in flight; gives how many rows there were."""
        rows = self._in_flight_rows(run)
        # The counts are stored as read: a transaction that is repeated must not count again.
        self.change({"at": row.key, "crash_count": row.crash_count + 1} for row in rows)
        return len(rows)

    @reconnecting
    def _in_flight_rows(self, run: str) -> Sequence[Any]:
        statement = select(urls.c.key, urls.c.crash_count).where(
            urls.c.outlet == self.outlet, urls.c.in_flight_run == run
        )
        with self._database.reading() as connection:
            return connection.execute(statement).all()

    @reconnecting
    def lift_quarantine(self, now: int) -> None:
        """Let pages be fetched again that were in flight at too many crashes."""
        statement = (
            update(urls)
            .where(urls.c.outlet == self.outlet, urls.c.reason == CRASHES_PROCESS)
            .values(next_due=now, crash_count=0)
        )
        with self._database.writing() as connection:
            connection.execute(statement)

    @reconnecting
    def count_due(self, now: int, at_most: int | None = None) -> int:
        """Rows that are due, counted no further than `at_most`."""
        due = select(literal(1)).where(urls.c.outlet == self.outlet, self._is_due_column(now))
        due = due.where(urls.c.via > "")  # so that the index alone answers
        with self._database.reading() as connection:
            statement = select(func.count()).select_from(due.limit(at_most).subquery())
            return int(connection.execute(statement).scalar_one())

    def is_due(self, next_due: int | None, now: int) -> bool:
        """Whether a page with this due time is fetched now."""
        return next_due is not None and is_time_due(next_due, now, self.longest_wait)

    def _is_due_column(self, now: int) -> ColumnElement[bool]:
        """The same as a condition, which the index of waiting pages can answer."""
        latest = now + self.longest_wait + CLOCK_TOLERANCE
        return and_(urls.c.next_due.is_not(None), or_(urls.c.next_due <= now, urls.c.next_due > latest))

    @reconnecting
    def find_duplicate(self, article_id: str, *, except_key: bytes, except_run: str) -> str | None:
        """URL of another page of this outlet whose last text has this id and was written by another run."""
        values = {
            "article_id": article_id,
            "outlet": self.outlet,
            "except_key": except_key,
            "except_run": except_run,
        }
        with self._database.reading() as connection:
            return connection.execute(_DUPLICATE, values).scalar()

    @reconnecting
    def finished_in(self, run: str, since: int) -> Sequence[Row[Any]]:
        """Rows whose last fetch ended in a run that began at `since`."""
        statement = select(urls).where(
            urls.c.outlet == self.outlet, urls.c.last_fetched_at >= since, urls.c.run == run
        )
        with self._database.reading() as connection:
            return connection.execute(statement).all()

    @reconnecting
    def texts_found_again(self, run: str) -> Sequence[Row[Any]]:
        """Keys of pages whose only text was written by this run, and which a later run fetched last."""
        statement = select(urls.c.key).where(
            urls.c.outlet == self.outlet, urls.c.article_run == run, urls.c.run != run, urls.c.version == 1
        )
        with self._database.reading() as connection:
            return connection.execute(statement).all()

    def all(self) -> Iterator[Row[Any]]:
        """Every row, in batches that leave others their turn."""
        last = 0
        while True:
            rows = self._rows_after(last)
            yield from rows
            if len(rows) < BATCH:
                return
            last = rows[-1].id

    @reconnecting
    def _rows_after(self, last: int) -> Sequence[Row[Any]]:
        statement = select(urls).where(urls.c.outlet == self.outlet, urls.c.id > last)
        with self._database.reading() as connection:
            return connection.execute(statement.order_by(urls.c.id).limit(BATCH)).all()


@lru_cache(maxsize=64)
def _build_update(names: tuple[str, ...]) -> Update:
    """The UPDATE of these columns; building it for every finished page would cost more than running it."""
    columns: dict[str, Any] = {name: bindparam(name) for name in names}
    return update(urls).where(urls.c.key == bindparam("at")).values(columns)


def batches(things: Iterable[Any], size: int = BATCH) -> Iterator[list[Any]]:
    """The things in lists of at most `size`."""
    iterator = iter(things)
    while batch := list(islice(iterator, size)):
        yield batch
