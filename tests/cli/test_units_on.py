"""`--on` of `extract`, `index build`, `verify` and `dedup --rebuild`: what one process makes, to the byte."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from archive.test_linked_records import ANSWER, ARRANGED, LINKS, URL, revisit, segments
from crafted import PAGE, http, members, record, urn
from lines_made import article, write_run
from typer.testing import CliRunner
from wire.archived import answer, archived_run, story
from wire.cluster import Cluster, start_cluster
from wire.crawl import environment

from newscrawl.archive.pages import find_archive_files
from newscrawl.cli import app, dedup, extract_units, verify_units, worker_archives
from newscrawl.cli.extract_units import ExtractionUnit, divide_files, extract_unit
from newscrawl.cli.extraction_task import ArticleFilters
from newscrawl.cli.rebuild_workers import FOLDER_PREFIX
from newscrawl.cli.worker_archives import WorkerArchives
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.storage import try_lock
from newscrawl.warc.index import INDEX_NAME, update_index

RUNS, PAGES = 8, 6
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
    said = invoke("extract", folder, "-o", out, "--json", "--jobs", 1, *args, code=code)
    counts: dict[str, Any] = json.loads(said)
    del counts["out"]
    return counts


def invoke(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.stdout


def assert_equal(folder: Path, cluster: Cluster, code: int = 0) -> None:
    """Both ways give the same lines and counts, and leave nothing else."""
    here, there = folder.parent / "here.jsonl", folder.parent / "there.jsonl"
    counts = extract(folder, here, code=code)
    assert extract(folder, there, "--on", cluster.address, code=code) == counts
    assert there.read_bytes() == here.read_bytes()
    assert counts["articles"] == len(here.read_bytes().splitlines())
    assert not list(folder.parent.glob("there.jsonl.*"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two outlets that take a worker some seconds."""
    archives = tmp_path_factory.mktemp("many") / "archives"
    for pid in range(RUNS):
        name = ("echo", "wire")[pid % 2]
        pages = {f"http://example.org/{name}/{pid}/{n}": answer(story(f"harbour {n}")) for n in range(PAGES)}
        archived_run(archives, name, pages, pid=pid)
    return archives


@pytest.fixture(scope="module")
def lines(runs: Path) -> bytes:
    """Those that one process extracts."""
    extract(runs, runs.parent / "here.jsonl")
    return (runs.parent / "here.jsonl").read_bytes()


class KillingThread(threading.Thread):
    """Kills a worker as soon as a unit is complete and others are not."""

    def __init__(self, cluster: Cluster, out: Path) -> None:
        super().__init__(daemon=True)
        self._cluster, self._out = cluster, out
        self.units = 0
        self.could_lock = False

    def run(self) -> None:
        while not (found := list(self._out.parent.glob(f"{self._out.name}.units/*/*.jsonl"))):
            time.sleep(0.01)
        self._cluster.kill_workers()
        self.units = len(found)
        with (self._out.parent / f"{self._out.name}.units" / "lock").open() as lock:
            self.could_lock = try_lock(lock.fileno())


def test_the_lines_are_those_of_one_process_though_a_worker_is_killed(
    runs: Path, lines: bytes, tmp_path: Path, cluster: Cluster
) -> None:
    out = tmp_path / "out.jsonl"
    killer = KillingThread(cluster, out)
    killer.start()
    counts = extract(runs, out, "--on", cluster.address)
    killer.join()
    assert 0 < killer.units < RUNS
    assert not killer.could_lock, "nobody else may write the same file"
    assert out.read_bytes() == lines
    assert counts["articles"] == RUNS * PAGES
    assert not list(tmp_path.glob("out.jsonl.*"))


def test_a_unit_is_not_made_again_for_a_worker_that_died_after_it(tmp_path: Path) -> None:
    unit = ExtractionUnit(
        number=0,
        files=(),
        folder=tmp_path,
        archives=WorkerArchives.find_around(tmp_path),
        rules={},
        memories=None,
        filters=ArticleFilters(0, "skip"),
        seconds=1,
    )
    unit.path.write_bytes(b"whole\n")
    extract_unit(unit)
    assert unit.path.read_bytes() == b"whole\n"


def test_two_at_once_do_not_write_the_same_file(runs: Path, tmp_path: Path, cluster: Cluster) -> None:
    (tmp_path / "out.jsonl.units").mkdir()
    with (tmp_path / "out.jsonl.units" / "lock").open("w") as lock:
        assert try_lock(lock.fileno())
        with pytest.raises(NewscrawlError, match="another process is writing"):
            extract(runs, tmp_path / "out.jsonl", "--on", cluster.address)


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
    monkeypatch.setattr(worker_archives, "MARKER", "not_shared")
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


