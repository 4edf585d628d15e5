"""A crawl whose lease another has taken ends; what a run of another host has open is left alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy.exceptions import NotConfigured
from scrapy.settings import Settings
from scrapy.signalmanager import SignalManager

from newscrawl.downloader.capture import utc_now
from newscrawl.errors import ArchiveError
from newscrawl.extensions.state import StateExtension, adopt_killed_runs
from newscrawl.items import Link, Page
from newscrawl.state.database_frontier import DatabaseFrontier
from newscrawl.state.runs import Holder, State

US, OTHER = Holder(host="here", pid=1), Holder(host="there", pid=2)
NOW = 1_700_000_000


class Spider:
    """As much of a spider as the extension uses."""

    name = "paper"

    def __init__(self, folder: Path) -> None:
        self.run = SimpleNamespace(folder=folder, copy=None)
        self.unread_pages: dict[str, Page] = {}
        self.stopped: list[ArchiveError] = []

    def closing_on_errors(self) -> AbstractContextManager[None]:
        @contextmanager
        def collecting() -> Iterator[None]:
            try:
                yield
            except ArchiveError as error:
                self.stopped.append(error)

        return collecting()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State.open(f"sqlite:///{tmp_path}/state.sqlite", "paper", US)
    yield opened
    opened.close()


def extension(**settings: str) -> StateExtension:
    crawler: Any = SimpleNamespace(settings=Settings(settings), signals=SignalManager())
    return StateExtension(crawler)


def test_a_crawl_that_has_lost_its_lease_is_stopped(state: State, tmp_path: Path) -> None:
    spider: Any = Spider(tmp_path)
    state.lease.acquire(NOW, lambda _, __: False)
    extension().renew(spider, state)
    assert spider.stopped == []
    other = State.on(state.database, "paper", OTHER)
    other.lease.acquire(NOW, lambda _, __: True)
    extension().renew(spider, state)
    assert [str(error) for error in spider.stopped] == ["another process has taken over paper"]


def test_a_replay_has_no_state() -> None:
    with pytest.raises(NotConfigured):
        extension(NEWSCRAWL_REPLAY="archives")


@pytest.mark.parametrize(
    "case",
    [
        ("run1.jsonl.open", b"", "has not ended, and its files are open", False),
        ("run1.jsonl", b"no line\n", "cannot read what run1 wrote", False),
        ("run1.jsonl", b"", "1 wait again", True),
    ],
)
def test_a_killed_run_is_taken_over_only_by_what_it_wrote(
    state: State,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    case: tuple[str, bytes, str, bool],
) -> None:
    name, content, message, waits = case
    caplog.set_level(logging.INFO)
    (tmp_path / name).write_bytes(content)
    state.runs.begin("run1", OTHER, NOW)
    frontier = DatabaseFrontier(state.urls, "run1", utc_now)
    frontier.add([Link(url="https://paper.example/1", via="feed")])
    frontier.finish("https://paper.example/1", "listing")
    spider: Any = Spider(tmp_path)
    adopt_killed_runs(spider, state)
    assert message in caplog.text.replace("run run1", "run1")
    assert bool(DatabaseFrontier(state.urls, "run2", utc_now).take(1)) == waits
    assert bool(state.runs.unfinished()) == name.endswith(".open")
