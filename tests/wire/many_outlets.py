"""A PostgreSQL that knows many outlets, filled as crawls would have left it."""

from __future__ import annotations

import re

from sqlalchemy import text

from newscrawl.state.database import Database

FILL = (
    """INSERT INTO outlets (outlet, failures, next_due, outlet_digest)
    SELECT 'paper_' || n, 0, :now + n % 1800 - 18, 'rules' FROM generate_series(1, :outlets) n""",
    """INSERT INTO sources (outlet, url, kind, outlet_digest, interval, next_due, last_fetched_at, failures,
    outcome) SELECT 'paper_' || n, 'https://paper-' || n || '.example/feed/' || m, 'feed', 'rules', 1800,
    :now + n % 1800 - 18, :now - 900, 0, 'ok' FROM generate_series(1, :outlets) n, generate_series(1, 3) m""",
    """INSERT INTO runs (id, outlet, host, pid, started, finished, reason, figures, alarms)
    SELECT n || '-' || m, 'paper_' || n, 'here', 1, :now - m * 1800, :now - m * 1800 + 60, 'finished',
    '{"pages": 3}', '{"standing": []}' FROM generate_series(1, :outlets) n, generate_series(1, 10) m""",
    """INSERT INTO urls (key, outlet, url, link, via, published_desc, source_digest, listing_digest,
    discovered_at, status, next_due, failures, crash_count, last_fetched_at, last_written_at, article_id,
    version) SELECT decode(md5(n || '-' || m), 'hex'), 'paper_' || n,
    'https://paper-' || n || '.example/' || m, repeat('x', 200),
    CASE m % 2 WHEN 0 THEN 'feed' ELSE 'sitemap' END, -:now + m, 'x', 'x',
    :now - m * 3600, CASE m % 20 WHEN 0 THEN 'failed' ELSE 'done' END,
    :now + n % 1800 - 18 + m * 600, 0, 0, :now - m * 3600,
    :now - m * 3600, md5(n || '-' || m), 1
    FROM generate_series(1, :outlets) n, generate_series(1, :pages) m""",
)


def fill(database: Database, outlets: int, pages: int, now: int) -> None:
    """As crawls would have left it, in a fraction of the time."""
    with database.writing() as connection:
        for statement in FILL:
            connection.execute(text(statement), {"now": now, "outlets": outlets, "pages": pages})
    with database.committing() as connection:
        connection.execute(text("VACUUM ANALYZE"))


def server_milliseconds(database: Database, now: int) -> float:
    """Of the question which outlets are due, as PostgreSQL measures it: the least of five times."""
    statement = (
        "EXPLAIN ANALYZE SELECT outlets.outlet, outlets.next_due, leases.* FROM outlets LEFT OUTER JOIN "
        "leases ON leases.outlet = outlets.outlet WHERE outlets.next_due <= :now "
        "ORDER BY outlets.next_due, outlets.outlet"
    )
    times = []
    with database.reading() as connection:
        for _ in range(5):
            plan = "\n".join(connection.execute(text(statement), {"now": now}).scalars())
            times.append(sum(float(found) for found in re.findall(r"Time: ([\d.]+) ms", plan)))
    assert "outlets_next_due" in plan, plan
    return min(times)
