"""Feeds, sitemaps and markup of the demo sites."""

from __future__ import annotations

import feedparser
import pytest
from lxml import etree

from newscrawl.demo.site import (
    ListEntry,
    add_no_break_spaces,
    blocks_html,
    inline_html,
    interleaved,
    plain_text,
    rss,
    sitemap,
    sitemap_index,
)
from newscrawl.demo.stories import StoryBlock

ENTRIES = [ListEntry(title=f"Été & <{n}>", link=f"http://h/{n}?a=1&b=2", guid=str(n)) for n in range(5)]


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
def test_a_feed_gives_back_titles_and_links(encoding: str) -> None:
    entries = [*ENTRIES, ListEntry(title="L’œuf", link="http://h/egg", guid="egg")]
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
    extra = [ListEntry(title="s", link="s", guid=f"s{n}") for n in range(strays)]
    mixed = interleaved(ENTRIES, extra)
    assert sorted(entry.guid for entry in mixed) == sorted(entry.guid for entry in [*ENTRIES, *extra])
    assert [entry for entry in mixed if entry in ENTRIES] == ENTRIES


def part(kind: str, text: str) -> StoryBlock:
    return StoryBlock(kind=kind, text=text, lang="en")  # type: ignore[arg-type]


def test_markup_is_html_on_the_page_and_gone_from_the_words() -> None:
    text = "A **bold** [link](/there) & more <b>"
    assert inline_html(text) == 'A <strong>bold</strong> <a href="/there">link</a> &amp; more &lt;b&gt;'
    assert plain_text(text) == "A bold link & more <b>"


def test_list_items_stand_in_one_list() -> None:
    parts = [part("p", "One."), part("li", "a"), part("li", "b"), part("h", "Two"), part("quote", "Said.")]
    assert blocks_html(parts, "h4") == [
        "<p>One.</p>",
        "<ul><li>a</li><li>b</li></ul>",
        "<h4>Two</h4>",
        "<blockquote><p>Said.</p></blockquote>",
    ]


def test_french_punctuation_gets_no_break_spaces() -> None:
    assert add_no_break_spaces("Qui ? « Moi » : toi !") == "Qui&nbsp;? «&nbsp;Moi&nbsp;»&nbsp;: toi&nbsp;!"
