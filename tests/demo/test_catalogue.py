"""The demo outlets as a whole: pages, outlet files, expectations that fit each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from lxml import html

from newscrawl.demo.catalogue import demo_site, demo_sites, expected, write_outlets
from newscrawl.demo.server import Newsroom
from newscrawl.errors import NewscrawlError
from newscrawl.outlet import read_outlet
from newscrawl.urls import normal_url, same_site

OUTLETS = ["kamer_echo", "deccan_wire", "val_sambre", "fundy_courier"]


def words_of(page: html.HtmlElement) -> str:
    return " ".join(" ".join(page.itertext()).split())


def decoded(answer: Any) -> html.HtmlElement:
    """The page as a browser reads it: charset of the header, else the page's own."""
    charset = re.search(r"charset=([\w-]+)", answer.header("Content-Type") or "")
    parser = html.HTMLParser(encoding=charset[1]) if charset else html.HTMLParser()
    return html.document_fromstring(answer.body, parser=parser)


def test_the_outlets_are_the_four_of_the_demo() -> None:
    assert [site.id for site in demo_sites()] == OUTLETS


def test_an_unknown_outlet_is_told_what_there_is() -> None:
    with pytest.raises(NewscrawlError, match="val_sambre"):
        demo_site("nobody")


@pytest.mark.parametrize("outlet_id", OUTLETS)
def test_every_page_of_a_story_holds_all_its_words(newsroom: Newsroom, settled: Any, outlet_id: str) -> None:
    for path, story in expected(outlet_id).items():
        if story.kind == "rejected":
            continue
        answer = settled(newsroom.bases[outlet_id] + path)
        words = words_of(decoded(answer))
        wanted = [*story.paragraphs, story.title, story.lede, story.notice]
        absent = [text for text in wanted if text and " ".join(text.split()) not in words]
        assert (path, answer.status, absent) == (path, 200, [])


@pytest.mark.parametrize("outlet_id", OUTLETS)
def test_strays_answer_as_expected(newsroom: Newsroom, fetch: Any, outlet_id: str) -> None:
    base = newsroom.bases[outlet_id]
    strays = {path: page for path, page in expected(outlet_id).items() if page.kind == "rejected"}
    reasons = {page.reason for page in strays.values()}
    assert reasons == {"too_short", "listing", "http_404", "http_410", "redirect", "robots"}
    for path, page in strays.items():
        answer = fetch(base + path)
        assert (path, answer.status) == (path, page.status)
        assert answer.header("Location") == (page.leads_to and base + page.leads_to)


@pytest.mark.parametrize("outlet_id", OUTLETS)
def test_each_outlet_has_a_story_that_is_busy_at_first(
    newsroom: Newsroom, fetch: Any, outlet_id: str
) -> None:
    paths = [path for path, page in expected(outlet_id).items() if page.kind == "article"]
    statuses = [fetch(newsroom.bases[outlet_id] + path).status for path in paths]
    assert sorted(statuses) == [200] * (len(paths) - 1) + [503]


@pytest.mark.parametrize("outlet_id", OUTLETS)
def test_the_private_page_is_disallowed_and_linked(newsroom: Newsroom, fetch: Any, outlet_id: str) -> None:
    base = newsroom.bases[outlet_id]
    private = next(path for path, page in expected(outlet_id).items() if page.reason == "robots")
    rules = re.findall(r"(?m)^Disallow: (\S+)$", fetch(f"{base}/robots.txt").body.decode())
    assert any(private.startswith(rule) for rule in rules)
    start = "/section/community" if outlet_id == "fundy_courier" else "/"
    assert private.lstrip("/") in fetch(base + start).body.decode("latin-1")


@pytest.mark.parametrize("outlet_id", OUTLETS)
def test_no_answer_leads_off_loopback_or_crashes(newsroom: Newsroom, fetch: Any, outlet_id: str) -> None:
    """Every link of the home page is answered by its own server or is an invented advertiser's."""
    base = newsroom.bases[outlet_id]
    page = decoded(fetch(f"{base}/"))
    links = {urljoin(f"{base}/", str(link)) for _, _, link, _ in page.iterlinks()}
    ours = {link for link in links if same_site(link, base)}
    assert {urlsplit(link).hostname for link in links - ours} <= {"example.com"}
    assert {fetch(link.partition("#")[0]).status for link in ours} <= {200, 301, 302, 404, 410, 503}


def test_outlet_files_load_and_their_patterns_find_every_page(newsroom: Newsroom, tmp_path: Path) -> None:
    files = write_outlets(newsroom.bases, tmp_path / "outlets")
    assert [path.stem for path in files] == OUTLETS
    for outlet in map(read_outlet, files):
        base = newsroom.bases[outlet.id]
        assert outlet.home == f"{base}/"
        assert outlet.status == "active"
        for path in expected(outlet.id):
            assert normal_url(base + path) == base + path
            assert (path, any(re.search(pattern, base + path) for pattern in outlet.article)) == (path, True)
        assert not any(re.search(pattern, f"{base}/") for pattern in outlet.article)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(NewscrawlError, match="outlet files cannot be written"):
        write_outlets({"kamer_echo": "http://127.0.0.1:1"}, tmp_path / "file")
