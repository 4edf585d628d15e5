"""Whole pages to Articles: nothing lost, nothing leaked, the same every time."""

import datetime as dt
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.extraction import extract
from newscrawl.items import Article, Link, Rejection
from newscrawl.outlet import Outlet

PAGES = Path(__file__).parent / "pages"
URL = "https://tamtam.example/2025/ferry/?utm_source=x"
FETCHED = dt.datetime(2025, 6, 19, 8, tzinfo=dt.UTC)


def outlet(**more: object) -> Outlet:
    return Outlet.model_validate(
        {
            "id": "tamtam",
            "title": "Tam-Tam TV",
            "home": "https://tamtam.example/",
            "country": "CM",
            "languages": ["fr", "en"],
            "timezone": "Africa/Douala",
            "kind": "broadcaster",
            **more,
        }
    )


def article(name: str, **more: object) -> Article:
    headers = {"Content-Type": "text/html; charset=utf-8", "ETag": '"1"'}
    html = (PAGES / f"{name}.html").read_bytes()
    found = extract(html, URL, headers=headers, fetched=FETCHED, status=200, **more)  # type: ignore[arg-type]
    assert isinstance(found, Article)
    return found


def starts(found: Article) -> list[str]:
    return [" ".join(block.text.split()[:4]) for block in found.blocks]


def test_an_elementor_page_gives_its_story_alone() -> None:
    found = article("elementor", outlet=outlet(platform="wordpress"))
    assert starts(found) == ["Two crews of rowers", "The meeting was meant", "Officials from both sides"]
    assert found.text == "\n\n".join(block.text for block in found.blocks)
    assert found.title == "Ferry – Island : rowers meet halfway"
    assert found.title_raw == "Ferry – Island : rowers meet halfway - Tam-Tam TV"
    assert (found.lede, found.authors, found.byline_raw) == (None, [], None)
    assert (found.lang, found.lang_declared, found.lang_page, found.is_mixed) == ("en", "fr-FR", "fr", False)
    assert (found.published, found.published_source) == ("2025-06-18T09:15:00+00:00", "meta")


def test_an_elementor_page_without_its_outlet_is_read_as_well() -> None:
    assert article("elementor").text == article("elementor", outlet=outlet()).text


def test_removed_text_is_recorded() -> None:
    removed = {part.reason: part for part in article("elementor").removed}
    assert {"consent", "comments_form", "nav"} <= removed.keys()
    assert removed["consent"].sample.startswith("Ce site utilise des cookies")
    assert all(part.chars >= len(part.sample) > 0 and len(part.sample) <= 80 for part in removed.values())


RULED = {"rules": [{"body": "section.article-cont", "lede": "h2.sub-title", "date": "div.metadata"}]}


@pytest.mark.parametrize("rules", [{}, RULED])
def test_a_portal_page_gives_story_standfirst_notice_and_tags(rules: dict[str, object]) -> None:
    found = article("portal", outlet=outlet(timezone="Asia/Kolkata", **rules))
    assert starts(found) == ["Two crews of rowers", "The families who live", "A spokesman for the"]
    assert found.title == "Rowers Bind Two Shores With a Rope"
    assert found.lede is not None
    assert found.lede.startswith("Two crews rowed out")
    assert found.tags == ["ferry", "rowers", "island"]
    assert found.published == "2025-06-18T11:20:00+05:30"
    origin = found.syndication
    assert (origin.is_syndicated, origin.agency) == (True, "Reuters")
    assert origin.notice is not None
    assert origin.notice.startswith("(This story has not been edited by Portal staff")
    assert origin.evidence == ["notice:unedited-syndicated", "byline:Reuters"]


