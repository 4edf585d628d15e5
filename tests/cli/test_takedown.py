"""`newscrawl takedown`: an article leaves lines, state and, on demand, the archive; all else stays sound."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from wire.archived import answer, archived_run, story, unopened_run
from wire.crawl import Crawl, crawl

from newscrawl.archive.lines import read_articles
from newscrawl.archive.manifest import file_sha256, read_manifest, remove_from_manifest
from newscrawl.archive.reextract import read_page_records
from newscrawl.archive.takedown import find_takedown
from newscrawl.cli import app
from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.errors import ArchiveError, Busy, UnknownOutlet
from newscrawl.items import Link
from newscrawl.spiders.lease_holder import has_ended
from newscrawl.state.database import Database
from newscrawl.state.database_frontier import new_url_row
from newscrawl.state.encoding import page_key
from newscrawl.state.runs import Holder, Lease, State
from newscrawl.state.urls import UrlTable
from newscrawl.urls import normalize_url
from newscrawl.warc.http import split_message
from newscrawl.warc.reader import WarcRecord, iter_records

pytestmark = pytest.mark.crawl

OUTLET = "kamer_echo"


@dataclass
class Crawled:
    """An outlet that has been crawled twice, and can be once more."""

    folder: Path
    newsroom: Newsroom
    done: Crawl

    def again(self, archives: Path) -> Crawl:
        """All pages are due, and their sources have changed."""
        with closing(sqlite3.connect(archives / "state.sqlite")) as state, state:
            state.execute("UPDATE urls SET next_due = 0 WHERE next_due IS NOT NULL")
            state.execute("UPDATE sources SET next_due = 0, etag = NULL, last_modified = NULL")
            state.execute("UPDATE urls SET listing_digest = x'00'")
        return crawl(OUTLET, archives=archives, NEWSCRAWL_OUTLETS=self.folder / "outlets")


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    folder = tmp_path_factory.mktemp("takedown")
    with serve_in_thread(Newsroom([demo_site(OUTLET)])) as newsroom:
        write_outlets(newsroom.bases, folder / "outlets")
        done = crawl(OUTLET, archives=folder / "a", NEWSCRAWL_OUTLETS=folder / "outlets")
        found = Crawled(folder, newsroom, done)
        assert found.again(folder / "a").code == 0
        run("index", "build", "--archives", str(folder / "a"))
        yield found


@pytest.fixture
def archives(crawled: Crawled, tmp_path: Path) -> Path:
    return Path(shutil.copytree(crawled.folder / "a", tmp_path / "a"))


def run(*args: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, args)
    assert done.exit_code == code, done.output
    return done.stdout


def take_down(archives: Path, *args: str, code: int = 0) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        run("takedown", *args, "--archives", str(archives), "--json", code=code)
    )
    return told["outlets"]


def redirected(crawled: Crawled) -> dict[str, Any]:
    """An article that was asked for at another address than it has."""
    return next(line for line in crawled.done.articles if line["url"] != line["url_requested"])


def lines(archives: Path) -> list[dict[str, Any]]:
    paths = sorted((archives / OUTLET).glob("*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def records(archives: Path) -> list[WarcRecord]:
    found = []
    for path in sorted((archives / OUTLET).glob("*.warc.gz")):
        with path.open("rb") as stream:
            found += list(iter_records(stream))
    return found


def all_agrees(archives: Path) -> None:
    run("check", "--archives", str(archives))
    run("verify", str(archives / OUTLET))
    manifest = read_manifest(archives / OUTLET)
    for name, digest in manifest.items():
        assert file_sha256(archives / OUTLET / name) == digest, name
    checked = ["sha256sum", "-c", "--quiet", "MANIFEST.sha256"]
    assert subprocess.run(checked, cwd=archives / OUTLET, check=False).returncode == 0


def test_an_article_is_gone_for_good(crawled: Crawled, archives: Path) -> None:
    article = redirected(crawled)
    before = {path.name: path.stat().st_size for path in (archives / OUTLET).glob("*.warc.gz")}
    others = {line["id"] for line in lines(archives) if "id" in line} - {article["id"]}
    told = take_down(archives, article["url"], "--erase", "--reason", "a court said so")[OUTLET]
    assert told["lines"] >= 1
    assert told["exchanges"] >= 4, "two hops, looked at twice"
    assert {article["url"], article["url_requested"]} <= set(told["urls"])

    assert {line["id"] for line in lines(archives) if "id" in line} == others
    tellings = [line for line in lines(archives) if line.get("reason") == "taken_down"]
    assert {line["url_requested"] for line in tellings} <= set(told["urls"])
    assert all("a court said so" in line["detail"] for line in tellings)
    sentence = article["text"][40:100]
    everything = b"".join(path.read_bytes() for path in (archives / OUTLET).glob("*.jsonl"))
    assert article["title"].encode() not in everything
    assert {path.name: path.stat().st_size for path in (archives / OUTLET).glob("*.warc.gz")} == before
    for record in records(archives):
        if record.url in told["urls"]:
            assert record.kind == "metadata"
            assert b"erased: " in record.block
            assert sentence.encode() not in record.block
    shown = json.loads(run("index", "lookup", others_url(archives), str(archives / OUTLET), "--json"))
    assert shown[0]["status"] == 200
    run("index", "lookup", article["url"], str(archives / OUTLET), code=1)
    with closing(sqlite3.connect(archives / "state.sqlite")) as state:
        for table in ("urls", "sources", "documents"):
            rows = str(state.execute(f"SELECT * FROM {table}").fetchall())
            assert article["title"] not in rows
            assert article["id"] not in rows
    database = b"".join(path.read_bytes() for path in archives.glob("state.sqlite*"))
    assert others_title(archives).encode() in database
    assert article["title"].encode() not in database, "in a free page either"
    all_agrees(archives)

    asked = len(crawled.newsroom.log)
    assert crawled.again(archives).code == 0
    base = crawled.newsroom.bases[OUTLET]
    paths = {url.removeprefix(base).encode() for url in told["urls"]}
    for exchange in crawled.newsroom.log[asked:]:
        assert exchange.received.split(b" ", 2)[1] not in paths
    run("index", "build", "--archives", str(archives))
    all_agrees(archives)
    again = take_down(archives, article["url"], "--erase")[OUTLET]
    assert (again["lines"], again["exchanges"]) == (0, 0)
    all_agrees(archives)


def others_title(archives: Path) -> str:
    with closing(sqlite3.connect(archives / "state.sqlite")) as state:
        rows = state.execute("SELECT link FROM urls WHERE status = 'done'").fetchall()
    return next(title for (link,) in rows if (title := json.loads(link).get("title")) and title.isascii())


def others_url(archives: Path) -> str:
    return next(line["url"] for line in lines(archives) if "id" in line and line["version"] == 1)


def test_without_erase_the_archive_stays_and_replay_is_told(crawled: Crawled, archives: Path) -> None:
    article = crawled.done.articles[3]
    warcs = {path.name: file_sha256(path) for path in (archives / OUTLET).glob("*.warc.gz")}
    dry = take_down(archives, article["url"], "--dry-run")
    assert dry[OUTLET]["lines"] == 1
    assert article["id"] in {line.get("id") for line in lines(archives)}
    assert take_down(archives, article["url"]) == dry
    assert article["id"] not in {line.get("id") for line in lines(archives)}
    assert {path.name: file_sha256(path) for path in (archives / OUTLET).glob("*.warc.gz")} == warcs
    rules = (archives / OUTLET / "takedown.aclj").read_text().splitlines()
    assert any(article["url"] in rule and '"access": "block"' in rule for rule in rules)
    assert rules == sorted(rules, reverse=True)
    all_agrees(archives)
    run("extract", str(archives / OUTLET), "--jobs", "1", "--out", str(archives / "again.jsonl"))
    again = [json.loads(line)["url"] for line in (archives / "again.jsonl").read_text().splitlines()]
    assert article["url"] not in again
    assert crawled.done.articles[4]["url"] in again

    for path in archives.glob("state.sqlite*"):
        path.unlink()
    run("check", "--fix", "--archives", str(archives))
    with closing(sqlite3.connect(archives / "state.sqlite")) as state:
        statement = "SELECT reason, next_due FROM urls WHERE url = ?"
        assert state.execute(statement, [article["url"]]).fetchone() == ("taken_down", None)


def test_feeds_that_carried_the_text_can_go_too(crawled: Crawled, archives: Path) -> None:
    # A feed carries the whole story.
    article, sentence = next(
        (article, sentence)
        for article in crawled.done.articles
        if _told_in(archives, sentence := article["text"][40:80]) - {article["url"]}
    )
    told = take_down(archives, article["url"], "--erase", "--sources")
    assert _told_in(archives, sentence) == set()
    assert _told_in(archives, article["url"].removeprefix("http://")) <= _pages(archives)
    all_agrees(archives)
    assert take_down(archives, article["url"], "--erase", "--sources", "--dry-run") == {
        OUTLET: {**told[OUTLET], "lines": 0, "exchanges": 0}
    }


def _told_in(archives: Path, text: str) -> set[str]:
    """URLs of the answers that hold a text."""
    answers = [record for record in records(archives) if record.kind == "response"]
    return {
        answer.url
        for answer in answers
        if text in split_message(answer.block).content.decode("utf-8", "replace").replace("\\/", "/")
    }


def _pages(archives: Path) -> set[str]:
    return {line["url"] for line in lines(archives)}


def test_a_page_can_be_refused_before_it_comes(archives: Path) -> None:
    unknown = "http://127.0.0.1:9/never-seen"
    assert take_down(archives, unknown, code=1) == {}
    assert list(take_down(archives, unknown, "--outlet", OUTLET)) == [OUTLET]
    with pytest.raises(UnknownOutlet):
        app(["takedown", unknown, "--outlet", "nobody", "--archives", str(archives)], standalone_mode=False)
    assert not (archives / "nobody").exists()
    all_agrees(archives)


def test_an_erased_page_leaves_the_site_memory(crawled: Crawled, archives: Path) -> None:
    article = crawled.done.articles[3]
    memories = sorted((archives / OUTLET).glob("memory-*.json.gz"))
    assert article["url_norm"] in {record.url for path in memories for record in read_page_records(path)}
    take_down(archives, article["url"], "--erase")
    assert sorted((archives / OUTLET).glob("memory-*.json.gz")) == memories
    for path in memories:
        assert article["url_norm"].encode() not in gzip.decompress(path.read_bytes())
        assert read_page_records(path)
    all_agrees(archives)
    out = archives / "again.jsonl"
    run("extract", str(archives / OUTLET), "--jobs", "1", "--out", str(out))
    again = {line["id"]: line for line in map(json.loads, out.read_text().splitlines())}
    assert crawled.done.articles[4]["id"] in again
    assert again[crawled.done.articles[4]["id"]]["text"] == crawled.done.articles[4]["text"]


@pytest.mark.parametrize("erase", [(), ("--erase",), ("--erase", "--sources")])
def test_a_whole_outlet_goes(crawled: Crawled, archives: Path, erase: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(archives / "state.sqlite")) as state, state:
        # A page that a source has named and no run has fetched.
        state.execute("UPDATE urls SET status = 'pending', next_due = 0 WHERE id = 1")
    known = {line[name] for line in lines(archives) for name in ("url", "url_requested")}
    told = take_down(archives, "--outlet", OUTLET, "--all", *erase)[OUTLET]
    assert known <= set(told["urls"])
    assert {line.get("reason") for line in lines(archives)} == {"taken_down"}
    responses = {record.url for record in records(archives) if record.kind == "response"}
    memory = b"".join(gzip.decompress(path.read_bytes()) for path in (archives / OUTLET).glob("memory-*"))
    if erase:
        assert not responses & known
        assert b"http" not in memory
    if "--sources" in erase:
        assert not responses
    with closing(sqlite3.connect(archives / "state.sqlite")) as state:
        assert set(state.execute("SELECT status, reason, next_due FROM urls")) == {
            ("rejected", "taken_down", None)
        }
        assert state.execute("SELECT count(*) FROM documents").fetchone() == (0,)
    all_agrees(archives)
    asked = len(crawled.newsroom.log)
    crawled.again(archives)
    paths = {url.removeprefix(crawled.newsroom.bases[OUTLET]).encode() for url in known}
    asked_paths = {exchange.received.split(b" ", 2)[1] for exchange in crawled.newsroom.log[asked:]}
    assert asked_paths
    assert not asked_paths & paths


def test_a_whole_outlet_has_to_be_named(archives: Path) -> None:
    for words in (["--all"], [], ["--outlet", OUTLET], ["http://a/", "--outlet", OUTLET, "--all"]):
        run("takedown", *words, "--archives", str(archives), code=2)


def leave_open(archives: Path) -> None:
    """As if the last crawl had been killed: its files are open, in no manifest, and there is no report."""
    report = max((archives / OUTLET).glob("*.report.json"))
    run_id = report.name.removesuffix(".report.json")
    names = [*json.loads(report.read_text())["warcs"], f"{run_id}.jsonl", f"{run_id}.rejected.jsonl"]
    remove_from_manifest(report)
    report.unlink()
    for path in (archives / OUTLET / name for name in names):
        remove_from_manifest(path)
        path.rename(f"{path}.open")
    with closing(sqlite3.connect(archives / "state.sqlite")) as state, state:
        state.execute("UPDATE runs SET finished = NULL, pid = 999999999 WHERE id = ?", [run_id])


def test_what_a_killed_crawl_left_open_goes_too(crawled: Crawled, archives: Path) -> None:
    article = crawled.done.articles[3]
    leave_open(archives)
    take_down(archives, article["url"], "--erase")
    assert crawled.again(archives).code == 0
    assert {record.kind for record in records(archives) if record.url == article["url"]} == {"metadata"}
    told = [line.get("reason") for line in lines(archives) if line["url"] == article["url"]]
    assert set(told) == {"taken_down"}
    run("index", "build", "--archives", str(archives))
    all_agrees(archives)


def test_what_another_machine_left_open_is_closed_first(crawled: Crawled, archives: Path) -> None:
    (warc, *_) = sorted((archives / OUTLET).glob("*.warc.gz"))
    stamp = warc.name.split("-")[1]
    copy = warc.with_name(f"{OUTLET}-{stamp}-00000-elsewhere-99.warc.gz.open")
    shutil.copy(warc, copy)
    url = crawled.done.articles[3]["url"]
    command = ["takedown", url, "--erase", "--archives", str(archives)]
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 1
    assert "was left open and may hold the pages too" in f"{refused.output} {refused.exception}"
    assert copy.exists()
    assert "taken_down" not in {line.get("reason") for line in lines(archives)}
    assert CliRunner().invoke(app, ["repair", "--force", str(archives / OUTLET)]).exit_code == 0
    assert CliRunner().invoke(app, command).exit_code == 0
    assert {record.kind for record in records(archives) if record.url == url} == {"metadata"}


@pytest.mark.parametrize("module", ["takedown", "lines"], ids=["records", "lines"])
def test_killed_between_file_and_manifest_the_same_command_does_the_rest(
    crawled: Crawled, archives: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    def die(_: Path) -> None:
        raise KeyboardInterrupt

    address = crawled.done.articles[3]["url"]
    with monkeypatch.context() as patched:
        patched.setattr(f"newscrawl.archive.{module}.update_manifest", die)
        done = CliRunner().invoke(app, ["takedown", address, "--erase", "--archives", str(archives)])
        assert done.exit_code == 130
    take_down(archives, address, "--erase")
    all_agrees(archives)


def test_what_a_run_wrote_until_the_lease_was_taken_goes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = {"http://example.org/pier": answer(story("pier"))}
    archived_run(tmp_path, "echo", page)
    acquire = Lease.acquire

    def let_another_run_end(*args: Any) -> None:
        archived_run(tmp_path, "echo", page, pid=8)
        acquire(*args)

    monkeypatch.setattr(Lease, "acquire", let_another_run_end)
    (url,) = page
    assert take_down(tmp_path, url, "--erase")["echo"]["exchanges"] == 2
    (tmp_path / "echo").rename(tmp_path / OUTLET)
    assert {record.kind for record in records(tmp_path) if record.url == url} == {"metadata"}
    assert {line.get("reason") for line in lines(tmp_path)} == {"taken_down"}


def test_without_the_lease_nothing_is_taken_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archived_run(tmp_path, "echo", {"http://example.org/pier": answer(story("pier"))})
    before = {path.name: file_sha256(path) for path in (tmp_path / "echo").iterdir()}
    acquire = Lease.acquire

    def lose_it(lease: Lease, *args: Any) -> None:
        acquire(lease, *args)
        lease.drop()

    monkeypatch.setattr(Lease, "acquire", lose_it)
    args = ["takedown", "http://example.org/pier", "--erase", "--archives", str(tmp_path)]
    done = CliRunner().invoke(app, args)
    assert isinstance(done.exception, Busy)
    assert {path.name: file_sha256(path) for path in (tmp_path / "echo").iterdir()} == before


def test_an_outlet_that_is_being_crawled_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    url = "http://example.org/pier"
    made = archived_run(tmp_path, "wire", {url: answer(story("pier"))})
    # One run at work has written the page's line, another fetches the page, the third knows nothing.
    runs = [unopened_run(tmp_path, outlet) for outlet in ("echo", "flight", "other")]
    (article,) = read_articles(made.lines)
    holder = Holder(host="elsewhere", pid=4)
    state_url = f"sqlite:///{tmp_path / 'state.sqlite'}"
    with closing(Database.open(state_url)) as database, ExitStack() as stack:
        for run_files in runs:
            run_files.open()
            stack.callback(run_files.close)
            State.on(database, run_files.folder.name, holder).lease.acquire(int(time.time()), has_ended)
        runs[0].write_article(article)
        page = new_url_row(
            "flight", page_key("flight", url), normalize_url(url), Link(url=url, via="list"), 0
        )
        UrlTable(database, "flight").add([page])
        done = CliRunner().invoke(app, ["takedown", url, "--archives", str(tmp_path)])
    assert isinstance(done.exception, Busy)
    named = {name for name in ("echo", "flight", "other", "wire") if name in f"{done.exception}"}
    assert named == {"echo", "flight"}
    assert list(read_articles(made.lines)) == []


def test_a_file_that_leaves_while_exchanges_are_found_is_named(tmp_path: Path) -> None:
    made = archived_run(tmp_path, "echo", {"http://example.org/pier": answer(story("pier"))})
    (warc,) = made.warcs
    for is_whole_outlet in (False, True):
        content = warc.read_bytes()
        with pytest.raises(ArchiveError, match=warc.name):
            find_takedown(
                made.folder,
                ["http://example.org/pier"],
                with_exchanges=True,
                is_whole_outlet=is_whole_outlet,
                on_archive=warc.unlink,
            )
        warc.write_bytes(content)
