"""Texts that are looked through for copies, and what was found of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)

from newscrawl.state.database import Database
from newscrawl.state.retry_policy import HOUR
from newscrawl.state.schema import copies, prints, same_story
from newscrawl.state.urls import batches

_LOCK = 0x6E657774
"Number of PostgreSQL's advisory lock: of two transactions at once neither would see the other's texts."
_NUMBERS: BindParameter[Any] = bindparam("numbers", expanding=True)
"A list that is handed over as it is: a hundred numbers one by one cost a millisecond."
# Built once: every text that is looked at asks all of these.
_AT = select(copies).where(copies.c.key == bindparam("key"))
_ROWS = select(copies).where(copies.c.id.in_(_NUMBERS)).order_by(copies.c.id)
_ADD = insert(copies).returning(copies.c.id)
_SHARING = (
    select(prints.c.copy)
    .where(
        prints.c.print.in_(_NUMBERS), prints.c.copy >= bindparam("since"), prints.c.copy != bindparam("row")
    )
    .group_by(prints.c.copy)
    .having(func.count() >= bindparam("least"))
    .order_by(func.count().desc(), prints.c.copy)
    .limit(bindparam("most"))
)
_SPREAD = (
    select(prints.c.print, func.count())
    .where(prints.c.print.in_(_NUMBERS), prints.c.copy >= bindparam("since"))
    .group_by(prints.c.print)
)
_LIGHT = [column for column in copies.c if column.name not in ("words", "names")]


class Copied(NamedTuple):
    """What is known of one page's copies."""

    cluster: str | None
    duplicate_of: str | None
    same_story: list[str]
    "Ids of articles of the same event in other languages."


