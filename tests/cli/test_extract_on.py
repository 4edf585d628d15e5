"""`newscrawl extract --on`: the lines of one process to the byte, whoever is killed meanwhile."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from archive.test_linked_records import ANSWER, ARRANGED, LINKS, URL, revisit, segments
from crafted import members, record
from typer.testing import CliRunner
from wire.archived import answer, archived_run, story
from wire.cluster import Cluster, start_cluster
from wire.crawl import environment

from newscrawl.archive.pages import find_archive_files
from newscrawl.cli import app, extract_units
from newscrawl.cli.extract_units import divide_files
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.warc.index import INDEX_NAME

RUNS, PAGES = 8, 12
SMALL_UNITS = """
from newscrawl.cli import app, extract_units
extract_units.UNIT_BYTES = 1
if __name__ == "__main__":
    app()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with start_cluster() as started:
        yield started


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is a unit."""
    monkeypatch.setattr(extract_units, "UNIT_BYTES", 1)


def extract(folder: Path, out: Path, *args: object, code: int = 0) -> dict[str, Any]:
    words = ["extract", folder, "-o", out, "--json", "--jobs", 1, *args]
    result = CliRunner().invoke(app, [*map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    counts: dict[str, Any] = json.loads(result.stdout)
    del counts["out"]
    return counts


def assert_equal(folder: Path, cluster: Cluster, code: int = 0) -> None:
    """Both ways give the same lines and counts, and leave nothing else."""
    here, there = folder.parent / "here.jsonl", folder.parent / "there.jsonl"
    counts = extract(folder, here, code=code)
    assert extract(folder, there, "--on", cluster.address, code=code) == counts
    assert there.read_bytes() == here.read_bytes()
    assert counts["articles"] == len(here.read_bytes().splitlines())
    assert not [path for path in folder.parent.iterdir() if path.name.startswith("there.jsonl.")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two outlets that take a worker some seconds."""
    archives = tmp_path_factory.mktemp("many") / "archives"
    for pid in range(RUNS):
        name = ("echo", "wire")[pid % 2]
        pages = {f"http://example.org/{name}/{pid}/{n}": answer(story(f"harbour {n}")) for n in range(PAGES)}
        archived_run(archives, name, pages, pid=pid)
    return archives


def test_the_lines_are_those_of_one_process(runs: Path, cluster: Cluster) -> None:
    assert_equal(runs, cluster)


def test_duplicates_within_a_run_are_found_across_units(runs: Path, tmp_path: Path, cluster: Cluster) -> None:
    folder = tmp_path / "copies"
    for name in ("first", "second"):
        (folder / name).mkdir(parents=True)
        source = next(runs.glob("echo/*.warc.gz"))
        (folder / name / source.name).write_bytes(source.read_bytes())
    assert_equal(folder, cluster)
    assert extract(folder, tmp_path / "x.jsonl", "--on", cluster.address)["rejected"] == {"duplicate": PAGES}


@pytest.mark.parametrize("arranged", ["a file each", "a file each, backwards"])
def test_pages_of_several_records_in_several_units(tmp_path: Path, cluster: Cluster, arranged: str) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    for place, records in enumerate(ARRANGED[arranged](segments(10, 700))):
        (folder / f"{place}.warc.gz").write_bytes(members(records))
    (folder / "a.warc.gz").write_bytes(members([record("response", URL, ANSWER, number=1)]))
    (folder / "b.warc.gz").write_bytes(members([revisit(*LINKS["URL and id"])]))
    assert_equal(folder, cluster)
    assert extract(folder, tmp_path / "x.jsonl", "--on", cluster.address)["pages"] == 3


def test_records_that_are_lost_are_counted(runs: Path, tmp_path: Path, cluster: Cluster) -> None:
    folder = tmp_path / "torn"
    folder.mkdir()
    whole = next(runs.glob("echo/*.warc.gz")).read_bytes()
    (folder / "a.warc.gz").write_bytes(whole[:-30])
    (folder / "b.warc.gz").write_bytes(b"no archive at all" * 9)
    assert_equal(folder, cluster, code=1)


def test_files_without_a_page_leave_nothing(tmp_path: Path, cluster: Cluster) -> None:
    failed = archived_run(tmp_path / "a", "echo", {"http://example.org/": answer(story("x"))}, outcome="cut")
    with pytest.raises(NewscrawlError, match=r"no page found in .*\.warc\.gz: 1 not_fetched"):
        extract(failed.folder, tmp_path / "out.jsonl", "--on", cluster.address)
    assert not list(tmp_path.glob("out*"))


def test_a_folder_that_workers_do_not_have_is_named(
    runs: Path, tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract_units, "MARKER", "not_shared")
    with pytest.raises(NewscrawlError, match=r"out\.jsonl\.units/\S+ is not there on \S+: workers share it"):
        extract(runs, tmp_path / "out.jsonl", "--on", cluster.address)


