"""`newscrawl extract`: archives to lines without a crawl, the same lines whatever comes in between."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from typer.testing import CliRunner, Result
from wire.archived import answer, archived_run, story
from wire.crawl import crawl, environment

from newscrawl import settings
from newscrawl.archive.finished_runs import FinishedRun
from newscrawl.cli import app
from newscrawl.demo.catalogue import demo_sites, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.errors import ArchiveError, NewscrawlError, UnknownOutlet

PAGES = {f"http://example.org/{n}": answer(story(f"harbour number {n}")) for n in range(12)}


def invoked(*args: str | Path) -> Result:
    result = CliRunner().invoke(app, ["extract", *map(str, args), "--jobs", "1"])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def summary(*args: str | Path, code: int = 0) -> dict[str, Any]:
    result = invoked(*args, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    return archived_run(tmp_path / "archives", "echo", PAGES)


def test_the_lines_of_a_run_come_out_again_to_the_byte(run: FinishedRun, tmp_path: Path) -> None:
    told = summary(run.folder, "-o", tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == run.lines.read_bytes()
    assert (told["files"], told["pages"], told["articles"], told["torn"]) == (1, 12, 12, [])
    assert {path.name for path in tmp_path.glob("out*")} == {"out.jsonl"}


def test_several_processes_give_the_lines_in_the_same_order(run: FinishedRun, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["extract", str(run.folder), "-o", str(tmp_path / "out.jsonl"), "--jobs", "3"]
    )
    assert done.exit_code == 0
    assert (tmp_path / "out.jsonl").read_bytes() == run.lines.read_bytes()


def test_without_a_file_the_lines_go_to_standard_output(run: FinishedRun) -> None:
    result = invoked(run.warcs[0])
    assert result.stdout.encode() == run.lines.read_bytes()
    assert "Extracted" in result.stderr


def test_what_a_crawl_refuses_is_refused_and_counted(tmp_path: Path) -> None:
    short = b"<html><head><title>Short</title></head><body><h1>Short</h1><p>Too little.</p></body></html>"
    pages = {
        "http://example.org/a": answer(story("pier")),
        "http://example.org/a?utm_source=feed": answer(story("pier")),
        "http://example.org/short": answer(short),
        "http://example.org/image": answer(b"\x89PNG\r\n\x1a\n" + bytes(500), kind="image/png"),
        "http://example.org/gone": answer(b"", "404 Not Found"),
        "http://example.org/moved": answer(b"", "301 Moved"),
    }
    run = archived_run(tmp_path / "archives", "echo", pages)
    told = summary(run.folder, "-o", tmp_path / "out.jsonl")
    assert (told["pages"], told["articles"]) == (4, 1)
    assert sum(told["rejected"].values()) == 3
    assert told["rejected"]["duplicate"] == 1


def test_what_no_page_was_fetched_for_is_left_alone(tmp_path: Path) -> None:
    failed = archived_run(tmp_path / "archives", "echo", PAGES, outcome="ResponseDataLossError: cut")
    with pytest.raises(NewscrawlError, match=r"no page found in .*\.warc\.gz"):
        invoked(failed.folder, "-o", tmp_path / "out.jsonl")
    assert not list(tmp_path.glob("out*"))


OUTLET = """
title = "Echo"
home = "http://example.org/"
country = "CM"
languages = ["en"]
timezone = "Africa/Douala"
kind = "regional"
feeds = ["http://example.org/feed"]
"""


def test_the_rules_are_those_of_the_folder_s_name_or_of_the_outlet_named(
    run: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlets = tmp_path / "outlets"
    outlets.mkdir()
    for name in ("echo", "other"):
        (outlets / f"{name}.toml").write_text(OUTLET)
    monkeypatch.setattr(settings, "NEWSCRAWL_OUTLETS", [str(outlets)])
    for args, source in (((), "echo"), (("--outlet", "other"), "other")):
        invoked(run.folder, *args, "-o", tmp_path / "out.jsonl")
        lines = (tmp_path / "out.jsonl").read_text().splitlines()
        assert {json.loads(line)["source"] for line in lines} == {source}
    with pytest.raises(UnknownOutlet, match="'echoo'"):
        invoked(run.folder, "--outlet", "echoo")


KILLED = """
import os, signal, sys
from newscrawl.cli import app
from newscrawl.archive import partial_output
from newscrawl.archive.partial_output import PartialOutput

