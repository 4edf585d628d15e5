"""Reservations of pages and sites: recorded, remembered, acted on, and the same in a replay."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from wire.crawl import Crawl, crawl, crawl_urls
from wire.server import Answer, WireServer, page, serving

from newscrawl.cli import app
from newscrawl.warc.reader import iter_records

pytestmark = pytest.mark.crawl

OUTLET = """title = "Signal"
home = "{base}/"
country = "CM"
languages = ["en"]
timezone = "Africa/Douala"
kind = "national"
feeds = ["{base}/feed.xml"]
article_urls = ["/story/"]
{more}
"""
PAGES: dict[str, tuple[bytes, bytes]] = {
    # path: lines of the head of the answer, elements of the head of the page
    "plain": (b"", b""),
    "header": (b"TDM-Reservation: 0\r\n", b'<meta name="tdm-reservation" content="1">'),
    "meta": (b"", b'<meta name="tdm-reservation" content="1"><meta name="tdm-policy" content="/terms">'),
    "tags": (b"X-Robots-Tag: googlebot: noindex\r\nX-Robots-Tag: noai\r\n", b""),
    "until": (b"X-Robots-Tag: unavailable_after: 25 Jun 2030 15:00:00 PST\r\n", b""),
    "ours": (b"", b'<meta name="newscrawl" content="noai"><meta name="googlebot" content="noarchive">'),
    "copies": (b"", b'<meta name="robots" content="noarchive">'),
    "usage": (b"Content-Usage: train-ai=n\r\n", b""),
    "free/a": (b"", b""),
    "mined/a": (b"", b""),
    "drawn/a": (b"", b""),
}
ROBOTS = b"User-agent: *\nContent-Usage: /story/drawn/ ai=n\nContent-Signal: search=yes\n"
TDMREP = [
    {"location": "/story/mined/", "tdm-reservation": 1, "tdm-policy": "/policy.json"},
    {"location": "/story/free/*", "tdm-reservation": 0},
]
AI_TXT = b"User-Agent: *\nDisallow: /story/drawn/\n"
FILES = ["/.well-known/tdmrep.json", "/ai.txt"]


def story(number: int, name: str) -> tuple[bytes, bytes]:
    extra, elements = PAGES[name]
    said = " ".join(f"Reader {number} asked the council {n} times about the bridge." for n in range(30))
    html = (
        f"<title>Story {number}</title></head><body><article><h1>Story {number}</h1><p>{said}</p></article>"
    )
    return b"<html><head>" + elements + html.encode(), extra


def answers() -> dict[str, Answer]:
    feed = "".join(f"<item><title>{n}</title><link>/story/{n}</link></item>" for n in PAGES)
    found = {f"/story/{name}": Answer([page(*story(number, name))]) for number, name in enumerate(PAGES)}
    return found | {
        "/feed.xml": Answer([page(f"<rss version='2.0'><channel>{feed}</channel></rss>".encode())]),
        "/robots.txt": Answer([page(ROBOTS)]),
        FILES[0]: Answer([page(json.dumps(TDMREP).encode())]),
        FILES[1]: Answer([page(AI_TXT)]),
    }


class Site:
    """A served site, its archives, and what each run asked for."""

    def __init__(self, server: WireServer, folder: Path) -> None:
        self.server, self.folder = server, folder

    def crawl(self, more: str = "", archives: str = "a", **settings: object) -> tuple[Crawl, list[str]]:
        outlets, before = self.folder / "outlets", len(self.server.log)
        outlets.mkdir(exist_ok=True)
        (outlets / "signal.toml").write_text(OUTLET.format(base=self.server.base, more=more))
        done = crawl("signal", archives=self.folder / archives, NEWSCRAWL_OUTLETS=outlets, **settings)
        assert done.code == 0, done.output
        return done, [one.path for one in self.server.log[before:]]

    def forget(self, **values: int) -> None:
        """Set state back, so that pages and files are due again."""
        with closing(sqlite3.connect(self.folder / "a" / "state.sqlite")) as state, state:
            state.execute("UPDATE urls SET next_due = 1, etag = NULL")
            for column, value in values.items():
                state.execute(f"UPDATE hosts SET {column} = ?", (value,))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serving(WireServer(answers())) as server:
        yield Site(server, tmp_path)


def rights(done: Crawl) -> dict[str, dict[str, Any]]:
    return {line["url"].partition("/story/")[2]: line["rights"] for line in done.articles}


def replayed(done: Crawl) -> str:
    run, archives = done.report["run"], str(done.folder.parent)
    return CliRunner().invoke(app, ["replay", run, "--archives", archives]).output


@pytest.mark.slow
def test_each_signal_is_recorded_remembered_and_replayed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    first, asked = site.crawl()
    # Known before the first page is fetched, and asked for once.
    stories = [place for place, path in enumerate(asked) if path.startswith("/story/")]
    assert sorted(asked[: stories[0]]) == sorted(["/robots.txt", "/feed.xml", *FILES])
    assert [path for path in asked if path in FILES] == FILES
    found = rights(first)
    assert found.keys() == PAGES.keys()
    reserved = {name: said["reserved_by"] for name, said in found.items() if said["reserved_by"]}
    assert reserved == {
        "meta": ["tdm-reservation=1"],
        "tags": ["noai"],
        "ours": ["noai"],
        "copies": ["noarchive"],
        "usage": ["train-ai=n"],
        "mined/a": ["tdm-reservation=1"],
        "drawn/a": ["ai=n", "ai.txt"],
    }
    assert {name for name, said in found.items() if said["policy"] == "no-export"} == reserved.keys()
    assert {said["policy"] for name, said in found.items() if name not in reserved} == {None}
    sources = {name: said["tdm_source"] for name, said in found.items() if said["tdm_source"]}
    assert sources == {"header": "header", "meta": "meta", "mined/a": "site", "free/a": "site"}
    assert found["header"]["tdm_reserved"] is found["free/a"]["tdm_reserved"] is False
    assert found["mined/a"]["policy_url"] == f"{site.server.base}/policy.json"
    assert found["meta"]["policy_url"] == f"{site.server.base}/terms"
    assert found["plain"]["signals"] == ["search=yes"]
    assert found["usage"]["signals"] == ["train-ai=n", "search=yes"]
    assert found["drawn/a"]["ai_txt"] is False
    assert found["tags"]["robots_meta"] == ["googlebot:noindex", "noai"]
    assert found["until"]["robots_meta"] == ["unavailable_after:25 jun 2030 15:00:00 pst"]
    with first.warcs[-1].open("rb") as stream:
        archived = {record.url for record in iter_records(stream) if record.kind == "response"}
    assert {site.server.base + path for path in FILES} < archived
    assert replayed(first) == "identical\n"

    # The next run has it from state: neither file is asked for, and its lines say the same.
    site.forget()
    for number, name in enumerate(PAGES):
        html, extra = story(number + 100, name)
        site.server.answers[f"/story/{name}"] = Answer([page(html, extra)])
    second, asked = site.crawl()
    assert not set(asked) & set(FILES)
    assert sum(path.startswith("/story/") for path in asked) == len(PAGES)
    assert rights(second) == found
    assert len(second.articles) == 2 * len(PAGES)
    assert replayed(second) == "identical\n"

    # Lines that were lost are made again as they were, with what was decided about them.
    lines = second.folder / f"{second.report['run']}.jsonl"
    whole = lines.read_bytes()
    lines.write_bytes(b"")
    monkeypatch.setattr("newscrawl.settings.NEWSCRAWL_OUTLETS", [str(site.folder / "outlets")])
    mended = CliRunner().invoke(app, ["check", "--fix", "--archives", str(second.folder.parent)])
    assert (mended.exit_code, lines.read_bytes()) == (0, whole), mended.output

    # Made again from the archive alone, with another policy.
    monkeypatch.setattr("newscrawl.settings.NEWSCRAWL_RIGHTS", "skip")
    out = site.folder / "again.jsonl"
    made = CliRunner().invoke(app, ["extract", str(second.folder), "--out", str(out), "--json"])
    assert json.loads(made.stdout)["rejected"] == {"rights_reserved": 2 * (len(reserved) - 1)}
    again = [json.loads(line) for line in out.read_bytes().splitlines()]
    kept = [line for line in second.articles if line["rights"]["reserved_by"] in ([], ["noarchive"])]
    assert {line["warc"]["record_id"]: line["rights"] for line in again} == {
        line["warc"]["record_id"]: line["rights"] for line in kept
    }

    # A day later they are asked for again; a site that fails to answer keeps what it said.
    site.forget(rights_fetched_at=1)
    site.server.answers[FILES[0]] = Answer([b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"])
    site.server.answers[FILES[1]] = Answer([b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n"])
    third, asked = site.crawl()
    assert [path for path in asked if path in FILES] == FILES
    with closing(sqlite3.connect(site.folder / "a" / "state.sqlite")) as state:
        ((kept_text,),) = state.execute("SELECT rights FROM hosts")
    assert json.loads(kept_text).keys() == {"tdm", "usage"}
    assert third.report["error"] is None


@pytest.mark.slow
def test_skipped_pages_are_rejections_whose_record_stays(site: Site) -> None:
    done, _ = site.crawl('rights = "skip"')
    assert rights(done).keys() == {"plain", "header", "until", "copies", "free/a"}
    assert {name: said["policy"] for name, said in rights(done).items() if said["policy"]} == {
        "copies": "no-export"
    }
    refused = {line["url"].partition("/story/")[2]: line for line in done.rejected}
    assert {line["reason"] for line in refused.values()} == {"rights_reserved"}
    assert refused["drawn/a"]["detail"] == "reserved by ai=n, ai.txt"
    assert all(line["warc"]["record_id"] for line in refused.values())
    assert replayed(done) == "identical\n"

    # The crawl's own setting holds where the outlet says nothing; without files there is less to know.
    done, asked = site.crawl(archives="b", NEWSCRAWL_RIGHTS="archive", NEWSCRAWL_FETCH_RIGHTS_FILES=0)
    assert not set(asked) & set(FILES)
    assert len(done.articles) == len(PAGES)
    decided = {name: said["policy"] for name, said in rights(done).items() if said["policy"]}
    assert decided == dict.fromkeys(("meta", "tags", "ours", "copies", "usage", "drawn/a"), "archive")


def test_listed_pages_know_their_sites_and_an_unknown_policy_ends_the_crawl(site: Site) -> None:
    site.server.answers[FILES[0]] = Answer(
        [b"HTTP/1.1 302 Found\r\nLocation: /elsewhere.json\r\nContent-Length: 0\r\n\r\n"]
    )
    site.server.answers["/elsewhere.json"] = Answer([page(json.dumps(TDMREP).encode())])
    site.server.answers[FILES[1]] = Answer([], close=True)
    urls = [f"{site.server.base}/story/{name}" for name in ("mined/a", "plain")]
    done = crawl_urls(urls, site.folder / "u")
    assert done.code == 0, done.output
    assert rights(done)["mined/a"]["reserved_by"] == ["tdm-reservation=1"]
    assert "ERROR" not in done.output
    assert replayed(done) == "identical\n"

    wrong = crawl_urls(urls, site.folder / "v", NEWSCRAWL_RIGHTS="no_export")
    assert wrong.code != 0
    assert "NEWSCRAWL_RIGHTS: 'no_export' is none of archive, no-export, skip" in wrong.output
