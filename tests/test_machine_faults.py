"""A machine without descriptors ends the crawl under its own name, and costs no page anything."""

from __future__ import annotations

import resource
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from wire.crawl import ROOT, Crawl, crawl, environment, scrapy_command

from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.http import Request, Response
from newscrawl.demo.server import Newsroom, serve_in_thread

pytestmark = pytest.mark.crawl

OUTLET = "fundy_courier"
STORIES = 16


class CountedSite:
    """A demo outlet that counts how often each story is asked for."""

    id = OUTLET

    def __init__(self) -> None:
        self.site = demo_site(OUTLET)
        self.asked: Counter[str] = Counter()

    def respond(self, request: Request) -> Response:
        if request.path.startswith(("/story/", "/recit/")):
            self.asked[request.path] += 1
        return self.site.respond(request)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[CountedSite]:
    counted = CountedSite()
    with serve_in_thread(Newsroom([counted])) as served:
        write_outlets(served.bases, tmp_path / "outlets")
        yield counted


def crawl_with_descriptors(folder: Path, most: int) -> Crawl:
    """A crawl that may have so many files, pipes and sockets open."""
    done = subprocess.run(
        scrapy_command("crawl", OUTLET, archives=folder / "a", NEWSCRAWL_OUTLETS=folder / "outlets"),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_NOFILE, (most, most)),
    )
    return Crawl(done.returncode, done.stdout + done.stderr, folder / "a" / OUTLET)


@pytest.mark.parametrize("most", [24, pytest.param(26, marks=pytest.mark.proof)])
def test_pages_wait_when_the_machine_has_no_descriptors(site: CountedSite, tmp_path: Path, most: int) -> None:
    failed = crawl_with_descriptors(tmp_path, most)
    assert failed.code == 1
    assert (failed.report["reason"], failed.articles) == ("machine_fault", [])
    assert "Too many open files" in failed.report["error"] or "cannot run" in failed.report["error"]
    assert "extractor_error" not in failed.report["rejected"]
    unread = [line["url"] for line in failed.rejected if (line["step"], line["reason"]) == EXTRACT_FAULT]
    assert unread
    archived = Counter(site.asked)
    done = crawl(OUTLET, archives=tmp_path / "a", NEWSCRAWL_OUTLETS=tmp_path / "outlets")
    assert (done.code, done.report["articles"]) == (0, STORIES)
    assert len({line["id"] for line in done.articles}) == len(done.articles) == STORIES
    again = [path for path in archived if site.asked[path] > archived[path]]
    assert not [url for url in unread if any(url.endswith(path) for path in again)]
    check_replay(done, tmp_path)


EXTRACT_FAULT = ("extract", "machine_fault")


def check_replay(done: Crawl, folder: Path) -> None:
    """The run that read pages in the archive of another run is repeated to the byte."""
    settings = {"NEWSCRAWL_OUTLETS": folder / "outlets", "NEWSCRAWL_REPLAY": folder / "a"}
    run = done.report["run"]
    again = crawl(OUTLET, archives=folder / "replayed", NEWSCRAWL_REPLAY_RUN=run, **settings)
    assert again.code == 0, again.output
    written = (done.folder / f"{run}.jsonl").read_bytes()
    assert (again.folder / f"{again.report['run']}.jsonl").read_bytes() == written


def test_forty_descriptors_are_enough(site: CountedSite, tmp_path: Path) -> None:
    done = crawl_with_descriptors(tmp_path, 40)
    assert (done.code, done.report["articles"], done.report["reason"]) == (0, STORIES, "finished")
