"""The whole line over the embedded newsroom: what was on the wire, what was kept, what was made of it."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from warcio.archiveiterator import ArchiveIterator
from wire.crawl import FAST, ROOT, Crawl, crawl, environment, scrapy_command, scrapy_crawl
from wire.slow_site import SlowSite, write_slow_outlet

from newscrawl.archive.lines import json_line
from newscrawl.archive.reextract import extract_at
from newscrawl.demo.catalogue import compare_texts, demo_sites, expected_pages, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.items import Rejection, WarcPointer
from newscrawl.outlet import find_outlet
from newscrawl.urls import normalize_url
from newscrawl.warc.reader import WarcRecord, iter_records

pytestmark = pytest.mark.crawl

OUTLETS = ("kamer_echo", "deccan_wire", "val_sambre", "fundy_courier")


@pytest.fixture(scope="module")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Newsroom, Path]]:
    folder = tmp_path_factory.mktemp("outlets")
    with serve_in_thread(Newsroom(demo_sites())) as served:
        write_outlets(served.bases, folder)
        yield served, folder


@pytest.fixture(scope="module")
def crawled(newsroom: tuple[Newsroom, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Crawl]:
    """The first by `scrapy crawl`, the others as `newscrawl crawl` crawls them."""
    archives = tmp_path_factory.mktemp("archives")
    ways = dict.fromkeys(OUTLETS, crawl) | {OUTLETS[0]: scrapy_crawl}
    return {name: way(name, archives=archives, NEWSCRAWL_OUTLETS=newsroom[1]) for name, way in ways.items()}


def records(done: Crawl, kind: str) -> list[WarcRecord]:
    found = []
    for path in done.warcs:
        with path.open("rb") as stream:
            found += [record for record in iter_records(stream) if record.kind == kind]
    return found


@pytest.mark.parametrize("outlet", OUTLETS)
def test_every_exchange_on_the_wire_is_archived_once_and_to_the_byte(
    crawled: dict[str, Crawl], newsroom: tuple[Newsroom, Path], outlet: str
) -> None:
    done = crawled[outlet]
    assert done.code == 0, done.output
    log = [exchange for exchange in newsroom[0].log if exchange.outlet == outlet]
    assert Counter(r.block for r in records(done, "request")) == Counter(e.received for e in log)
    sent, responses = Counter(e.sent for e in log), Counter(r.block for r in records(done, "response"))
    assert not responses - sent
    # What the archive has already is written as a revisit: the new head, and where the body stands.
    again = Counter(answer[: answer.index(b"\r\n\r\n") + 4] for answer in (sent - responses).elements())
    assert again == Counter(r.block for r in records(done, "revisit"))
    assert done.report["requests"] == len(log)


@pytest.mark.parametrize("outlet", OUTLETS)
def test_every_story_comes_out_to_the_letter(crawled: dict[str, Crawl], outlet: str) -> None:
    compared = compare_texts({line["url"]: line["text"] for line in crawled[outlet].articles}, outlet)
    assert not compared.different
    assert not compared.missing
    assert not compared.unexpected
    assert len(compared.exact) >= 15


def path_of(url: str) -> str:
    """Path with query, as the expectations name pages."""
    parts = urlsplit(normalize_url(url))
    return parts.path + (f"?{parts.query}" if parts.query else "")


@pytest.mark.parametrize("outlet", OUTLETS)
def test_titles_ledes_languages_and_notices_are_the_stories(crawled: dict[str, Crawl], outlet: str) -> None:
    stories = expected_pages(outlet)
    for line in crawled[outlet].articles:
        story = stories[path_of(line["url"])]
        people = [author["name"] for author in line["authors"] if author["kind"] == "person"]
        assert line["title"] == story.title
        assert line["lang"] == story.lang, line["url"]
        assert line["lede"] == story.lede, line["url"]
        assert line["syndication"]["notice"] == story.notice
        assert people == list(story.authors)
        assert story.published
        assert line["published"][:10] == story.published.isoformat()[:10], line["url"]


# A list of links and a picture with one line both have too little text; which is said first is no matter.
REASONS = {
    "robots": {"robots_txt"},
    "redirect": {"duplicate"},
    "listing": {"listing", "too_short"},
    "too_short": {"listing", "too_short"},
}


@pytest.mark.parametrize("outlet", OUTLETS)
def test_every_page_that_is_no_story_says_why(crawled: dict[str, Crawl], outlet: str) -> None:
    reasons = {path_of(line["url_requested"]): line["reason"] for line in crawled[outlet].rejected}
    for path, page in expected_pages(outlet).items():
        if page.kind == "rejected" and path in reasons:
            assert reasons[path] in REASONS.get(page.reason or "", {page.reason}), path
    assert {"http_404", "http_410", "robots_txt"} <= set(reasons.values())


@pytest.mark.parametrize("outlet", OUTLETS)
def test_a_forbidden_path_is_never_asked_for(newsroom: tuple[Newsroom, Path], outlet: str) -> None:
    forbidden = [path for path, page in expected_pages(outlet).items() if page.reason == "robots"]
    asked = {exchange.received.split(b" ")[1].decode() for exchange in newsroom[0].log}
    assert forbidden
    assert not asked & set(forbidden)


@pytest.mark.parametrize("outlet", OUTLETS)
def test_every_line_points_at_its_record_and_is_made_from_it_again(
    crawled: dict[str, Crawl], newsroom: tuple[Newsroom, Path], outlet: str
) -> None:
    done = crawled[outlet]
    rules = find_outlet(outlet, [newsroom[1]])
    raw = [
        line for path in done.folder.glob("*.jsonl") for line in path.read_bytes().splitlines(keepends=True)
    ]
    lines = {
        json.loads(line)["warc"]["record_id"]: line
        for line in raw
        if b'"schema":"newscrawl.article/1"' in line
    }
    assert len(lines) == done.report["articles"]
    for line in lines.values():
        pointer = WarcPointer.model_validate(json.loads(line)["warc"])
        again = extract_at(done.folder, pointer, rules)
        assert not isinstance(again, Rejection)
        assert json_line(again) == line


@pytest.mark.parametrize("outlet", OUTLETS)
def test_the_report_counts_what_is_there(crawled: dict[str, Crawl], outlet: str) -> None:
    done = crawled[outlet]
    report = done.report
    assert report["articles"] == len(done.articles) == sum(report["languages"].values())
    assert sum(report["rejected"].values()) == len(done.rejected)
    assert report["pages"] == len(done.articles) + len(done.rejected)
    assert report["warc_bytes"] == sum(path.stat().st_size for path in done.warcs)
    assert report["warcs"] == [path.name for path in done.warcs]
    assert report["frontier"]["pending"] == report["frontier"]["fetching"] == 0
    assert report["error"] is None
    assert report["reason"] == "finished"


def test_feed_entries_are_kept_with_their_articles(crawled: dict[str, Crawl]) -> None:
    found = Counter(line["discovery"]["via"] for line in crawled["deccan_wire"].articles)
    assert found["feed"] or found["news_sitemap"]
    for line in crawled["deccan_wire"].articles:
        if line["discovery"]["via"] == "feed":
            assert line["discovery"]["feed_title"]
            assert line["discovery"]["feed_published"]
            assert line["discovery"]["from_url"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("outlet", OUTLETS)
def test_warcio_checks_every_digest_but_those_of_chunked_entities(
    crawled: dict[str, Crawl], outlet: str
) -> None:
    """warcio hashes chunk framing (webrecorder/warcio#74); everything else must be in order for it."""
    for path in crawled[outlet].warcs:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, check_digests=True):
                chunked = record.http_headers and record.http_headers.get_header("Transfer-Encoding")
                record.content_stream().read() if record.rec_type == "response" else record.raw_stream.read()
                problems = record.digest_checker.problems
                assert all(chunked and "payload digest failed" in problem for problem in problems), problems