class CopyTable:
    """The texts of all outlets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def writing(self) -> Iterator[CopyRows]:
        """A transaction, alone with its database's copies."""
        with self._database.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            yield CopyRows(connection)

    def known(self, keys: Iterable[bytes]) -> dict[bytes, str]:
        """Pages that have a row, and the id of their last text."""
        found: dict[bytes, str] = {}
        with self._database.reading() as connection:
            for batch in batches(keys):
                wanted = select(copies.c.key, copies.c.latest).where(copies.c.key.in_(batch))
                found |= {row.key: row.latest for row in connection.execute(wanted)}
        return found

    def of_pages(self, keys: Iterable[bytes]) -> dict[bytes, Copied]:
        """What is known of the pages with these keys (`rows.key_of`); pages never looked at are missing."""
        found: dict[bytes, Copied] = {}
        with self._database.reading() as connection:
            for batch in batches(keys):
                rows = connection.execute(select(*_LIGHT).where(copies.c.key.in_(batch))).all()
                other = CopyRows(connection).in_other_languages([row.id for row in rows])
                for row in rows:
                    links = [one.latest for one in other.get(row.id, [])]
                    found[row.key] = Copied(row.cluster, row.duplicate_of, links)
        return found

    def named(self, name: str, url: str) -> list[Row[Any]]:
        """Rows of an article's id, a cluster or a page's URL; a page may be known to several outlets."""
        is_named = or_(
            copies.c.article == name, copies.c.latest == name, copies.c.cluster == name, copies.c.url == url
        )
        with self._database.reading() as connection:
            return list(connection.execute(select(copies).where(is_named).order_by(copies.c.id)))

    def carried(self, row: Row[Any]) -> tuple[list[Row[Any]], list[Row[Any]]]:
        """The rows of a row's cluster, itself included, and those of the same event in other languages."""
        with self._database.reading() as connection:
            rows = CopyRows(connection)
            members = rows.members(row.cluster) if row.cluster else [row]
            found = rows.in_other_languages([member.id for member in members])
            linked = {one.id: one for each in found.values() for one in each}
        return members, [linked[number] for number in sorted(linked)]

    def counts(self) -> dict[str, int]:
        """How many texts, clusters, copies and links between languages there are."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(
                    func.count().label("texts"),
                    func.count(copies.c.cluster.distinct()).label("clusters"),
                    func.count(copies.c.duplicate_of).label("duplicates"),
                )
            ).one()
            links = connection.execute(select(func.count()).select_from(same_story)).scalar_one()
        return {
            "texts": row.texts,
            "clusters": row.clusters,
            "duplicates": row.duplicates,
            "same_story": links,
        }


class CopyRows:
    """The same within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._firsts: dict[int, int] = {}
        "By hour: asked once a transaction, for it looks through all that is newer."

    def clear(self) -> None:
        for table in (copies, prints, same_story):
            self._connection.execute(delete(table))

    def remove(self, row: int) -> None:
        """The row goes, and its links; its fingerprints are removed before."""
        is_linked = or_(same_story.c.one == row, same_story.c.other == row)
        self._connection.execute(delete(same_story).where(is_linked))
        self._connection.execute(delete(copies).where(copies.c.id == row))

    def at(self, key: bytes) -> Row[Any] | None:
        """The row of a page."""
        return self._connection.execute(_AT, {"key": key}).first()

    def add(self, values: Mapping[str, Any]) -> int:
        """The new row's number; numbers ascend."""
        return int(self._connection.execute(_ADD, values).scalar_one())

    def add_all(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Whole rows, numbers and all."""
        for batch in batches(rows):
            self._connection.execute(insert(copies), batch)

    def change(self, number: int, values: Mapping[str, Any]) -> None:
        self._connection.execute(update(copies).where(copies.c.id == number).values(**values))

    def add_prints(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Fingerprints and the rows they are of."""
        for batch in batches(pairs):
            self._connection.execute(
                insert(prints), [{"print": number, "copy": row} for number, row in batch]
            )

    def remove_prints(self, row: int, numbers: Sequence[int]) -> None:
        if numbers:
            wanted = and_(prints.c.copy == row, prints.c.print.in_(_NUMBERS))
            self._connection.execute(delete(prints).where(wanted), {"numbers": numbers})

    def sharing(self, numbers: Sequence[int], row: int, least: int, most: int, since: int = 0) -> list[int]:
        """Rows that share at least so many of the fingerprints with `row`, those with the most first."""
        asked = {"numbers": numbers, "row": row, "least": least, "most": most, "since": since}
        return list(self._connection.execute(_SHARING, asked).scalars())

    def spread(self, numbers: Sequence[int], since: int) -> dict[int, int]:
        """How many rows have each of these."""
        found = self._connection.execute(_SPREAD, {"numbers": numbers, "since": since})
        return {row[0]: row[1] for row in found}

    def rows(self, numbers: Sequence[int]) -> list[Row[Any]]:
        if not numbers:
            return []
        return list(self._connection.execute(_ROWS, {"numbers": numbers}))

    def members(self, cluster: str) -> list[Row[Any]]:
        wanted = select(*_LIGHT).where(copies.c.cluster == cluster).order_by(copies.c.id)
        return list(self._connection.execute(wanted))

    def head(self, cluster: str) -> Row[Any] | None:
        """The first row of a cluster whose text is still compared."""
        wanted = select(copies).where(copies.c.cluster == cluster, copies.c.words.is_not(None))
        return self._connection.execute(wanted.order_by(copies.c.id).limit(1)).first()

    def first_since(self, seen: int) -> int:
        """The first row of texts fetched since the hour of then; if there is none, the next there will be."""
        hour = seen // HOUR * HOUR
        if hour not in self._firsts:
            wanted = select(func.min(copies.c.id)).where(copies.c.seen >= hour, copies.c.words.is_not(None))
            first = self._connection.execute(wanted).scalar()
            self._firsts[hour] = first if first is not None else self.last() + 1
        return self._firsts[hour]

    def last(self) -> int:
        return self._connection.execute(select(func.max(copies.c.id))).scalar() or 0

    def merge(self, clusters: Collection[str], into: str) -> None:
        self._connection.execute(
            update(copies)
            .where(copies.c.cluster.in_(clusters), copies.c.cluster != into)
            .values(cluster=into)
        )

    def name_original(self, cluster: str, row: int, article: str) -> None:
        """Every other member of the cluster repeats this one."""
        of_cluster = copies.c.cluster == cluster
        self._connection.execute(
            update(copies).where(of_cluster, copies.c.id != row).values(duplicate_of=article)
        )
        self._connection.execute(update(copies).where(copies.c.id == row).values(duplicate_of=None))

    def link(self, one: int, other: int, score: float) -> None:
        """Two rows are of the same event, in two languages."""
        pair = {"one": min(one, other), "other": max(one, other)}
        self._connection.execute(
            delete(same_story).where(same_story.c.one == pair["one"], same_story.c.other == pair["other"])
        )
        self._connection.execute(insert(same_story).values(**pair, score=score))

    def in_other_languages(self, numbers: Sequence[int]) -> dict[int, list[Row[Any]]]:
        """Linked rows by the row they are linked to."""
        found: dict[int, list[Row[Any]]] = {}
        for mine, yours in ((same_story.c.one, same_story.c.other), (same_story.c.other, same_story.c.one)):
            wanted = select(mine.label("to"), *_LIGHT).where(mine.in_(numbers), copies.c.id == yours)
            for row in self._connection.execute(wanted):
                found.setdefault(row.to, []).append(row)
        return found

    def old(self, seen: int, most: int) -> list[Row[Any]]:
        """Rows with texts fetched before then."""
        wanted = select(copies).where(copies.c.seen < seen, copies.c.words.is_not(None))
        return list(self._connection.execute(wanted.order_by(copies.c.seen).limit(literal(most))))
