"""The add-on in a project without another part of newscrawl: the archive is the wire, or no crawl begins."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from addon.foreign import BUSY, PATHS, ForeignCrawl, crawl_example, make_server
from packaging.requirements import Requirement
from scrapy.core.downloader.handlers import http11
from scrapy.settings import Settings
from wire.crawl import ROOT
from wire.server import WireServer, serving

from newscrawl.addon import WarcAddon
from newscrawl.archive.reextract import extract_at
from newscrawl.downloader.private_names import SCRAPY_VERSIONS, check_scrapy, find_missing_names
from newscrawl.errors import NewscrawlError
from newscrawl.extensions.warc_archive import make_folder_name
from newscrawl.items import Article
from newscrawl.warc.reader import parse_warc_fields

OLDEST, TOO_OLD = "2.18.0", "2.17.0"
"Scrapy versions that `make clients` puts aside: the oldest that is supported, and one before it."
INTERIM = b"HTTP/1.1 103 "


@pytest.fixture(scope="module", params=["", OLDEST], ids=["installed", "oldest"])
def crawled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ForeignCrawl, WireServer]]:
    with serving(make_server()) as server:
        yield crawl_example(tmp_path_factory.mktemp("foreign"), server, scrapy=request.param), server


@pytest.mark.crawl
def test_the_archive_of_a_foreign_spider_is_the_wire(crawled: tuple[ForeignCrawl, WireServer]) -> None:
    done, server = crawled
    assert done.code == 0, done.output
    sent = [exchange.sent for exchange in server.log if exchange.sent]
    received = [exchange.received for exchange in server.log]
    paths = [exchange.path for exchange in server.log]
    assert {*paths} == {*PATHS, "/story?moved", "/head", "/form", "/robots.txt"}
    # Of what came to nothing Twisted may send more again, if the connection was used before.
    assert paths.count("/busy") == paths.count("/hang") == 2 <= paths.count("/nothing")
    assert {block.split(b" ", 1)[0] for block in received} == {b"GET", b"HEAD", b"POST"}
    assert done.blocks("request") == {block: received.count(block) for block in received}
    # Interim responses are no part of a response record; docs/archive.md says where they are.
    whole = [block.split(b"\r\n\r\n", 1)[1] if block.startswith(INTERIM) else block for block in sent]
    assert whole.count(BUSY) == 2
    # What a URL answers a second time refers to the first, and its head is recorded again.
    assert done.blocks("revisit") == {BUSY.removesuffix(b"busy"): 1}
    whole.remove(BUSY)
    assert done.blocks("response") == {block: whole.count(block) for block in whole}


@pytest.mark.crawl
def test_redirects_retries_and_failures_are_explained(crawled: tuple[ForeignCrawl, WireServer]) -> None:
    done, server = crawled
    notes = [(record.url, dict(parse_warc_fields(record.block))) for record in done.records("metadata")]
    outcomes = [
        (url.removeprefix(server.base), fields["outcome"].partition(":")[0], fields.get("retryTimes"))
        for url, fields in notes
    ]
    for expected in (
        ("/busy", "ok", None),
        ("/busy", "ok", "1"),
        ("/nothing", "DownloadFailedError", None),
        ("/nothing", "DownloadFailedError", "1"),
        ("/hang", "DownloadTimeoutError", "1"),
    ):
        assert outcomes.count(expected) == 1, outcomes
    (target,) = [fields for url, fields in notes if url.endswith("/story?moved")]
    assert target["redirectedFrom"] == f"{server.base}/moved"
    form = next(exchange.received for exchange in server.log if exchange.path == "/form")
    assert form.endswith(b"port=Douala&day=2026-03-01")


@pytest.mark.crawl
def test_verify_finds_nothing_and_the_software_is_named(crawled: tuple[ForeignCrawl, WireServer]) -> None:
    done, server = crawled
    command = [Path(sys.executable).with_name("newscrawl"), "verify", "--strict", done.folder]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    (info,) = done.records("warcinfo")
    assert b"spider: harbour" in info.block
    assert b"Scrapy/" + version("scrapy").encode() in info.block or b"Scrapy/" + OLDEST.encode() in info.block
    assert f"'newscrawl/warc/exchanges': {len(server.log)}" in done.output


@pytest.mark.crawl
def test_a_response_becomes_an_article_that_points_to_its_record(
    crawled: tuple[ForeignCrawl, WireServer],
) -> None:
    done, server = crawled
    lines = (done.project / "news.jsonl").read_text(encoding="utf-8").splitlines()
    items = [json.loads(line) for line in lines]
    articles = [Article.model_validate(item) for item in items if "text" in item]
    assert {article.url.removeprefix(server.base) for article in articles} == {"/story", "/story?moved"}
    records = {record.record_id: record for record in done.records("response")}
    for article in articles:
        assert article.title == "News of the pier"
        assert "shopkeepers and two engineers" in article.text
        assert article.warc
        assert records[article.warc.record_id].url == article.url
        assert extract_at(done.folder, article.warc, None) == article
    others = [item for item in items if "text" not in item]
    assert {item["status"] for item in others if "status" in item} == {200}
    assert {item["failed"] for item in others if "failed" in item} >= {
        "DownloadFailedError",
        "DownloadTimeoutError",
    }
    assert "'newscrawl/articles/dropped/too_short'" in done.output


HANDLER_ALONE = """
ADDONS = {}
DOWNLOAD_HANDLERS = {scheme: "newscrawl.downloader.capture.CaptureHandler" for scheme in ("http", "https")}
"""
OTHER_HANDLER = """
DOWNLOAD_HANDLERS = {"http": "portside.handlers.FastHandler"}
"""
OTHER_ADDON = """
class Greedy:
    def update_settings(self, settings):
        path = "scrapy.core.downloader.handlers.http11.HTTP11DownloadHandler"
        settings["DOWNLOAD_HANDLERS"] = {"http": path, "https": path}