def test_of_two_crawls_at_once_one_runs_and_one_says_busy(
    newsroom: tuple[Newsroom, Path], tmp_path: Path
) -> None:
    done: list[Crawl] = []
    threads = [
        threading.Thread(
            target=lambda: done.append(crawl("val_sambre", archives=tmp_path, NEWSCRAWL_OUTLETS=newsroom[1]))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = sorted(done, key=lambda one: one.code)
    assert (first.code, second.code) == (0, 75), second.output
    assert second.output.splitlines()[-1].startswith("val_sambre: val_sambre is being crawled by process ")
    assert len(first.warcs) == len(list(tmp_path.glob("val_sambre/*.report.json"))) == 1
    assert not compare_texts({line["url"]: line["text"] for line in first.articles}, "val_sambre").missing


def test_a_crawl_over_many_small_files_loses_nothing(newsroom: tuple[Newsroom, Path], tmp_path: Path) -> None:
    done = crawl(
        "val_sambre", archives=tmp_path, NEWSCRAWL_OUTLETS=newsroom[1], NEWSCRAWL_WARC_MAX_BYTES=9000
    )
    assert done.code == 0, done.output
    assert len(done.warcs) > 4
    assert not compare_texts({line["url"]: line["text"] for line in done.articles}, "val_sambre").missing
    places = [(line["warc"]["file"], line["warc"]["offset"]) for line in done.articles]
    assert places == sorted(places)
    assert len({file for file, _ in places}) > 3
    for line in done.articles:
        assert not isinstance(
            extract_at(done.folder, WarcPointer.model_validate(line["warc"]), None), Rejection
        )


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[SlowSite, subprocess.Popen[bytes], Path, Path]]:
    """A crawl in the middle of its work: the site, its process, the outlet files and the archives."""
    site = SlowSite()
    outlets, archives = tmp_path / "outlets", tmp_path / "archives"
    with serve_in_thread(Newsroom([site])) as served:
        write_slow_outlet(served.bases["slow"], outlets)
        command = scrapy_command("crawl", "slow", archives=archives, NEWSCRAWL_OUTLETS=outlets)
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert site.enough.wait(60)
        yield site, process, outlets, archives


def test_a_killed_crawl_leaves_whole_records_and_the_next_run_is_clean(
    slow: tuple[SlowSite, subprocess.Popen[bytes], Path, Path],
) -> None:
    _, process, outlets, archives = slow
    process.send_signal(signal.SIGKILL)
    process.wait()
    (torn,) = (archives / "slow").glob("*.warc.gz.open")
    with torn.open("rb") as stream:
        kept = [record.kind for record in iter_records(stream)]
    assert kept.count("response") >= 20
    lines = next((archives / "slow").glob("*[0-9].jsonl.open")).read_bytes()
    written = {json.loads(line)["id"] for line in lines.splitlines() if line.endswith(b"}")}

    done = crawl("slow", archives=archives, NEWSCRAWL_OUTLETS=outlets, NEWSCRAWL_PAGES_MAX=30)
    assert done.code == 0, done.output
    assert done.report["articles"] == 30
    # What the killed run has written is known; the other links it had found wait.
    assert done.report["frontier"]["pending"] == 370 - len(written)
    assert done.report["frontier"]["resumed"] == 30
    # The start of the next run gave the killed run's files their names, with every whole record and line.
    assert not list(done.folder.glob("*.open"))
    with (done.folder / torn.name.removesuffix(".open")).open("rb") as stream:
        assert [record.kind for record in iter_records(stream)] == kept
    assert written <= {article["id"] for article in done.articles}


def test_sigterm_closes_everything(slow: tuple[SlowSite, subprocess.Popen[bytes], Path, Path]) -> None:
    _, process, _, archives = slow
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    done = Crawl(0, "", archives / "slow")
    assert done.report["reason"] == "shutdown"
    assert not list(done.folder.glob("*.open"))
    assert done.report["articles"] == len(done.articles) >= 1


def test_a_full_disk_stops_the_crawl_and_keeps_what_was_written(
    newsroom: tuple[Newsroom, Path], tmp_path: Path
) -> None:
    """A file size limit is what a process of its own can be given; the error takes the same way as ENOSPC.

    State is kept in memory, so that it is the archive that meets the limit.
    """
    options = {"NEWSCRAWL_OUTLETS": newsroom[1], "NEWSCRAWL_STATE_URL": "sqlite://"}
    done = subprocess.run(
        scrapy_command("crawl", "kamer_echo", archives=tmp_path, **options),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)),
        check=False,
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr.splitlines()[-1]
    (warc,) = (tmp_path / "kamer_echo").glob("*.warc.gz")
    with warc.open("rb") as stream:
        places = [(record.offset, record.length) for record in iter_records(stream)]
    assert sum(places[-1]) == warc.stat().st_size <= 60_000
    report = json.loads(next((tmp_path / "kamer_echo").glob("*.report.json")).read_text())
    assert report["reason"] == "archive_error"
    assert "File too large" in report["error"]


