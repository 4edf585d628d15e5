"""Archives in a bucket: whatever becomes of a machine and its disk, each article is there once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from wire.chaos import count_open_lines
from wire.crawl import ROOT, Crawl, crawl, environment, scrapy_command
from wire.s3 import StoppableBucket, stoppable_bucket
from wire.slow_site import write_slow_outlet

from newscrawl.archive.bucket import AWAY, SUPERSEDED_SUFFIX
from newscrawl.archive.manifest import MANIFEST, read_manifest
from newscrawl.archive.memory_files import CURRENT
from newscrawl.demo.http import Request, Response
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.errors import NOT_ITS_FAULT

pytestmark = [pytest.mark.crawl, pytest.mark.slow]

STORIES = 12


class Paper:
    """An outlet that publishes a number of stories; it may do something before a story is served."""

    id = "slow"

    def __init__(self) -> None:
        self.stories = STORIES
        self.served = 0
        self.before_story: dict[int, Any] = {}

    def respond(self, request: Request) -> Response:
        if request.path == "/robots.txt":
            return Response(status=404, body=b"")
        if request.path == "/":
            links = "".join(f'<p><a href="/story/{n}">Story number {n}</a></p>' for n in range(self.stories))
            return Response(body=f"<html><body>{links}</body></html>".encode())
        self.served += 1
        self.before_story.get(self.served, lambda: None)()
        text = "".join(f"<p>Paragraph {n} of the story at {request.path} is new.</p>" for n in range(9))
        menu = "<div><p>Subscribe to our letter for readers of the morning</p></div>"
        page = f"<html><head><title>{request.path}</title></head><body><h1>{request.path}</h1>{text}{menu}"
        return Response(body=f"{page}</body></html>".encode())


@dataclass
class Machine:
    """A disk of its own, and the state database and the bucket that all machines share."""

    spool: Path
    url: str
    shared: Path

    @property
    def settings(self) -> dict[str, str]:
        return {
            "NEWSCRAWL_ARCHIVES": self.url,
            "NEWSCRAWL_SPOOL": str(self.spool),
            "NEWSCRAWL_STATE_URL": f"sqlite:///{self.shared / 'state.sqlite'}",
            "NEWSCRAWL_OUTLETS": str(self.shared / "outlets"),
        }

    def crawl(self, **settings: object) -> Crawl:
        return crawl("slow", archives=self.spool, **{**self.settings, **settings})

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            scrapy_command("crawl", "slow", **self.settings),
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

    def command(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).parent / "newscrawl"), *words],
            env={**environment(), **self.settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    @property
    def folder(self) -> Path:
        return self.spool / "slow"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[StoppableBucket]:
    with stoppable_bucket(monkeypatch) as server:
        yield server


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Paper]:
    paper = Paper()
    with serve_in_thread(Newsroom([paper])) as newsroom:
        write_slow_outlet(newsroom.bases[paper.id], tmp_path / "outlets")
        yield paper


@pytest.fixture
def machines(bucket: StoppableBucket, paper: Paper, tmp_path: Path) -> list[Machine]:
    return [Machine(tmp_path / name, bucket.url, tmp_path) for name in ("one", "two", "three")]


def titles(machine: Machine) -> Counter[str]:
    """The articles that the bucket has, read by the command that readers use."""
    out = machine.shared / "export"
    shutil.rmtree(out, ignore_errors=True)
    machine.command("export", "--out", str(out), "--format", "jsonl", "--all-versions")
    lines = [line for path in out.rglob("*.jsonl") for line in path.read_text().splitlines()]
    return Counter(json.loads(line)["title"] for line in lines)


def every_story_once(stories: int = STORIES) -> Counter[str]:
    return Counter(f"/story/{n}" for n in range(stories))


def test_a_run_has_ended_when_the_bucket_has_its_files(
    machines: list[Machine], bucket: StoppableBucket
) -> None:
    one, two, _ = machines
    first = one.crawl()
    assert first.code == 0, first.output
    names = {name.partition("/")[2] for name in bucket.names()}
    run = first.report["run"]
    assert {f"{run}.jsonl", f"{run}.rejected.jsonl", f"{run}.report.json", CURRENT, MANIFEST} <= names
    assert names >= set(first.report["warcs"])
    # Nothing of the spool's own goes there, and nothing waits.
    assert not any(name.startswith(".") for name in names)
    assert not list((one.spool / ".waiting").iterdir())
    for machine in (one, two):
        assert "state and files agree" in machine.command("check")
    assert titles(two) == every_story_once()
    assert "identical" in two.command("replay", run)


def kill_amid(machine: Machine, paper: Paper, lines: int = 3) -> None:
    """Kill a crawl with its workers when it has written so many articles and not fetched all."""
    process = machine.start()

    def kill() -> None:
        while count_open_lines(machine.folder) < lines and process.poll() is None:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)

    paper.before_story[STORIES - 2] = kill
    process.wait()
    paper.before_story.clear()
    assert process.returncode == -signal.SIGKILL


def test_a_machine_that_is_lost_amid_a_crawl_takes_no_article_with_it(
    machines: list[Machine], paper: Paper
) -> None:
    one, two, three = machines
    kill_amid(one, paper)
    shutil.rmtree(one.spool)
    after = two.crawl()
    assert after.code == 0, after.output
    assert titles(three) == every_story_once()
    for machine in (two, three):
        assert "state and files agree" in machine.command("check")


@pytest.mark.proof
def test_a_machine_that_comes_back_writes_no_article_twice(machines: list[Machine], paper: Paper) -> None:
    one, two, three = machines
    kill_amid(one, paper)
    assert two.crawl().code == 0
    assert titles(two) == every_story_once()
    # What it had written lies on its disk, and has been fetched again.
    paper.stories += 1
    back = one.crawl()
    assert back.code == 0, back.output
    assert list(one.folder.glob(f"*.jsonl{SUPERSEDED_SUFFIX}"))
    assert titles(three) == every_story_once(STORIES + 1)
    assert "state and files agree" in three.command("check")


def forget_that_it_was_away(machine: Machine) -> None:
    os.utime(machine.spool / AWAY, (time.time() - 3600,) * 2)


def test_files_wait_for_a_bucket_that_is_away(
    machines: list[Machine], paper: Paper, bucket: StoppableBucket
) -> None:
    one, two, _ = machines
    bucket.stop()
    away = one.crawl()
    assert away.code == 0, away.output
    assert "the files wait" in away.output
    waiting = json.loads((one.spool / ".waiting" / "slow.json").read_bytes())
    assert waiting["bytes"] >= sum(path.stat().st_size for path in away.warcs)
    bucket.start()
    assert bucket.names() == []

    # Another machine says what is missing instead of calling its pages lost.
    told = two.command("check", "slow", code=1)
    assert f"run_not_stored: run {away.report['run']}" in told
    two.command("check", "slow", "--fix", code=1)

    (one.spool / AWAY).touch()
    full = one.crawl(NEWSCRAWL_SPOOL_MAX_BYTES=1)
    assert full.code == NOT_ITS_FAULT
    assert "spool_full" in full.output

    forget_that_it_was_away(one)
    (one.spool / ".waiting" / "slow.json").write_text(json.dumps(waiting | {"since": 1}))
    paper.stories += 2
    back = one.crawl()
    assert back.code == 0, back.output
    # Its report was written before its files could be sent.
    assert "files_waiting" in {alarm["name"] for alarm in back.report["alarms"]}
    assert not list((one.spool / ".waiting").iterdir())
    assert read_manifest(one.folder).keys() <= {name.partition("/")[2] for name in bucket.names()}
    assert titles(two) == every_story_once(STORIES + 2)
    assert "state and files agree" in two.command("check")
    # Only the files of the last run stay, but for the memories.
    assert len(list(one.folder.glob("*.warc.gz"))) == 1


@pytest.mark.proof
def test_what_waited_on_a_machine_that_is_lost_is_fetched_again(
    machines: list[Machine], bucket: StoppableBucket
) -> None:
    one, two, three = machines
    bucket.stop()
    assert one.crawl().code == 0
    bucket.start()
    host = os.uname().nodename
    shutil.rmtree(one.spool)
    given_up = json.loads(two.command("repair", "--lost", host, "--json"))
    assert [row["waiting"] for row in given_up] == [STORIES]
    assert "all runs" in two.command("repair", "--lost", host)
    assert two.crawl().code == 0
    assert titles(three) == every_story_once()
    assert "state and files agree" in three.command("check")


@pytest.mark.proof
def test_an_outlet_takes_its_memory_along(machines: list[Machine], paper: Paper) -> None:
    one, two, _ = machines
    first = one.crawl().report
    paper.stories += 3
    second = two.crawl().report
    assert first["learned"]
    assert second["memory"] == first["learned"]
    # What waits on one machine is sent by a run of any outlet there, or by the command.
    assert not json.loads(two.command("sync", "--json"))
