"""The demo outlets: their files load, and comparing texts finds every difference from the stories."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from lxml import html

from newscrawl.demo.catalogue import compare_texts, demo_site, demo_sites, expected_pages, write_outlets
from newscrawl.demo.server import Newsroom
from newscrawl.errors import NewscrawlError
from newscrawl.outlet import read_outlet
from newscrawl.urls import is_same_site, normalize_url

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
    for path, story in expected_pages(outlet_id).items():
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
    strays = {path: page for path, page in expected_pages(outlet_id).items() if page.kind == "rejected"}
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
    paths = [path for path, page in expected_pages(outlet_id).items() if page.kind == "article"]
    statuses = [fetch(newsroom.bases[outlet_id] + path).status for path in paths]
    assert sorted(statuses) == [200] * (len(paths) - 1) + [503]


@pytest.mark.parametrize("outlet_id", OUTLETS)
def test_the_private_page_is_disallowed_and_linked(newsroom: Newsroom, fetch: Any, outlet_id: str) -> None:
    base = newsroom.bases[outlet_id]
    private = next(path for path, page in expected_pages(outlet_id).items() if page.reason == "robots")
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
    ours = {link for link in links if is_same_site(link, base)}
    assert {urlsplit(link).hostname for link in links - ours} <= {"example.com"}
    assert {fetch(link.partition("#")[0]).status for link in ours} <= {200, 301, 302, 404, 410, 503}


def test_outlet_files_load_and_their_patterns_find_every_page(newsroom: Newsroom, tmp_path: Path) -> None:
    files = write_outlets(newsroom.bases, tmp_path / "outlets")
    assert [path.stem for path in files] == OUTLETS
    for outlet in map(read_outlet, files):
        base = newsroom.bases[outlet.id]
        assert outlet.home == f"{base}/"
        assert outlet.status == "active"
        for path in expected_pages(outlet.id):
            assert normalize_url(base + path) == base + path
            assert (path, any(re.search(pattern, base + path) for pattern in outlet.article_urls)) == (
                path,
                True,
            )
        assert not any(re.search(pattern, f"{base}/") for pattern in outlet.article_urls)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(NewscrawlError, match="outlet files cannot be written"):
        write_outlets({"kamer_echo": "http://127.0.0.1:1"}, tmp_path / "file")


def texts(outlet_id: str) -> dict[str, str]:
    return {path: page.text for path, page in expected_pages(outlet_id).items() if page.kind == "article"}


def test_there_are_sixty_stories_and_more_of_real_length() -> None:
    stories = [
        page for site in demo_sites() for page in expected_pages(site.id).values() if page.kind == "article"
    ]
    assert len(stories) >= 60
    assert all(len(page.text.split()) > 150 for page in stories)
    assert all(page.published and page.published.utcoffset() is not None for page in stories)


def test_no_two_stories_of_an_outlet_share_a_paragraph() -> None:
    for site in demo_sites():
        paragraphs = [p for page in expected_pages(site.id).values() for p in page.paragraphs]
        assert len(paragraphs) == len(set(paragraphs))


def test_shared_stories_are_the_same_word_for_word() -> None:
    wire = {page.paragraphs for page in expected_pages("deccan_wire").values() if page.kind == "article"}
    copies = [
        page
        for outlet_id in ("kamer_echo", "fundy_courier")
        for page in expected_pages(outlet_id).values()
        if page.syndicated and page.paragraphs in wire
    ]
    assert len(copies) == 6
    assert all(page.notice for page in copies)


def test_mixed_stories_say_the_language_of_each_paragraph() -> None:
    mixed = [page for page in expected_pages("kamer_echo").values() if page.lang == "mixed"]
    assert len(mixed) == 2
    assert all({"fr", "en"} == set(page.languages) for page in mixed)
    assert all(len(page.languages) == len(page.paragraphs) for page in mixed)


def test_stories_hold_headings_quotes_and_lists_without_their_markup() -> None:
    (story,) = [
        page for page in expected_pages("kamer_echo").values() if page.title and "Nkolbong" in page.title
    ]
    assert "Un chantier suivi par les habitants" in story.paragraphs
    assert "quinze mille francs" in story.text
    assert not {"**", "## ", "> "} & {part for part in ("**", "## ", "> ") if part in story.text}


def test_a_redirect_says_where_it_leads() -> None:
    pages = expected_pages("val_sambre")
    (moved,) = [page for page in pages.values() if page.reason == "redirect"]
    assert moved.leads_to is not None
    assert pages[moved.leads_to].kind == "article"


def test_the_right_texts_are_exact() -> None:
    for site in demo_sites():
        given = texts(site.id)
        result = compare_texts(given, site.id)
        assert result.exact == tuple(sorted(given))
        assert (result.different, result.missing, result.unexpected) == ((), (), ())


def test_kinds_of_space_urls_and_tracking_make_no_difference() -> None:
    given = {
        f"http://127.0.0.1:9{path}?utm_source=x": text.replace(" :", "\u00a0:").replace("« ", "«\u202f")
        for path, text in texts("kamer_echo").items()
    }
    assert len(compare_texts(given, "kamer_echo").exact) == len(given)


def test_what_is_lost_added_missing_or_too_much_is_told() -> None:
    given = texts("deccan_wire")
    first, second, *_ = sorted(given)
    kept = given[first].split("\n\n")
    given[first] = "\n\n".join([*kept[1:], "Chrome."])
    del given[second]
    given["/stories/all"] = "A listing."
    result = compare_texts(given, "deccan_wire")
    (difference,) = result.different
    assert (difference.path, difference.lost, difference.added) == (first, (kept[0],), ("Chrome.",))
    assert (result.missing, result.unexpected) == ((second,), ("/stories/all",))


def test_an_unknown_outlet_is_an_error() -> None:
    with pytest.raises(NewscrawlError):
        expected_pages("nobody")
