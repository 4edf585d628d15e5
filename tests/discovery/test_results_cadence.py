"""How long a source asks to be left alone, by what feeds and headers say in the wild."""

from __future__ import annotations

import pytest

from newscrawl.discovery.feeds import links_of_feed
from newscrawl.discovery.results import asked_by_cache, longest

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
    found = links_of_feed(rss(head), "https://paper.example/feed")
    assert (found.outcome, found.least) == ("ok", seconds)


def test_it_is_heard_in_rdf_and_where_the_prefix_was_never_declared() -> None:
    period = "<sy:updatePeriod>hourly</sy:updatePeriod>"
    rdf = (
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" {SY} xmlns="http://purl.org/rss/1.0/">'
        f"<channel><title>P</title>{period}</channel>{ITEM}</rdf:RDF>"
    )
    for body in (rdf.encode(), rss(period, namespaces="")):
        assert links_of_feed(body, "https://paper.example/feed").least == 3600


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
    assert asked_by_cache(header) == seconds


def test_the_longest_counts() -> None:
    assert longest(None, None) is None
    assert longest(60, None, 900) == 900
