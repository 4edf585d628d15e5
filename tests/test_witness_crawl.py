"""What a feed or an API says a story is gets from the crawl to the text: live, replayed, long afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from warcio.archiveiterator import ArchiveIterator
from wire.crawl import ROOT, Crawl, crawl, environment, scrapy_command
from wire.witness_sites import API, FEED, TEASERS, BoxedSite, boxed_sites, whole_content, write_outlet

from newscrawl.archive.lines import json_line
from newscrawl.archive.pages import find_archive_files, read_any_page
from newscrawl.archive.reextract import extract_at, extract_page
from newscrawl.archive.story_records import WITNESS_MISSING, StoryRecords
from newscrawl.archive.takedown import iter_spans, overwrite_records
from newscrawl.cli import app
from newscrawl.demo.http import Request, Response
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.outlet import Outlet, read_outlet

pytestmark = pytest.mark.crawl


@dataclass
class Newsstand:
    """A crawled outlet, whose server may have been stopped since."""

    site: BoxedSite
    base: str
    done: Crawl
    outlet: Outlet

    def texts(self) -> dict[str, str]:
        """What each article must say, by URL."""
        return {
            self.base + self.site.story_path(story): self.site.text(story) for story in self.site.desk.listed
        }


def written_lines(folder: Path) -> list[bytes]:
    paths = sorted(path for path in folder.glob("*.jsonl") if path.name.count(".") == 1)
    return [line for path in paths for line in path.read_bytes().splitlines(keepends=True)]


def extract_again(folder: Path, outlet: Outlet) -> list[bytes]:
    """The lines that the archive of a folder gives."""
    places = [place for file in find_archive_files([folder]) for place in file.pages()]
    return [json_line(extract_at(place.folder, place.pointer, outlet)) for place in places]


def notes(folder: Path) -> Iterator[dict[str, str]]:
    """The metadata records of all pages, read by another program."""
    for path in sorted(folder.glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                if record.rec_type == "metadata":
                    text = record.content_stream().read().decode()
                    fields = dict(line.split(": ", 1) for line in text.split("\r\n") if ": " in line)
                    if "discovery" in fields:
                        yield fields


@pytest.fixture(scope="module")
def stands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Newsstand]:
    """The three outlets, crawled once; their server is stopped."""
    folder = tmp_path_factory.mktemp("newsstand")
    sites = boxed_sites()
    crawled: dict[str, Newsstand] = {}
    with serve_in_thread(Newsroom(sites)) as newsroom:
        for site in sites:
            base = newsroom.bases[site.id]
            write_outlet(site, base, folder / "outlets")
            done = crawl(site.id, archives=folder / "a", NEWSCRAWL_OUTLETS=folder / "outlets")
            assert done.code == 0, done.output
            outlet = read_outlet(folder / "outlets" / f"{site.id}.toml")
            crawled[site.id] = Newsstand(site, base, done, outlet)
    return crawled


@pytest.mark.parametrize(("outlet", "source"), [(API, "api"), (FEED, "feed")])
def test_bodies_are_exact_live_and_from_the_archive(
    stands: dict[str, Newsstand], outlet: str, source: str
) -> None:
    stand = stands[outlet]
    lines = stand.done.articles
    assert {line["url"]: line["text"] for line in lines} == stand.texts()
    assert {line["quality"]["witness"] for line in lines} == {source}
    assert not any(WITNESS_MISSING in line["quality"]["flags"] for line in lines)
    assert sorted(extract_again(stand.done.folder, stand.outlet)) == sorted(written_lines(stand.done.folder))


@pytest.mark.parametrize("outlet", [API, FEED, TEASERS])
def test_a_replay_without_a_server_gives_the_same_lines(stands: dict[str, Newsstand], outlet: str) -> None:
    report = max(stands[outlet].done.folder.glob("*.report.json"))
    assert CliRunner().invoke(app, ["replay", str(report)]).output == "identical\n"


@pytest.mark.parametrize("outlet", [API, FEED])
def test_another_program_finds_the_story_in_the_record_of_the_source(
    stands: dict[str, Newsstand], outlet: str
) -> None:
    stand = stands[outlet]
    stories = {stand.base + stand.site.story_path(story): story for story in stand.site.desk.listed}
    found = list(notes(stand.done.folder))
    assert len(found) == len(stories)
    for fields in found:
        link, witness = json.loads(fields["discovery"]), json.loads(fields["witness"])
        assert not {"content", "witness"} & link.keys()
        with (stand.done.folder / witness["file"]).open("rb") as stream:
            stream.seek(witness["offset"])
            record = next(iter(ArchiveIterator(stream)))
            assert record.rec_type == "response"
            assert record.rec_headers.get_header("WARC-Record-ID") == witness["record_id"]
            assert record.rec_headers.get_header("WARC-Payload-Digest") == witness["payload_digest"]
            assert stream.tell() >= witness["offset"] + witness["length"]
            body = record.content_stream().read().decode()
        assert witness["entry"] in body.replace("\\/", "/")
        plain = json.dumps(whole_content(stories[link["url"]]))[1:-1] if outlet == API else None
        assert plain is None or plain in body


def test_teasers_change_no_byte(stands: dict[str, Newsstand]) -> None:
    stand = stands[TEASERS]
    assert not any("witness" in fields for fields in notes(stand.done.folder))
    places = [place for file in find_archive_files([stand.done.folder]) for place in file.pages()]
    bare = [
        json_line(extract_page(StoryRecords(page=read_any_page(place.folder, place.pointer)), stand.outlet))
        for place in places
    ]
    assert extract_again(stand.done.folder, stand.outlet) == bare
    assert sorted(bare) == sorted(written_lines(stand.done.folder))
    # The theme is one that nothing but a witness sees through.
    wrong = [line for line in stand.done.articles if line["text"] != stand.texts()[line["url"]]]
    assert len(wrong) > len(bare) / 2


def test_an_erased_source_costs_the_witness_alone(stands: dict[str, Newsstand], tmp_path: Path) -> None:
    stand = stands[FEED]
    folder = Path(shutil.copytree(stand.done.folder, tmp_path / FEED))
    (warc,) = folder.glob("*.warc.gz")
    with warc.open("rb") as stream:
        spans = [span for span in iter_spans(stream) if span.url.endswith("/feed/")]
    overwrite_records(warc, spans, "asked for", datetime(2026, 3, 4, tzinfo=UTC))
    for line in map(json.loads, extract_again(folder, stand.outlet)):
        assert WITNESS_MISSING in line["quality"]["flags"]
        assert line["quality"]["witness"] == "none"
        assert len(line["text"]) > len(stand.texts()[line["url"]]) / 2


def test_a_package_has_the_witnesses_of_its_pages(stands: dict[str, Newsstand], tmp_path: Path) -> None:
    stand = stands[API]
    package = tmp_path / f"{API}.wacz"
    report = max(stand.done.folder.glob("*.report.json"))
    run = report.name.partition(".")[0]
    words = ["wacz", run, "--archives", str(stand.done.folder.parent), "--out", str(package)]
    packed = CliRunner().invoke(app, words)
    assert packed.exit_code == 0, packed.output
    lines = list(map(json.loads, extract_again(package, stand.outlet)))
    assert {line["url"]: line["text"] for line in lines} == stand.texts()


def test_a_page_that_asks_for_pay_stays_as_it_is(tmp_path: Path) -> None:
    site = BoxedSite(FEED, whole_content)
    paid = site.desk.listed[0]
    site.asks_for_pay.add(paid.id)
    with serve_in_thread(Newsroom([site])) as newsroom:
        write_outlet(site, newsroom.bases[FEED], tmp_path / "outlets")
        done = crawl(FEED, archives=tmp_path / "a", NEWSCRAWL_OUTLETS=tmp_path / "outlets")
        url = newsroom.bases[FEED] + site.story_path(paid)
    assert done.code == 0, done.output
    (line,) = (line for line in (*done.articles, *done.rejected) if line["url"] == url)
    unshown = site.text(paid).split("\n\n")[1:]
    assert not any(paragraph in json.dumps(line, ensure_ascii=False) for paragraph in unshown)


class KillingSite(BoxedSite):
    """Kills the crawl at the request for its n-th story."""

    def __init__(self, outlet_id: str, last: int) -> None:
        super().__init__(outlet_id, whole_content)
        self.last = last
        self.pid: int | None = None
        self.feeds: list[int] = []

    def _page(self, story: Any, request: Request) -> Response:
        self.last -= 1
        if self.last == 0 and self.pid:
            os.kill(self.pid, signal.SIGKILL)
        return super()._page(story, request)


def test_a_page_that_waits_for_the_next_run_keeps_its_witness(tmp_path: Path) -> None:
    site = KillingSite(FEED, last=6)
    options = {"NEWSCRAWL_OUTLETS": tmp_path / "outlets"}
    archives, folder = tmp_path / "a", tmp_path / "a" / FEED
    with serve_in_thread(Newsroom([site])) as newsroom:
        base = newsroom.bases[FEED]
        write_outlet(site, base, tmp_path / "outlets")
        command = scrapy_command("crawl", FEED, archives=archives, **options)
        with subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            site.pid = process.pid
            assert process.wait(60) == -signal.SIGKILL
        first = crawl(FEED, archives=archives, NEWSCRAWL_PAGES_MAX=4, **options)
        assert first.code == 0, first.output
        last = crawl(FEED, archives=archives, **options)
        assert last.code == 0, last.output
        feeds = [one.status for one in newsroom.log if b" /feed/ " in one.received.split(b"\r\n")[0]]
    assert feeds[-2:] == [304, 304]
    lines = list(map(json.loads, written_lines(folder)))
    wanted = {base + site.story_path(story): site.text(story) for story in site.desk.listed}
    assert {line["url"]: line["text"] for line in lines} == wanted
    assert {line["quality"]["witness"] for line in lines} == {"feed"}
    oldest = min(path.name for path in folder.glob("*.warc.gz"))
    assert {json.loads(fields["witness"])["file"] for fields in notes(folder)} == {oldest}
    assert len({line["warc"]["file"] for line in lines}) > 1
    report = max(folder.glob("*.report.json"))
    assert CliRunner().invoke(app, ["replay", str(report)]).output == "identical\n"
