"""A crawl uses what earlier ones learned, one memory all along, and its replay uses it again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from wire.crawl import Crawl, crawl, environment

from newscrawl.archive.memory_files import CURRENT, newest_memory
from newscrawl.archive.replay import find_recorded_runs
from newscrawl.demo.catalogue import demo_sites, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread

pytestmark = [pytest.mark.crawl, pytest.mark.slow]
OUTLET = "fundy_courier"
COMMAND = "from newscrawl.cli import main; main()"


@pytest.fixture(scope="module")
def outlets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("outlets")
    with serve_in_thread(Newsroom(demo_sites())) as served:
        write_outlets(served.bases, folder)
        yield folder


@pytest.fixture(scope="module")
def first(outlets: Path, tmp_path_factory: pytest.TempPathFactory) -> Crawl:
    """A crawl into an empty folder."""
    return crawl(OUTLET, archives=tmp_path_factory.mktemp("first"), NEWSCRAWL_OUTLETS=outlets)


@pytest.fixture(scope="module")
def second(first: Crawl, outlets: Path, tmp_path_factory: pytest.TempPathFactory) -> Crawl:
    """A crawl of the same pages that knows what the first one learned."""
    archives = tmp_path_factory.mktemp("second")
    for path in first.folder.glob("memory*"):
        (archives / OUTLET).mkdir(exist_ok=True)
        shutil.copy(path, archives / OUTLET)
    return crawl(OUTLET, archives=archives, NEWSCRAWL_OUTLETS=outlets)


def replayed(live: Crawl, outlets: Path, run: object, archives: Path) -> Crawl:
    options = {"NEWSCRAWL_REPLAY": live.folder, "NEWSCRAWL_REPLAY_RUN": run, "NEWSCRAWL_OUTLETS": outlets}
    return crawl(OUTLET, archives=archives, **options)


def test_a_crawl_learns_and_the_next_one_uses_it(first: Crawl, second: Crawl) -> None:
    assert first.report["memory"] is None
    assert first.report["learned"] == second.report["memory"]
    assert [run.memory for run in find_recorded_runs(second.folder, OUTLET)] == [second.report["memory"]]
    reasons = [{one["reason"] for line in run.articles for one in line["removed"]} for run in (first, second)]
    assert ["recurring" in found for found in reasons] == [False, True]
    texts = [{line["url"]: line["text"] for line in run.articles} for run in (first, second)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("which", ["first", "second"])
def test_a_replay_uses_the_memory_of_its_run_whatever_was_learned_since(
    which: str, request: pytest.FixtureRequest, outlets: Path, tmp_path: Path
) -> None:
    live: Crawl = request.getfixturevalue(which)
    told = live.report
    newest = newest_memory(live.folder)
    assert newest
    assert newest.name == told["learned"]
    before = {path.name: path.read_bytes() for path in live.folder.iterdir()}
    done = replayed(live, outlets, told["run"], tmp_path)
    assert done.code == 0, done.output
    assert (done.report["memory"], done.report["learned"]) == (told["memory"], None)
    for suffix in (".jsonl", ".rejected.jsonl"):
        again = (done.folder / f"{done.report['run']}{suffix}").read_bytes()
        assert again == (live.folder / f"{told['run']}{suffix}").read_bytes()
    assert not list(done.folder.glob("memory*"))
    assert {path.name: path.read_bytes() for path in live.folder.iterdir()} == before


def test_an_extraction_uses_the_memory_of_each_run(second: Crawl, outlets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "extract", str(second.folder), "-o", str(out), "--jobs", "1"],
        env={**environment(), "NEWSCRAWL_OUTLETS": str(outlets)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == (second.folder / f"{second.report['run']}.jsonl").read_bytes()


def test_a_replay_without_its_memory_does_not_begin(second: Crawl, outlets: Path, tmp_path: Path) -> None:
    memory = second.report["memory"]
    kept = Crawl(0, "", tmp_path / "kept" / OUTLET)
    shutil.copytree(second.folder, kept.folder)
    (kept.folder / memory).unlink()
    done = replayed(kept, outlets, second.report["run"], tmp_path / "out")
    assert done.code != 0
    assert f"no such memory: {kept.folder / memory}" in done.output


def test_a_crawl_that_may_not_learn_leaves_nothing(outlets: Path, tmp_path: Path) -> None:
    done = crawl(OUTLET, archives=tmp_path, NEWSCRAWL_OUTLETS=outlets, NEWSCRAWL_SITE_MEMORY=0)
    assert done.report["learned"] is None
    assert not list(done.folder.glob("memory*"))


def test_a_memory_that_cannot_be_read_costs_itself(outlets: Path, tmp_path: Path) -> None:
    folder = tmp_path / OUTLET
    folder.mkdir()
    (folder / CURRENT).write_text("memory-0123456789abcdef.json.gz\n")
    done = crawl(OUTLET, archives=tmp_path, NEWSCRAWL_OUTLETS=outlets)
    assert done.code == 0
    assert "crawled without a memory" in done.output
    assert done.report["memory"] is None
    assert done.report["learned"] == (folder / CURRENT).read_text().strip()