@pytest.mark.parametrize(
    "chrome",
    [
        "titre ici", "Redigé", "cookies", "commentaire", "Espace", "application",
        "Country", "READ MORE", "ALSO READ", "SHARE",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["elementor", "portal"])
def test_no_chrome_leaks(name: str, chrome: str) -> None:
    assert chrome.lower() not in article(name).text.lower()


def test_an_outlets_container_and_drops_decide() -> None:
    rules = [{"body": "section.article-cont", "exclude": ["section.article-cont p:first-child"]}]
    found = article("portal", outlet=outlet(rules=rules))
    assert starts(found)[0] == "The families who live"
    assert found.extractor.rules == "current"
    assert {"outlet_rule", "outside"} <= {part.reason for part in found.removed}


def test_elements_that_a_rule_removes_can_still_give_author_and_date() -> None:
    line = "<p class=by><span class=top>Par <b class=au>Awa Ndiaye</b>, <i class=da>8 mai 2025</i></span></p>"
    story = "".join(
        f"<p>La phrase numéro {n} du récit dit ce qui se passa au village ce soir-là.</p>" for n in range(9)
    )
    page = f"<body><article><h1>Le fleuve monte</h1>{line}{story}</article></body>".encode()
    rules = [{"exclude": [".top"], "author": ".au", "date": ".da"}]
    found = extract(page, "https://echo.example/a", outlet=outlet(rules=rules))
    assert isinstance(found, Article)
    assert [author.name for author in found.authors] == ["Awa Ndiaye"]
    assert found.published == "2025-05-08"
    assert "Awa" not in found.text
    assert ("outlet_rule", "Par Awa Ndiaye, 8 mai 2025") in [
        (part.reason, part.sample) for part in found.removed
    ]


def test_a_rule_that_matches_nothing_leaves_the_page_to_the_classifier() -> None:
    found = article("portal", outlet=outlet(rules=[{"body": "div.gone"}]))
    assert len(found.blocks) == 3


def test_identity_time_and_provenance_are_filled() -> None:
    link = Link(
        url="https://tamtam.example/short", via="feed", title="Ferry", published="2025-06-18", guid="7"
    )
    found = article("elementor", outlet=outlet(), link=link)
    digest = hashlib.sha256(found.text.encode()).hexdigest()
    assert found.url_norm == "https://tamtam.example/2025/ferry/"
    assert found.id == hashlib.sha256(f"{found.url_norm}\n{digest}".encode()).hexdigest()[:32]
    assert (found.url, found.url_requested) == (URL, "https://tamtam.example/short")
    assert (found.source, found.publisher, found.country, found.domain) == (
        "tamtam",
        "Tam-Tam TV",
        "CM",
        "tamtam.example",
    )
    assert found.fetched == "2025-06-19T08:00:00.000000Z"
    assert found.discovery is not None
    assert (found.discovery.via, found.discovery.feed_title) == ("feed", "Ferry")
    assert (found.http.status, found.http.charset, found.http.etag) == (200, "utf-8", '"1"')
    assert (found.extractor.name, found.warc, found.text_sha256) == ("newscrawl", None, digest)
    assert (found.word_count, found.char_count) == (len(found.text.split()), len(found.text))


def test_a_story_of_both_languages_is_mixed_by_block() -> None:
    fr = "<p>Le conseil a voté mardi le budget, et les habitants attendent maintenant les travaux.</p>"
    en = "<p>The council voted on Tuesday for the budget, and its people now wait for the works.</p>"
    found = extract(
        f"<html><body><article><h1>Budget</h1>{(fr + en) * 3}</article></body></html>".encode(), URL
    )
    assert isinstance(found, Article)
    assert (found.lang, found.is_mixed) == ("mixed", True)
    assert {block.lang for block in found.blocks} == {"fr", "en"}


def test_a_standfirst_without_further_text_stays_the_text() -> None:
    text = (
        "Un invité raconte la traversée du lac en pirogue, de nuit, avec douze chèvres et un poste de radio."
    )
    body = f'<h1>Le lac</h1><div class="chapo"><p>{text}</p></div>'
    page = f'<html><head><meta name="generator" content="SPIP 4"></head><body>{body}</body></html>'
    found = extract(page.encode(), URL)
    assert isinstance(found, Article)
    assert (found.text, found.lede) == (text, None)


SCRIPT = """
import sys
from newscrawl.extraction import extract
assert not {"trafilatura", "langdetect"} & sys.modules.keys(), "loaded before it was needed"
for name in sys.argv[1:]:
    print(extract(open(name, "rb").read(), "https://tamtam.example/a").model_dump_json())
"""


def test_every_process_gives_the_same_article() -> None:
    def run(seed: str) -> str:
        pages = [str(PAGES / "elementor.html"), str(PAGES / "portal.html")]
        env = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(
            [sys.executable, "-c", SCRIPT, *pages], env=env, capture_output=True, text=True, check=True
        ).stdout

    assert run("1") == run("2") != ""


def test_the_order_of_pages_changes_nothing() -> None:
    first = article("elementor")
    article("portal")
    assert article("elementor") == first


def whole(found: Article | Rejection) -> None:
    line = json.dumps(found.model_dump(mode="json", by_alias=True), ensure_ascii=False)
    assert line.encode("utf-8")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_end_in_an_article_or_a_rejection(html: bytes) -> None:
    whole(extract(html, URL))


TAGS = st.sampled_from(
    [
        *("<p>", "</p>", "<div>", "</div>", "<h1>", "<br>", "<table>", "<tr>", "<td>", "<li>", "<pre>"),
        *("<script>", "</script>", "</a>", "<!--", "-->", "<title>", "</title>", "<noscript>", "<iframe>"),
        *("<blockquote>", "<figure>", "&amp;", "&#xD800;", "\x00", "</html>"),
        "<a href='http://['>",
        "<img src='http://[::'>",
        "<link rel=canonical href='//'>",
        "<time datetime='2025-99-99'>",
        "<meta property='og:title' content='&#xDFFF;x'>",
        "<meta property='article:published_time' content='2025-02-30T25:61:00+99:99'>",
        "<script type='application/ld+json'>{'@type': 'NewsArticle'",
        '<script type="application/ld+json">{"@type": ["Article", 1], "url": "http://["',
        '<script type="application/ld+json">{"@type": "Article", "headline": "<html><frameset>"}</script>',
        '<html id="timeline" data-time="2024-01-05T10:00:00Z">',
        '"author": {"@id": []}, "keywords": {}, "image": [[]], "datePublished": 1}',
        "Publié le 31 février 2025",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(TAGS, st.text(max_size=60)), max_size=40), st.text(max_size=20))
def test_any_markup_ends_in_an_article_or_a_rejection(parts: list[str], header: str) -> None:
    html = " ".join(parts).encode("utf-8", "surrogatepass")
    whole(
        extract(
            html, URL, headers={"content-type": "text/html", "x-robots-tag": header, "tdm-policy": header}
        )
    )


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec=None, exclude_categories=[]), max_size=60))
def test_any_address_and_link_end_in_a_rejection_or_an_article(url: str) -> None:
    link = Link(url=url, via="list", title=url, published=url)
    whole(extract((PAGES / "portal.html").read_bytes(), f"https://tamtam.example/{url}", link=link))


