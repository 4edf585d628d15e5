"""State on each database it knows: every test of the tables is run on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from wire.postgres import temporary_cluster

from newscrawl.state.runs import Holder, State

US = Holder(host="here", pid=1)
Opened = Callable[..., State]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with temporary_cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state.sqlite"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """A PostgreSQL database without tables."""
    engine = create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return postgres


@pytest.fixture
def opened(url: str) -> Iterator[Opened]:
    """Opens the state of an outlet, as a process of this holder."""
    states: list[State] = []

    def state(outlet: str = "paper", holder: Holder = US) -> State:
        states.append(State.open(url, outlet, holder))
        return states[-1]

    yield state
    for one in states:
        one.close()