def test_what_cannot_be_written_is_named_before_the_work(runs: Path, cluster: Cluster) -> None:
    with pytest.raises(ArchiveError, match=r"cannot write /no/such/out\.jsonl"):
        extract(runs, Path("/no/such/out.jsonl"), "--on", cluster.address)
    result = CliRunner().invoke(app, ["extract", str(runs), "--on", cluster.address])
    assert result.exit_code == 2
    assert "give --out" in result.output


def test_units_are_of_a_folder_and_no_larger_than_asked(runs: Path) -> None:
    files = find_archive_files([runs])
    parts = list(divide_files(files, 2 * max(file.size for file in files)))
    assert [file for part in parts for file in part] == files
    assert all(len({file.path.parent for file in part}) == 1 for part in parts)
    assert {len(part) for part in parts} == {2}
    assert [len(part) for part in divide_files(files, 1)] == [1] * len(files)


class Client:
    """`newscrawl extract --on` in a process of its own."""

    def __init__(self, folder: Path, runs: Path, address: str) -> None:
        script = folder / "small_units.py"
        script.write_text(SMALL_UNITS)
        self.out = folder / "out.jsonl"
        words = [sys.executable, script, "extract", runs, "-o", self.out, "--on", address, "--json"]
        self.process = subprocess.Popen(
            words, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def wait_for_units(self, count: int) -> list[Path]:
        """The files of units that are complete, as soon as there are so many and others are left."""
        end = time.monotonic() + 120
        while len(found := list(self.out.parent.glob("out.jsonl.units/*/*.jsonl"))) < count:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.01)
        assert len(found) < RUNS
        return found

    def end(self, code: int) -> str:
        _, errors = self.process.communicate(timeout=120)
        assert self.process.returncode == code, errors.decode()
        return errors.decode()


def mark(unit: Path) -> None:
    """A change that stays only if the unit is not made again."""
    unit.write_bytes(unit.read_bytes().replace(b"harbour", b"HARBOUR"))


def assert_goes_on(client: Client, runs: Path, address: str) -> None:
    """A second start takes over the unit that was marked, and makes the others."""
    again = Client(client.out.parent, runs, address)
    again.end(0)
    extract(runs, client.out.with_name("here.jsonl"))
    lines = client.out.read_bytes()
    assert b"HARBOUR" in lines
    assert lines.replace(b"HARBOUR", b"harbour") == client.out.with_name("here.jsonl").read_bytes()
    assert not list(client.out.parent.glob("out.jsonl.*"))


@pytest.mark.slow
def test_a_killed_worker_changes_nothing(runs: Path, tmp_path: Path) -> None:
    with start_cluster() as cluster:
        client = Client(tmp_path, runs, cluster.address)
        client.wait_for_units(1)
        cluster.kill_workers()
        client.end(0)
    extract(runs, tmp_path / "here.jsonl")
    assert client.out.read_bytes() == (tmp_path / "here.jsonl").read_bytes()
    assert not list(tmp_path.glob("out.jsonl.*"))


@pytest.mark.proof
@pytest.mark.slow
def test_after_the_end_of_the_scheduler_the_work_goes_on_where_it_was(runs: Path, tmp_path: Path) -> None:
    with start_cluster() as cluster:
        client = Client(tmp_path, runs, cluster.address)
        client.wait_for_units(2)
        cluster.kill_scheduler()
        assert f"the scheduler at {cluster.address} has gone" in client.end(1)
        assert not client.out.exists()
    mark(next(tmp_path.glob("out.jsonl.units/*/*.jsonl")))
    with start_cluster() as other:
        assert_goes_on(client, runs, other.address)


@pytest.mark.proof
@pytest.mark.slow
def test_a_killed_client_is_started_again(runs: Path, tmp_path: Path, cluster: Cluster) -> None:
    client = Client(tmp_path, runs, cluster.address)
    found = client.wait_for_units(2)
    client.process.kill()
    client.process.communicate()
    mark(found[0])
    assert_goes_on(client, runs, cluster.address)


def test_two_at_once_do_not_write_the_same_file(runs: Path, tmp_path: Path, cluster: Cluster) -> None:
    client = Client(tmp_path, runs, cluster.address)
    client.wait_for_units(1)
    with pytest.raises(NewscrawlError, match="another process is writing"):
        extract(runs, client.out, "--on", cluster.address)
    client.end(0)


def test_indexes_are_those_of_one_process(
    runs: Path, tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(runs, "archives")
    command = ["index", "build", "archives/echo", "archives/wire", "--json"]
    there = CliRunner().invoke(app, [*command, "--on", cluster.address])
    found = [(folder / INDEX_NAME).read_bytes() for folder in sorted(Path("archives").iterdir())]
    for folder in Path("archives").iterdir():
        (folder / INDEX_NAME).unlink()
    here = CliRunner().invoke(app, command)
    assert (there.exit_code, there.stdout) == (0, here.stdout)
    assert [row["added"] for row in json.loads(there.stdout)] == [RUNS // 2] * 2
    assert found == [(folder / INDEX_NAME).read_bytes() for folder in sorted(Path("archives").iterdir())]
