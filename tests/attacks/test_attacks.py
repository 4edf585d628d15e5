"""One crawl of a server that means harm: every attack has a name, and costs itself alone."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from attacks.pages import INNOCENT, PAGES
from attacks.robots import ENDS, PATH, ROBOTS, STORIES
from attacks.server import Attack, AttackServer, Pieces, Site, attacking, listening
from attacks.sources import MAPS, NAMED, SOURCES
from typer.testing import CliRunner
from wire.crawl import ROOT, Crawl, environment, scrapy_command

from newscrawl.cli import app
from newscrawl.warc.reader import WarcRecord, iter_records
from newscrawl.warc.verify.files import verify_warcs

pytestmark = [pytest.mark.crawl, pytest.mark.slow]

MOST_MEMORY = 300 << 20
"Of the process that crawls; with nothing but honest pages it holds about 130 MiB."
LONGEST = 90
OUTLET = """
title = "Hostile"
home = "{base}/"
country = "CM"
kind = "national"
timezone = "Africa/Douala"
languages = ["en"]
article_urls = ["."]
"""
SETTINGS = {
    "DOWNLOAD_TIMEOUT": 10,
    "RETRY_TIMES": 0,
    "CONCURRENT_REQUESTS": 16,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
    "NEWSCRAWL_PAGE_MAX_BYTES": 1 << 20,
    "DOWNLOAD_MAXSIZE": 4 << 20,
    "NEWSCRAWL_EXTRACT_SECONDS": 15,
    "NEWSCRAWL_SOURCE_SECONDS": 15,
}
OF_THE_SITE = {"http_not_chunked", "http_not_encoded", "http_bad_length", "http_truncated"}
"Problems of answers that were archived as they came."
ATTACKS = {attack.path: attack.pieces for attack in (*PAGES, *SOURCES)}


@dataclass
class Attacked:
    """What the crawl left, and what the world saw of it."""

    crawl: Crawl
    site: Site
    asked: list[str]
    trespasses: int
    memory: int
    seconds: float
    outcomes: dict[str, str] = field(default_factory=dict)
    "Of pages, by path."
    sources: dict[str, str] = field(default_factory=dict)

    def story_path(self, url: str) -> str:
        return url.removeprefix(self.site.base)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Attacked:
    folder = tmp_path_factory.mktemp("attacked")
    with listening() as forbidden, listening() as stalling:
        with ExitStack() as stack:
            islands = [
                stack.enter_context(attacking(island(number), forbidden.port, stalling.port))
                for number in range(len(ROBOTS))
            ]
            others = tuple(one.site.base for one in islands)
            server = stack.enter_context(attacking(ATTACKS, forbidden.port, stalling.port, others))
            started = time.monotonic()
            crawl, memory = measured_crawl(folder, server)
            seconds = time.monotonic() - started
        done = Attacked(crawl, server.site, server.asked, forbidden.connections, memory, seconds)
    for line in crawl.rejected:
        done.outcomes[done.story_path(line["url_requested"])] = line["reason"]
    for line in crawl.articles:
        done.outcomes[done.story_path(line["url_requested"])] = "article"
    with closing(sqlite3.connect(folder / "archives" / "state.sqlite")) as state:
        done.sources = {
            done.story_path(url): told for url, told in state.execute("SELECT url, outcome FROM sources")
        }
    return done


def island(number: int) -> dict[str, Callable[[Site], Pieces]]:
    """A site of one story, below a robots.txt that attacks."""
    return {PATH: ROBOTS[number].pieces, "/story": lambda _: iter([STORIES[number]])}


def measured_crawl(folder: Path, server: AttackServer) -> tuple[Crawl, int]:
    """The crawl, and the bytes of memory its process held at most."""
    sources = {kind: [server.site.base + path for path in paths] for kind, paths in NAMED.items()}
    listed = "\n".join(f"{kind} = {json.dumps(urls)}" for kind, urls in sources.items())
    outlets = folder / "outlets"
    outlets.mkdir()
    (outlets / "hostile.toml").write_text(OUTLET.format(base=server.site.base) + listed, encoding="utf-8")
    open_to = [
        server.site.port,
        server.site.stalling,
        *(base.rpartition(":")[2] for base in server.site.others),
    ]
    allowed = ",".join(f"127.0.0.1:{port}" for port in open_to)
    options = {**SETTINGS, "NEWSCRAWL_OUTLETS": outlets, "NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": allowed}
    command = scrapy_command("crawl", "hostile", archives=folder / "archives", **options)
    log = folder / "crawl.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=output, stderr=output)
        memory = 0
        while process.poll() is None:
            memory = max(memory, peak_memory(process.pid))
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
    text = log.read_text(encoding="utf-8", errors="surrogateescape")
    return Crawl(process.returncode, text, folder / "archives" / "hostile"), memory


def peak_memory(pid: int) -> int:
    """Bytes a process has held at most; 0 where the system does not tell.

    What `wait4` tells of it counts in what this process held when it made the other.
    """
    with suppress(OSError):
        found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
        return int(found[1]) * 1024 if found else 0
    return 0


def ids(attack: Attack) -> str:
    return f"{attack.path} {attack.does}"


@pytest.mark.parametrize("attack", PAGES, ids=ids)
def test_a_page_that_attacks_ends_under_a_name(attacked: Attacked, attack: Attack) -> None:
    assert attacked.outcomes.get(attack.path) in attack.outcome


@pytest.mark.parametrize("attack", [one for one in SOURCES if not one.path.startswith("/maps/nest")], ids=ids)
def test_a_source_that_attacks_ends_under_a_name(attacked: Attacked, attack: Attack) -> None:
    assert attacked.sources.get(attack.path) in attack.outcome


@pytest.mark.parametrize("number", range(len(ROBOTS)), ids=[attack.does for attack in ROBOTS])
def test_a_robots_txt_that_attacks_settles_what_may_be_fetched(attacked: Attacked, number: int) -> None:
    assert attacked.outcomes.get(f"{attacked.site.others[number]}/story") in ENDS


def test_the_crawl_ends_well_with_what_is_honest(attacked: Attacked) -> None:
    assert attacked.crawl.code == 0, attacked.crawl.output[-3000:]
    assert attacked.crawl.report["reason"] == "finished"
    assert attacked.outcomes[INNOCENT.path] == "article"
    assert "Traceback" not in attacked.crawl.output
    assert attacked.seconds < LONGEST


def test_nobody_was_where_nobody_may_be(attacked: Attacked) -> None:
    assert attacked.trespasses == 0
    assert attacked.sources[f"http://127.0.0.1:{attacked.site.forbidden}/map.xml"] == "private_address"


def test_memory_stays_bounded(attacked: Attacked) -> None:
    assert 0 < attacked.memory < MOST_MEMORY, attacked.memory >> 20


def test_a_tls_handshake_that_stalls_ends(attacked: Attacked) -> None:
    """Its robots.txt is what stalls first."""
    outcome = attacked.outcomes[f"https://127.0.0.1:{attacked.site.stalling}/"]
    assert outcome in {"robots_unreachable", "timeout"}


def test_indexes_and_pages_of_lists_come_to_an_end(attacked: Attacked) -> None:
    nested = [path for path in attacked.asked if path.startswith("/maps/nest/")]
    assert nested == [f"/maps/nest/{number}" for number in range(5)]
    assert len(nested) < sum(attack.path.startswith("/maps/nest/") for attack in MAPS)
    for path in ("/maps/loop", "/sections/paging"):
        assert attacked.asked.count(path) <= 2


def test_traps_and_lures_are_not_asked_for(attacked: Attacked) -> None:
    lured = [path for path in attacked.asked if "lure" in path]
    assert set(lured) <= {"/lure", "/lureWARC-Type:%20evil"}
    assert not [url for url in attacked.outcomes if not url.startswith(("/", "http"))]


def test_no_file_of_this_machine_is_in_the_lines(attacked: Attacked) -> None:
    text = json.dumps([attacked.crawl.articles, attacked.crawl.rejected])
    assert "root:" not in text
    assert "Smuggled in" not in text


def test_nothing_moves_the_terminal(attacked: Attacked) -> None:
    assert not re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]", attacked.crawl.output)


def test_the_archive_is_sound(attacked: Attacked) -> None:
    problems = [problem for problem in verify_warcs(attacked.crawl.warcs) if problem.code not in OF_THE_SITE]
    assert not problems
    assert {"warcinfo", "request", "response", "metadata"} <= {record.kind for record in records(attacked)}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/endless/headers", "length"),
        ("/endless/folded", "length"),
        ("/endless/body", "length"),
        ("/length/giant", "length"),
        ("/slow/body", "time"),
        ("/length/short", "disconnect"),
    ],
)
def test_what_was_cut_says_so(attacked: Attacked, path: str, why: str) -> None:
    url = attacked.site.base + path
    found = [
        record.headers.get("warc-truncated")
        for record in records(attacked)
        if record.kind == "response" and record.url == url
    ]
    assert found == [why]


def test_a_replay_comes_out_the_same(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    given = ["replay", attacked.crawl.report["run"], "--archives", str(attacked.crawl.folder.parent)]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert "identical" in done.output


def records(attacked: Attacked) -> list[WarcRecord]:
    found: list[WarcRecord] = []
    for path in attacked.crawl.warcs:
        with path.open("rb") as stream:
            found += list(iter_records(stream))
    return found
