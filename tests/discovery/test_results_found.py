"""Links as sources may give them: each page once, and only what can be fetched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.discovery.results import Found, first_of_each, joined_notes, link_url, outcome_of
from newscrawl.items import Link
from newscrawl.urls import normal_url

BASE = "https://relay.example/en/"


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("a", "https://relay.example/en/a"),
        (" //cdn.example/x#y ", "https://cdn.example/x"),
        ("https://relay.example/été‌", "https://relay.example/été‌"),
        ("?q=a\\b", "https://relay.example/en/?q=a\\b"),
        ("https:\\\\evil.example\\x", None),
        ("https://relay.example/\x00", None),
        ("https://relay.example/\ud800", None),
        ("data:text/html,x", None),
        ("http://[::1", None),
        ("http://relay.example:99999/", None),
        ("", None),
        (None, None),
        (12, None),
    ],
)
def test_only_what_can_be_fetched_is_a_link(value: object, url: str | None) -> None:
    assert link_url(value, BASE) == url


@given(st.text(alphabet=st.characters(exclude_categories=[])), st.text())
def test_a_link_can_always_be_normalised(value: str, base: str) -> None:
    for url in (link_url(value, BASE), link_url("https://" + value, base)):
        assert url is None or normal_url(normal_url(url)) == normal_url(url)


def test_the_first_to_name_a_page_stays_and_the_limit_holds() -> None:
    links = [Link(url=f"{BASE}{path}", via="feed", title=path) for path in ("a", "a?utm_source=x", "b", "c")]
    assert [link.title for link in first_of_each(links, 2)] == ["a", "b"]


def test_further_sources_alone_are_enough_to_go_on() -> None:
    assert outcome_of(()) == Found(outcome="empty")
    assert outcome_of((), (BASE,)).outcome == "ok"


def test_remarks_are_joined_and_none_is_none() -> None:
    assert joined_notes(None, "a", None, "b") == "a; b"
    assert joined_notes(None) is None