def assert_goes_on(client: Client, runs: Path, lines: bytes, address: str) -> None:
    """A second start takes over the unit that was marked, and makes the others."""
    again = Client(client.out.parent, runs, address)
    again.end(0)
    found = client.out.read_bytes()
    assert b"HARBOUR" in found
    assert found.replace(b"HARBOUR", b"harbour") == lines
    assert not list(client.out.parent.glob("out.jsonl.*"))


@pytest.mark.proof
@pytest.mark.slow
def test_after_the_end_of_the_scheduler_the_work_goes_on_where_it_was(
    runs: Path, lines: bytes, tmp_path: Path
) -> None:
    with start_cluster() as cluster:
        client = Client(tmp_path, runs, cluster.address)
        client.wait_for_units(2)
        cluster.kill_scheduler()
        assert f"the scheduler at {cluster.address} has gone" in client.end(1)
        assert not client.out.exists()
    mark(next(tmp_path.glob("out.jsonl.units/*/*.jsonl")))
    with start_cluster() as other:
        assert_goes_on(client, runs, lines, other.address)


@pytest.mark.proof
@pytest.mark.slow
def test_a_killed_client_is_started_again(runs: Path, lines: bytes, tmp_path: Path, cluster: Cluster) -> None:
    client = Client(tmp_path, runs, cluster.address)
    found = client.wait_for_units(2)
    client.process.kill()
    client.process.communicate()
    mark(found[0])
    assert_goes_on(client, runs, lines, cluster.address)


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


OTHER = "/proc/self/cwd"
"A folder that is another in each process."
HEAD = b"HEAD /a HTTP/1.1\r\nHost: example.org\r\n\r\n"
NO_BODY = http(b"", "Content-Length: 90")


def refer(name: str, number: int) -> tuple[str, str]:
    return name, urn(number)


def damaged_set(folder: Path) -> None:
    """Files whose records refer to each other, in both directions, with damage of many kinds between."""
    page = http(PAGE, f"Content-Length: {len(PAGE)}")
    profile = ("WARC-Profile", "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest")
    files = {
        "a": [
            record("warcinfo", None, b"software: x\r\n", number=1),
            record("response", URL, NO_BODY, refer("WARC-Warcinfo-ID", 1), number=2),
            record("response", URL, NO_BODY, refer("WARC-Concurrent-To", 90), number=3),
            record("revisit", URL, http(b""), profile, refer("WARC-Refers-To", 30), number=4),
        ],
        "b": [
            record("request", URL, HEAD, refer("WARC-Concurrent-To", 2), number=20),
            record("response", URL, page, number=2),
            record("revisit", URL, http(b""), profile, refer("WARC-Refers-To", 4), number=21),
            record("revisit", URL, http(b""), profile, refer("WARC-Refers-To", 91), number=22),
        ],
        "c": [record("response", URL, page, number=30), record("response", URL, page, number=4)],
    }
    for name, records in files.items():
        (folder / f"{name}.warc.gz").write_bytes(members(records))
    # A damaged member: what comes after its last whole record does not count, ids of it are known.
    torn = gzip.compress(record("response", URL, page, number=3) + record("response", URL, page, number=2))
    (folder / "d.warc.gz").write_bytes(torn[:-30] + members([record("response", URL, page, number=21)]))
    (folder / "e.warc.gz").write_bytes(b"")
    (folder / "f.warc.gz").write_bytes(b"rubbish" * 9 + members(files["c"]) + b"rubbish")
    (folder / "g.warc.gz").write_bytes(b"%PDF-1.7 no archive at all")
    update_index(folder)
    (folder / "a.warc.gz").write_bytes(members([*files["a"], *files["c"]]))


@pytest.mark.parametrize(("unit", "answer"), [(1, 1 << 20), (2000, 400)])
def test_problems_are_those_of_one_process(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, unit: int, answer: int
) -> None:
    """A file a unit; several a unit, of which some would be too long to answer."""
    monkeypatch.setattr(verify_units, "UNIT_BYTES", unit)
    monkeypatch.setattr(verify_units, "MAX_ANSWER_BYTES", answer)
    (tmp_path / "set").mkdir()
    damaged_set(tmp_path / "set")
    monkeypatch.chdir(tmp_path)
    here = invoke("verify", "set", "set/b.warc.gz", "--json", code=1)
    there = invoke("verify", "set", "set/b.warc.gz", "--json", "--on", cluster.address, code=1)
    assert there == here
    codes = json.loads(here.splitlines()[-1])["summary"]["codes"]
    assert codes.keys() > {
        "record_id_repeated",
        "refers_to_revisit",
        "refers_to_unresolved",
        "concurrent_to_unresolved",
        "http_body_missing",
        "file_empty",
        "index_file_changed",
    }


