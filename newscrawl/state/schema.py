"""The tables of the state database, for SQLite and PostgreSQL; times are whole seconds since the epoch."""

from __future__ import annotations

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
    func,
    select,
    text,
)

metadata = MetaData()
_CONDITION = "condition"
"Key of what an index remembers for `use_postgresql`."
_ROW = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER becomes SQLite's own row number


def _index(name: str, *columns: str, where: str | None = None) -> Index:
    """An index; `where`: the condition on which a row enters it, or the column that must not be NULL then."""
    condition = text(where if " " in where else f"{where} IS NOT NULL") if where else None
    return Index(name, *columns, sqlite_where=condition, info={_CONDITION: condition})


def use_postgresql() -> None:
    """Give the indexes their conditions in PostgreSQL too, whose dialect nobody else has to load."""
    for table in metadata.tables.values():
        for index in table.indexes:
            index.dialect_options["postgresql"]["where"] = index.info.get(_CONDITION)


schema_version = Table("schema_version", metadata, Column("version", Integer, nullable=False))

urls = Table(
    "urls",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=True),
    # Digest of outlet and normalised URL: sixteen bytes whatever the URL, so a million stay a small index.
    Column("key", LargeBinary, nullable=False, unique=True),
    Column("outlet", Text, nullable=False),
    Column("url", Text, nullable=False),  # normalised
    Column("link", Text, nullable=False),  # how it was discovered, the Link as JSON
    Column("via", Text, nullable=False),
    Column("published_desc", BigInteger, nullable=False),  # minus its date: ascending is newest first
    Column("source_digest", LargeBinary, nullable=False),  # of the URL of the source that lists it
    Column("listing_digest", LargeBinary, nullable=False),  # of title, date and content in that source
    Column("discovered_at", BigInteger, nullable=False),
    Column("status", Text, nullable=False),  # pending, done, failed, gone, rejected
    Column("next_due", BigInteger),  # when to fetch it; NULL: never again
    Column("failures", Integer, nullable=False, default=0),  # in a row
    Column("in_flight_run", Text),  # the run that requested it and has not finished it
    Column("crash_count", Integer, nullable=False, default=0, server_default="0"),  # while in flight
    Column("last_fetched_at", BigInteger),
    Column("reason", Text),  # outcome of that fetch: article, or a rejection's reason
    Column("run", Text),  # the run of that fetch
    Column("etag", Text),
    Column("last_modified", Text),
    Column("payload_digest", Text),
    Column("text_digest", Text),
    Column("field_digests", Text),  # of the article's fields, to see which of them changed
    Column("warc", Text),  # record of its last text: WarcPointer, URL and date as JSON
    Column("first_archived_at", BigInteger),  # when its first text came
    Column("article_id", Text),  # of its last text
    Column("article_run", Text),  # the run that wrote its last text
    Column("last_written_at", BigInteger),  # when its last text was written
    Column("version", Integer, nullable=False, default=0),
    # What `run` replaced in this row, JSON: it holds again if the line is lost. NULL: the page's first fetch.
    Column("previous_values", Text),
    # Record of a source that has its whole story: WitnessPointer as JSON; NULL: no source gave it.
    Column("witness", Text),
    _index("urls_waiting", "outlet", "via", "published_desc", "id", "next_due", "status", where="next_due"),
    _index("urls_in_flight", "outlet", where="in_flight_run"),
    _index("urls_article_id", "article_id", where="article_id"),
    _index("urls_last_written", "outlet", "last_written_at", where="last_written_at"),
    _index("urls_last_fetched", "outlet", "last_fetched_at", where="last_fetched_at"),
    _index("urls_failed", "outlet", "last_fetched_at", where="status = 'failed'"),
)

