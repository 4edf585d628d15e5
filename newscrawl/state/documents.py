"""The texts that are searched for near-duplicates, and their clusters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Table,
    and_,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    true,
    union,
    update,
)
from sqlalchemy.exc import DBAPIError

from newscrawl.state.database import Database
from newscrawl.state.refetch_policy import HOUR, TAKEN_DOWN
from newscrawl.state.row_lists import list_table
from newscrawl.state.schema import advance_sequence, documents, fingerprints
from newscrawl.state.schema import cross_language_links as links
from newscrawl.state.schema import urls as pages
from newscrawl.state.urls import batches

T = TypeVar("T")
NOT_COMPARED = ""
"`latest_article_id` of a row whose text is stored, but was not compared with others yet."
_NUMBERS: BindParameter[Any] = bindparam("numbers", expanding=True)
"A list that is bound as a whole: a hundred numbers bound singly cost a millisecond."
_ASKER, _NUMBER, _LEAST = (column(name, BigInteger) for name in ("document_id", "number", "least"))
_WITHOUT_SKETCHES = [each for each in documents.c if each.name not in ("token_sketch", "name_sketch")]
_HAS_TOKENS = documents.c.token_sketch.is_not(None).label("has_tokens")
_NEVER_REPLACED = ("id", "key", "first_article_id", "latest_article_id", "cluster", "duplicate_of")


class ClusterMembership(NamedTuple):
    """The near-duplicates of a page."""

    cluster: str | None
    duplicate_of: str | None
    same_story: list[str]
    "Ids of articles about the same event in other languages."


class DocumentTable:
    """The texts of all outlets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def writing(self) -> Iterator[DocumentSession]:
        """A transaction that is committed when the block ends; others may overlap it in PostgreSQL."""
        with self._database.writing() as connection:
            yield DocumentSession(connection, self._database)

    @contextmanager
    def replacing(self) -> Iterator[DocumentSession]:
        """A transaction without any other that writes documents, for replacing them all."""
        with self._database.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"LOCK TABLE {documents.name} IN EXCLUSIVE MODE"))
            session = DocumentSession(connection, self._database)
            session.clear()
            yield session

    @contextmanager
    def reading(self) -> Iterator[DocumentSession]:
        """Queries that lock nothing."""
        with self._database.reading() as connection:
            yield DocumentSession(connection, self._database)

    def in_transaction(self, step: Callable[[DocumentSession], T]) -> T:
        """Take a step in a transaction; again from its beginning whenever the database was away.

        It may be repeated after it was committed without an answer: it must store the same values again.
        """

        def take() -> T:
            with self.writing() as session:
                return step(session)

        return self._database.repeat_while_away(take)

    def in_reading(self, step: Callable[[DocumentSession], T]) -> T:
        """Ask without locking anything; again from the beginning whenever the database was away."""

        def take() -> T:
            with self.reading() as session:
                return step(session)

        return self._database.repeat_while_away(take)

    def memberships(self, keys: Iterable[bytes]) -> dict[bytes, ClusterMembership]:
        """Clusters of the pages with these keys (`encoding.page_key`); pages without a row are missing."""
        found: dict[bytes, ClusterMembership] = {}
        with self._database.reading() as connection:
            for batch in batches(keys):
                columns = select(*_WITHOUT_SKETCHES).where(documents.c.key.in_(batch))
                rows = connection.execute(columns).all()
                session = DocumentSession(connection, self._database)
                translations = session.translations([row.id for row in rows])
                for row in rows:
                    others = translations.get(row.id, [])
                    same_story = [other.latest_article_id or other.first_article_id for other in others]
                    found[row.key] = ClusterMembership(row.cluster, row.duplicate_of, same_story)
        return found

    def find(self, name: str, url: str) -> list[Row[Any]]:
        """Rows with this article id, cluster or URL; several outlets may have the same page."""
        is_named = or_(
            documents.c.first_article_id == name,
            documents.c.latest_article_id == name,
            documents.c.cluster == name,
            documents.c.url == url,
        )
        with self._database.reading() as connection:
            return list(connection.execute(select(documents).where(is_named).order_by(documents.c.id)))

    def story(self, row: Row[Any]) -> tuple[list[Row[Any]], list[Row[Any]]]:
        """The rows of a row's cluster, itself included, and those about the same event in other languages."""
        with self._database.reading() as connection:
            session = DocumentSession(connection, self._database)
            members = session.members(row.cluster) if row.cluster else [row]
            translations = session.translations([member.id for member in members])
        linked = {other.id: other for others in translations.values() for other in others}
        return members, [linked[document_id] for document_id in sorted(linked)]

    def counts(self) -> dict[str, int]:
        """How many texts, clusters, copies and links between languages there are."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(
                    func.count().label("texts"),
                    func.count(documents.c.cluster.distinct()).label("clusters"),
                    func.count(documents.c.duplicate_of).label("duplicates"),
                )
            ).one()
            same_story = connection.execute(select(func.count()).select_from(links)).scalar_one()
        return {
            "texts": row.texts,
            "clusters": row.clusters,
            "duplicates": row.duplicates,
            "same_story": same_story,
        }


class Sharing(NamedTuple):
    """A document that has numbers in common with another."""

    document_id: int
    other_id: int


class DocumentSession:
    """Documents, fingerprints and links within a transaction.

    Lists are handed over as one value, so that the number of statements does not depend on their length.
    """

    def __init__(self, connection: Connection, database: Database) -> None:
        self._connection = connection
        self._insert = database.insert
        self._is_postgresql = connection.dialect.name == "postgresql"

    def clear(self) -> None:
        for table in (documents, fingerprints, links):
            self._connection.execute(delete(table))

    def row(self, key: bytes) -> Row[Any] | None:
        """The row of a page."""
        return self._connection.execute(select(documents).where(documents.c.key == key)).first()

    def lock_pages(self, keys: Collection[bytes]) -> list[Row[Any]]:
        """The rows of pages, which no other transaction changes until this one ends."""
        statement = select(documents).where(documents.c.key.in_(sorted(keys)))
        return list(self._connection.execute(statement.order_by(documents.c.id).with_for_update()))

    def list_taken_down(self, keys: Collection[bytes] | None = None) -> set[bytes]:
        """Of these pages, or of all that have a row here, those that were taken down."""
        wanted = select(documents.c.key) if keys is None else list(keys)
        statement = select(pages.c.key).where(pages.c.key.in_(wanted), pages.c.reason == TAKEN_DOWN)
        return set(self._connection.execute(statement).scalars())

    def store(self, rows: Sequence[Mapping[str, Any]]) -> list[Row[Any]]:
        """Insert pages, or replace their texts; `id`, `key` and `first_article_id` of each, by their ids.

        What `_NEVER_REPLACED` names stays as it is. New ids are in the order of `rows`.
        """
        statement = self._insert(documents)
        replaced = {name: statement.excluded[name] for name in rows[0] if name not in _NEVER_REPLACED}
        statement = statement.on_conflict_do_update(index_elements=[documents.c.key], set_=replaced)
        statement = statement.returning(documents.c.id, documents.c.key, documents.c.first_article_id)
        return sorted(self._connection.execute(statement, rows), key=lambda row: row.id)

    def fill(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add whole rows with their ids to an empty table."""
        self._fill_table(documents, (tuple(map(row.get, documents.c.keys())) for row in rows))
        advance_sequence(self._connection, documents)

    def fill_fingerprints(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Add fingerprints that are not there, each with the id of its document."""
        self._fill_table(fingerprints, pairs)

    def fill_links(self, pairs: Iterable[tuple[int, int, float]]) -> None:
        """Add links that are not there, the smaller id first."""
        self._fill_table(links, pairs)

    def _fill_table(self, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
        names = table.c.keys()
        if self._is_postgresql:
            self._copy_in(f"COPY {table.name} ({', '.join(names)}) FROM STDIN", rows)
            return
        # Without the statement's own treatment of values, which takes longer than SQLite does.
        statement = str(insert(table).compile(self._connection))
        for batch in batches(rows):
            self._connection.exec_driver_sql(statement, batch)

    def _copy_in(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        driver = self._connection.connection.driver_connection
        driver_errors = self._connection.dialect.loaded_dbapi.Error
        assert driver
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
        except driver_errors as error:
            # As SQLAlchemy does for the statements that it executes itself.
            raise DBAPIError.instance(statement, None, error, driver_errors) from error

    def update_clusters(self, rows: Sequence[tuple[int, str, str | None, str | None]]) -> None:
        """Set `latest_article_id`, `cluster` and `duplicate_of` of the documents with these ids."""
        if not rows:
            return
        columns = (documents.c.latest_article_id, documents.c.cluster, documents.c.duplicate_of)
        new = self._list_table((documents.c.id, *columns), rows)
        statement = update(documents).where(documents.c.id == new.c.id)
        self._connection.execute(statement.values({each.name: new.c[each.name] for each in columns}))

    def forget_texts(self, document_ids: Collection[int]) -> None:
        """Compare these documents no more; call `remove_fingerprints` before."""
        statement = update(documents).where(documents.c.id.in_(_NUMBERS))
        statement = statement.values(token_sketch=None, name_sketch=None)
        self._connection.execute(statement, {"numbers": list(document_ids)})

    def remove(self, document_ids: Collection[int]) -> None:
        """Remove rows and their links; call `remove_fingerprints` before."""
        ids = list(document_ids)
        is_linked = or_(links.c.document_id.in_(ids), links.c.translation_id.in_(ids))
        self._connection.execute(delete(links).where(is_linked))
        self._connection.execute(delete(documents).where(documents.c.id.in_(ids)))

    def add_fingerprints(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Add fingerprints, each with the id of its document, where they are not there."""
        if not pairs:
            return
        new = select(self._list_table([*fingerprints.c], pairs))
        if not self._is_postgresql:
            new = new.where(true())  # else SQLite would take ON CONFLICT for the condition of a join
        statement = self._insert(fingerprints).from_select(fingerprints.c.keys(), new)
        self._connection.execute(statement.on_conflict_do_nothing())

    def remove_fingerprints(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Remove fingerprints, each of the document with this id."""
        names = fingerprints.c.keys()
        if self._is_postgresql and pairs:
            old = self._list_table([*fingerprints.c], pairs)
            same = and_(*(fingerprints.c[name] == old.c[name] for name in names))
            self._connection.execute(delete(fingerprints).where(same))
        elif pairs:
            same = and_(*(fingerprints.c[name] == bindparam(f"old_{name}") for name in names))
            rows = [{f"old_{name}": value for name, value in zip(names, pair, strict=True)} for pair in pairs]
            self._connection.execute(delete(fingerprints).where(same), rows)

    def find_sharing(
        self, lookups: Sequence[tuple[int, int, int]], own: Collection[int], limit: int, since: int = 0
    ) -> list[Sharing]:
        """For each document the `limit` others that share most of its numbers, these first.

        `lookups`: the id of a document, one of its numbers, and how many it must share. Ids begin with
        `since`. Of the documents `own`, which come in the order of their ids, later ones are not looked at.
        """
        if not lookups:
            return []
        asked = self._list_table((_ASKER, _NUMBER, _LEAST), lookups)
        other = fingerprints.c.document_id
        shared = func.count()
        rank = func.row_number().over(partition_by=asked.c.document_id, order_by=(shared.desc(), other))
        is_earlier = or_(other < asked.c.document_id, other.not_in(list(own)))
        found = (
            select(asked.c.document_id, other.label("other_id"), rank.label("rank"))
            .where(fingerprints.c.fingerprint == asked.c.number, other >= since)
            .where(other != asked.c.document_id, is_earlier)
            .group_by(asked.c.document_id, other)
            .having(shared >= func.min(asked.c.least))
            .subquery()
        )
        statement = select(found.c.document_id, found.c.other_id).where(found.c.rank <= limit)
        rows = self._connection.execute(statement.order_by(found.c.document_id, found.c.rank))
        return [Sharing(*row) for row in rows]

    def document_frequencies(self, numbers: Collection[int], since: int) -> dict[int, int]:
        """How many documents with ids from `since` on have each of these fingerprints."""
        if not numbers:
            return {}
        asked = self._list_table((_NUMBER,), [(number,) for number in numbers])
        statement = select(fingerprints.c.fingerprint, func.count())
        statement = statement.where(fingerprints.c.fingerprint == asked.c.number)
        statement = statement.where(fingerprints.c.document_id >= since)
        rows = self._connection.execute(statement.group_by(fingerprints.c.fingerprint))
        return {row[0]: row[1] for row in rows}

    def rows(self, document_ids: Collection[int]) -> list[Row[Any]]:
        if not document_ids:
            return []
        statement = select(documents).where(documents.c.id.in_(_NUMBERS)).order_by(documents.c.id)
        return list(self._connection.execute(statement, {"numbers": list(document_ids)}))

    def members(self, cluster: str) -> list[Row[Any]]:
        statement = select(*_WITHOUT_SKETCHES).where(documents.c.cluster == cluster)
        return list(self._connection.execute(statement.order_by(documents.c.id)))

    def lock_clusters(self, document_ids: Collection[int]) -> list[Row[Any]]:
        """These rows and all of their clusters, which no other transaction changes until this one ends."""
        ids, locked = set(document_ids), dict[int, Any]()
        named, member = documents.alias(), documents.alias()
        while ids:
            asked = self._list_table((_NUMBER,), [(number,) for number in ids | set(locked)])
            own = select(asked.c.number)
            # Each cluster once: to pair all of its members with each other takes for ever.
            clusters = select(named.c.cluster).distinct().where(named.c.id == asked.c.number)
            joined = select(member.c.id).where(member.c.cluster.in_(clusters))
            statement = select(*_WITHOUT_SKETCHES, _HAS_TOKENS).order_by(documents.c.id).with_for_update()
            statement = statement.where(documents.c.id.in_(union(own, joined)))
            rows = {int(row.id): row for row in self._connection.execute(statement)}
            # Whoever held a lock may have merged clusters while this transaction waited for it.
            # Not so for documents that are in none.
            is_clustered = any(row.cluster is not None for row in rows.values())
            ids = set(rows) - set(locked) if self._is_postgresql and is_clustered else set()
            locked = rows
        return list(locked.values())

    def id_range(self, seconds: int) -> tuple[int, int]:
        """The first id of texts fetched since the hour of then, or the next new one; the last id of all."""
        recent = select(func.min(documents.c.id)).where(
            documents.c.fetched_at >= seconds // HOUR * HOUR, documents.c.token_sketch.is_not(None)
        )
        last = select(func.max(documents.c.id))
        row = self._connection.execute(select(recent.scalar_subquery(), last.scalar_subquery())).one()
        last_id = int(row[1] or 0)
        return (last_id + 1 if row[0] is None else int(row[0])), last_id

    def link(self, pairs: Sequence[tuple[int, int, float]]) -> None:
        """Link documents about the same event, in two languages."""
        if not pairs:
            return
        rows = {(min(pair), max(pair)): score for *pair, score in pairs}
        statement = self._insert(links).values(
            [
                {"document_id": first, "translation_id": second, "score": score}
                for (first, second), score in rows.items()
            ]
        )
        key = (links.c.document_id, links.c.translation_id)
        changed = {"score": statement.excluded.score}
        self._connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))

    def translations(self, document_ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
        """Linked rows by the id of the document they are linked to."""
        found: dict[int, list[Row[Any]]] = {}
        both_ways = (links.c.document_id, links.c.translation_id)
        for own, other in (both_ways, both_ways[::-1]):
            statement = select(own.label("linked_to"), *_WITHOUT_SKETCHES)
            statement = statement.where(own.in_(document_ids), documents.c.id == other)
            for row in self._connection.execute(statement):
                found.setdefault(row.linked_to, []).append(row)
        return found

    def has_fetched_before(self, seconds: int) -> bool:
        """Whether a text is still compared that was fetched before then."""
        is_old = and_(documents.c.fetched_at < seconds, documents.c.token_sketch.is_not(None))
        return self._connection.execute(select(documents.c.id).where(is_old).limit(1)).first() is not None

    def lock_fetched_before(self, seconds: int, limit: int) -> list[Row[Any]]:
        """Rows whose text is still compared and was fetched before then, without those that others lock."""
        statement = select(documents).where(
            documents.c.fetched_at < seconds, documents.c.token_sketch.is_not(None)
        )
        statement = statement.order_by(documents.c.fetched_at).limit(literal(limit))
        return list(self._connection.execute(statement.with_for_update(skip_locked=True)))

    def _list_table(
        self, columns: Sequence[ColumnElement[Any]], rows: Sequence[tuple[Any, ...]]
    ) -> FromClause:
        return list_table(columns, rows, is_postgresql=self._is_postgresql)
