"""What a chaos of crawls needs: a disk that fills, a database that goes away, a power cut, busy desks."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from sqlalchemy import text

from newscrawl.demo.server import Newsroom
from newscrawl.demo.stories import Story
from newscrawl.state.database import Database
from wire.edited_site import EditedSite
from wire.faulty_relay import FaultyRelay
from wire.postgres import Cluster, stoppable_cluster

HELD = 6
"Stories that a desk keeps for later."
UNSHARE = ("unshare", "--pid", "--fork", "--kill-child")
LOCKED_SECONDS = 2.0
Card = TypeVar("Card")


class Deck(Generic[Card]):
    """Cards that are dealt in random order, each as often as it is in the deck before any comes again."""

    def __init__(self, cards: Sequence[Card], dice: random.Random) -> None:
        self._cards = cards
        self._dice = dice
        self._left: list[Card] = []

    def draw(self) -> Card:
        if not self._left:
            self._left = self._dice.sample(self._cards, len(self._cards))
        return self._left.pop()


class Disk:
    """A disk that can be filled: a small tmpfs where that may be mounted, else a limit on file sizes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.is_real = _mount("-t", "tmpfs", "-o", "size=400m", "none", str(folder))

    def fill(self, left: int) -> int | None:
        """Leave so many bytes; the limit that processes must be given, if that is how."""
        if not self.is_real:
            return 40_000 + left
        _mount("-o", f"remount,size={shutil.disk_usage(self.folder).used + left}", str(self.folder))
        return None

    def empty(self) -> None:
        if self.is_real:
            _mount("-o", "remount,size=400m", str(self.folder))

    def close(self) -> None:
        if self.is_real:
            subprocess.run(["umount", str(self.folder)], check=True)


@contextmanager
def temporary_disk(folder: Path) -> Iterator[Disk]:
    made = Disk(folder)
    try:
        yield made
    finally:
        made.close()


def _mount(*args: str) -> bool:
    """Whether that could be done here."""
    if os.geteuid() != 0:
        return False
    return subprocess.run(["mount", *args], capture_output=True, check=False).returncode == 0


class StateDatabase(Protocol):
    """The database of the crawls."""

    url: str
    outages: Sequence[float]
    "Seconds for which it may be away."

    def go_away(self, seconds: float) -> None:
        """Return once it is back."""


class SqliteFile:
    """A file in the archives; away while another process holds the lock."""

    outages = (LOCKED_SECONDS,)

    def __init__(self, archives: Path) -> None:
        self._path = archives / "state.sqlite"
        self.url = f"sqlite:///{self._path}"

    def go_away(self, seconds: float) -> None:
        # On a full disk there may be no database that could be locked.
        mode = f"file:{self._path}?mode=rw"
        with (
            suppress(sqlite3.OperationalError),
            closing(sqlite3.connect(mode, uri=True, timeout=30)) as state,
        ):
            state.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            state.rollback()


class PostgresServer:
    """A server of its own, stopped as by a crash."""

    outages = (4.0, 4.0, 70.0)

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.url = cluster.url

    def go_away(self, seconds: float) -> None:
        self._cluster.stop()
        try:
            time.sleep(seconds)
        finally:
            self._cluster.start()


@contextmanager
def state_database(kind: str, archives: Path) -> Iterator[StateDatabase]:
    """`sqlite`, or `postgres`, whose programs may be missing: then the test is skipped with the reason."""
    if kind == "sqlite":
        yield SqliteFile(archives)
        return
    with stoppable_cluster() as cluster:
        yield PostgresServer(cluster)


def execute(url: str, *statements: str) -> None:
    """Change rows of a state database, in one transaction."""
    database = Database.open(url)
    try:
        with database.writing() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        database.close()


@cache
def has_pid_namespaces() -> bool:
    """Whether processes may be started in a PID namespace of their own here."""
    try:
        return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def kill_namespace(unshare: subprocess.Popen[bytes]) -> None:
    """SIGKILL for the first process of the namespace that UNSHARE began: the kernel then ends all others."""
    children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text(encoding="ascii")
    first = next(iter(children.split()), str(unshare.pid))
    with suppress(ProcessLookupError):
        os.kill(int(first), signal.SIGKILL)


def count_open_lines(folder: Path) -> int:
    """Lines in files that runs have not closed."""
    count = 0
    for path in folder.glob("*.jsonl.open"):
        with suppress(FileNotFoundError):
            count += path.read_bytes().count(b"\n")
    return count


def throw_away_unsynced(folder: Path, dice: random.Random) -> int:
    """Do what a power cut does to files that were never synced; how many lines it took.

    Lines end at an earlier line, archives anywhere. Whatever is closed was synced, and the state is on
    another machine or disk.
    """
    lost = 0
    for path in sorted(folder.glob("*.jsonl.open")):
        lines = path.read_bytes().splitlines(keepends=True)
        left = dice.randrange(len(lines)) if lines else 0
        os.truncate(path, sum(map(len, lines[:left])))
        lost += len(lines) - left
    for path in sorted(folder.glob("*.warc.gz.open")):
        if dice.random() < 0.5:
            os.truncate(path, dice.randint(0, path.stat().st_size))
    return lost


class Desk:
    """One outlet behind a bad network, and every story it ever listed."""

    def __init__(self, outlet: str, dice: random.Random) -> None:
        self.outlet = outlet
        self.dice = dice
        self.site = EditedSite(outlet, held_back=HELD)
        self.listed: set[str] = set()
        self.edited: set[str] = set()

    def serve(self, newsroom: Newsroom) -> None:
        self.relay = FaultyRelay(newsroom.bases[self.outlet], self.dice)
        # The outlet lives where the relay is: its links lead there.
        newsroom.bases[self.outlet] = self.relay.base
        self._list(self.site.site.desk.listed)

    def work(self) -> None:
        """What editors do between two runs."""
        self._list(self.site.publish(self.dice.randint(0, 1)))
        if self.dice.random() < 0.4:
            edited = self.site.edit(self.dice.choice(self.site.site.desk.listed[1:]))
            self.edited.add(self._url(edited))

    def publish_all(self) -> None:
        self._list(self.site.publish(HELD))

    def _list(self, stories: list[Story]) -> None:
        self.listed.update(map(self._url, stories))

    def _url(self, story: Story) -> str:
        return self.site.url(story, self.relay.base)
