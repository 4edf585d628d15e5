"""Feeds: whatever comes is read within bounds, and what a link says is what the feed printed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.discovery.feeds import FEED_BYTES, FEED_LINKS, read_feed
from newscrawl.discovery.results import SourceResult

DATA = Path(__file__).parents[1] / "data" / "discovery"
URL = "https://relay.example/feed/"


def rss(items: str, attributes: str = "") -> bytes:
    return f'<rss version="2.0" {attributes}><channel><title>t</title>{items}</channel></rss>'.encode()


def item(inner: str) -> SourceResult:
    return read_feed(rss(f"<item>{inner}</item>"), URL)


def read(name: str, content_type: str | None = None) -> SourceResult:
    return read_feed((DATA / name).read_bytes(), URL, content_type)


def test_an_rss_entry_keeps_what_the_feed_printed() -> None:
    body = rss(
        "<language>fr-FR</language>"
        "<item><title>L&#8217;&amp;eacute;t&amp;eacute; &lt;b&gt;ici&lt;/b&gt;</title>"
        "<link> https://relay.example/a?id=3&amp;x=1#top </link><guid isPermaLink='false'>post-3</guid>"
        "<pubDate>Lun, 18 juil. 2022 08:01:00 +0100</pubDate><description>Amorce</description>"
        "<c:encoded><![CDATA[<p>Le texte entier.</p>]]></c:encoded></item>",
        'xmlns:c="http://purl.org/rss/1.0/modules/content/"',
    )
    found = read_feed(body, URL)
    (link,) = found.links
    assert found.outcome == "ok"
    assert (link.url, link.via, link.from_url) == ("https://relay.example/a?id=3&x=1", "feed", URL)
    assert (link.guid, link.title, link.language) == ("post-3", "L’été ici", "fr-FR")
    assert link.published == "Lun, 18 juil. 2022 08:01:00 +0100"
    assert link.content == "<p>Le texte entier.</p>"


def test_a_description_is_no_content() -> None:
    (link,) = item("<link>/a</link><description>&lt;p&gt;A teaser&lt;/p&gt;</description>").links
    assert link.content is None


@pytest.mark.parametrize(
    "end", ["[…]", "[&hellip;]", "[...]", '<a href="/a">Lire la suite</a> »', "Read more…"]
)
def test_content_that_ends_as_a_teaser_is_left_out(end: str) -> None:
    story = f"<content:encoded><![CDATA[<p>Words {end}</p>]]></content:encoded>"
    (link,) = item(f"<link>/a</link>{story}").links
    assert link.content is None


def test_content_is_cut_at_256_kib() -> None:
    story = "<p>é</p>" * 100_000
    (link,) = item(f"<link>/a</link><content:encoded><![CDATA[{story}]]></content:encoded>").links
    assert link.content is not None
    assert 256 * 1024 - 4 < len(link.content.encode()) <= 256 * 1024


def test_bytes_of_another_encoding_than_declared_are_read() -> None:
    found = read("rss_cp1252_as_utf8.xml")
    assert found.outcome == "ok"
    assert found.note == "declared utf-8, read as windows-1252"
    assert found.links[0].title == "L’été à Kribi : « c’est complet »"


def test_the_charset_of_the_header_counts_where_the_prolog_is_silent() -> None:
    body = "<rss><channel><item><title>Новости</title><link>/a</link></item></channel></rss>".encode("koi8-r")
    assert read_feed(body, URL, "text/xml; charset=koi8-r").links[0].title == "Новости"


def test_utf8_that_holds_wins_over_header_and_prolog() -> None:
    body = b'<?xml version="1.0" encoding="iso-8859-1"?>' + rss(
        "<item><title>été</title><link>/a</link></item>"
    )
    assert read_feed(body, URL, "text/xml; charset=windows-1251").links[0].title == "été"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_wide_encodings_and_marks_are_read(encoding: str) -> None:
    body = '<?xml version="1.0"?><rss><channel><item><title>été</title><link>/a</link></item></channel></rss>'
    assert read_feed(body.encode(encoding), URL).links[0].title == "été"


def test_a_few_broken_bytes_do_not_turn_utf8_into_latin() -> None:
    title = "é".encode() * 20 + b"\xe9"
    found = read_feed(rss("<item><title>@</title><link>/a</link></item>").replace(b"@", title), URL)
    assert found.links[0].title == "é" * 20 + "\ufffd"
    assert "broken utf-8" in (found.note or "")


def test_junk_before_the_xml_is_skipped() -> None:
    found = read("rss_php_warning.xml")
    assert [link.title for link in found.links] == ["Premier"]
    assert found.note == "junk before the root element"


def test_undeclared_prefixes_and_bare_ampersands_lose_nothing() -> None:
    found = read("rss_undeclared_prefixes.xml")
    (link,) = found.links
    assert link.url == "https://relay.example/story?id=7&lang=en&copy=1"
    assert (link.title, link.published) == ("Rice & beans été", "2024-03-01T10:00:00+01:00")
    assert link.content == "<p>Whole story & more.</p>"


def test_a_feed_that_was_cut_gives_the_entries_it_has() -> None:
    found = read("rss_cut.xml")
    assert [link.title for link in found.links] == ["First", "Second"]
    assert found.note == "broken XML was repaired"


def test_rdf_with_an_external_dtd_is_read_without_it() -> None:
    found = read("rdf_external_dtd.xml", "application/rdf+xml")
    (link,) = found.links
    assert (link.title, link.language, link.published) == (
        "Élections : décompte",
        "fr",
        "2024-01-02T03:04+01:00",
    )
    assert "external entities were left out" in (found.note or "")


def test_atom_links_follow_xml_base_and_ids_stay_verbatim() -> None:
    found = read("atom_xml_base.xml")
    first, second = found.links
    assert (first.url, first.guid, first.language) == ("https://relay.example/en/stories/17", "17", "en")
    assert (first.title, first.published) == ("Use <b> sparingly", "2024-05-01T00:00:00Z")
    assert "<p>Plain <b>words</b>.</p>" in (first.content or "")
    assert (second.url, second.guid, second.language) == ("https://relay.example/fr/articles/18", "18", "fr")
    assert (second.title, second.published) == ("Du riz & des haricots", "2024-05-02T00:00:00+01:00")
    assert second.content is None
    assert found.child_sources == ("https://relay.example/en/feed.atom?page=2",)


def test_entities_that_swell_are_a_bomb() -> None:
    assert read("billion_laughs.xml") == SourceResult(outcome="bomb", note="entities that expand")


def test_a_bomb_behind_a_comment_or_in_another_encoding_is_still_one() -> None:
    text = (DATA / "billion_laughs.xml").read_text()
    hidden = text.replace("<!DOCTYPE", "<!-- <rss> --><!DOCTYPE", 1)
    assert read_feed(hidden.encode(), URL).outcome == "bomb"
    assert read_feed(text.encode("utf-16"), URL).outcome == "bomb"


def test_one_long_entity_used_often_is_a_bomb() -> None:
    doctype = f'<!DOCTYPE rss [<!ENTITY a "{"x" * 50_000}">]>'.encode()
    assert read_feed(doctype + rss("<item><title>" + "&a;" * 1000 + "</title></item>"), URL).outcome == "bomb"


def test_an_external_entity_is_never_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    doctype = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'.encode()
    found = read_feed(doctype + rss("<item><title>A &x; B</title><link>/a</link></item>"), URL)
    assert found.outcome == "ok"
    assert "secret" not in (found.links[0].title or "")


def test_a_feed_that_names_a_file_is_not_taken_for_it(tmp_path: Path) -> None:
    other = tmp_path / "feed.xml"
    other.write_bytes(rss("<item><title>x</title><link>https://relay.example/x</link></item>"))
    assert read_feed(str(other).encode(), URL).outcome == "malformed"


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (rss(""), "empty"),
        (b"<!DOCTYPE html><html><body><p>Not here</p></body></html>", "html"),
        (b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN" "x"><html></html>', "html"),
        (b"<html><head></head></html>", "html"),
        (b"<h1>403 Forbidden</h1>", "html"),
        (b"Not found", "malformed"),
        (b"\x00\xff\xfe" * 50, "malformed"),
        (b'{"items": [', "malformed"),
        (b'{"error": "no"}', "unsupported"),
        (b"[]", "unsupported"),
        (b"[" * 2_000_000, "malformed"),
        (b'{"a":' * 500_000, "malformed"),
        (b"<urlset><url><loc>https://relay.example/1</loc></url></urlset>", "unsupported"),
        (rss("<item><title>x</title><link>javascript:alert(1)</link></item>"), "malformed"),
        (b"x" * (FEED_BYTES + 1), "too_large"),
        (rss(" " * 30 * 1024 * 1024), "too_large"),
        (gzip.compress(b"\0" * (FEED_BYTES + 1), mtime=0), "bomb"),
    ],
)
def test_what_is_no_feed_has_a_named_outcome(body: bytes, outcome: str) -> None:
    found = read_feed(body, URL)
    assert (found.outcome, found.links) == (outcome, ())


def test_a_feed_left_in_gzip_is_read() -> None:
    assert read_feed(gzip.compress(rss("<item><link>/a</link></item>")), URL).outcome == "ok"


@pytest.mark.parametrize(
    ("inner", "url"),
    [
        ("<link>/story</link>", "https://relay.example/story"),
        ("<link><![CDATA[https://relay.example/?p=1&q=2]]></link>", "https://relay.example/?p=1&q=2"),
        ("<guid>https://relay.example/by-guid</guid>", "https://relay.example/by-guid"),
        ("<link>https://short.example/1</link><feedburner:origLink>https://relay.example/own</feedburner:origLink>",
         "https://relay.example/own"),
        ("<link/><guid>https://relay.example/by-guid</guid>", "https://relay.example/by-guid"),
    ],
)  # fmt: skip
def test_the_link_of_an_entry_is_found(inner: str, url: str) -> None:
    assert [link.url for link in item(inner).links] == [url]


@pytest.mark.parametrize(
    "inner",
    [
        "<guid>12345</guid>",
        "<guid isPermaLink='false'>https://relay.example/not-a-page</guid>",
        "<link>mailto:desk@relay.example</link>",
        "<link>ftp://relay.example/a</link>",
        "<link>file:///etc/hostname</link>",
        "<link>http://[::1</link>",
        "<link>https://relay.example/" + "a" * 3000 + "</link>",
        "<title>no link</title>",
    ],
)
def test_an_entry_without_a_usable_link_is_skipped(inner: str) -> None:
    body = rss(f"<item>{inner}</item><item><link>/good</link></item>")
    assert [link.url for link in read_feed(body, URL).links] == ["https://relay.example/good"]


def test_a_page_listed_twice_is_one_link() -> None:
    entries = "<item><title>{}</title><link>https://Relay.example/a{}</link></item>"
    found = read_feed(rss(entries.format("First", "") + entries.format("Again", "?utm_source=rss")), URL)
    assert [link.title for link in found.links] == ["First"]


def test_entries_beyond_the_limit_are_left() -> None:
    many = "".join(f"<item><link>/{number}</link></item>" for number in range(FEED_LINKS + 50))
    assert len(read_feed(rss(many), URL).links) == FEED_LINKS


def test_media_titles_do_not_replace_the_title() -> None:
    body = rss(
        "<item><m:title>Picture</m:title><title>Story</title><link>/a</link><m:title>Other</m:title></item>",
        'xmlns:m="http://search.yahoo.com/mrss/"',
    )
    assert read_feed(body, URL).links[0].title == "Story"


def test_an_entry_of_a_hundred_thousand_categories_is_read() -> None:
    filler = "".join(f"<category>{number}</category>" for number in range(100_000))
    assert item(f"{filler}<title>x</title><link>/a</link>").outcome == "ok"


def json_feed(*items: object, **more: object) -> SourceResult:
    return read_feed(json.dumps({"version": "x", "items": items, **more}).encode(), URL)


def test_a_json_feed_is_read() -> None:
    entry = {
        "id": "https://relay.example/id/1",
        "url": "/story",
        "title": "Rice &amp; beans",
        "date_published": "2024-01-01T00:00:00Z",
        "content_html": "<p>Whole</p>",
    }
    found = json_feed(entry, language="en", next_url="?page=2")
    (link,) = found.links
    assert (link.url, link.guid) == ("https://relay.example/story", "https://relay.example/id/1")
    assert (link.title, link.published) == ("Rice & beans", "2024-01-01T00:00:00Z")
    assert (link.language, link.content, link.via) == ("en", "<p>Whole</p>", "feed")
    assert found.child_sources == ("https://relay.example/feed/?page=2",)


def test_json_fields_of_wrong_types_are_taken_as_absent() -> None:
    found = json_feed(
        {"url": ["x"], "id": 7}, 5, None, {"url": "/a", "title": {"x": 1}, "id": 12, "language": 3}
    )
    (link,) = found.links
    assert (link.url, link.title, link.guid, link.language) == ("https://relay.example/a", None, "12", None)


def test_lone_surrogates_reach_no_link() -> None:
    bad = rb'{"url": "/a\ud800"}, {"url": "/b", "title": "t\ud800", "content_html": "<p>\udfff</p>"}'
    body = b'{"items": [' + bad + b"]}"
    (link,) = read_feed(body, URL).links
    assert (link.url, link.title, link.content) == ("https://relay.example/b", "t", "<p></p>")


def feed_like() -> st.SearchStrategy[bytes]:
    pieces = [
        b"<rss>",
        b"<channel>",
        b"<item>",
        b"</item>",
        b"<entry>",
        b"<feed xmlns='http://www.w3.org/2005/Atom'>",
    ]
    pieces += [
        b"<link>",
        b"</link>",
        b"<link href='",
        b"'/>",
        b"https://a.example/",
        b"<title>",
        b"&#1114112;",
        b"&#x;",
    ]
    pieces += [
        b"<guid>",
        b"<source>",
        b"<image>",
        b"<textinput>",
        b"<content type='x",
        b"<![CDATA[",
        b"]]>",
        b"&eacute;",
    ]
    pieces += [
        b"<!DOCTYPE a [",
        b"<!ENTITY a '&b;'>",
        b"]>",
        b"<?xml encoding='punycode'?>",
        b"\xe9",
        b"\x00",
        b"xml:base='",
    ]
    pieces += [
        b'{"items":[',
        b'{"url":',
        b'"http://[',
        b"]}",
        b"<pubDate>",
        b"<body>",
        b"<language>",
        b"<m:y>",
        b":",
    ]
    return st.lists(st.sampled_from(pieces) | st.binary(max_size=6), max_size=40).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=400) | feed_like(), content_type=st.none() | st.text(max_size=40))
def test_any_bytes_give_a_found(body: bytes, content_type: str | None) -> None:
    found = read_feed(body, URL, content_type)
    assert (found.outcome == "ok") == bool(found.links or found.child_sources)
    assert all(link.url.startswith(("http://", "https://")) for link in found.links)
    assert all(text.encode() for link in found.links for text in (link.url, link.title, link.content) if text)


@pytest.mark.parametrize(
    ("title", "codec", "note"),
    [
        ("町の劇場で八月まで芝居の稽古", "cp932", "no encoding declared, read as cp932"),
        ("Новости дня из города", "cp1251", "no encoding declared, read as windows-1251"),
        ("学生们已经在海滩上庆祝了夏天的开始", "gb18030", "no encoding declared, read as gb18030"),
    ],
)
def test_a_feed_that_declares_no_encoding_is_read_as_what_it_is(title: str, codec: str, note: str) -> None:
    body = f"<rss><channel><item><title>{title}</title><link>/a</link></item></channel></rss>".encode(codec)
    found = read_feed(body, URL)
    assert (found.links[0].title, found.note) == (title, note)


def test_a_feed_encoded_twice_is_decoded_twice_and_says_so() -> None:
    body = rss("<item><title>dÃ©jÃ\xa0 Ã©tÃ©</title><link>/a</link></item>")
    found = read_feed(body, URL)
    assert (found.links[0].title, found.note) == ("déjà été", "utf-8 that was encoded twice")


@pytest.mark.parametrize("stamp", [1746180000, "2025-05-02T10:00:00Z"])
def test_a_json_feed_may_count_seconds(stamp: object) -> None:
    found = json_feed({"id": "1", "url": "/a", "date_published": stamp})
    assert found.links[0].published == str(stamp)


def test_authors_and_categories_are_read_and_many_of_them_hide_no_story() -> None:
    categories = "".join(f"<category>Topic {n}</category>" for n in range(200))
    inner = f"<link>/1</link><creator>Ann Bee</creator>{categories}<encoded>The story</encoded>"
    (link,) = item(inner).links
    assert link.authors == ("Ann Bee",)
    assert link.tags == tuple(f"Topic {n}" for n in range(20))
    assert link.content == "The story"


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("ann@relay.example (Ann Bee)", "Ann Bee"),
        ("Ann Bee &lt;ann@relay.example&gt;", "Ann Bee"),
        ("Ann Bee (ann@relay.example)", "Ann Bee"),
        ("Ann Bee (Relay)", "Ann Bee (Relay)"),
        ("ann@relay.example", None),
        ("ann@relay.example ()", None),
    ],
)
def test_an_author_is_a_name_and_no_part_of_an_address(printed: str, name: str | None) -> None:
    (link,) = item(f"<link>/1</link><author>{printed}</author>").links
    assert link.authors == ((name,) if name else ())


@pytest.mark.parametrize("name", ["author", "dc:creator"])
def test_an_endless_author_costs_no_time_and_no_story(name: str) -> None:
    # feedparser would look for an e-mail address in it for minutes.
    endless = "a" * 200_000
    authors = f"<{name}>Ann Bee</{name}><{name}>{endless}</{name}><{name}><b>{endless}</b></{name}>"
    body = rss(
        f"<item><link>/1</link>{authors}<encoded>The story</encoded></item>",
        'xmlns:dc="http://purl.org/dc/elements/1.1/"',
    )
    (link,) = read_feed(body, URL).links
    assert (link.authors, link.content) == (("Ann Bee",), "The story")


def test_authors_and_tags_of_a_json_feed_may_be_anything() -> None:
    odd = [{"name": "Ann"}, {"name": 1}, "Bob", None]
    items = [
        {"url": "/1", "authors": odd, "tags": ["a", 1, None, "<b>b</b>"]},
        {"url": "/2", "author": {"name": "Cy"}, "tags": "a"},
        {"url": "/3", "authors": "Ann", "author": "Ann"},
    ]
    links = read_feed(json.dumps({"items": items}).encode(), URL).links
    assert [(link.authors, link.tags) for link in links] == [(("Ann",), ("a", "b")), (("Cy",), ()), ((), ())]
