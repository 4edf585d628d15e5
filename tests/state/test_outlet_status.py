"""What `newscrawl status` shows, read for all outlets with as many statements as for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import event

from newscrawl.items import Link
from newscrawl.state.database import Database
from newscrawl.state.database_frontier import DatabaseFrontier
from newscrawl.state.due_outlets import record_failure
from newscrawl.state.outlet_status import list_outlets, read_statuses
from newscrawl.state.refetch_policy import HOUR, WEEK
from newscrawl.state.runs import Holder, RunEnd, State
from newscrawl.state.sources import FetchResult

NOW = 1_800_000_000
US = Holder(host="here", pid=1)
Opened = Callable[..., State]


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(database._engine, "before_cursor_execute", note)
    yield statements
    event.remove(database._engine, "before_cursor_execute", note)


def run(state: State, began: int, *, error: str | None = None, due: int | None = None) -> None:
    name = f"{state.urls.outlet}-{began}"
    state.runs.begin(name, US, began)
    values = {"reason": "finished", "error": error}
    state.end_run(RunEnd(name, began + 5, values, error is None, due, "rules", None), began + 5)


def fetch(state: State, now: int, *outcomes: str) -> None:
    frontier = DatabaseFrontier(state.urls, f"run-{now}", lambda: datetime.fromtimestamp(now, UTC))
    urls = [f"https://{state.urls.outlet}.example/{now}/{n}" for n in range(len(outcomes) + 1)]
    frontier.add(Link(url=url, via="feed") for url in urls)
    for url, outcome in zip(urls, outcomes, strict=False):
        frontier.finish(url, outcome)


def test_each_outlet_has_its_own_figures(opened: Opened) -> None:
    paper, other, new = opened(), opened("other"), opened("new")
    run(paper, NOW - 3 * HOUR)
    run(paper, NOW - 2 * HOUR, error="no link was found")
    run(paper, NOW - HOUR, error="no link was found", due=NOW + 77)
    record_failure(paper.database, "paper", "no link was found", NOW)
    fetch(paper, NOW - HOUR, "timeout", "http_404")
    fetch(paper, NOW - 2 * WEEK, "timeout")
    run(other, NOW - HOUR, due=NOW + 7)
    other.sources.record(FetchResult(url="u", outcome="timeout"), NOW)
    new.lease.acquire(NOW, lambda *_: False)
    new.runs.begin("r", US, NOW)
    statuses = read_statuses(paper.database, NOW)
    assert [*statuses] == list_outlets(paper.database) == ["new", "other", "paper"]
    one = statuses["paper"]
    assert (one.last_run, one.last_error, one.runs_failed) == (NOW - HOUR, "no link was found", 2)
    assert (one.next_due, one.not_before) == (NOW + 900, NOW + 900)
    assert (one.waiting, one.failed, one.holder) == (4, 1, None)
    assert (statuses["other"].runs_failed, statuses["other"].feeds_failing) == (0, 1)
    assert (statuses["other"].next_due, statuses["other"].waiting) == (NOW + 7, 0)
    assert (statuses["new"].holder, statuses["new"].last_reason) == ("here:1", None)
    assert read_statuses(paper.database, NOW, ["paper"]) == {"paper": one}


def test_more_outlets_need_no_more_statements(opened: Opened) -> None:
    states = [opened(f"paper{n:02}") for n in range(30)]
    run(states[0], NOW - HOUR, error="disk full")
    with counted(states[0].database) as few:
        read_statuses(states[0].database, NOW)
    for state in states[1:]:
        run(state, NOW - HOUR, error="disk full")
        fetch(state, NOW - HOUR, "timeout")
    with counted(states[0].database) as many:
        statuses = read_statuses(states[0].database, NOW)
    assert len(statuses) == 30
    assert len(many) == len(few) <= 12
