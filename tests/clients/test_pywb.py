"""pywb serves what we archived: every page as HTML with the headers it came with, never our text of it."""

from __future__ import annotations

import http.client
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from wire.crawl import Crawl, crawl, environment
from wire.programs import program
from wire.request_crawl import crawl_requests
from wire.server import WireServer, serving

from newscrawl.archive.finished_runs import find_run, latest_end, read_run_articles
from newscrawl.demo.catalogue import demo_sites, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.warc.http import Message, split_message
from newscrawl.warc.index import update_index
from newscrawl.warc.reader import WarcRecord, iter_records
from newscrawl.warc.wet import write_wet

pytestmark = pytest.mark.crawl

SERVER = """
from gevent import monkey
monkey.patch_all()
from gevent.pywsgi import WSGIServer
from pywb.apps.frontendapp import FrontEndApp

server = WSGIServer(("127.0.0.1", 0), FrontEndApp(), log=None, error_log=None)
server.start()
print(server.server_port, flush=True)
server.serve_forever()
"""
OURS_ALONE = {"transfer-encoding", "connection", "keep-alive", "link", "set-cookie"}
"Headers of the connection, which no replay can repeat, and two that pywb must write anew for its own pages."


@dataclass
class Replay:
    """A collection that is being served."""

    port: int

    def get(self, record: WarcRecord) -> tuple[http.client.HTTPResponse, bytes]:
        """The capture of this record, unaltered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", f"/news/{record.date:%Y%m%d%H%M%S}id_/{record.url}")
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()


@contextmanager
def served(folder: Path, warcs: list[Path]) -> Iterator[Replay]:
    """The archives as pywb's collection `news`."""
    quiet = {**environment(), "PYTHONWARNINGS": "ignore"}
    (folder / "config.yaml").write_text("debug: false\n")
    for args in (["init", "news"], ["add", "news", *warcs]):
        subprocess.run(
            [program("wb-manager"), *args],
            cwd=folder,
            env=quiet,
            capture_output=True,
            check=True,
            timeout=120,
        )
    python = program("wayback").with_name("python")
    with subprocess.Popen(
        [python, "-c", SERVER],
        cwd=folder,
        env=quiet,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout
            yield Replay(int(process.stdout.readline()))
        finally:
            process.kill()


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Crawl:
    outlets = tmp_path_factory.mktemp("outlets")
    with serve_in_thread(Newsroom(demo_sites())) as newsroom:
        write_outlets(newsroom.bases, outlets)
        done = crawl("kamer_echo", archives=tmp_path_factory.mktemp("archives"), NEWSCRAWL_OUTLETS=outlets)
    assert done.code == 0, done.output
    return done


@pytest.fixture(scope="module")
def replay(crawled: Crawl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    # The text lies beside the archive, where a careless collection would take it up.
    (report,) = crawled.folder.glob("*.report.json")
    run = find_run(str(report), crawled.folder.parent)
    wet = crawled.folder / f"{run.report.run}.warc.wet.gz"
    assert write_wet(wet, read_run_articles([run]), made=latest_end([run]), runs=[]) == len(crawled.articles)
    with served(tmp_path_factory.mktemp("pywb"), sorted(crawled.folder.glob("*.warc.gz"))) as found:
        yield found


def responses(done: Crawl) -> list[WarcRecord]:
    found = []
    for path in done.warcs:
        with path.open("rb") as stream:
            found += [record for record in iter_records(stream) if record.kind == "response"]
    return found


def by_url(records: list[WarcRecord], status: int) -> list[tuple[WarcRecord, Message]]:
    """Those with this status whose URL was answered once: of several in one second, pywb knows one."""
    urls = [record.url for record in records]
    pairs = [(record, split_message(record.block)) for record in records if urls.count(record.url) == 1]
    return [(record, message) for record, message in pairs if message.status == status]


def test_every_page_is_served_as_it_came(crawled: Crawl, replay: Replay) -> None:
    pages = by_url(responses(crawled), 200)
    html = [
        record for record, message in pages if (message.header("content-type") or "").startswith("text/html")
    ]
    assert len(html) >= len(crawled.articles)
    for record, message in pages:
        response, body = replay.get(record)
        assert response.status == 200, record.url
        assert body == message.content, record.url
        assert response.headers["Content-Type"] == message.header("content-type")


def test_original_headers_are_told(crawled: Crawl, replay: Replay) -> None:
    for record, message in by_url(responses(crawled), 200):
        response, _ = replay.get(record)
        told = [
            (name.lower().removeprefix("x-archive-orig-"), value) for name, value in response.getheaders()
        ]
        for name, value in message.headers:
            if name.lower() not in OURS_ALONE:
                assert (name.lower(), value) in told, (record.url, name)


@pytest.mark.parametrize("status", [301, 404, 410])
def test_what_was_no_page_is_none_in_replay(crawled: Crawl, replay: Replay, status: int) -> None:
    found = by_url(responses(crawled), status)
    assert found
    for record, _ in found:
        response, _ = replay.get(record)
        assert response.status == status, record.url


def test_what_was_not_archived_is_not_found(crawled: Crawl, replay: Replay) -> None:
    record = responses(crawled)[0]
    record.headers["warc-target-uri"] = record.url + "no-such-page"
    assert replay.get(record)[0].status == 404


def test_a_page_that_has_not_changed_is_served_at_each_of_its_dates(tmp_path: Path) -> None:
    """304 within a run, and in a later one that knows the page by the index alone."""
    archives = tmp_path / "archives"
    (tmp_path / "pywb").mkdir()
    with serving(WireServer()) as server:
        page = {"url": f"{server.base}/etag"}
        conditional = {**page, "headers": {"If-None-Match": '"a"'}}
        crawl_requests([page, conditional], archives, DOWNLOAD_DELAY=1.5, RANDOMIZE_DOWNLOAD_DELAY=False)
        update_index(archives / "asking")
        done = crawl_requests([conditional], archives)
    (original,) = done.of("response")
    revisits = done.of("revisit")
    dates = {record.date.replace(microsecond=0) for record in (original, *revisits)}
    assert len(revisits) == 2
    assert len(dates) == 3, "pywb tells captures apart by the second"
    with served(tmp_path / "pywb", sorted(done.folder.glob("*.warc.gz"))) as replay:
        for revisit in (original, *revisits):
            response, body = replay.get(revisit)
            assert response.status == 200
            assert body == split_message(original.block).body
            shown = parsedate_to_datetime(response.headers["Memento-Datetime"])
            assert shown == revisit.date.replace(microsecond=0)
            assert response.headers["Content-Type"] == "text/html"