def test_files_that_workers_do_not_have_are_named(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set").mkdir()
    damaged_set(tmp_path / "set")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NewscrawlError, match=rf"{OTHER}/set\S* is not there on \S+: workers share"):
        invoke("verify", f"{OTHER}/set", "--on", cluster.address)


OUTLETS = ("echo", "wire", "post")
TEXT = "The council met on the harbour wall and heard from fishermen of {place}, who spoke for an hour. "
DAYS = 5


def write_lines(archives: Path) -> None:
    """Runs of three outlets: copies among them, later versions of pages, lines that cannot be read."""
    for day in range(DAYS):
        for number, outlet in enumerate(OUTLETS):
            stories = [
                article(
                    100 * number + page % 7,
                    "".join(
                        TEXT.format(place=f"{word} {page % 5}") for word in ("Akwa", "Bali", "Limbe", outlet)
                    ),
                    source=outlet,
                    url_requested=f"https://{outlet}.example/{page % 7}-{day // 2}",
                    fetched=f"2026-03-0{day + 1}T05:0{page}:0{number}.000000Z",
                )
                for page in range(9)
            ]
            broken = [b"no line\n"] if (day, number) == (2, 1) else []
            write_run(archives, [*stories, *broken], outlet=outlet, day=f"2026030{day + 1}")


def rows(archives: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that state has of texts."""
    with closing(sqlite3.connect(archives / "state.sqlite")) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: database.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()
            for name in names
            if name.startswith(("document", "cross", "fingerprint"))
        }


def test_a_rebuild_gives_the_clusters_of_one_process(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dedup, "SOURCE_BYTES", 1)
    monkeypatch.setattr(dedup, "time", SimpleNamespace(time=lambda: 1_773_000_000.0))
    monkeypatch.chdir(tmp_path)
    write_lines(Path("here"))
    shutil.copytree("here", "there")
    words = ("dedup", "--rebuild", "--json", "--shards", 3, "--archives")
    here = CliRunner().invoke(app, [*map(str, words), "here", "--jobs", "1"])
    there = CliRunner().invoke(app, [*map(str, words), "there", "--on", cluster.address])
    assert (there.exit_code, there.stdout) == (here.exit_code, here.stdout)
    assert there.stderr == here.stderr.replace("here/", "there/")
    assert rows(Path("here")) == rows(Path("there"))
    counts = json.loads(here.stdout)
    assert counts["broken"] == 1
    assert counts["duplicates"] > 9
    assert not [path for path in Path("there").iterdir() if not (path.is_file() or path.name in OUTLETS)]


@pytest.mark.proof
@pytest.mark.slow
@pytest.mark.parametrize("step", ["sources", "holders", "members"])
def test_a_rebuild_survives_a_killed_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(dedup, "SOURCE_BYTES", 1)
    monkeypatch.setattr(dedup, "time", SimpleNamespace(time=lambda: 1_773_000_000.0))
    write_lines(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    words = ("dedup", "--rebuild", "--json", "--shards", "16", "--archives")
    here = CliRunner().invoke(app, [*words, str(tmp_path / "here"), "--jobs", "1"])
    killed = threading.Event()
    with start_cluster() as cluster:

        def kill() -> None:
            while not list(tmp_path.glob(f"there/{FOLDER_PREFIX}*/*/{step}/*")):
                time.sleep(0.001)
            cluster.kill_workers()
            killed.set()

        threading.Thread(target=kill, daemon=True).start()
        there = CliRunner().invoke(app, [*words, str(tmp_path / "there"), "--on", cluster.address])
    assert killed.is_set()
    assert (there.exit_code, there.stdout) == (here.exit_code, here.stdout)
    assert rows(tmp_path / "here") == rows(tmp_path / "there")


def test_a_rebuild_needs_a_folder_that_workers_share(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "a")
    words = ("dedup", "--rebuild", "--archives", tmp_path / "a", "--scratch", OTHER, "--on", cluster.address)
    with pytest.raises(
        NewscrawlError, match=r"--rebuild changed nothing: .*is not there on \S+: workers share it"
    ):
        invoke(*words)
    assert not rows(tmp_path / "a")["documents"]
