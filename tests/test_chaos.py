"""Every fault at once, again and again, while stories come and change: none is lost, none is written twice.

Crawls are killed (the process with its workers, a whole PID namespace, a machine whose power is cut before
its files were synced), told to stop, started with a few descriptors, run into a full disk, a database that
goes away and a network that cuts, resets and goes silent. Afterwards each article the newsroom ever listed
has its lines, one a version, the archives verify, and state agrees with the files.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner
from wire.chaos import (
    LOCKED_SECONDS,
    UNSHARE,
    Deck,
    Desk,
    Disk,
    StateDatabase,
    count_open_lines,
    execute,
    has_pid_namespaces,
    kill_namespace,
    state_database,
    temporary_disk,
    throw_away_unsynced,
)
from wire.crawl import ROOT, Crawl, crawl, environment, scrapy_command
from wire.edited_site import ADDED

from newscrawl.archive.report import Report, newest_reports
from newscrawl.cli import app
from newscrawl.demo.catalogue import write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.errors import NOT_ITS_FAULT

pytestmark = [pytest.mark.crawl, pytest.mark.slow]

OUTLETS = ("kamer_echo", "fundy_courier")
SETTINGS = {"DOWNLOAD_TIMEOUT": 1, "RETRY_TIMES": 1, "LOG_LEVEL": "ERROR", "NEWSCRAWL_WARC_MAX_BYTES": 40_000}
"Small files, so that many faults meet one that is being closed."
HANGS_SECONDS = 240
MOST_REQUESTS, MOST_LINES = 16, 8
"After so many at most, a crawl meets its fate."
DESCRIPTORS = range(24, 65)
ENDED = {0, 1, NOT_ITS_FAULT, -signal.SIGKILL, -signal.SIGTERM}
"SIGTERM: told to stop before it listened to that. NOT_ITS_FAULT: the database went away while it began."
KILLS = ("kill", "namespace", "power_cut")
FATES = (*KILLS * 3, "stop", "starved", "end")
PROOF_SEEDS, PROOF_KILLS = (1, 2), 16
"Kills of each seed of the long form on each database; more than 60 of all."
MOST_ROUNDS = 60
SMALL_ROUNDS = 6


class Round(NamedTuple):
    """What happens while all outlets are crawled at the same time: they share database, disk and machine."""

    fates: tuple[str, ...]
    "How the crawl of each outlet ends."
    is_disk_full: bool = False
    outage: float = 0
    "For so many seconds the database is away."


SMALL = {
    "sqlite": [
        Round(("power_cut", "namespace")),
        Round(("starved", "kill"), is_disk_full=True, outage=LOCKED_SECONDS),
    ],
    "postgres": [Round(("namespace", "power_cut"), outage=4), Round(("kill", "starved"))],
}


def long_form(database: StateDatabase, dice: random.Random) -> Iterator[Round]:
    """Rounds without end, in which every fault has its turn."""
    fates, outages = Deck(FATES, dice), Deck((0, 0, *database.outages), dice)
    full = Deck((False, False, False, True), dice)
    while True:
        yield Round(tuple(fates.draw() for _ in OUTLETS), full.draw(), outages.draw())


class Chaos:
    """The crawls of all rounds, and what is done to them."""

    def __init__(self, folder: Path, disk: Disk, database: StateDatabase, dice: random.Random) -> None:
        self.folder = folder
        self.disk = disk
        self.database = database
        self.dice = dice
        self.rounds = 0
        self.faults: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()

    @property
    def kills(self) -> int:
        return sum(self.faults[fate] for fate in KILLS)

    def run(self, desks: list[Desk], plan: Round) -> None:
        limit, began = None, time.monotonic()
        for desk in desks:
            desk.relay.share = self.dice.choice([0, 0.3, 0.6])
        if plan.is_disk_full:
            limit = self.disk.fill(self.dice.randint(0, 400_000))
            self.faults["full"] += 1
        threads = []
        for desk, fate in zip(desks, plan.fates, strict=True):
            possible = "kill" if fate == "namespace" and not has_pid_namespaces() else fate
            process = self.start(desk.outlet, possible, limit)
            threads.append(threading.Thread(target=partial(self.follow, desk, possible, process)))
        if plan.outage:
            passed = sum(desk.relay.passed for desk in desks) + self.dice.randint(1, MOST_REQUESTS)
            threads.append(threading.Thread(target=self.go_away, args=(desks, passed, plan.outage)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.rounds += 1
        print(f"{plan}: {time.monotonic() - began:.0f} s", flush=True)
        self.disk.empty()
        # Nobody outlives the end of a namespace who could tell that it has ended: its leases expire.
        execute(self.database.url, "UPDATE leases SET expires_at = 0")
        if self.dice.random() < 0.5:
            self.let_time_pass()
        for desk in desks:
            desk.relay.share = 0
            desk.work()

    def start(self, outlet: str, fate: str, limit: int | None) -> subprocess.Popen[bytes]:
        """A crawl in a process group of its own: kill -9 takes its workers along, as a lost machine would."""
        command = scrapy_command("crawl", outlet, **self.options, **SETTINGS)  # type: ignore[arg-type]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*UNSHARE, *command] if fate == "namespace" else command,
                cwd=ROOT,
                env=environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if limit is not None:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        if fate == "starved":
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (self.dice.choice(DESCRIPTORS),) * 2)
        return process

    def follow(self, desk: Desk, fate: str, process: subprocess.Popen[bytes]) -> None:
        """Let the crawl meet its fate after so many requests, or lines, unless it has ended before."""
        folder = self.archives / desk.outlet
        requests = desk.relay.passed + self.dice.randrange(MOST_REQUESTS)
        lines = self.dice.randint(1, MOST_LINES)
        give_up = time.monotonic() + HANGS_SECONDS
        while process.poll() is None:
            assert time.monotonic() < give_up, "it hangs"
            if fate == "power_cut" and count_open_lines(folder) >= lines:
                break
            if fate in ("kill", "namespace", "stop") and desk.relay.passed >= requests:
                time.sleep(self.dice.random() * 0.5)
                break
            time.sleep(0.005)
        if process.poll() is None:
            self.faults[fate] += 1
            if fate == "stop":
                process.terminate()
            elif fate == "namespace":
                kill_namespace(process)
            else:
                os.killpg(process.pid, signal.SIGKILL)
        elif fate == "starved":
            self.faults[fate] += 1
        code = process.wait(HANGS_SECONDS)
        self.codes[code] += 1
        if fate == "power_cut" and code == -signal.SIGKILL:
            self.faults["lines thrown away"] += throw_away_unsynced(folder, self.dice)

    def go_away(self, desks: list[Desk], passed: int, seconds: float) -> None:
        """Take the database away once the crawls have begun."""
        give_up = time.monotonic() + 20
        while sum(desk.relay.passed for desk in desks) < passed and time.monotonic() < give_up:
            time.sleep(0.01)
        self.faults[f"away {seconds:g} s"] += 1
        self.database.go_away(seconds)

    def let_time_pass(self) -> None:
        """All that waits for a later try, or another look, is due."""
        execute(
            self.database.url,
            "UPDATE urls SET next_due = 0 WHERE next_due IS NOT NULL OR status = 'failed'",
            # What was in flight beside three kills would be spared for a month.
            "UPDATE urls SET crash_count = 0",
            "UPDATE sources SET next_due = 0, failures = 0, retired_at = NULL, min_interval = NULL",
            "DELETE FROM hosts",
            "UPDATE outlets SET outlet_digest = NULL",
        )

    def show(self, desks: list[Desk]) -> None:
        cuts = sum((desk.relay.done for desk in desks), Counter[str]())
        print(f"\n{self.database.url.partition(':')[0]}: {self.rounds} rounds, {self.kills} kills")
        print(f"faults {dict(self.faults)}, exit codes {dict(self.codes)}, connections {dict(cuts)}")
        print(f"real disk: {self.disk.is_real}, PID namespaces: {has_pid_namespaces()}")

    @property
    def archives(self) -> Path:
        return self.disk.folder / "a"

    @property
    def options(self) -> dict[str, object]:
        outlets = self.folder / "outlets"
        return {
            "archives": self.archives,
            "NEWSCRAWL_OUTLETS": outlets,
            "NEWSCRAWL_STATE_URL": self.database.url,
        }


def invoke(*args: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, args)
    return done.exit_code, done.output


@pytest.mark.parametrize("kind", SMALL)
def test_no_story_is_lost_or_written_twice(tmp_path: Path, kind: str) -> None:
    with chaos_of_crawls(tmp_path, kind, seed=1) as (chaos, desks):
        for plan in SMALL[kind]:
            chaos.run(desks, plan)
        # A crawl that found little may end before the cut that waits for its lines.
        while not chaos.faults["lines thrown away"] and chaos.rounds < SMALL_ROUNDS:
            chaos.run(desks, SMALL[kind][0])
        assert chaos.kills, chaos.faults
        assert chaos.faults["lines thrown away"], chaos.faults


@pytest.mark.proof
@pytest.mark.parametrize("seed", PROOF_SEEDS)
@pytest.mark.parametrize("kind", SMALL)
def test_no_story_is_lost_or_written_twice_over_many_kills(tmp_path: Path, kind: str, seed: int) -> None:
    with chaos_of_crawls(tmp_path, kind, seed) as (chaos, desks):
        for plan in islice(long_form(chaos.database, chaos.dice), MOST_ROUNDS):
            chaos.run(desks, plan)
            if chaos.kills >= PROOF_KILLS:
                break
        assert chaos.kills >= PROOF_KILLS, chaos.faults


@contextmanager
def chaos_of_crawls(folder: Path, kind: str, seed: int) -> Iterator[tuple[Chaos, list[Desk]]]:
    """Outlets that are served, and the crawls to torment; in the end all is there, once."""
    dice = random.Random(seed)
    desks = [Desk(outlet, dice) for outlet in OUTLETS]
    with (
        temporary_disk(folder / "disk") as disk,
        state_database(kind, disk.folder / "a") as database,
        serve_in_thread(Newsroom([desk.site for desk in desks])) as newsroom,
    ):
        for desk in desks:
            desk.serve(newsroom)
        write_outlets(newsroom.bases, folder / "outlets")
        chaos = Chaos(folder, disk, database, dice)
        yield chaos, desks
        chaos.show(desks)
        check_survival(chaos, desks)
        for desk in desks:
            desk.relay.stop()


def check_survival(chaos: Chaos, desks: list[Desk]) -> None:
    """A last crawl of each outlet, with no fault in it, leaves all that was ever listed, once."""
    log = (chaos.folder / "log").read_text()
    assert set(chaos.codes) <= ENDED, log
    for desk in desks:
        desk.publish_all()
    chaos.let_time_pass()
    with ThreadPoolExecutor() as threads:
        crawls = list(threads.map(lambda desk: crawl(desk.outlet, **chaos.options), desks))  # type: ignore[arg-type]
    for desk, done in zip(desks, crawls, strict=True):
        assert done.code == 0, done.output + log
        check_lines(done, desk)
    state = ("--archives", str(chaos.archives), "--state", chaos.database.url)
    code, output = invoke("check", *state)
    assert code == 0, output + log
    for desk in desks:
        check_files(chaos.archives / desk.outlet)
        data = json.loads(invoke("status", desk.outlet, *state, "--json")[1])[0]
        assert (data["waiting"], data["last_reason"]) == (0, "finished")


def check_lines(done: Crawl, desk: Desk) -> None:
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


def check_files(folder: Path) -> None:
    """The files are whole and closed, and nothing waits."""
    assert not list(folder.glob("*.open"))
    ((_, report),) = newest_reports(folder)
    assert isinstance(report, Report)
    states = report.frontier
    assert (states["pending"], states["fetching"]) == (0, 0)
    code, output = invoke("verify", str(folder))
    assert code == 0, output