def die_after(saves):
    saved = PartialOutput.save
    def save_and_die(part):
        saved(part)
        if part.pages == saves * partial_output.SAVE_INTERVAL:
            part._stream.write(b'{"torn": ')
            part._stream.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    partial_output.SAVE_INTERVAL, PartialOutput.save = 3, save_and_die

if __name__ == "__main__":
    die_after(int(sys.argv.pop(1)))
    app()
"""


@pytest.mark.parametrize("saves", [1, 3])
def test_a_killed_extraction_goes_on_and_gives_the_same_bytes(
    run: FinishedRun, tmp_path: Path, saves: int
) -> None:
    script, out = tmp_path / "killed.py", tmp_path / "out.jsonl"
    script.write_text(KILLED)
    command = [sys.executable, script, str(saves), "extract", run.folder, "-o", out, "--jobs", "1"]
    done = subprocess.run(command, env=environment(), capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not out.exists()
    state = json.loads(Path(f"{out}.state").read_text())
    assert state["pages"] == 3 * saves
    part = Path(f"{out}.part")
    assert part.read_bytes().endswith(b'{"torn": ')
    # What is there is taken over, not made again: a change in it would stay.
    first = part.read_bytes().index(b"harbour")
    with part.open("r+b") as stream:
        stream.seek(first)
        stream.write(b"HARBOUR")
    told = summary(run.folder, "-o", out)
    assert (told["pages"], told["articles"]) == (12, 12)
    assert out.read_bytes().replace(b"HARBOUR", b"harbour") == run.lines.read_bytes()
    assert b"HARBOUR" in out.read_bytes()
    assert {path.name for path in tmp_path.glob("out*")} == {"out.jsonl"}


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"[]",
        b'{"cut',
        b'{"schema": "newscrawl.extracting/1", "task": "another", "bytes": 1, "pages": 1, "articles": 1, '
        b'"rejected": {}}',
        b'{"bytes": -5, "pages": 1, "articles": 1, "rejected": 3}',
    ],
)
def test_a_state_that_does_not_fit_is_not_gone_on_from(
    run: FinishedRun, tmp_path: Path, state: bytes
) -> None:
    (tmp_path / "out.jsonl.state").write_bytes(state)
    (tmp_path / "out.jsonl.part").write_bytes(b"lines of something else\n")
    invoked(run.folder, "-o", tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == run.lines.read_bytes()


def test_what_another_extractor_made_is_told_against_it(run: FinishedRun, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in run.lines.read_text().splitlines()]
    lines[0]["text"] = "Nothing of the kind"
    lines[1]["title"] = "Another headline"
    lines[2]["extractor"]["version"] = "0"
    gone = {**lines.pop(), "url_norm": "http://example.org/old"}
    old = tmp_path / "old.jsonl"
    old.write_text("".join(json.dumps(line) + "\n" for line in [*lines, gone]))
    told = summary(run.folder, "--compare", old)["against"]
    assert {name: told[name] for name in ("same", "changed", "new", "gone")} == {
        "same": 9,
        "changed": 2,
        "new": 1,
        "gone": 1,
    }
    assert told["fields"] == {"text": 1, "title": 1}
    assert told["worst"][0]["url"] == "http://example.org/0"
    assert told["worst"][0]["ratio"] < 0.5
    shown = invoked(run.folder, "--compare", old).stdout
    for words in ("Compared with the older file", "Changed most", "Gone", "http://example.org/old"):
        assert words in shown


def foreign_record(kind: str, url: str, block: bytes) -> bytes:
    """As another recorder writes it: WARC 1.0, brackets around the address, no digests."""
    lines = (
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:{uuid5(NAMESPACE_URL, kind + url)}>",
        "WARC-Date: 2020-01-02T03:04:05Z",
        f"WARC-Target-URI: <{url}>",
        f"Content-Type: application/http;msgtype={kind}",
        f"Content-Length: {len(block)}",
    )
    return "\r\n".join([*lines, "", ""]).encode() + block + b"\r\n\r\n"


def a_foreign_archive(path: Path, packed: bool) -> None:
    """Requests first, and no notes of ours."""
    answers = {
        "http://other.example/one": answer(story("first bridge")),
        "http://other.example/image": answer(bytes(900), kind="image/png"),
        "http://other.example/gone": answer(story("lost bridge"), "404 Not Found"),
        "http://other.example/two": answer(story("second bridge"), kind="TEXT/HTML"),
    }
    with path.open("wb") as stream:
        for url, received in answers.items():
            asked = foreign_record("request", url, b"GET / HTTP/1.1\r\nHost: other.example\r\n\r\n")
            for record in (asked, foreign_record("response", url, received)):
                stream.write(gzip.compress(record) if packed else record)


@pytest.mark.parametrize("name", ["other.warc.gz", "other.warc"])
def test_pages_of_other_archives_come_out_in_their_order(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "foreign"
    folder.mkdir()
    a_foreign_archive(folder / name, name.endswith(".gz"))
    told = summary(folder, "-o", tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["url"] for line in lines] == ["http://other.example/one", "http://other.example/two"]
    assert [line["title"] for line in lines] == ["News of the first bridge", "News of the second bridge"]
    assert (told["pages"], told["torn"]) == (2, [])


def test_a_torn_file_gives_what_is_whole_and_is_named(run: FinishedRun, tmp_path: Path) -> None:
    whole = run.warcs[0].read_bytes()
    (tmp_path / "torn.warc.gz").write_bytes(whole[:-30])
    (tmp_path / "noise.warc.gz").write_bytes(b"no archive at all" * 9)
    files = [run.warcs[0], tmp_path / "torn.warc.gz", tmp_path / "noise.warc.gz"]
    told = summary(*files, "-o", tmp_path / "out.jsonl", code=1)
    assert told["skipped"] == {"damaged": 2, "no_page": 1} | told["skipped"]
    assert [Path(name).name for name in told["torn"]] == ["noise.warc.gz", "torn.warc.gz"]
    # The same run twice: every article but the first copy is a duplicate, and none is lost.
    assert told["articles"] == 12
    assert told["rejected"] == {"duplicate": told["pages"] - 12}
    assert told["pages"] >= 23


def test_files_named_twice_are_read_once(run: FinishedRun, tmp_path: Path) -> None:
    told = summary(run.folder, run.warcs[0], run.folder.parent, "-o", tmp_path / "out.jsonl")
    assert (told["files"], told["articles"]) == (1, 12)


def test_what_cannot_be_read_or_written_is_named(run: FinishedRun, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArchiveError, match=r"no such archive file: .*none\.warc"):
        invoked(tmp_path / "none.warc")
    with pytest.raises(NewscrawlError, match="no WARC file"):
        invoked(tmp_path / "empty")
    with pytest.raises(ArchiveError, match="cannot write "):
        invoked(run.folder, "-o", tmp_path / "no" / "such" / "folder.jsonl")


@pytest.fixture(scope="module")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("outlets")
    with serve_in_thread(Newsroom(demo_sites())) as served:
        write_outlets(served.bases, folder)
        yield folder


@pytest.mark.crawl
@pytest.mark.parametrize("outlet", ["kamer_echo", "deccan_wire", "val_sambre", "fundy_courier"])
def test_a_crawl_s_lines_come_out_of_its_archive_to_the_byte(
    newsroom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outlet: str
) -> None:
    done = crawl(outlet, archives=tmp_path, NEWSCRAWL_OUTLETS=newsroom)
    assert done.code == 0, done.output
    monkeypatch.setattr(settings, "NEWSCRAWL_OUTLETS", [str(newsroom)])
    told = summary(done.folder, "-o", tmp_path / "out.jsonl")
    (live,) = (path for path in done.folder.glob("*.jsonl") if ".rejected." not in path.name)
    assert (tmp_path / "out.jsonl").read_bytes() == live.read_bytes()
    fetched = [line["reason"] for line in done.rejected if line["step"] != "fetch"]
    assert told["articles"] == done.report["articles"]
    assert sorted(fetched) == sorted(name for name, count in told["rejected"].items() for _ in range(count))
