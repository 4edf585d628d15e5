"""How many statements runs send to PostgreSQL, by the server's own log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from wire.crawl import Crawl, crawl
from wire.edited_site import EditedSite
from wire.statement_log import StatementLog, count_statements, logging_cluster

from newscrawl.demo.catalogue import write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread

pytestmark = [pytest.mark.crawl, pytest.mark.slow]
OUTLET = "kamer_echo"
OF_A_QUIET_RUN, OF_AN_ARTICLE = 40, 25


@pytest.fixture
def log() -> Iterator[StatementLog]:
    with logging_cluster() as log:
        yield log


def count(log: StatementLog, folder: Path) -> tuple[Crawl, list[str]]:
    """A run that fetches what is due, and its statements."""
    for statement in ("UPDATE sources SET next_due = 1", "UPDATE urls SET next_due = NULL"):
        log.execute(statement)
    log.take()
    options = {
        "NEWSCRAWL_STATE_URL": log.url,
        "NEWSCRAWL_OUTLETS": folder / "outlets",
        "NEWSCRAWL_ONLY_DUE": 1,
    }
    done = crawl(OUTLET, archives=folder / "a", **options)  # type: ignore[arg-type]
    assert done.code == 0, done.output
    return done, log.take()


def test_a_run_needs_few_statements_and_so_does_an_article(log: StatementLog, tmp_path: Path) -> None:
    site = EditedSite(OUTLET, held_back=1)
    with serve_in_thread(Newsroom([site], remember=False)) as newsroom:
        write_outlets(newsroom.bases, tmp_path / "outlets")
        options = {"NEWSCRAWL_STATE_URL": log.url, "NEWSCRAWL_OUTLETS": tmp_path / "outlets"}
        first = crawl(OUTLET, archives=tmp_path / "a", **options)  # type: ignore[arg-type]
        made = [line for line in log.take() if not line.startswith("CREATE")]
        done, quiet = count(log, tmp_path)
        assert done.report["requests"] == 3
        assert len(quiet) <= OF_A_QUIET_RUN, count_statements(quiet)
        assert len(made) <= len(quiet) + OF_AN_ARTICLE * len(first.articles)
        site.publish()
        done, news = count(log, tmp_path)
        assert done.report["articles"] == 1
        assert len(news) - len(quiet) <= OF_AN_ARTICLE, count_statements(news) - count_statements(quiet)
        # What is counted is there at all.
        kinds = count_statements(news)
        assert kinds["INSERT runs"] == kinds["DELETE leases"] == kinds["INSERT documents"] == 1
        assert kinds["BEGIN"] == kinds["COMMIT"]
        assert not kinds["ROLLBACK"]
