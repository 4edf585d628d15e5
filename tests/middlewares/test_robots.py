"""robots.txt by RFC 9309, each case a site of its own, and the same once more from the archive."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from scrapy import Request as Asked
from scrapy.core.downloader import Downloader
from scrapy.robotstxt import ProtegoRobotParser
from scrapy.utils.test import get_crawler
from typer.testing import CliRunner
from wire.crawl import crawl_urls

from newscrawl.cli import app
from newscrawl.demo.http import Request, Response
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.middlewares.robots import MAX_BYTES, RobotsMiddleware, keep_own_groups, truncate_robots
from newscrawl.state.hosts import Robots

SCHEMES = ("http", "https", "file", "data", "ftp", "s3")
BOM = b"\xef\xbb\xbf"
RULES = b"User-agent: *\nDisallow: /closed\n"
ALL = b"User-agent: *\nDisallow: /\n"
LONG = b"".join(b"# line %07d\n" % n for n in range(MAX_BYTES // 15))
OWN = b"User-agent: news\nDisallow: /\n\nUser-agent: NewsCrawl/2.0 (bot)\nDisallow: /closed\n\n" + ALL


@dataclass
class Site:
    """A robots.txt, and any other page there is."""

    id: str
    status: int
    body: bytes
    hops: int = 0
    "Redirects before it comes."
    pages: tuple[str, ...] = ("/open", "/closed/1", "/closed/2")
    asked: list[str] = field(default_factory=list)

    def respond(self, request: Request) -> Response:
        self.asked.append(request.target)
        hop = 0 if request.path == "/robots.txt" else int(request.query.get("hop", -1))
        if 0 <= hop < self.hops:
            return Response(status=301, headers=(("Location", f"/elsewhere?hop={hop + 1}"),))
        if hop == self.hops:
            return Response(status=self.status, body=self.body, content_type="text/plain")
        return Response(body=b"<html><body>A page.</body></html>")


def sites() -> list[Site]:
    folded = ("/a%2fb", "/a/b", "/caf%C3%A9/1", "/caf")
    return [
        Site("plain", 200, RULES),
        Site("bom", 200, BOM + RULES),
        Site("not_found", 404, ALL),
        Site("denied", 401, ALL),
        Site("forbidden", 403, ALL),
        Site("broken", 500, b""),
        Site("busy", 503, b""),
        Site("too_many", 429, b""),
        Site("moved_5", 200, RULES, hops=5),
        Site("moved_6", 200, RULES, hops=6),
        Site("long", 200, LONG + LONG[:90_000] + RULES),
        Site("fits", 200, LONG[:300_000] + RULES),
        Site("ours", 200, OWN),
        Site("folded", 200, "User-agent: *\nDisallow: /a%2Fb\nDisallow: /café\n".encode(), pages=folded),
    ]


RULED = {"/open"}
EVERY = {"/open", "/closed/1", "/closed/2"}
FETCHED: dict[str, set[str]] = {
    "plain": RULED,
    "bom": RULED,
    "not_found": EVERY,
    "denied": EVERY,
    "forbidden": EVERY,
    "broken": set(),
    "busy": set(),
    "too_many": set(),
    "moved_5": RULED,
    "moved_6": EVERY,
    "long": EVERY,
    "fits": RULED,
    "ours": RULED,
    "folded": {"/a/b", "/caf"},
}


@pytest.mark.crawl
def test_each_answer_means_what_the_standard_says_and_comes_out_the_same_again(tmp_path: Path) -> None:
    served = sites()
    with serve_in_thread(Newsroom(served)) as newsroom:
        urls = [newsroom.bases[site.id] + page for site in served for page in site.pages]
        nobody = "http://127.0.0.1:9"
        done = crawl_urls(
            [*urls, f"{nobody}/1", f"{nobody}/2"],
            tmp_path,
            CONCURRENT_REQUESTS_PER_DOMAIN=8,
            CONCURRENT_REQUESTS=32,
            RETRY_ENABLED=0,
            NEWSCRAWL_FETCH_RIGHTS_FILES=0,
        )
    assert done.code == 0, done.output
    assert {site.id: {page for page in site.asked if page in site.pages} for site in served} == FETCHED
    # However many waited for it at once.
    assert {site.id: site.asked.count("/robots.txt") for site in served} == dict.fromkeys(FETCHED, 1)
    reasons: dict[str, set[str]] = {}
    for line in done.rejected:
        reasons.setdefault(_name(line["url"], newsroom), set()).add(line["reason"])
    for name in ("broken", "busy", "too_many"):
        assert reasons[name] == {"robots_unreachable"}
    assert "robots_txt" in reasons["plain"] & reasons["moved_5"] & reasons["ours"]
    assert reasons[""] == {"connection_refused"}
    report = next(iter(done.folder.glob("*.report.json")))
    assert CliRunner().invoke(app, ["replay", str(report)]).stdout == "identical\n"


def _name(url: str, newsroom: Newsroom) -> str:
    place = urlsplit(url)
    named = {base: name for name, base in newsroom.bases.items()}
    return named.get(f"{place.scheme}://{place.netloc}", "")


def test_a_long_file_is_cut_at_the_end_of_a_line() -> None:
    assert truncate_robots(RULES) == RULES
    whole = b"x" * (MAX_BYTES - 1) + b"\n"
    assert truncate_robots(whole) == whole
    assert truncate_robots(b"# a\n" * 5 + b"Disallow: /" + b"b" * MAX_BYTES) == b"# a\n" * 5
    assert truncate_robots(b"# a\r" + b"b" * MAX_BYTES) == b"# a\r"
    assert truncate_robots(whole + b"Disallow: /") == whole
    assert truncate_robots(b"b" * (MAX_BYTES + 1)) == b""


@pytest.mark.parametrize(
    ("agent", "is_ours"),
    [
        ("newscrawl", True),
        ("NEWSCRAWL", True),
        ("newscrawl/1.0", True),
        ("newscrawl bot # ours", True),
        ("news", False),
        ("newscrawler", False),
        ("crawl", False),
        ("my-newscrawl", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_group_is_ours_by_its_whole_product_token(agent: str, is_ours: bool, end: str) -> None:
    lines = [
        "user-agent: *",
        "Disallow: /all",
        "",
        f"User-Agent : {agent}",
        "Disallow: /own",
        "Crawl-delay: 7",
    ]
    crawler: Any = SimpleNamespace(spider=None)
    body = keep_own_groups(end.join(lines).encode(), "newscrawl")
    parser = ProtegoRobotParser.from_crawler(crawler, body)
    allowed = [parser.allowed(f"https://paper.example{path}", "newscrawl") for path in ("/all", "/own")]
    assert allowed == ([True, False] if is_ours else [False, True])
    assert parser.crawl_delay("newscrawl") == (7 if is_ours else None)


@pytest.mark.parametrize(("asked", "own", "expected"), [(500, 3, 120), (10, 3, 10), (1, 3, 3), (0, 3, None)])
def test_a_crawl_delay_is_the_hosts_minimum_delay_up_to_two_minutes(
    asked: int, own: int, expected: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "newscrawl")
    given = {"ROBOTSTXT_OBEY": True, "DOWNLOAD_DELAY": own, "DOWNLOAD_HANDLERS": dict.fromkeys(SCHEMES)}
    crawler: Any = get_crawler(settings_dict=given)
    crawler.engine = SimpleNamespace(downloader=Downloader(crawler))
    middleware, request = RobotsMiddleware(crawler), Asked("https://paper.example/")
    body = b"User-agent: *\nCrawl-delay: %d\n" % asked
    rules = middleware._parse(Robots(status=200, body=body, fetched_at=0))
    middleware._slow_down(request, rules)
    settings = {"paper.example": {"delay": expected, "jitter": 0}} if expected else {}
    assert crawler.engine.downloader.per_slot_settings == settings
    assert ("Crawl-delay 500 is shortened to 120" in caplog.text) is (asked == 500)
