"""`newscrawl run --forever`: it stays, follows state and the outlet files, and ends in order."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from wire.crawl import FAST, environment
from wire.slow_site import SlowSite, write_slow_outlet

from newscrawl.archive.report import read_report
from newscrawl.cli import due_queue as due_queues
from newscrawl.cli.due_queue import DueQueue, OutletFiles, due_queue
from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.errors import NewscrawlError, OutletError
from newscrawl.outlet import read_outlet
from newscrawl.state.database import database_url
from newscrawl.state.runs import Holder, RunEnd, State

COMMAND = Path(sys.executable).with_name("newscrawl")
PATIENCE = 150
"Seconds for what takes a few on an idle machine."


@contextmanager
def staying(folder: Path, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command at work; its messages go to `err`. It is ended if the test has not ended it."""
    options = {**FAST, "NEWSCRAWL_OUTLETS": folder / "outlets"}
    flags = [part for name, value in options.items() for part in ("-s", f"{name}={value}")]
    with (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            [COMMAND, "run", "--forever", "--archives", folder / "a", *flags, *args],
            cwd=folder,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=err,
        )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def wait_for(happened: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.05)


@pytest.mark.crawl
@pytest.mark.slow
def test_what_changes_is_noticed(tmp_path: Path) -> None:
    names = ("kamer_echo", "deccan_wire")
    with serve_in_thread(Newsroom([demo_site(name) for name in names])) as newsroom:
        write_outlets(newsroom.bases, tmp_path / "outlets")
        later = (tmp_path / "outlets" / f"{names[1]}.toml").rename(tmp_path / "later")
        with staying(tmp_path) as process:
            wait_for(lambda: list(tmp_path.glob(f"a/{names[0]}/*.report.json")))
            (tmp_path / "outlets" / "broken.toml").write_text("title = ")
            later.rename(tmp_path / "outlets" / f"{names[1]}.toml")
            wait_for(lambda: list(tmp_path.glob(f"a/{names[1]}/*.report.json")))
            wait_for(lambda: "deccan_wire: " in (tmp_path / "err").read_text())
            assert process.poll() is None
            process.terminate()
            assert process.wait(PATIENCE) == 0
    messages = (tmp_path / "err").read_text()
    assert messages.count("broken.toml") == 1
    for name in names:
        (path,) = tmp_path.glob(f"a/{name}/*.report.json")
        assert f"{name}: {read_report(path).articles} articles in " in messages


@pytest.mark.crawl
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "interrupt"])
def test_crawls_that_are_running_end_in_order(tmp_path: Path, number: signal.Signals) -> None:
    site = SlowSite()
    with serve_in_thread(Newsroom([site])) as served:
        write_slow_outlet(served.bases["slow"], tmp_path / "outlets")
        with staying(tmp_path, "-s", "DOWNLOAD_DELAY=0.1") as process:
            assert site.enough.wait(PATIENCE)
            process.send_signal(number)
            assert process.wait(PATIENCE) == 0, (tmp_path / "err").read_text()
    (path,) = tmp_path.glob("a/slow/*.report.json")
    assert read_report(path).reason == "shutdown"
    assert not list(tmp_path.glob("a/slow/*.open"))


def write_outlet(folder: Path, name: str, host: str = "a.example") -> Path:
    write_slow_outlet(f"http://{host}", folder, name=name)
    return folder / f"{name}.toml"


def test_only_files_that_changed_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    monkeypatch.setattr(
        due_queues, "read_outlet", lambda path: (reads.append(path.stem), read_outlet(path))[1]
    )
    first, _ = (write_outlet(tmp_path, name) for name in ("one", "two"))
    files = OutletFiles([tmp_path])
    assert [outlet.id for outlet in files.read()[0]] == ["one", "two"]
    first.write_text(first.read_text().replace("Slow", "Slower"))
    (tmp_path / "three.toml").write_text("title = ")
    outlets, broken = files.read()
    assert ([outlet.title for outlet in outlets], len(broken)) == (["Slower", "Slow"], 1)
    first.unlink()
    assert [outlet.id for outlet in files.read()[0]] == ["two"]
    assert sorted(reads) == ["one", "one", "three", "two"]


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[DueQueue]:
    write_outlet(tmp_path / "outlets", "one")
    settings = {"NEWSCRAWL_OUTLETS": tmp_path / "outlets", "NEWSCRAWL_CONTACT": "desk@example.org"}
    with due_queue(tmp_path / "a", settings) as queue:
        yield queue


def test_a_queue_without_an_end_follows_its_files(
    tmp_path: Path, queue: DueQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_queues, "RETRY_SECONDS", 0.0)
    problems: list[OutletError] = []
    outlets = queue.outlets_forever(lambda: False, problems.append)
    assert next(outlets) == "one"
    write_outlet(tmp_path / "outlets", "two", "b.example")
    (tmp_path / "outlets" / "three.toml").write_text("title = ")
    assert next(outlets) is None, "the files are looked at now and then"
    queue._files_read_again = 0.0
    assert next(outlets) == "two"
    assert [problem.path.stem for problem in problems] == ["three"]
    queue._files_read_again = 0.0
    assert next(outlets) is None
    assert len(problems) == 1
    # A folder that is away for a moment takes no outlet along.
    (tmp_path / "outlets").rename(tmp_path / "away")
    queue.release("one")
    queue._files_read_again = 0.0
    assert next(outlets) is None
    assert next(outlets) is None
    assert queue.count_due() == 2


def test_a_folder_that_is_missing_at_first_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NewscrawlError, match="no such folder"):
        OutletFiles([tmp_path / "none"]).read()


def test_a_queue_rests_until_the_next_outlet_is_due(queue: DueQueue, tmp_path: Path) -> None:
    queue._is_endless = True
    now = int(time.time())
    digest = next(iter(queue._sources.values())).digest
    state = State.open(database_url("", tmp_path / "a"), "one", Holder(host="here", pid=1))
    state.runs.begin("r1", state.holder, now)
    for due, seconds in ((now - 5, 30), (now + 7, 7), (now + 9999, 60)):
        state.end_run(RunEnd("r1", now, {}, True, due, digest, None), now)
        queue._refresh_again = 0.0
        queue._agenda = queue._load_agenda(now)
        assert queue._seconds_to_rest(now) == seconds
    queue._is_endless = False
    assert queue._seconds_to_rest(now) == 5
    state.close()
