"""Pages whose scripts mean harm, through a real Chromium: each its outcome, none reaches what it may not."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from attacks.server import listening
from wire.chromium import BROWSER, IS_ROOT, find_chromium
from wire.crawl import Crawl, crawl
from wire.hostile_pages import HOSTILE, LOOPING, hostile_site, write_hostile_outlet
from wire.server import WireServer, serving

from newscrawl.warc.reader import iter_records, parse_warc_fields
from newscrawl.warc.renderings import RENDERED

pytestmark = [pytest.mark.crawl, pytest.mark.slow]

LIMITS = {
    **BROWSER,
    "NEWSCRAWL_BROWSER_MEMORY_MB": 700,
    "NEWSCRAWL_BROWSER_REQUESTS": 30,
    "NEWSCRAWL_PAGE_MAX_BYTES": 2_000_000,
}
HOSTILE_OUTLETS = {"hostile": {}, "looping": {"NEWSCRAWL_BROWSER_SECONDS": 3}}
"Only pages that would never end have little time: others need more on a busy machine."
OUTCOMES = {
    "loop": {"browser_timeout"},
    "late-loop": {"browser_timeout"},
    "promises": {"browser_timeout", "browser_memory", "browser_crash"},
    "flood": {"browser_requests", "browser_timeout", "browser_memory"},
    "chain": {"browser_requests", "browser_timeout"},
    "left": {"browser_left"},
    "memory": {"browser_memory", "browser_crash", "browser_timeout"},
    "large": {"browser_too_large", "browser_timeout"},
}
"What may become of a page that is lost, on a machine that is as busy as may be; all others are articles."
REFUSED = {
    "private": {"private_address", "ping", "other"},
    "sockets": {"policy_connect-src", "eventsource"},
    "workers": {"policy_frame-src"},
    "downloads": {"download"},
    "dialogs": {"dialog"},
    "windows": {"policy_form-action"},
    "forbidden": {"robots_txt"},
}
"Refusals that the record of a rendering names."


@dataclass
class Hostile:
    crawls: dict[str, Crawl]
    "By outlet."
    outlets: Path
    connections: int
    asked: list[str]


def crawl_both(archives: Path, **settings: object) -> dict[str, Crawl]:
    """The crawls of both outlets, at the same time."""
    with ThreadPoolExecutor() as threads:
        started = {
            name: threads.submit(
                partial(crawl, name, archives=archives, seconds=300, **{**LIMITS, **own, **settings})
            )
            for name, own in HOSTILE_OUTLETS.items()
        }
    crawls = {name: future.result() for name, future in started.items()}
    assert crawls["hostile"].code == 0, crawls["hostile"].output
    # Not one page of it could be had.
    assert crawls["looping"].code == 1, crawls["looping"].output
    return crawls


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    find_chromium()
    folder = tmp_path_factory.mktemp("hostile-scripts")
    with serving(WireServer()) as server, listening() as listener:
        server.answers = hostile_site(server.base, f"127.0.0.1:{listener.port}")
        write_hostile_outlet(server.base, folder / "outlets")
        write_hostile_outlet(server.base, folder / "outlets", "looping", "/loops")
        own = {
            "NEWSCRAWL_OUTLETS": folder / "outlets",
            "NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": f"127.0.0.1:{server.port}",
        }
        crawls = crawl_both(folder / "archives", **own)
        asked = [exchange.path for exchange in server.log]
        return Hostile(crawls, folder / "outlets", listener.connections, asked)


def test_each_page_has_its_outcome_and_costs_no_other(hostile: Hostile) -> None:
    outcomes: dict[str, str] = {}
    for done in hostile.crawls.values():
        outcomes |= {line["url"].rpartition("/")[2]: "article" for line in done.articles}
        outcomes |= {line["url"].rpartition("/")[2]: line["reason"] for line in done.rejected}
        assert "ERROR" not in done.output
    assert set(outcomes) == set(HOSTILE)
    unexpected = {
        name: outcome for name, outcome in outcomes.items() if outcome not in OUTCOMES.get(name, {"article"})
    }
    assert not unexpected, [done.output for done in hostile.crawls.values()]


def test_nothing_is_sent_where_it_may_not_go(hostile: Hostile) -> None:
    assert hostile.connections == 0
    assert not {"/worker.js", "/frame", "/events", "/evil.exe", "/private/story.json"} & set(hostile.asked)
    # A page has thirty requests; those of the two pages that want ten thousand are counted.
    assert sum(path.startswith("/api/") for path in hostile.asked) <= 2 * 30


def test_refusals_are_named_in_the_record_of_the_rendering(hostile: Hostile) -> None:
    found: dict[str, set[str]] = {}
    for path in hostile.crawls["hostile"].warcs:
        for record in iter_records(path):
            if record.kind == "metadata" and record.url.startswith(RENDERED):
                fields = parse_warc_fields(record.block)
                names = {part.partition("=")[0] for part in fields.get("refused", "").split()}
                found[record.url.rpartition("/")[2]] = names
    missing = {name: reasons - found[name] for name, reasons in REFUSED.items() if reasons - found[name]}
    assert not missing, found


def test_a_replay_has_the_same_outcomes_without_hanging_again(hostile: Hostile, tmp_path: Path) -> None:
    archives = hostile.crawls["hostile"].folder.parent
    replays = crawl_both(tmp_path, NEWSCRAWL_OUTLETS=hostile.outlets, NEWSCRAWL_REPLAY=archives)
    for name, done in hostile.crawls.items():
        assert replays[name].articles == done.articles
        assert replays[name].rejected == done.rejected


def test_a_run_that_is_asked_to_end_does_not_wait_for_a_page_that_goes_on(tmp_path: Path) -> None:
    """The page waits for the next run."""
    find_chromium()
    with serving(WireServer()) as server:
        server.answers = hostile_site(server.base, "127.0.0.1:9")
        write_hostile_outlet(server.base, tmp_path / "outlets", section="/chain")
        own = {"NEWSCRAWL_OUTLETS": tmp_path / "outlets", "CLOSESPIDER_PAGECOUNT": 12}
        done = crawl("hostile", archives=tmp_path / "archives", **{**LIMITS, **own})
    (line,) = done.rejected
    assert line["reason"] == "browser_incomplete"
    assert "the run ended before" in line["detail"]
    assert len(server.log) < LIMITS["NEWSCRAWL_BROWSER_REQUESTS"]


def test_a_browser_that_does_not_start_ends_the_run_and_loses_no_page(tmp_path: Path) -> None:
    """Whatever else is named so: the machine is at fault, and the pages wait for the next run."""
    program = shutil.which("false")
    assert program
    with serving(WireServer()) as server:
        server.answers = hostile_site(server.base, "127.0.0.1:9")
        write_hostile_outlet(server.base, tmp_path / "outlets")
        own = {"NEWSCRAWL_OUTLETS": tmp_path / "outlets", "NEWSCRAWL_BROWSER_PROGRAM": program}
        done = crawl("hostile", archives=tmp_path / "archives", **{**LIMITS, **own})
    assert done.code == 1
    assert f"the browser {program} does not start" in done.output
    assert {line["reason"] for line in done.rejected} <= {"machine_fault"}
    assert done.report["frontier"]["pending"] >= len(HOSTILE) - len(LOOPING) - 1


@pytest.mark.skipif(not IS_ROOT, reason="the sandbox works for this user")
def test_root_is_refused_with_the_sandbox_on(tmp_path: Path) -> None:
    find_chromium()
    write_hostile_outlet("http://127.0.0.1:9", tmp_path / "outlets")
    own = {"NEWSCRAWL_OUTLETS": tmp_path / "outlets", "NEWSCRAWL_BROWSER_SANDBOX": 1}
    done = crawl("hostile", archives=tmp_path / "archives", **{**LIMITS, **own})
    assert done.code == 2
    assert "hostile: the browser's sandbox does not work for root" in done.output


def test_an_outlet_that_needs_a_browser_is_refused_without_it(tmp_path: Path) -> None:
    write_hostile_outlet("http://127.0.0.1:9", tmp_path / "outlets")
    own = {"NEWSCRAWL_OUTLETS": tmp_path / "outlets", "NEWSCRAWL_BROWSER_PROGRAM": "/nowhere/chromium"}
    done = crawl("hostile", archives=tmp_path / "archives", **{**LIMITS, **own})
    assert done.code == 2
    assert "hostile: no browser is installed: looked for /nowhere/chromium" in done.output
    assert "Traceback" not in done.output