ADDONS = {"newscrawl.addon.WarcAddon": 500, Greedy: 600}
"""
NO_FOLDER = """
NEWSCRAWL_ARCHIVES = "scrapy.cfg"
"""


@pytest.mark.crawl
@pytest.mark.parametrize(
    ("settings", "scrapy", "message"),
    [
        (HANDLER_ALONE, "", "nothing would be archived: a download handler of newscrawl has no archive"),
        (OTHER_HANDLER, "", "DOWNLOAD_HANDLERS has portside.handlers.FastHandler for http requests"),
        (
            OTHER_ADDON,
            "",
            "another add-on has set DOWNLOAD_HANDLERS to scrapy.core.downloader.handlers.http11",
        ),
        (NO_FOLDER, "", "scrapy.cfg"),
        ("", TOO_OLD, f"Scrapy {TOO_OLD} is not supported"),
    ],
    ids=["handler alone", "other handler", "other add-on", "no folder", "old Scrapy"],
)
def test_a_wrong_set_up_ends_before_the_first_request(
    settings: str, scrapy: str, message: str, tmp_path: Path
) -> None:
    with serving(make_server()) as server:
        done = crawl_example(tmp_path, server, scrapy=scrapy, settings=settings, paths=("/story",))
    errors = [line for line in done.output.splitlines() if "] ERROR:" in line or "] CRITICAL:" in line]
    assert len(errors) == 1, done.output
    assert message in done.output
    assert not server.log
    assert not list(done.project.rglob("*.warc.gz"))
    # The handler's constructor cannot stop Scrapy, so there the spider closes as soon as it opens.
    is_closed = "'finish_reason': 'not_archived'" in done.output
    assert done.code == 1 or (is_closed and settings == HANDLER_ALONE)


@pytest.mark.crawl
def test_without_the_archive_the_pipeline_works_and_says_what_is_missing(tmp_path: Path) -> None:
    with serving(make_server()) as server:
        done = crawl_example(tmp_path, server, settings="\nADDONS = {}\n", paths=("/story",))
    assert done.code == 0, done.output
    assert "articles will have no WARC record" in done.output
    items = [json.loads(line) for line in (done.project / "news.jsonl").read_text("utf-8").splitlines()]
    (article,) = [Article.model_validate(item) for item in items if "text" in item]
    assert article.warc is None
    assert article.title == "News of the pier"
    assert not done.folder.exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"NEWSCRAWL_WARC_REDAKT": ["Cookie"]}, "did you mean NEWSCRAWL_WARC_REDACT"),
        ({"NEWSCRAWL_ARCHIVES": "s3://bucket/news"}, "must be a folder"),
        ({"TWISTED_REACTOR_ENABLED": False}, "TWISTED_REACTOR_ENABLED"),
        ({"DOWNLOAD_HANDLERS": {"http": None, "https": None}}, "nothing to archive"),
        ({"DOWNLOAD_HANDLERS": {"https": WireServer}}, "wire.server.WireServer for https requests"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(NewscrawlError, match=message):
        WarcAddon().update_settings(Settings(values))


def test_an_adapted_handler_and_the_settings_of_the_project_stay() -> None:
    adapter = "portside.handlers.FastHandler"
    settings = Settings(
        {
            "DOWNLOAD_HANDLERS": {"https": adapter, "ftp": "portside.handlers.Ftp"},
            "NEWSCRAWL_CAPTURE_ADAPTER": adapter,
            "NEWSCRAWL_ARCHIVES": "elsewhere",
            "EXTENSIONS": {"portside.extensions.Mine": 3},
        }
    )
    WarcAddon().update_settings(settings)
    handlers = settings.getdict("DOWNLOAD_HANDLERS")
    assert {handlers[scheme].rpartition(".")[2] for scheme in ("http", "https")} == {"ReconstructingHandler"}
    assert handlers["ftp"] == "portside.handlers.Ftp"
    assert settings["NEWSCRAWL_ARCHIVES"] == "elsewhere"
    assert settings.getdict("EXTENSIONS")["portside.extensions.Mine"] == 3


def test_a_scrapy_outside_the_range_or_without_a_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_scrapy()
    for unsupported in ("2.20.0", "3.0.1", TOO_OLD):
        with pytest.raises(NewscrawlError, match="is not supported"):
            check_scrapy(unsupported)
    monkeypatch.delattr(http11, "_ScrapyAgent")
    with pytest.raises(NewscrawlError, match=r"they lack .*http11\._ScrapyAgent\._get_agent"):
        check_scrapy()
    assert list(find_missing_names())


def test_the_range_is_that_of_the_package_and_covers_what_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (scrapy,) = [
        Requirement(text) for text in project["dependencies"] if Requirement(text).name.lower() == "scrapy"
    ]
    oldest, newest = SCRAPY_VERSIONS
    assert OLDEST in scrapy.specifier
    assert TOO_OLD not in scrapy.specifier
    assert OLDEST.startswith(oldest)
    assert version("scrapy").startswith(newest)
    after = f"{newest.partition('.')[0]}.{int(newest.partition('.')[2]) + 1}"
    assert f"{after}.0" not in scrapy.specifier


@pytest.mark.parametrize(
    ("spider", "folder"),
    [
        ("harbour", "harbour"),
        ("example.com", "example.com"),
        ("../../etc", "_.._etc"),
        ("été à Kribi", "_t_Kribi"),
    ],
)
def test_the_name_of_a_spider_becomes_that_of_a_folder(spider: str, folder: str) -> None:
    assert make_folder_name(spider) == folder


def test_a_name_without_letters_is_still_a_folder() -> None:
    assert make_folder_name("..") == "spider"
