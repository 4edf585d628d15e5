"""The tables of state, for SQLite and PostgreSQL alike; times are whole seconds since the epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
    update,
)

from newscrawl.errors import StateError

SCHEMA = 2
"Version of these tables; `migrations.py` brings older ones here."

metadata = MetaData()
_ROW = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is SQLite's own row number
_WAITS = text("next_due IS NOT NULL")
_CLUSTERED = text("cluster IS NOT NULL")
_COMPARED = text("words IS NOT NULL")

schema = Table("schema_version", metadata, Column("version", Integer, nullable=False))

urls = Table(
    "urls",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=True),
    # Digest of outlet and normalised URL: sixteen bytes whatever the URL, so a million stay a small index.
    Column("key", LargeBinary, nullable=False, unique=True),
    Column("outlet", Text, nullable=False),
    Column("url", Text, nullable=False),  # normalised
    Column("link", Text, nullable=False),  # how it was found, the Link as JSON
    Column("via", Text, nullable=False),
    Column("staleness", BigInteger, nullable=False),  # minus its date, so that ascending is newest first
    Column("lister", LargeBinary, nullable=False),  # digest of the source that found it
    Column("listed", LargeBinary, nullable=False),  # digest of what that source says of it
    Column("found", BigInteger, nullable=False),
    Column("status", Text, nullable=False),  # pending, done, failed, gone, rejected
    Column("next_due", BigInteger),  # when it is to be fetched; NULL: never again
    Column("tries", Integer, nullable=False, default=0),  # failures in a row
    Column("taken", Text),  # the run that has asked for it and has not ended it
    Column("deaths", Integer, nullable=False, default=0, server_default="0"),  # runs that died meanwhile
    Column("looked", BigInteger),  # when its last fetch ended
    Column("reason", Text),  # how it ended: article, or a rejection's reason
    Column("run", Text),  # the run it ended in
    Column("etag", Text),
    Column("last_modified", Text),
    Column("payload_digest", Text),
    Column("text_digest", Text),
    Column("fields", Text),  # digests of the article's fields, to tell which of them changed
    Column("warc", Text),  # the record of its last text: WarcPointer, URL and date as JSON
    Column("archived", BigInteger),  # when its first text came
    Column("article", Text),  # id of its last text
    Column("article_run", Text),  # the run that wrote it
    Column("written", BigInteger),  # when its last text was written
    Column("version", Integer, nullable=False, default=0),
    Index(
        "urls_waiting",
        "outlet",
        "via",
        "staleness",
        "id",
        "next_due",
        "status",
        sqlite_where=_WAITS,
        postgresql_where=_WAITS,
    ),
    Index(
        "urls_taken",
        "outlet",
        sqlite_where=text("taken IS NOT NULL"),
        postgresql_where=text("taken IS NOT NULL"),
    ),
    Index(
        "urls_article",
        "article",
        sqlite_where=text("article IS NOT NULL"),
        postgresql_where=text("article IS NOT NULL"),
    ),
    Index(
        "urls_written",
        "outlet",
        "written",
        sqlite_where=text("written IS NOT NULL"),
        postgresql_where=text("written IS NOT NULL"),
    ),
    Index(
        "urls_looked",
        "outlet",
        "looked",
        sqlite_where=text("looked IS NOT NULL"),
        postgresql_where=text("looked IS NOT NULL"),
    ),
)

feeds = Table(
    "feeds",
    metadata,
    Column("outlet", Text, primary_key=True),
    Column("url", Text, primary_key=True),
    Column("kind", Text),  # feed, sitemap, wp_api, section; NULL: told by an earlier version
    Column("etag", Text),
    Column("last_modified", Text),
    Column("payload_digest", Text),
    Column(
        "more", Text
    ),  # further sources it names, a JSON list: they are asked even when it has not changed
    Column("warc", Text),
    Column("outlet_hash", Text),  # of the outlet file it was read with: other rules find other links
    Column("interval", BigInteger, nullable=False),
    Column("next_due", BigInteger, nullable=False),
    Column("looked", BigInteger, nullable=False),
    Column("changed", BigInteger),
    Column("failures", Integer, nullable=False, default=0),
    Column("failing", BigInteger),  # since when: the first of its failures in a row
    Column("outcome", Text, nullable=False),
    Column("least", BigInteger),  # seconds its publisher asks to be left alone between two looks
    Column("retired", BigInteger),  # when it was given up as dead; it is asked rarely since
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("outlet", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("finished", BigInteger),  # NULL: at work, or killed and not yet reconciled with its files
    Column("reason", Text),
    Column("pages", Integer),
    Column("articles", Integer),
    Column("error", Text),
    Column("figures", Text),  # what later runs are measured against, JSON: see health/figures.py
    Column("alarms", Text),  # what stands since, and what the webhook was told of: see health/alarm.py
    Index("runs_outlet", "outlet", "started"),
)

outlets = Table(
    "outlets",
    metadata,
    Column("outlet", Text, primary_key=True),
    Column("failures", Integer, nullable=False, default=0),  # runs in a row that failed or never began
    Column("not_before", BigInteger),  # until then no timer starts it
    Column("reason", Text),  # why
)

hosts = Table(
    "hosts",
    metadata,
    Column("origin", Text, primary_key=True),  # scheme://host[:port], as robots.txt holds for it
    Column("robots", LargeBinary),  # body of its last robots.txt, as cut to what is parsed
    Column("robots_status", Integer),  # HTTP status; NULL: it could not be reached
    Column("robots_looked", BigInteger),
    Column("crawl_delay", Float),  # seconds, as robots.txt asks for them
    Column("paused", BigInteger),  # asked to be left alone until then
    Column("signals", Text),  # what it reserves for all its pages (tdmrep.json, ai.txt), JSON
    Column("signals_looked", BigInteger),
)

leases = Table(
    "leases",
    metadata,
    Column("outlet", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
)

copies = Table(
    "copies",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=True),
    Column("key", LargeBinary, nullable=False, unique=True),  # of its page, as in `urls`
    Column("article", Text, nullable=False),  # id of its first text; names the cluster that begins with it
    Column("latest", Text, nullable=False),  # id of its last text
    Column("outlet", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("title", Text),
    Column("lang", Text),
    Column("published", BigInteger, nullable=False),  # else when it was fetched
    Column("seen", BigInteger, nullable=False),  # when its last text was fetched
    Column("agency", Text),  # that it names as its source
    Column("own", Text),  # agency whose own outlet this is
    Column("original_url", Text),
    Column("cluster", Text),  # NULL: no copy of it is known
    Column("duplicate_of", Text),
    Column("words", LargeBinary),  # its text as numbers; NULL once it is too old to be compared
    Column("names", LargeBinary),
    Index("copies_seen", "seen", sqlite_where=_COMPARED, postgresql_where=_COMPARED),
    Index("copies_latest", "latest"),
    Index("copies_article", "article"),
    Index("copies_url", "url"),
    Index("copies_cluster", "cluster", sqlite_where=_CLUSTERED, postgresql_where=_CLUSTERED),
)

prints = Table(
    "prints",
    metadata,
    Column("print", BigInteger, primary_key=True, autoincrement=False),  # fingerprint, or a name
    Column("copy", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

same_story = Table(
    "same_story",
    metadata,
    Column("one", BigInteger, primary_key=True, autoincrement=False),  # rows of `copies` in two languages
    Column("other", BigInteger, primary_key=True, autoincrement=False),
    Column("score", Float, nullable=False),
    Index("same_story_other", "other"),
)


Migration = Callable[[Connection], None]


def _hosts_and_figures(connection: Connection) -> None:
    hosts.create(connection)
    outlets.create(connection)
    for made in (copies, prints, same_story):
        made.create(connection)
    for table, column, kind in (
        ("urls", "taken", "TEXT"),
        ("urls", "deaths", "INTEGER NOT NULL DEFAULT 0"),
        ("feeds", "kind", "TEXT"),
        ("feeds", "failing", "BIGINT"),
        ("feeds", "least", "BIGINT"),
        ("feeds", "retired", "BIGINT"),
        ("runs", "figures", "TEXT"),
        ("runs", "alarms", "TEXT"),
    ):
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} {kind}"))
    connection.execute(text("DROP INDEX urls_waiting"))
    for index in urls.indexes:
        if index.name in ("urls_waiting", "urls_taken"):
            index.create(connection)


MIGRATIONS: Mapping[int, Migration] = {1: _hosts_and_figures}
"By the version they start from; each leads to the next."
_LOCK = 0x6E657773
"Number of PostgreSQL's advisory lock for this; any that nobody else uses."


def migrate(
    connection: Connection, migrations: Mapping[int, Migration] = MIGRATIONS, wanted: int = SCHEMA
) -> None:
    """Bring the database to `wanted` within the transaction at hand; StateError when it is newer."""
    if connection.dialect.name == "postgresql":
        # SQLite's write transaction is alone anyway.
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    if not inspect(connection).has_table(schema.name):
        metadata.create_all(connection)
        connection.execute(insert(schema).values(version=wanted))
        return
    there = connection.execute(select(schema.c.version)).scalar_one()
    if there > wanted:
        raise StateError(f"the state is of version {there}, this newscrawl knows {wanted}: upgrade it")
    for version in range(there, wanted):
        migrations[version](connection)
        connection.execute(update(schema).values(version=version + 1))
