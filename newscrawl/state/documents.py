"""The texts that are searched for near-duplicates, and their clusters."""

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
from newscrawl.state.refetch_policy import HOUR
from newscrawl.state.schema import advance_sequence, documents, fingerprints
from newscrawl.state.schema import cross_language_links as links
from newscrawl.state.urls import batches

_LOCK = 0x6E657774
"Number of PostgreSQL's advisory lock: of two simultaneous transactions neither would see the other's texts."
_NUMBERS: BindParameter[Any] = bindparam("numbers", expanding=True)
"A list that is bound as a whole: a hundred numbers bound singly cost a millisecond."
# Built once, because they run for every text.
_BY_KEY = select(documents).where(documents.c.key == bindparam("key"))
_BY_IDS = select(documents).where(documents.c.id.in_(_NUMBERS)).order_by(documents.c.id)
_INSERT = insert(documents).returning(documents.c.id)
_SHARING = (
    select(fingerprints.c.document_id)
    .where(
        fingerprints.c.fingerprint.in_(_NUMBERS),
        fingerprints.c.document_id >= bindparam("since"),
        fingerprints.c.document_id != bindparam("document_id"),
    )
    .group_by(fingerprints.c.document_id)
    .having(func.count() >= bindparam("min_shared"))
    .order_by(func.count().desc(), fingerprints.c.document_id)
    .limit(bindparam("limit"))
)
_FREQUENCIES = (
    select(fingerprints.c.fingerprint, func.count())
    .where(fingerprints.c.fingerprint.in_(_NUMBERS), fingerprints.c.document_id >= bindparam("since"))
    .group_by(fingerprints.c.fingerprint)
)
_WITHOUT_SKETCHES = [column for column in documents.c if column.name not in ("token_sketch", "name_sketch")]


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
        """A transaction that no other transaction on documents overlaps."""
        with self._database.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            yield DocumentSession(connection)

    def memberships(self, keys: Iterable[bytes]) -> dict[bytes, ClusterMembership]:
        """Clusters of the pages with these keys (`encoding.page_key`); pages without a row are missing."""
        found: dict[bytes, ClusterMembership] = {}
        with self._database.reading() as connection:
            for batch in batches(keys):
                columns = select(*_WITHOUT_SKETCHES).where(documents.c.key.in_(batch))
                rows = connection.execute(columns).all()
                translations = DocumentSession(connection).translations([row.id for row in rows])
                for row in rows:
                    same_story = [other.latest_article_id for other in translations.get(row.id, [])]
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
            session = DocumentSession(connection)
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


