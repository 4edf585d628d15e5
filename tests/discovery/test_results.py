"""The result of reading a source: its links, and how often it wants to be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.discovery.feeds import read_feed
from newscrawl.discovery.results import (
    SourceResult,
    cache_interval,
    join_notes,
    link_url,
    make_result,
    max_interval,
    unique_links,
)
from newscrawl.items import Link
from newscrawl.urls import normalize_url

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
        assert url is None or normalize_url(normalize_url(url)) == normalize_url(url)


def test_the_first_to_name_a_page_stays_and_the_limit_holds() -> None:
    links = [Link(url=f"{BASE}{path}", via="feed", title=path) for path in ("a", "a?utm_source=x", "b", "c")]
    assert [link.title for link in unique_links(links, 2)] == ["a", "b"]


def test_further_sources_alone_are_enough_to_go_on() -> None:
    assert make_result(()) == SourceResult(outcome="empty")
    assert make_result((), (BASE,)).outcome == "ok"


def test_remarks_are_joined_and_none_is_none() -> None:
    assert join_notes(None, "a", None, "b") == "a; b"
    assert join_notes(None) is None


SY = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
ITEM = "<item><title>T</title><link>https://paper.example/1</link></item>"


def rss(head: str, namespaces: str = SY) -> bytes:
    return f'<rss version="2.0" {namespaces}><channel><title>P</title>{head}{ITEM}</channel></rss>'.encode()


@pytest.mark.parametrize(
    ("head", "seconds"),
    [
        ("", None),
        ("<ttl>60</ttl>", 3600),
        ("<ttl> 5 </ttl>", 300),
        ("<ttl>10080</ttl>", 86_400),
        ("<ttl>0</ttl>", None),
        ("<ttl>-5</ttl>", None),
        ("<ttl>soon</ttl>", None),
        ("<ttl>60</ttl><ttl>5</ttl>", 3600),
        ("<sy:updatePeriod> hourly </sy:updatePeriod><sy:updateFrequency>1</sy:updateFrequency>", 3600),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", 900),
        ("<sy:updatePeriod>daily</sy:updatePeriod>", 86_400),
        ("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", 86_400),
        ("<sy:updatePeriod>yearly</sy:updatePeriod>", 86_400),
        ("<sy:updatePeriod>now and then</sy:updatePeriod>", None),
        ("<sy:updateFrequency>2</sy:updateFrequency>", None),
        ("<ttl>30</ttl><sy:updatePeriod>hourly</sy:updatePeriod>", 3600),
        ("<item><ttl>60</ttl><link>https://paper.example/2</link></item>", None),
    ],
)
def test_a_feed_says_it_in_minutes_or_periods(head: str, seconds: int | None) -> None:
    found = read_feed(rss(head), "https://paper.example/feed")
    assert (found.outcome, found.min_interval) == ("ok", seconds)


def test_it_is_heard_in_rdf_and_where_the_prefix_was_never_declared() -> None:
    period = "<sy:updatePeriod>hourly</sy:updatePeriod>"
    rdf = (
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" {SY} xmlns="http://purl.org/rss/1.0/">'
        f"<channel><title>P</title>{period}</channel>{ITEM}</rdf:RDF>"
    )
    for body in (rdf.encode(), rss(period, namespaces="")):
        assert read_feed(body, "https://paper.example/feed").min_interval == 3600


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("no-cache, must-revalidate", None),
        ("public, max-age=600", 600),
        ('Max-Age="1200"', 1200),
        ("max-age=31536000, immutable", 6 * 3600),
        ("max-age=0", None),
        ("s-maxage=900", None),
        ("max-age=-1", None),
        ("x-max-age=900", None),
    ],
)
def test_a_header_counts_up_to_six_hours(header: str | None, seconds: int | None) -> None:
    assert cache_interval(header) == seconds


def test_the_longest_counts() -> None:
    assert max_interval(None, None) is None
    assert max_interval(60, None, 900) == 900