@pytest.mark.parametrize("place", ["{tmp}/file", "/proc/archives"])
def test_an_archive_folder_that_cannot_be_written_is_a_clear_error(
    newsroom: tuple[Newsroom, Path], tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    before = len(newsroom[0].log)
    archives = Path(place.replace("{tmp}", str(tmp_path)))
    done = crawl("val_sambre", archives=archives, NEWSCRAWL_OUTLETS=newsroom[1])
    assert done.code == 1
    assert done.output.splitlines()[-1].startswith("val_sambre: cannot write ")
    assert len(newsroom[0].log) == before


def test_an_unreachable_outlet_is_a_clear_error(tmp_path: Path) -> None:
    outlets = tmp_path / "outlets"
    write_slow_outlet("http://127.0.0.1:9", outlets, name="gone")
    done = crawl("gone", archives=tmp_path / "archives", NEWSCRAWL_OUTLETS=outlets, RETRY_TIMES=0)
    assert done.code == 1
    assert done.output.splitlines()[-1] == (
        "gone: no link was found: http://127.0.0.1:9/: connection_refused"
    )


@pytest.mark.parametrize(
    ("spider", "args", "says"),
    [
        ("devdiscours", (), "no outlet is named 'devdiscours' (near: devdiscourse)"),
        ("lemonde", (), "lemonde is blocked: "),
        ("devdiscourse", (), "set NEWSCRAWL_CONTACT"),
        ("urls", (), "-a file=FILE or -a url=URL"),
        ("urls", ("-a", "file=/no/such/file"), "cannot read /no/such/file"),
        ("urls", ("-a", "url=file:///etc/hostname"), "is not an http(s) URL"),
        ("urls", ("-a", "url=http://127.0.0.1:9/", "-s", "NEWSCRAWL_REPLAY=x"), "cannot replay"),
    ],
)
def test_what_cannot_be_crawled_is_said_in_one_line(
    tmp_path: Path, spider: str, args: tuple[str, ...], says: str
) -> None:
    done = crawl(spider, *args, archives=tmp_path / "archives")
    assert done.code == 2
    assert says in done.output.splitlines()[-1]
    assert "Traceback" not in done.output
    assert not (tmp_path / "archives").exists()


def test_a_broken_outlet_file_costs_no_other_outlet(newsroom: tuple[Newsroom, Path], tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("title = 3\n")
    folders = f"{newsroom[1]},{tmp_path}"
    broken = crawl("broken", archives=tmp_path / "archives", NEWSCRAWL_OUTLETS=folders)
    assert broken.code == 2
    assert "broken.toml: title: " in broken.output.splitlines()[-1]
    fine = crawl("fundy_courier", archives=tmp_path / "archives", NEWSCRAWL_OUTLETS=folders)
    assert fine.code == 0
    listed = subprocess.run(
        [sys.executable, "-m", "scrapy", "list", "-s", f"NEWSCRAWL_OUTLETS={folders}"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(listed.stdout.split()) == {*OUTLETS, "broken", "urls"}


def test_the_quick_settings_of_tests_are_scrapys_and_newscrawls() -> None:
    from scrapy.settings import default_settings

    from newscrawl import settings

    assert all(hasattr(default_settings, name) or hasattr(settings, name) for name in FAST)
