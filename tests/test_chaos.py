"""kill -9 at random moments while stories come and change: none is lost, none is written twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner
from wire.crawl import ROOT, Crawl, crawl, environment, scrapy_command
from wire.editing import EditedSite

from newscrawl.commands import app_of
from newscrawl.demo.catalogue import write_outlets
from newscrawl.demo.server import Newsroom, running
from newscrawl.demo.story import Story

pytestmark = [pytest.mark.crawl, pytest.mark.slow]

OUTLET = "kamer_echo"
RUNS = 18
HELD = 6
SEEDS = [1]
app = app_of(["doctor", "verify", "status"])


def start(folder: Path) -> subprocess.Popen[bytes]:
    """A crawl in a process group of its own: kill -9 takes its workers along, as a lost machine would."""
    command = scrapy_command(
        "crawl", OUTLET, archives=folder / "a", NEWSCRAWL_OUTLETS=folder / "outlets", LOG_LEVEL="ERROR"
    )
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=log, stderr=log, start_new_session=True
        )


def told(command: str, *args: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [command, *args])
    return done.exit_code, done.output


@pytest.mark.parametrize("seed", SEEDS)
def test_no_story_is_lost_or_written_twice(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    site = EditedSite(OUTLET, held_back=HELD)
    listed: dict[str, set[str]] = {}
    with running(Newsroom([site])) as newsroom:
        base = newsroom.bases[OUTLET]
        write_outlets(newsroom.bases, tmp_path / "outlets")

        def list_(stories: list[Story]) -> None:
            for story in stories:
                listed.setdefault(site.url(story, base), set()).add(story.title)

        list_(site.site.desk.listed)
        killed = 0
        for _ in range(RUNS):
            process = start(tmp_path)
            before = len(newsroom.log)
            wanted = dice.randint(0, 18)
            while process.poll() is None and len(newsroom.log) - before < wanted:
                time.sleep(0.002)
            time.sleep(dice.random() * 0.3)
            killed += process.poll() is None
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            list_(site.publish(dice.randint(0, 1)))
            if dice.random() < 0.4:
                site.edit(dice.choice(site.site.desk.listed[1:]))
        assert killed >= RUNS // 2, (tmp_path / "log").read_text()
        list_(site.publish(HELD))
        done = crawl(OUTLET, archives=tmp_path / "a", NEWSCRAWL_OUTLETS=tmp_path / "outlets")
        assert done.code == 0, done.output

    check(done, set(listed))
    archives = str(tmp_path / "a")
    code, output = told("doctor", "--archives", archives)
    assert code == 0, output
    code, output = told("verify", str(done.folder))
    assert code == 0, output
    data = json.loads(told("status", OUTLET, "--archives", archives, "--json")[1])[0]
    assert (data["runs_failed"], data["waiting"], data["last_reason"]) == (0, 0, "finished")
    assert data["articles_day"] == len({line["url_requested"] for line in done.articles})


def check(done: Crawl, listed: set[str]) -> None:
    """Every page listed has its lines, one a version, each of the versions in its order."""
    versions: dict[str, list[int]] = {}
    for line in done.articles:
        # By the address asked for: a story edited between looks at two of its addresses has a text by each.
        versions.setdefault(line["url_requested"], []).append(line["version"])
    pages = {line["url"] for line in done.articles}
    # A redirect leads to one that no source lists.
    assert listed <= pages
    assert len(pages) - len(listed) <= 1
    for url, found in versions.items():
        assert found == list(range(1, len(found) + 1)), url
    assert max(Counter((line["id"], line["version"]) for line in done.articles).values()) == 1
    assert not list(done.folder.glob("*.open"))
    states = json.loads(max(done.folder.glob("*.report.json")).read_text())["frontier"]
    assert (states["pending"], states["fetching"]) == (0, 0)
