"""Every fault at once, again and again, while stories come and change: none is lost, none is written twice.

Crawls are killed, told to stop, run into a full disk, a locked database and a network that cuts, resets and
goes silent. Afterwards each article the newsroom ever listed has its lines, one a version, the archives
verify, and state agrees with the files.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner
from wire.crawl import ROOT, Crawl, crawl, environment, scrapy_command
from wire.edited_site import ADDED, EditedSite
from wire.faulty_relay import FaultyRelay

from newscrawl.cli import app
from newscrawl.demo.catalogue import write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.demo.stories import Story

pytestmark = [pytest.mark.crawl, pytest.mark.slow]

OUTLETS = ("kamer_echo", "fundy_courier")
HELD = 6
CASES = [(1, 5), *(pytest.param(seed, 16, marks=pytest.mark.proof) for seed in (1, 3, 5, 7))]
"Seeds and rounds; in each round every outlet runs, at the same time: they share database, disk and machine."
SETTINGS = {"DOWNLOAD_TIMEOUT": 2, "RETRY_TIMES": 1, "LOG_LEVEL": "ERROR", "NEWSCRAWL_WARC_MAX_BYTES": 40_000}
"Small files, so that many faults meet one that is being closed."
HANGS_SECONDS = 90
MOST_REQUESTS = 20
ENDED = {0, 1, -signal.SIGKILL, -signal.SIGTERM}
"SIGTERM: told to stop before it listened to that."


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


def _mount(*args: str) -> bool:
    """Whether that could be done here."""
    if os.geteuid() != 0:
        return False
    return subprocess.run(["mount", *args], capture_output=True, check=False).returncode == 0


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


class Chaos:
    """The crawls of one round, and what is done to them."""

    def __init__(self, folder: Path, disk: Disk, dice: random.Random) -> None:
        self.folder = folder
        self.disk = disk
        self.dice = dice
        self.faults: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()

    def round(self, desks: list[Desk]) -> None:
        limit = None
        full, locked = self.dice.random() < 0.3, self.dice.random() < 0.3
        for desk in desks:
            desk.relay.share = self.dice.choice([0, 0.3, 0.6])
        if full:
            limit = self.disk.fill(self.dice.randint(0, 250_000))
        began = [(desk, self.start(desk.outlet, limit)) for desk in desks]
        watched = [threading.Thread(target=partial(self.follow, desk, process)) for desk, process in began]
        if locked:
            watched.append(threading.Thread(target=self.lock, args=(self.dice.random() * 3,)))
        for thread in watched:
            thread.start()
        for thread in watched:
            thread.join()
        self.faults.update({"full": full, "locked": locked})
        self.disk.empty()
        for desk in desks:
            desk.relay.share = 0
            desk.work()

    def start(self, outlet: str, limit: int | None) -> subprocess.Popen[bytes]:
        """A crawl in a process group of its own: kill -9 takes its workers along, as a lost machine would."""
        command = scrapy_command("crawl", outlet, **options(self.folder), **SETTINGS)  # type: ignore[arg-type]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment(), stdout=log, stderr=log, start_new_session=True
            )
        if limit is not None:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        return process

    def follow(self, desk: Desk, process: subprocess.Popen[bytes]) -> None:
        """Kill it after so many requests, stop it, or let it end."""
        fate = self.dice.choice(["kill", "kill", "kill", "stop", "end"])
        wanted = desk.relay.passed + self.dice.choice([0, *range(1, MOST_REQUESTS)])
        give_up = time.monotonic() + HANGS_SECONDS
        while process.poll() is None and (fate == "end" or desk.relay.passed < wanted):
            assert time.monotonic() < give_up, "it hangs"
            time.sleep(0.005)
        time.sleep(self.dice.random() * 0.5)
        if process.poll() is None:
            self.faults[fate] += 1
            if fate == "kill":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.terminate()
        self.codes[process.wait(HANGS_SECONDS)] += 1

    def lock(self, after: float) -> None:
        """Keep the database to ourselves for a while."""
        time.sleep(after)
        path = self.disk.folder / "a" / "state.sqlite"
        # On a full disk there may be no database that could be locked.
        mode = f"file:{path}?mode=rw"
        with (
            suppress(sqlite3.OperationalError),
            closing(sqlite3.connect(mode, uri=True, timeout=30)) as state,
        ):
            state.execute("BEGIN IMMEDIATE")
            time.sleep(self.dice.random() * 2)
            state.rollback()


def options(folder: Path) -> dict[str, object]:
    return {"archives": folder / "disk" / "a", "NEWSCRAWL_OUTLETS": folder / "outlets"}


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    made = Disk(folder)
    try:
        yield made
    finally:
        made.close()


def told(command: str, *args: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [command, *args])
    return done.exit_code, done.output


@pytest.mark.parametrize(("seed", "rounds"), CASES)
def test_no_story_is_lost_or_written_twice(tmp_path: Path, seed: int, rounds: int) -> None:
    dice = random.Random(seed)
    desks = [Desk(outlet, dice) for outlet in OUTLETS]
    with (
        disk(tmp_path / "disk") as archives,
        serve_in_thread(Newsroom([desk.site for desk in desks])) as newsroom,
    ):
        for desk in desks:
            desk.serve(newsroom)
        write_outlets(newsroom.bases, tmp_path / "outlets")
        chaos = Chaos(tmp_path, archives, dice)
        for _ in range(rounds):
            chaos.round(desks)
        log = (tmp_path / "log").read_text()
        cuts = sum((desk.relay.done for desk in desks), Counter[str]())
        print(f"\n{dict(chaos.faults)} {dict(chaos.codes)} {dict(cuts)} real disk: {archives.is_real}")
        assert set(chaos.codes) <= ENDED, log
        assert chaos.faults["kill"] >= rounds // 4, chaos.faults
        assert cuts.total() >= rounds // 4, cuts
        for desk in desks:
            desk.publish_all()
        calm(tmp_path)
        for desk in desks:
            done = crawl(desk.outlet, **options(tmp_path))  # type: ignore[arg-type]
            assert done.code == 0, done.output + log
            check(done, desk)
        code, output = told("check", "--archives", str(archives.folder / "a"))
        assert code == 0, output
        for desk in desks:
            check_files(archives.folder / "a", desk.outlet)
            desk.relay.stop()


def calm(folder: Path) -> None:
    """Time passes: all that waits for a later try, or another look, is due."""
    with closing(sqlite3.connect(folder / "disk" / "a" / "state.sqlite")) as state, state:
        state.execute("UPDATE urls SET next_due = 0 WHERE next_due IS NOT NULL OR status = 'failed'")
        # What was in flight beside three kills would be spared for a month.
        state.execute("UPDATE urls SET crash_count = 0")
        state.execute("UPDATE sources SET next_due = 0, failures = 0, retired_at = NULL, min_interval = NULL")
        state.execute("DELETE FROM hosts")


def check(done: Crawl, desk: Desk) -> None:
    """Every page listed has its lines, one a version, each of the versions in its order."""
    versions: dict[str, list[int]] = {}
    last: dict[str, str] = {}
    for line in done.articles:
        # By the address asked for: a story edited between looks at two of its addresses has a text by each.
        versions.setdefault(line["url_requested"], []).append(line["version"])
        last[line["url"]] = line["text"]
    # A redirect leads to one that no source lists.
    assert desk.listed <= set(last)
    assert len(set(last) - desk.listed) <= 1
    for url, found in versions.items():
        assert found == list(range(1, len(found) + 1)), url
    assert max(Counter((line["id"], line["version"]) for line in done.articles).values()) == 1
    for url in desk.edited & set(last):
        assert ADDED in last[url], url


def check_files(archives: Path, outlet: str) -> None:
    """The files are whole and closed, and nothing waits."""
    folder = archives / outlet
    assert not list(folder.glob("*.open"))
    states = json.loads(max(folder.glob("*.report.json")).read_text())["frontier"]
    assert (states["pending"], states["fetching"]) == (0, 0)
    code, output = told("verify", str(folder))
    assert code == 0, output
    data = json.loads(told("status", outlet, "--archives", str(archives), "--json")[1])[0]
    assert (data["waiting"], data["last_reason"]) == (0, "finished")
