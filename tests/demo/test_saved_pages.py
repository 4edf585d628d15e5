"""Saved pages as outlets."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import feedparser
import pytest

from newscrawl.demo.catalogue import write_outlets
from newscrawl.demo.saved_pages import SavedPage, page_sites, saved_pages
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.errors import NewscrawlError
from newscrawl.outlet import read_outlet

HOSTS = ["a.example", "b.example", "www.a.example", "c.example", "d.example", "e.example", "a.example"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven pages of five hosts, every second one compressed."""
    (tmp_path / "html").mkdir()
    lines = []
    for number, host in enumerate(HOSTS):
        name = f"html/p{number}.html" + (".gz" if number % 2 else "")
        body = f"<html><p>Été {number}</p></html>".encode()
        (tmp_path / name).write_bytes(gzip.compress(body) if number % 2 else body)
        record = {"id": f"p{number}", "url": f"https://{host}/news/story {number}.html?x=1", "html": name}
        lines.append(json.dumps(record | ({"charset": "utf-8"} if number == 3 else {})))
    (tmp_path / "truth.jsonl").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    return tmp_path


def test_pages_of_a_host_stay_together_and_none_is_lost(folder: Path) -> None:
    sites = page_sites(folder)
    assert [site.id for site in sites] == ["pages_1", "pages_2", "pages_3", "pages_4"]
    ids = [sorted(page.id for page in site.pages.values()) for site in sites]
    assert ["p0", "p2", "p6"] in ids
    assert sorted(page_id for share in ids for page_id in share) == [f"p{number}" for number in range(7)]


def test_every_page_is_served_as_saved(folder: Path, fetch: Any) -> None:
    with serve_in_thread(Newsroom(page_sites(folder))) as room:
        for site in page_sites(folder):
            base = room.bases[site.id]
            feed = feedparser.parse(fetch(f"{base}/feed.xml").body)
            assert [entry.link for entry in feed.entries] == [base + path for path in site.pages]
            for path, page in site.pages.items():
                plain, squeezed = fetch(base + path), fetch(base + path, {"Accept-Encoding": "gzip"})
                kind = "text/html; charset=utf-8" if page.id == "p3" else "text/html"
                assert plain.body == gzip.decompress(squeezed.body) == page.read()
                assert squeezed.header("Content-Encoding") == "gzip"
                assert plain.header("Content-Type") == kind
            assert fetch(f"{base}/robots.txt").status == 200
            assert fetch(f"{base}/p0/../../truth.jsonl").status == 404


def test_their_outlet_files_load(folder: Path, tmp_path: Path) -> None:
    with serve_in_thread(Newsroom(page_sites(folder))) as room:
        outlets = [read_outlet(path) for path in write_outlets(room.bases, tmp_path / "outlets")]
        assert [outlet.id for outlet in outlets] == list(room.bases)
        assert outlets[0].feeds == [room.bases["pages_1"] + "/feed.xml"]


def test_a_page_that_breaks_later_is_404(folder: Path, fetch: Any, caplog: pytest.LogCaptureFixture) -> None:
    sites = page_sites(folder)
    (folder / "html/p1.html.gz").write_bytes(b"no gzip")
    (folder / "html/p3.html.gz").write_bytes(gzip.compress(b"cut" * 999)[:-9])
    (folder / "html/p0.html").unlink()
    broken = {"p0", "p1", "p3"}
    with serve_in_thread(Newsroom(sites)) as room:
        for site in sites:
            for path, page in site.pages.items():
                assert fetch(room.bases[site.id] + path).status == (404 if page.id in broken else 200)
    assert caplog.text.count("cannot be read") == 3


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://h/a/b.html?c=1", "/x/b.html"),
        ("https://h/a/b/", "/x/b"),
        ("https://h/", "/x/h"),
        ("https://h/a/..", "/x/index"),
        ("https://h/été à/%2e%2e#f", "/x/-2e-2e"),
    ],
)
def test_paths_are_plain_and_keep_the_last_part(url: str, path: str) -> None:
    assert SavedPage(id="x", url=url, file=Path("x.html")).path == path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a JSON object"),
        ('{"id": "n", "html": "html/p0.html"}', "url: must be"),
        ('{"id": 7, "url": "u", "html": "html/p0.html"}', "id: must be"),
        ('{"id": "../n", "url": "u", "html": "html/p0.html"}', "id: only"),
        ('{"id": "p0", "url": "u", "html": "html/p0.html"}', "twice"),
        ('{"id": "n", "url": "u", "html": "truth.jsonl"}', "not an .html"),
        ('{"id": "n", "url": "u", "html": "html/none.html"}', "no such file"),
        ('{"id": "n", "url": "u", "html": "../outside.html"}', "outside the folder"),
    ],
)
def test_a_broken_line_of_the_truth_is_named(folder: Path, line: str, said: str) -> None:
    truth = folder / "truth.jsonl"
    truth.write_text(truth.read_text(encoding="utf-8").rstrip() + f"\n{line}\n", encoding="utf-8")
    with pytest.raises(NewscrawlError, match=rf"truth\.jsonl, line 8.*{said}"):
        saved_pages(folder)


def test_a_folder_without_truth_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NewscrawlError, match=r"truth\.jsonl"):
        page_sites(tmp_path)
