"""An outlet whose pages come by script alone, through a real Chromium: live, replayed, extracted again."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from paged_stories import PagedStory
from typer.testing import CliRunner
from warcio.archiveiterator import ArchiveIterator
from wire.chromium import BROWSER, find_chromium
from wire.crawl import ROOT, Crawl, crawl, environment
from wire.script_site import (
    STORIES,
    answer,
    json_answer,
    script_site,
    story_paragraphs,
    write_script_outlet,
)
from wire.server import ServerExchange, WireServer, serving

from newscrawl.archive.linked_records import iter_pages
from newscrawl.archive.pages import find_archive_files
from newscrawl.archive.reextract import extract_at
from newscrawl.cli import app
from newscrawl.items import WarcPointer
from newscrawl.outlet import find_outlet
from newscrawl.warc.reader import iter_records, parse_warc_fields
from newscrawl.warc.renderings import RENDERED, SUBRESOURCE_FIELD

pytestmark = [pytest.mark.crawl, pytest.mark.slow]

OUTLET = "valley_post"
GUARD = """
import socket

def refused(self, address, *rest):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        raise AssertionError(f"a socket was opened to {address}")
    return connect(self, address, *rest)

connect = socket.socket.connect
socket.socket.connect = socket.socket.connect_ex = refused
socket.getaddrinfo = socket.gethostbyname = lambda *_, **__: refused(socket.socket(), "a resolver")
"""


@dataclass
class Recorded:
    """The crawl of the outlet, and what went over the wire."""

    crawl: Crawl
    log: list[ServerExchange]
    outlets: Path
    base: str

    def replay(self, folder: Path, **settings: object) -> Crawl:
        options = {"NEWSCRAWL_OUTLETS": self.outlets, "NEWSCRAWL_REPLAY": self.crawl.folder.parent}
        return crawl(OUTLET, archives=folder, **{**BROWSER, **options, **settings})


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    find_chromium()
    folder = tmp_path_factory.mktemp("scripts")
    with serving(WireServer()) as server:
        server.answers = script_site(server.base)
        write_script_outlet(server.base, folder / "outlets")
        done = crawl(OUTLET, archives=folder / "archives", NEWSCRAWL_OUTLETS=folder / "outlets", **BROWSER)
        assert done.code == 0, done.output
        return Recorded(done, list(server.log), folder / "outlets", server.base)


def lines(done: Crawl) -> tuple[bytes, bytes]:
    run = done.report["run"]
    return tuple((done.folder / f"{run}{suffix}").read_bytes() for suffix in (".jsonl", ".rejected.jsonl"))


def test_the_stories_are_what_the_scripts_show(recorded: Recorded) -> None:
    articles = {line["url"].rpartition("/")[2]: line for line in recorded.crawl.articles}
    assert sorted(articles) == sorted(name for name, _ in STORIES)
    for name, title in STORIES:
        assert articles[name]["title"] == title
        assert articles[name]["text"].split("\n\n") == story_paragraphs(title)
    assert recorded.crawl.rejected == []


def test_the_archive_is_the_wire_for_every_request(recorded: Recorded) -> None:
    """Each request of the browser included, byte for byte; a script that may be stored is fetched once."""
    sent, received = [], []
    for path in recorded.crawl.warcs:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, no_record_parse=True):
                block = record.raw_stream.read()
                if record.rec_type == "request":
                    sent.append(block)
                elif record.rec_type in {"response", "revisit"}:
                    received.append(block)
    assert sent == [exchange.received for exchange in recorded.log]
    for stored, exchange in zip(received, recorded.log, strict=True):
        assert exchange.sent.startswith(stored)
    asked = [exchange.path for exchange in recorded.log]
    assert asked.count("/lib.js") == 1
    assert asked.count("/app.js") == len(STORIES)
    assert not {"/site.css", "/logo.png"} & set(asked), "styles and pictures bring no text"
    sources = {exchange.path: exchange.received for exchange in recorded.log}
    assert b"User-Agent: newscrawl/" in sources["/api/site.json"]
    assert not any(name in sources["/api/site.json"].lower() for name in (b"cookie:", b"referer:", b"sec-"))


def test_a_rendering_is_a_record_of_its_own_that_names_its_response(recorded: Recorded) -> None:
    records = [record for path in recorded.crawl.warcs for record in iter_records(path)]
    by_id = {record.record_id: record for record in records}
    renderings = [record for record in records if record.kind == "resource"]
    assert len(renderings) == len(STORIES)
    for record in renderings:
        response = by_id[record.headers["warc-concurrent-to"]]
        assert record.url == RENDERED + response.url
        assert record.headers["warc-date"] == response.headers["warc-date"]
        notes = next(r for r in records if r.headers.get("warc-concurrent-to") == record.record_id)
        fields = parse_warc_fields(notes.block)
        assert fields["outcome"] == "ok"
        assert json.loads(fields["discovery"])["url"] == response.url
        assert fields["renderedBy"].startswith("Chromium/")
    for line in recorded.crawl.articles:
        assert by_id[line["warc"]["record_id"]].kind == "resource"


def test_a_replay_without_a_socket_renders_the_same_documents(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another document than the recorded would be the rejection `replay_differs`."""
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    monkeypatch.setenv("PYTHONPATH", str(guard))
    done = recorded.replay(tmp_path / "replayed")
    assert done.code == 0, done.output
    assert lines(done) == lines(recorded.crawl)
    assert done.report["requests"] == recorded.crawl.report["requests"]


