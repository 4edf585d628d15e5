"""The pages of one outlet in the database: looked up, added and ended in batches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from sqlalchemy import Row, Update, bindparam, func, literal, select, update

from newscrawl.state.database import Database
from newscrawl.state.hosts import HostTable, origin_of_url
from newscrawl.state.retry_policy import KILLS, LOOKS
from newscrawl.state.schema import urls

BATCH = 1000
"Rows of one transaction: other crawls wait for no longer than these take."
_SHARES = 8
"Kinds of source there may be, more than there are."


# Built once, like the updates below: each page asks it.
_WITH_ARTICLE = (
    select(urls.c.url)
    .where(
        urls.c.article == bindparam("article"),
        urls.c.outlet == bindparam("outlet"),
        urls.c.key != bindparam("besides"),
        urls.c.article_run != bindparam("before"),
    )
    .limit(1)
)


class PageTable:
    """Rows of `urls`, an outlet's own; keys come from `rows.key_of`."""

    def __init__(self, database: Database, outlet: str, looks: Sequence[int] = LOOKS) -> None:
        self._database = database
        self.outlet = outlet
        self.looks = looks
        "Ages at which its articles are looked at again, in seconds."

    def known(self, keys: Iterable[bytes]) -> dict[bytes, Row[Any]]:
        """Those of the keys that have a row: its status, what its source said of it, when it is due."""
        wanted = select(
            urls.c.key, urls.c.status, urls.c.lister, urls.c.listed, urls.c.next_due, urls.c.article
        )
        found: dict[bytes, Row[Any]] = {}
        with self._database.reading() as connection:
            for batch in batches(keys):
                rows: Iterable[Any] = connection.execute(wanted.where(urls.c.key.in_(batch)))
                for row in rows:
                    found[row.key] = row
        return found

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """New rows; those whose key is there already are left as they are."""
        statement = self._database.insert(urls).on_conflict_do_nothing(index_elements=["key"])
        for batch in batches(rows):
            with self._database.writing() as connection:
                connection.execute(statement, batch)

    def change(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """New values of rows by `at`, their key; all rows name the same columns."""
        for batch in batches(rows):
            statement = _update_of(tuple(name for name in batch[0] if name != "at"))
            with self._database.writing() as connection:
                connection.execute(statement, batch)

    def row(self, key: bytes) -> Row[Any] | None:
        """The whole row of a key."""
        with self._database.reading() as connection:
            return connection.execute(select(urls).where(urls.c.key == key)).first()

    def paused(self, url: str, now: int) -> int | None:
        """Until when the host of a page wants to be left alone."""
        return HostTable(self._database).paused(origin_of_url(url), now)

    def waiting(self, now: int, limit: int, without: Collection[bytes] = ()) -> list[Row[Any]]:
        """Up to `limit` rows that are due: of each kind of source in turn the newest."""
        shares = [self._newest(via, now, limit, without) for via in self._kinds()]
        return list(islice(_in_turn(shares), limit))

    def _newest(self, via: str, now: int, limit: int, without: Collection[bytes]) -> list[Row[Any]]:
        statement = (
            select(urls)
            .where(urls.c.outlet == self.outlet, urls.c.via == via, urls.c.next_due <= now)
            .order_by(urls.c.staleness, urls.c.id)
            .limit(limit + len(without))
        )
        with self._database.reading() as connection:
            return [row for row in connection.execute(statement) if row.key not in without]

    def _kinds(self) -> list[str]:
        """Kinds of source that have rows waiting, one look into the index each."""
        found: list[str] = []
        with self._database.reading() as connection:
            for _ in range(_SHARES):
                statement = (
                    select(urls.c.via)
                    .where(urls.c.outlet == self.outlet, urls.c.next_due.is_not(None))
                    .where(urls.c.via > (found[-1] if found else ""))
                    .order_by(urls.c.via)
                    .limit(1)
                )
                via = connection.execute(statement).scalar()
                if via is None:
                    break
                found.append(via)
        return found

    def left_in_flight(self, now: int) -> list[Row[Any]]:
        """Rows that earlier runs asked for and did not end: those beside which the fewest died first."""
        statement = select(urls).where(
            urls.c.outlet == self.outlet, urls.c.taken.is_not(None), urls.c.next_due <= now
        )
        with self._database.reading() as connection:
            return list(connection.execute(statement.order_by(urls.c.deaths, urls.c.staleness, urls.c.id)))

    def mourn(self, run: str) -> int:
        """Another process has died: note it at the rows its run had in flight; how many they are."""
        died = (
            update(urls)
            .where(urls.c.outlet == self.outlet, urls.c.taken == run)
            .values(deaths=urls.c.deaths + 1)
        )
        with self._database.writing() as connection:
            return connection.execute(died).rowcount

    def forgive(self, now: int) -> None:
        """Let pages be fetched again beside which processes died too often."""
        spared = (
            update(urls)
            .where(urls.c.outlet == self.outlet, urls.c.reason == KILLS)
            .values(next_due=now, deaths=0)
        )
        with self._database.writing() as connection:
            connection.execute(spared)

    def count_due(self, now: int, at_most: int | None = None) -> int:
        """Rows that are due, counted no further than `at_most`."""
        due = select(literal(1)).where(urls.c.outlet == self.outlet, urls.c.next_due <= now)
        due = due.where(urls.c.via > "")  # so that the index alone answers
        with self._database.reading() as connection:
            statement = select(func.count()).select_from(due.limit(at_most).subquery())
            return int(connection.execute(statement).scalar_one())

    def with_article(self, article: str, *, besides: bytes, before: str) -> str | None:
        """URL of another page of this outlet whose last text has this id, written by another run."""
        asked = {"article": article, "outlet": self.outlet, "besides": besides, "before": before}
        with self._database.reading() as connection:
            return connection.execute(_WITH_ARTICLE, asked).scalar()

    def ended_in(self, run: str, since: int) -> Sequence[Row[Any]]:
        """Rows that a run begun at `since` has ended."""
        statement = select(urls).where(
            urls.c.outlet == self.outlet, urls.c.looked >= since, urls.c.run == run
        )
        with self._database.reading() as connection:
            return connection.execute(statement).all()

    def all(self) -> Iterator[Row[Any]]:
        """Every row, in batches that leave others their turn."""
        last = 0
        while True:
            statement = select(urls).where(urls.c.outlet == self.outlet, urls.c.id > last)
            with self._database.reading() as connection:
                rows = connection.execute(statement.order_by(urls.c.id).limit(BATCH)).all()
            yield from rows
            if len(rows) < BATCH:
                return
            last = rows[-1].id


@lru_cache(maxsize=64)
def _update_of(names: tuple[str, ...]) -> Update:
    """The statement for these columns: a page's end is one, and building it costs more than running it."""
    columns: dict[str, Any] = {name: bindparam(name) for name in names}
    return update(urls).where(urls.c.key == bindparam("at")).values(columns)


def batches(things: Iterable[Any], size: int = BATCH) -> Iterator[list[Any]]:
    """The things in lists of at most `size`."""
    iterator = iter(things)
    while batch := list(islice(iterator, size)):
        yield batch


def _in_turn(shares: list[list[Row[Any]]]) -> Iterator[Row[Any]]:
    """The first of each share, then the second of each, …"""
    for place in range(max(map(len, shares), default=0)):
        yield from (share[place] for share in shares if place < len(share))
