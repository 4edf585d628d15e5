"""Feeds and sitemaps."""

from __future__ import annotations

import feedparser
import pytest
from lxml import etree

from newscrawl.demo.site import Entry, interleaved, rss, sitemap, sitemap_index

ENTRIES = [Entry(title=f"Été & <{n}>", link=f"http://h/{n}?a=1&b=2", guid=str(n)) for n in range(5)]


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
def test_a_feed_gives_back_titles_and_links(encoding: str) -> None:
    entries = [*ENTRIES, Entry(title="L’œuf", link="http://h/egg", guid="egg")]
    feed = feedparser.parse(rss("F", "http://h/", entries, lang="fr", encoding=encoding))
    assert not feed.bozo
    assert [(item.link, item.id) for item in feed.entries] == [(entry.link, entry.guid) for entry in entries]
    assert feed.entries[-1].title == "L’œuf"


def test_sitemaps_are_well_formed() -> None:
    urls = etree.fromstring(sitemap(ENTRIES)).xpath("//*[local-name()='loc']/text()")
    assert urls == [entry.link for entry in ENTRIES]
    index = etree.fromstring(sitemap_index(["http://h/1.xml", "http://h/2.xml"]))
    assert index.xpath("//*[local-name()='loc']/text()") == ["http://h/1.xml", "http://h/2.xml"]


@pytest.mark.parametrize("strays", [0, 1, 2, 9])
def test_strays_are_spread_and_none_is_lost(strays: int) -> None:
    extra = [Entry(title="s", link="s", guid=f"s{n}") for n in range(strays)]
    mixed = interleaved(ENTRIES, extra)
    assert sorted(entry.guid for entry in mixed) == sorted(entry.guid for entry in [*ENTRIES, *extra])
    assert [entry for entry in mixed if entry in ENTRIES] == ENTRIES