sources = Table(
    "sources",
    metadata,
    Column("outlet", Text, primary_key=True),
    Column("url", Text, primary_key=True),
    Column("kind", Text),  # feed, sitemap, wp_api, section; NULL: written by an early version
    Column("etag", Text),
    Column("last_modified", Text),
    Column("payload_digest", Text),
    # Further sources it names, a JSON list: they are fetched even when it has not changed.
    Column("child_sources", Text),
    Column("warc", Text),
    Column("outlet_digest", Text),  # of the outlet file it was read with: other rules give other links
    Column("interval", BigInteger, nullable=False),
    Column("next_due", BigInteger, nullable=False),
    Column("last_fetched_at", BigInteger, nullable=False),
    Column("last_changed_at", BigInteger),
    Column("failures", Integer, nullable=False, default=0),
    Column("failing_since", BigInteger),  # the first of its failures in a row
    Column("outcome", Text, nullable=False),
    Column("min_interval", BigInteger),  # seconds its publisher wants between two requests
    Column("retired_at", BigInteger),  # when it was given up as dead; it is fetched rarely since
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("outlet", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("finished", BigInteger),  # NULL: running, or killed and not yet reconciled with its files
    Column("reason", Text),
    Column("pages", Integer),
    Column("articles", Integer),
    Column("error", Text),
    Column("figures", Text),  # what later runs are compared with, JSON: see newscrawl.monitoring
    Column("alarms", Text),  # standing alarms and what the webhook received, JSON: see newscrawl.monitoring
    _index("runs_outlet", "outlet", "started"),
)

outlets = Table(
    "outlets",
    metadata,
    Column("outlet", Text, primary_key=True),
    Column("failures", Integer, nullable=False, default=0),  # runs in a row that failed or never began
    Column("not_before", BigInteger),  # no timer starts it earlier
    Column("reason", Text),
    # When its first source or page is due, but not before `not_before` or the begin of its last run.
    Column("next_due", BigInteger),
    # Of the outlet file by which `next_due` was found; NULL: it must be found again.
    Column("outlet_digest", Text),
    _index("outlets_next_due", "next_due", "outlet"),
)

hosts = Table(
    "hosts",
    metadata,
    Column("origin", Text, primary_key=True),  # scheme://host[:port], the scope of a robots.txt
    Column("robots", LargeBinary),  # body of its last robots.txt, cut to what is parsed
    Column("robots_status", Integer),  # HTTP status; NULL: it could not be reached
    Column("robots_fetched_at", BigInteger),
    Column("crawl_delay", Float),  # seconds, from robots.txt
    Column("paused_until", BigInteger),
    Column("rights", Text),  # what it reserves for all its pages (tdmrep.json, ai.txt), JSON
    Column("rights_fetched_at", BigInteger),
)

leases = Table(
    "leases",
    metadata,
    Column("outlet", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("acquired_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("token", Text, nullable=False, default="", server_default=""),  # random, of the process
    # Where `pid` names that process: boot id and PID namespace; empty if unknown.
    Column("pid_namespace", Text, nullable=False, default="", server_default=""),
)

documents = Table(
    "documents",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=True),
    Column("key", LargeBinary, nullable=False, unique=True),  # of its page, as in `urls`
    Column("first_article_id", Text, nullable=False),  # names the cluster that begins with this page
    Column("latest_article_id", Text, nullable=False),
    Column("outlet", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("title", Text),
    Column("lang", Text),
    Column("published", BigInteger, nullable=False),  # the fetch where the page has no date
    Column("fetched_at", BigInteger, nullable=False),  # when its last text was fetched
    Column("agency", Text),  # that it names as its source
    Column("agency_of_outlet", Text),  # agency whose own outlet this is
    Column("original_url", Text),
    Column("cluster", Text),  # NULL: it has no near-duplicate
    Column("duplicate_of", Text),
    Column("token_sketch", LargeBinary),  # its text as numbers; NULL once it is too old to be compared
    Column("name_sketch", LargeBinary),
    _index("documents_fetched", "fetched_at", where="token_sketch"),
    _index("documents_latest_article", "latest_article_id"),
    _index("documents_first_article", "first_article_id"),
    _index("documents_url", "url"),
    _index("documents_cluster", "cluster", where="cluster"),
)

fingerprints = Table(
    "fingerprints",
    metadata,
    Column("fingerprint", BigInteger, primary_key=True, autoincrement=False),  # of the text, or of a name
    Column("document_id", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

cross_language_links = Table(
    "cross_language_links",
    metadata,
    # Ids of two documents about the same event, the smaller id first.
    Column("document_id", BigInteger, primary_key=True, autoincrement=False),
    Column("translation_id", BigInteger, primary_key=True, autoincrement=False),
    Column("score", Float, nullable=False),
    _index("cross_language_links_translation", "translation_id"),
)


def advance_sequence(connection: Connection, table: Table) -> None:
    """PostgreSQL numbers rows by a sequence, which rows that bring their number do not advance."""
    numbered = [column.name for column in table.columns if column.autoincrement is True]
    if connection.dialect.name != "postgresql" or not numbered:
        return
    (name,) = numbered
    highest = connection.execute(select(func.max(table.c[name]))).scalar()
    if highest is not None:
        sequence = func.pg_get_serial_sequence(table.name, name)
        connection.execute(select(func.setval(sequence, highest)))
