"""Section pages: their anchors in page order, whatever the page is made of."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.discovery.results import SourceResult
from newscrawl.discovery.sections import PAGE_BYTES, SECTION_LINKS, read_section_page

URL = "https://relay.example/politics/"


def read(body: str | bytes) -> SourceResult:
    data = body.encode() if isinstance(body, str) else body
    return read_section_page(data, URL, lambda url: "relay.example" in url)


def test_accepted_anchors_come_in_page_order_with_their_words() -> None:
    found = read(
        '<p><a href="two">The <b>second</b>\n story</a> <a href="/one#c">One</a>'
        '<a href="https://other.example/">No</a><a href="mailto:x@relay.example">No</a><a>No</a></p>'
    )
    assert [(link.url, link.title, link.via) for link in found.links] == [
        ("https://relay.example/politics/two", "The second story", "section"),
        ("https://relay.example/one", "One", "section"),
    ]
    assert all(link.from_url == URL for link in found.links)


def test_a_page_linked_by_its_picture_first_gets_its_headline() -> None:
    picture, headline = (
        '<a href="/a"><img src="a.jpg"></a>',
        '<h2><a href="/a?utm_source=x">Headline</a></h2>',
    )
    found = read(picture + headline + '<a href="/a">More</a>')
    assert [(link.url, link.title) for link in found.links] == [("https://relay.example/a", "Headline")]


def test_base_href_is_honoured() -> None:
    found = read('<head><base href="/en/"></head><a href="a">A</a>')
    assert [link.url for link in found.links] == ["https://relay.example/en/a"]


@pytest.mark.parametrize(
    "markup", ['<link rel="next" href="?page=2">', '<a rel="nofollow Next" href="?page=2">2</a>']
)
def test_the_next_page_is_named(markup: str) -> None:
    assert read(markup + '<a href="/a">A</a>').child_sources == ("https://relay.example/politics/?page=2",)


def test_a_next_page_that_is_the_page_itself_is_none() -> None:
    assert read('<link rel="next" href="#"><a href="/a">A</a>').child_sources == ()


@pytest.mark.parametrize(
    "body",
    [
        '<a href="/a">été</a>'.encode(),
        '<meta charset="iso-8859-1"><a href="/a">été</a>'.encode(),
        '<meta charset="windows-1252"><a href="/a">été</a>'.encode("cp1252"),
        '<a href="/a">été</a>'.encode("latin-1"),
        "<a href='/a'>été</a>".encode("utf-16"),
    ],
)
def test_words_are_read_in_the_encoding_they_are_in(body: bytes) -> None:
    assert [link.title for link in read(body).links] == ["été"]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<p>nothing here</p>", "empty"),
        (b"\0\0\0", "malformed"),
        (b"<a href=/a>x</a>" + b" " * PAGE_BYTES, "too_large"),
    ],
)
def test_pages_without_links_have_a_named_outcome(body: bytes, outcome: str) -> None:
    found = read(body)
    assert (found.outcome, found.links) == (outcome, ())


@pytest.mark.parametrize("tag", ["div", "a href='/a'", "table><tr><td", "font", "ul><li"])
def test_a_page_nested_without_end_gives_the_links_it_has(tag: str) -> None:
    found = read("<a href='/first'>First</a>" + f"<{tag}>" * 100_000 + "<a href='/deep'>Deep</a>")
    assert found.links[0].title == "First"


def test_links_a_thousand_elements_deep_are_found() -> None:
    found = read("<div>" * 1000 + "<a href='/deep'>Deep</a>")
    assert [link.title for link in found.links] == ["Deep"]


def test_no_page_gives_more_links_than_the_limit() -> None:
    found = read("".join(f'<a href="/{number}">{number}</a>' for number in range(SECTION_LINKS + 10)))
    assert len(found.links) == SECTION_LINKS


html_pieces = [
    b"<a href='",
    b"'>",
    b"</a>",
    b"<base href='",
    b"http://[",
    b"/x",
    b"<link rel=next href='",
    b"<!--",
]
html_pieces += [
    b"<meta charset='punycode'>",
    b"<meta charset='utf-16'>",
    b"\xff\xfe",
    b"\x00",
    b"&#xD800;",
    b"<script>",
]


@settings(max_examples=300, deadline=None)
@given(
    body=st.binary(max_size=300)
    | st.lists(st.sampled_from(html_pieces) | st.binary(max_size=6), max_size=30).map(b"".join)
)
def test_any_bytes_give_a_found(body: bytes) -> None:
    found = read_section_page(body, URL, lambda _url: True)
    assert (found.outcome == "ok") == bool(found.links or found.child_sources)
    assert all(text.encode() for link in found.links for text in (link.url, link.title) if text)
