"""WordPress' API: posts, pages of them, and its ways of saying no."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.discovery.results import SourceResult
from newscrawl.discovery.text import TITLE_CHARS
from newscrawl.discovery.wordpress import API_BYTES, posts_url, read_post, read_posts

URL = posts_url("https://relay.example/", per_page=2)


def post(number: int, **fields: object) -> dict[str, object]:
    return {
        "id": number,
        "guid": {"rendered": f"https://relay.example/?p={number}"},
        "link": f"https://relay.example/{number}/",
        "title": {"rendered": "L&rsquo;été &#8211; <em>ici</em>"},
        "date": "2024-05-01T09:00:00",
        "date_gmt": "2024-05-01T08:00:00",
        "content": {"rendered": "<p>Texte</p>", "protected": False},
        **fields,
    }


def read(*posts: object, url: str = URL, pages: int = 3) -> SourceResult:
    return read_posts(json.dumps(posts).encode(), url, pages)


def test_the_address_asks_for_no_more_than_is_used() -> None:
    assert posts_url("https://relay.example/fr/", 2, 5) == (
        "https://relay.example/fr/wp-json/wp/v2/posts?per_page=5&page=2"
        "&_fields=id,guid,link,title,date,date_gmt,content"
    )
    assert "per_page=100&" in posts_url("https://relay.example", per_page=1000)
    assert posts_url("https://relay.example").startswith("https://relay.example/wp-json/")


def test_a_post_gives_everything_a_link_holds() -> None:
    (link,) = read(post(7)).links
    assert (link.url, link.via, link.from_url) == ("https://relay.example/7/", "wp_api", URL)
    assert (link.guid, link.title) == ("https://relay.example/?p=7", "L’été – ici")
    assert (link.published, link.content) == ("2024-05-01T08:00:00Z", "<p>Texte</p>")


def test_missing_fields_fall_back() -> None:
    (link,) = read(post(7, guid=None, date_gmt="0000-00-00T00:00:00", title="Plain", content=None)).links
    assert (link.guid, link.title, link.content) == ("7", "Plain", None)
    assert link.published == "2024-05-01T09:00:00"


def test_an_id_that_is_no_number_is_cleaned() -> None:
    odd, long = read(post(7, guid=None, id="a\ud800b\n"), post(8, guid=None, id="x" * 10_000)).links
    assert odd.guid == "ab"
    assert len(long.guid or "") == TITLE_CHARS


def test_the_next_page_is_named_while_pages_are_full() -> None:
    full = read(post(1), post(2))
    assert full.child_sources == (posts_url("https://relay.example/", 2, 2),)
    assert read(post(1)).child_sources == ()
    assert read(post(1), post(2), url=full.child_sources[0]).child_sources == (
        posts_url("https://relay.example/", 3, 2),
    )
    assert read(post(1), post(2), url=posts_url("https://relay.example/", 3, 2)).child_sources == ()
    assert read(post(1), post(2), pages=1).child_sources == ()


@pytest.mark.parametrize(
    ("body", "outcome", "note"),
    [
        (b"", "empty", None),
        (b"[]", "empty", None),
        (b'{"code": "rest_post_invalid_page_number"}', "empty", None),
        (b'{"code": "rest_no_route", "message": "x"}', "unsupported", "rest_no_route"),
        (b'{"code": ["x"]}', "unsupported", None),
        (b'"text"', "unsupported", None),
        (b"\xef\xbb\xbf <!DOCTYPE html>", "html", None),
        (b"[{", "malformed", None),
        (b"[" * 3_000_000, "malformed", None),
        (b'[{"id": ' + b"9" * 10_000 + b"}]", "malformed", None),
        (b'[{"link": "javascript:x"}, 5, null]', "malformed", "no post has a usable link"),
        (b" " * (API_BYTES + 1), "too_large", None),
    ],
)
def test_what_is_no_list_of_posts_has_a_named_outcome(body: bytes, outcome: str, note: str | None) -> None:
    found = read_posts(body, URL)
    assert (found.outcome, found.note, found.links, found.child_sources) == (outcome, note, (), ())


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
posts = st.dictionaries(st.sampled_from(sorted(post(1))), values | st.just("https://a.example/x"), max_size=7)


@settings(max_examples=200, deadline=None)
@given(
    body=st.binary(max_size=200) | st.lists(posts | values, max_size=4).map(lambda v: json.dumps(v).encode())
)
def test_any_bytes_give_a_found(body: bytes) -> None:
    found = read_posts(body, URL)
    assert (found.outcome == "ok") == bool(found.links)


def test_a_single_post_is_read_like_one_of_a_list() -> None:
    (listed,) = read(post(7)).links
    assert read_post(json.dumps(post(7)).encode(), URL) == listed


@pytest.mark.parametrize(
    "body",
    [
        post(7, content={"rendered": "<p>Texte</p>", "protected": True}),
        post(7, content=None),
        post(7, link="javascript:alert(1)"),
        {"code": "rest_forbidden", "data": {"status": 401}},
        [post(7)],
        "text",
        None,
    ],
)
def test_what_is_no_open_post_is_none(body: object) -> None:
    assert read_post(json.dumps(body).encode(), URL) is None
    assert read_post(b"<html>", URL) is None