def test_ten_thousand_nested_tags_do_not_stop_it() -> None:
    page = "<html><body><p>Haut de page.</p>" + "<div>" * 10_000 + "bas"
    whole(extract(page.encode(), URL))


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"", "text/html", "empty"),
        (b"%PDF-1.4", "application/pdf", "not_html"),
        (b"\x89PNG\r\n\x1a\n", "text/html", "binary"),
        (b"<p>" + b"x" * 4_300_000, "text/html", "too_large"),
        (b"{}", "application/json", "not_html"),
    ],
)
def test_other_formats_are_rejected_with_their_reason(body: bytes, content_type: str, reason: str) -> None:
    found = extract(body, URL, headers={"Content-Type": content_type}, fetched=FETCHED, outlet=outlet())
    assert isinstance(found, Rejection)
    assert (found.step, found.reason, found.source, found.url) == ("extract", reason, "tamtam", URL)
    assert found.fetched == "2025-06-19T08:00:00.000000Z"


def test_text_is_read_as_text_whatever_it_declares() -> None:
    html = (PAGES / "elementor.html").read_text(encoding="utf-8")
    declared = html.replace("UTF-8", "windows-1252")
    found = extract(declared, URL, fetched=FETCHED)
    assert isinstance(found, Article)
    assert found.text == article("elementor").text