def test_a_replay_without_a_browser_takes_the_recorded_documents(recorded: Recorded, tmp_path: Path) -> None:
    program = {"NEWSCRAWL_BROWSER_REPLAY": 0, "NEWSCRAWL_BROWSER_PROGRAM": "/nowhere/chromium"}
    done = recorded.replay(tmp_path, **program)
    assert done.code == 0, done.output
    assert lines(done) == lines(recorded.crawl)


def test_pages_are_extracted_again_without_a_browser(recorded: Recorded, tmp_path: Path) -> None:
    out = tmp_path / "again.jsonl"
    done = subprocess.run(
        [Path(sys.executable).with_name("newscrawl"), "extract", recorded.crawl.folder, "--out", out],
        cwd=ROOT,
        env={**environment(), "NEWSCRAWL_OUTLETS": str(recorded.outlets), "PATH": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert out.read_bytes() == lines(recorded.crawl)[0]
    line = recorded.crawl.articles[0]
    outlet = find_outlet(OUTLET, [recorded.outlets])
    again = extract_at(recorded.crawl.folder, WarcPointer.model_validate(line["warc"]), outlet)
    assert again.url == line["url"]


def test_an_answer_that_the_archive_lacks_is_an_error(recorded: Recorded, tmp_path: Path) -> None:
    name = STORIES[0][0]
    (warc,) = recorded.crawl.warcs
    whole = warc.read_bytes()
    records = [record for record in iter_records(warc) if not record.url.endswith(f"/api/story/{name}.json")]
    folder = tmp_path / "archives" / OUTLET
    folder.mkdir(parents=True)
    (folder / warc.name).write_bytes(
        b"".join(whole[record.offset : record.offset + record.length] for record in records)
    )
    done = recorded.replay(tmp_path / "replayed", NEWSCRAWL_REPLAY=folder.parent)
    assert done.code == 1
    (missed,) = [line for line in done.rejected if line["reason"] == "replay_miss"]
    assert missed["url"].endswith(name)
    assert f"/api/story/{name}.json" in missed["detail"]
    assert len(done.articles) == len(STORIES) - 1


def test_pages_are_replayed_after_a_takedown_of_the_page_that_asked_for_their_scripts(
    recorded: Recorded, tmp_path: Path
) -> None:
    """The library is in the archive once, as a request of the page that was rendered first."""
    archives = tmp_path / "archives"
    shutil.copytree(recorded.crawl.folder, archives / OUTLET)
    (path,) = (archives / OUTLET).glob("*.warc.gz")
    library = next(record for record in iter_records(path) if record.url.endswith("/lib.js"))
    notes = next(
        record
        for record in iter_records(path)
        if record.kind == "metadata" and record.headers.get("warc-concurrent-to") == library.record_id
    )
    first = parse_warc_fields(notes.block)[SUBRESOURCE_FIELD]
    name = first.rpartition("/")[2]
    command = ["takedown", first, "--erase", "--archives", str(archives), "--outlet", OUTLET]
    taken = CliRunner().invoke(app, command)
    assert taken.exit_code == 0, taken.output
    left = [record for record in iter_records(path) if record.kind == "response"]
    assert not [record for record in left if name in record.url]
    assert [record.url.rpartition("/")[2] for record in left].count("lib.js") == 1
    done = recorded.replay(tmp_path / "replayed", NEWSCRAWL_REPLAY=archives)
    assert [line["reason"] for line in done.rejected if line["url"] != first] == []
    others = [line for line in recorded.crawl.articles if line["url"] != first]
    assert done.articles == others


PAGED = [PagedStory(path=f"/story/{name}-wall/", count=count) for name, count in (("long", 3), ("old", 2))]
PAGED_APP = """
fetch("/api" + location.pathname).then((answer) => answer.json()).then((page) => {
  document.documentElement.innerHTML = page.html;
});
"""


def test_the_following_pages_of_a_story_are_rendered_too(tmp_path: Path) -> None:
    find_chromium()
    with serving(WireServer()) as server:
        server.answers = script_site(server.base)
        shell = server.answers[f"/story/{STORIES[0][0]}"]
        items = "".join(
            f"<item><title>{story.path}</title><link>{server.base}{story.path}</link></item>"
            for story in PAGED
        )
        feed = f"<?xml version='1.0'?><rss version='2.0'><channel><title>Post</title>{items}</channel></rss>"
        server.answers["/feed.xml"] = answer(feed, "application/rss+xml")
        server.answers["/app.js"] = answer(PAGED_APP, "text/javascript", "Cache-Control: max-age=3600\r\n")
        for story in PAGED:
            for number in range(1, story.count + 1):
                server.answers[story.address(number)] = shell
                server.answers[f"/api{story.address(number)}"] = json_answer({"html": story.html(number)})
        write_script_outlet(server.base, tmp_path / "outlets")
        done = crawl(
            OUTLET, archives=tmp_path / "archives", NEWSCRAWL_OUTLETS=tmp_path / "outlets", **BROWSER
        )
        made = Recorded(done, list(server.log), tmp_path / "outlets", server.base)
    assert done.code == 0, done.output
    kinds = {record.record_id: record.kind for path in done.warcs for record in iter_records(path)}
    articles = sorted(done.articles, key=lambda line: line["url"])
    for story, line in zip(PAGED, articles, strict=True):
        assert [block["text"] for block in line["blocks"]] == story.text
        assert [flag for flag in line["quality"]["flags"] if flag.startswith("pages_")] == []
        assert [kinds[part["warc"]["record_id"]] for part in line["pages"]] == ["resource"] * story.count
    again = made.replay(tmp_path / "replayed")
    assert again.code == 0, again.output
    assert lines(again) == lines(done)
    at = made.replay(tmp_path / "at", NEWSCRAWL_REPLAY_AT=max(line["fetched"] for line in articles))
    assert lines(at) == lines(done)
    outlet = find_outlet(OUTLET, [made.outlets])
    pages = sorted(iter_pages(find_archive_files([done.folder])), key=lambda page: page.url)
    for page, line in zip(pages, articles, strict=True):
        item = extract_at(page.folder, page.pointer, outlet, parts=page.parts)
        assert item.model_dump(mode="json", by_alias=True) == line


def test_a_story_that_changes_is_fetched_whole_although_its_page_does_not(tmp_path: Path) -> None:
    """The page that the server sends is the same: it is asked for without conditions."""
    find_chromium()
    name, title = STORIES[1]
    with serving(WireServer()) as server:
        server.answers = script_site(server.base)
        write_script_outlet(server.base, tmp_path / "outlets")
        options = {"NEWSCRAWL_OUTLETS": tmp_path / "outlets", **BROWSER}
        crawl(OUTLET, archives=tmp_path / "archives", **options)
        with sqlite3.connect(tmp_path / "archives" / "state.sqlite") as state:
            state.execute("UPDATE urls SET next_due = 1")
        state.close()
        body = [*story_paragraphs(title), "The bus company has added a second bus for the way home at five."]
        server.answers[f"/api/story/{name}.json"] = json_answer({"title": title, "date": "", "body": body})
        done = crawl(OUTLET, archives=tmp_path / "archives", **options)
    assert done.code == 0, done.output
    (again,) = [line for line in done.articles if line["version"] == 2]
    assert again["url"].endswith(name)
    assert again["text"].endswith(body[-1])
    pages = [exchange.received for exchange in server.log if exchange.path.startswith("/story/")]
    assert not any(b"If-None-Match" in received for received in pages)