class DocumentSession:
    """Documents, fingerprints and links within a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._first_ids: dict[int, int] = {}
        "By hour. Queried once per transaction, because the query scans everything newer."

    def clear(self) -> None:
        for table in (documents, fingerprints, links):
            self._connection.execute(delete(table))

    def remove(self, document_id: int) -> None:
        """Remove a row and its links; call `remove_fingerprints` before."""
        is_linked = or_(links.c.document_id == document_id, links.c.translation_id == document_id)
        self._connection.execute(delete(links).where(is_linked))
        self._connection.execute(delete(documents).where(documents.c.id == document_id))

    def row(self, key: bytes) -> Row[Any] | None:
        """The row of a page."""
        return self._connection.execute(_BY_KEY, {"key": key}).first()

    def add(self, values: Mapping[str, Any]) -> int:
        """The id of the new row; ids ascend."""
        return int(self._connection.execute(_INSERT, values).scalar_one())

    def add_all(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add whole rows with their ids."""
        for batch in batches(rows):
            self._connection.execute(insert(documents), batch)
        advance_sequence(self._connection, documents)

    def change(self, document_id: int, values: Mapping[str, Any]) -> None:
        statement = update(documents).where(documents.c.id == document_id)
        self._connection.execute(statement.values(**values))

    def add_fingerprints(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Add fingerprints, each with the id of its document."""
        for batch in batches(pairs):
            rows = [{"fingerprint": number, "document_id": document_id} for number, document_id in batch]
            self._connection.execute(insert(fingerprints), rows)

    def remove_fingerprints(self, document_id: int, numbers: Sequence[int]) -> None:
        if numbers:
            own = and_(fingerprints.c.document_id == document_id, fingerprints.c.fingerprint.in_(_NUMBERS))
            self._connection.execute(delete(fingerprints).where(own), {"numbers": numbers})

    def find_sharing(
        self, numbers: Sequence[int], document_id: int, min_shared: int, limit: int, since: int = 0
    ) -> list[int]:
        """Ids from `since` on of other documents that share fingerprints, those that share most first."""
        values = {
            "numbers": numbers,
            "document_id": document_id,
            "min_shared": min_shared,
            "limit": limit,
            "since": since,
        }
        return list(self._connection.execute(_SHARING, values).scalars())

    def document_frequencies(self, numbers: Sequence[int], since: int) -> dict[int, int]:
        """How many documents have each of these fingerprints."""
        rows = self._connection.execute(_FREQUENCIES, {"numbers": numbers, "since": since})
        return {row[0]: row[1] for row in rows}

    def rows(self, document_ids: Sequence[int]) -> list[Row[Any]]:
        if not document_ids:
            return []
        return list(self._connection.execute(_BY_IDS, {"numbers": document_ids}))

    def members(self, cluster: str) -> list[Row[Any]]:
        statement = select(*_WITHOUT_SKETCHES).where(documents.c.cluster == cluster)
        return list(self._connection.execute(statement.order_by(documents.c.id)))

    def head(self, cluster: str) -> Row[Any] | None:
        """The first row of a cluster whose text is still compared."""
        statement = select(documents).where(
            documents.c.cluster == cluster, documents.c.token_sketch.is_not(None)
        )
        return self._connection.execute(statement.order_by(documents.c.id).limit(1)).first()

    def first_id_since(self, seconds: int) -> int:
        """The first id of texts fetched since the hour of then; if there are none, the next new id."""
        hour = seconds // HOUR * HOUR
        if hour not in self._first_ids:
            statement = select(func.min(documents.c.id)).where(
                documents.c.fetched_at >= hour, documents.c.token_sketch.is_not(None)
            )
            first = self._connection.execute(statement).scalar()
            self._first_ids[hour] = first if first is not None else self.last_id() + 1
        return self._first_ids[hour]

    def last_id(self) -> int:
        return self._connection.execute(select(func.max(documents.c.id))).scalar() or 0

    def merge(self, clusters: Collection[str], into: str) -> None:
        self._connection.execute(
            update(documents)
            .where(documents.c.cluster.in_(clusters), documents.c.cluster != into)
            .values(cluster=into)
        )

    def set_original(self, cluster: str, document_id: int, article_id: str) -> None:
        """Make every other member of the cluster a duplicate of this document."""
        is_member, is_original = documents.c.cluster == cluster, documents.c.id == document_id
        self._connection.execute(
            update(documents).where(is_member, ~is_original).values(duplicate_of=article_id)
        )
        self._connection.execute(update(documents).where(is_original).values(duplicate_of=None))

    def link(self, document_id: int, other_id: int, score: float) -> None:
        """Link two documents about the same event, in two languages."""
        pair = {"document_id": min(document_id, other_id), "translation_id": max(document_id, other_id)}
        self._connection.execute(delete(links).filter_by(**pair))
        self._connection.execute(insert(links).values(**pair, score=score))

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

    def fetched_before(self, seconds: int, limit: int) -> list[Row[Any]]:
        """Rows whose text is still compared and was fetched before then."""
        statement = select(documents).where(
            documents.c.fetched_at < seconds, documents.c.token_sketch.is_not(None)
        )
        return list(
            self._connection.execute(statement.order_by(documents.c.fetched_at).limit(literal(limit)))
        )
