"""Pages made to waste time, or broken beyond what browsers forgive: each gets a result in good time."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import pytest

from newscrawl.extraction import extract
from newscrawl.items import Article, Rejection

URL = "https://tamtam.example/2025/ferry/"
SECONDS = 5
"What any page may cost; a crawl stops the worker that takes much longer."
STORY = "".join(
    f"<p>Le conseil a voté mardi le point {at} du budget, après trois heures de débats, a dit la maire.</p>"
    for at in range(8)
)


def page(body: str, head: str = "") -> bytes:
    """A page with something in the middle of its story."""
    return (
        f"<html><head><title>Le budget est voté</title>{head}</head>"
        f"<body><article><h1>Le budget est voté</h1>{STORY}{body}{STORY}</article></body></html>"
    ).encode()


def scripts(text: str, times: int) -> str:
    return f'<script type="application/ld+json">{text}</script>' * times


def attributes(count: int) -> str:
    return " ".join(f"a{at}='1'" for at in range(count))


STORIES: dict[str, Callable[[], bytes]] = {
    "ten thousand nested tags": lambda: page("<div>" * 10_000 + "bas"),
    "ten thousand nested words": lambda: page("<b>" * 10_000 + "bas"),
    "a list of one word each": lambda: page("<ul>" + "<li>mot</li>" * 20_000 + "</ul>"),
    "links without end": lambda: page(
        "".join(f'<a href="/p/{at}">lien numéro {at} vers une page</a> ' for at in range(45_000))
    ),
    "nested tables": lambda: page("<table><tr><td>mot et phrase, encore</td><td>x</td>" * 600),
    "captions": lambda: page(
        "<figure><img src=/a.jpg><figcaption>Le marché (Photo : A. Ndiaye)</figcaption></figure>" * 5_000
    ),
    "white space in JSON-LD": lambda: page("", scripts("[" + ("x" + " " * 4_998) * 100, 8)),
    "open brackets in JSON-LD": lambda: page("", scripts("[" * 400_000, 3)),
    "a frameset in JSON-LD": lambda: page(
        "", scripts('{"@type": "NewsArticle", "headline": "<html><frameset>"}', 1)
    ),
    "attributes in JSON-LD": lambda: page(
        "", scripts('{"@type": "NewsArticle", "articleBody": "<br>\\u003cp ' + attributes(40_000) + '>"}', 1)
    ),
    "full tags in number": lambda: page(("<p " + attributes(1_000) + ">mot</p>") * 300),
    "preformatted lines": lambda: page(
        ("<pre>" + "le conseil a voté le point suivant\n" * 10 + "</pre>") * 3_000
    ),
    "texts for browsers without frames": lambda: page(
        ("<noframes>" + "<p>Le conseil a voté le point suivant du budget.</p>" * 12 + "</noframes>") * 3_000
    ),
    "NUL bytes": lambda: page("<p>mot\x00" + "\x00" * 500_000),
    "a root named for times": lambda: page("").replace(b"<html>", b"<html id=timeline data-time=2025-02-03>"),
}


def result(html: bytes) -> Article | Rejection:
    """The result of a page, within the time limit."""
    began = process_time()
    found = extract(html, URL, headers={"Content-Type": "text/html; charset=utf-8"})
    assert process_time() - began < SECONDS
    return found


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """Load models and lists, whose time must not count for any page."""
    extract(page("<p>mot</p>"), URL)


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_found_in_whatever_surrounds_it(name: str) -> None:
    found = result(STORIES[name]())
    assert isinstance(found, Article)
    assert "Le conseil a voté mardi le point 3 du budget" in found.text


@pytest.mark.parametrize(
    ("html", "reason", "detail"),
    [
        (b"<html><head><title>x</title></head></html>", "no_text", ""),
        (b"<html><body><script>" + b"var a=1;" * 450_000 + b"</script></body></html>", "script_only", ""),
        (page("<p " + attributes(100_000) + ">x</p>"), "too_large", "a tag of 100000 attributes"),
        (page("<p>" + "mot " * 5_000_000), "too_large", "more than 4194304 bytes"),
        (b"<html><body>" + b"<div>" * 10_000 + b"bas", "too_deep", "nested too deep"),
        (b"\x00" * 100_000, "empty", "white space"),
        (b"<p" + b"\x00" * 100_000, "no_text", ""),
    ],
    ids=["no body", "one script", "attributes", "20 MB", "deep alone", "NUL alone", "NUL in a tag"],
)
def test_pages_without_a_story_are_rejected_with_a_reason(html: bytes, reason: str, detail: str) -> None:
    found = result(html)
    assert isinstance(found, Rejection)
    assert (found.step, found.reason) == ("extract", reason)
    assert detail in (found.detail or "")


def test_a_story_nested_too_deep_is_rejected_with_that_reason() -> None:
    found = extract(f"<body><p>Menu</p>{'<div>' * 3_000}{STORY}</body>".encode(), URL)
    assert isinstance(found, Rejection)
    assert found.reason == "too_deep"


def test_a_story_above_elements_nested_too_deep_is_flagged_as_cut() -> None:
    found = extract(page("<div>" * 10_000 + "bas"), URL)
    assert isinstance(found, Article)
    assert "cut" in found.quality.flags
