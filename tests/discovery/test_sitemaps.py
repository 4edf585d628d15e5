"""Sitemaps: read as a stream, whatever their namespaces, within bounds."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.discovery.results import SourceResult
from newscrawl.discovery.sitemaps import SITEMAP_BYTES, SITEMAP_LINKS, read_sitemap

DATA = Path(__file__).parents[1] / "data" / "discovery"
URL = "https://relay.example/sitemap.xml"
NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {NAMESPACE}>{inner}</urlset>'.encode()


def entry(number: int) -> str:
    return f"<url><loc>https://relay.example/{number}</loc><lastmod>2024-01-01</lastmod></url>\n"


def test_a_plain_sitemap_gives_pages_and_dates() -> None:
    found = read_sitemap(urlset(entry(1) + entry(2)), URL)
    assert [link.url for link in found.links] == ["https://relay.example/1", "https://relay.example/2"]
    link = found.links[0]
    assert (link.via, link.from_url, link.published) == ("sitemap", URL, "2024-01-01")
    assert found.outcome == "ok"


def test_google_news_is_kept_even_without_declared_namespaces() -> None:
    found = read_sitemap((DATA / "news_sitemap_wrong_namespaces.xml").read_bytes(), URL)
    news, plain = found.links
    assert news.url == "https://relay.example/en/one?a=1&b=2"
    assert (news.via, news.title, news.language) == ("news_sitemap", "Café & croissants", "en")
    assert news.published == "2024-06-01T08:00:00+01:00"
    assert (plain.via, plain.title, plain.published) == ("sitemap", None, None)
    assert plain.language == "fr"  # its own line among its language versions


def test_an_index_gives_children_newest_first() -> None:
    days = {"a": "2023-01-01", "b": "2024-05-01T00:00:00Z", "c": "2024-01-01"}
    inner = "".join(
        f"<sitemap><loc>/{name}.xml</loc><lastmod>{day}</lastmod></sitemap>" for name, day in days.items()
    )
    found = read_sitemap(f"<sitemapindex>{inner}</sitemapindex>".encode(), URL)
    assert found == SourceResult(
        outcome="ok",
        child_sources=(
            "https://relay.example/b.xml",
            "https://relay.example/c.xml",
            "https://relay.example/a.xml",
        ),
    )


def test_an_index_without_all_dates_keeps_its_order_and_never_names_itself() -> None:
    inner = "<sitemap><loc>/b.xml</loc></sitemap><sitemap><loc>/a.xml</loc><lastmod>2024</lastmod></sitemap>"
    found = read_sitemap(
        f"<sitemapindex>{inner}<sitemap><loc>{URL}</loc></sitemap></sitemapindex>".encode(), URL
    )
    assert found.child_sources == ("https://relay.example/b.xml", "https://relay.example/a.xml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
def test_encodings_are_read_whatever_is_declared(encoding: str) -> None:
    news = "<news><title>été à Kribi</title></news>"
    body = f"<urlset><url><loc>https://relay.example/a</loc>{news}</url></urlset>"
    declared = (
        '<?xml version="1.0"?>' if encoding.startswith("utf-16") else '<?xml version="1.0" encoding="utf-8"?>'
    )
    found = read_sitemap((declared + body).encode(encoding), URL)
    assert [link.title for link in found.links] == ["été à Kribi"]


def test_gzip_is_read_and_its_members_are_joined() -> None:
    whole = urlset(entry(1) + entry(2))
    assert len(read_sitemap(gzip.compress(whole), URL).links) == 2
    assert len(read_sitemap(gzip.compress(whole[:90]) + gzip.compress(whole[90:]), URL).links) == 2


def test_gzip_that_was_cut_gives_what_came() -> None:
    noise = random.Random(7)
    inner = "".join(f"<url><loc>https://relay.example/{noise.random()}</loc></url>" for _ in range(2000))
    packed = gzip.compress(urlset(inner))
    found = read_sitemap(packed[: len(packed) // 2], URL)
    assert found.outcome == "ok"
    assert 0 < len(found.links) < 2000
    assert found.note == "gzip ends early"


def test_gzip_that_swells_is_a_bomb_and_gives_nothing() -> None:
    bomb = gzip.compress(urlset(entry(1)) + b" " * SITEMAP_BYTES)
    assert read_sitemap(bomb, URL) == SourceResult(outcome="bomb", note="gzip that expands")


def test_what_is_too_large_keeps_the_links_before_the_cut() -> None:
    body = urlset(entry(1) + " " * SITEMAP_BYTES + entry(2))
    found = read_sitemap(body, URL)
    assert found.outcome == "too_large"
    assert [link.url for link in found.links] == ["https://relay.example/1"]


def test_a_sitemap_of_thirty_megabytes_ends_at_the_protocols_limit() -> None:
    body = urlset("".join(entry(number) for number in range(400_000)))
    assert len(body) > 30_000_000
    found = read_sitemap(body, URL)
    assert (found.outcome, len(found.links)) == ("ok", SITEMAP_LINKS)
    assert found.links[-1].url == f"https://relay.example/{SITEMAP_LINKS - 1}"
    assert found.note == f"only the first {SITEMAP_LINKS} entries"


def test_entities_that_swell_are_a_bomb() -> None:
    laughs = (DATA / "billion_laughs.xml").read_text()
    body = laughs[: laughs.index("<rss")] + f"<urlset>{entry(1)}</urlset>"
    assert read_sitemap(body.encode(), URL).outcome == "bomb"
    assert read_sitemap(gzip.compress(body.encode()), URL).outcome == "bomb"


def test_an_external_entity_is_never_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("https://relay.example/secret")
    doctype = f'<!DOCTYPE urlset [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    found = read_sitemap(f"{doctype}<urlset><url><loc>&x;</loc></url>{entry(1)}</urlset>".encode(), URL)
    assert not any("secret" in link.url for link in found.links)
    assert any(link.url == "https://relay.example/1" for link in found.links)


def test_a_list_of_addresses_is_a_sitemap() -> None:
    body = b"\xef\xbb\xbfhttps://relay.example/1\r\n\r\nnot an address\nhttps://relay.example/2\n"
    found = read_sitemap(body, URL)
    assert [link.url for link in found.links] == ["https://relay.example/1", "https://relay.example/2"]


def test_a_feed_named_as_sitemap_is_read_as_feed() -> None:
    body = b"<rss><channel><item><title>x</title><link>/a</link></item></channel></rss>"
    assert [link.via for link in read_sitemap(body, URL).links] == ["feed"]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (urlset(""), "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (b"\x1f\x8b not gzip", "empty"),
        (b"<!doctype html><title>404</title>", "html"),
        (b"User-agent: *", "malformed"),
        (b'{"code": "no"}', "malformed"),
        (b"< < <", "malformed"),
        (b"<opml><body/></opml>", "unsupported"),
        (urlset("<url><loc>javascript:x</loc></url>"), "malformed"),
    ],
)
def test_what_is_no_sitemap_has_a_named_outcome(body: bytes, outcome: str) -> None:
    found = read_sitemap(body, URL)
    assert (found.outcome, found.links, found.child_sources) == (outcome, (), ())


def test_broken_entries_do_not_cost_their_neighbours() -> None:
    body = urlset(
        entry(1) + "<url><loc>https://relay.example/broken<url>" + "<url></lastmod></url>" + entry(2)
    )
    urls = [link.url for link in read_sitemap(body, URL).links]
    assert urls[0] == "https://relay.example/1"
    assert "https://relay.example/2" in urls


def test_a_sitemap_cut_inside_an_entry_gives_those_before() -> None:
    assert len(read_sitemap(urlset(entry(1) + entry(2))[:-40], URL).links) >= 1


@pytest.mark.parametrize(
    "element", ["<a/>", "<a>", "<url>", "<loc>x</loc>", "<url><loc>x</loc></url>", "&x;", "<![CDATA["]
)
def test_millions_of_useless_elements_end_with_an_outcome(element: str) -> None:
    body = urlset(entry(1) + element * (2_000_000 // len(element)))
    assert read_sitemap(body, URL).outcome in ("ok", "malformed")


def sitemap_like() -> st.SearchStrategy[bytes]:
    pieces = [
        b"<urlset>",
        b"</urlset>",
        b"<sitemapindex>",
        b"<sitemap>",
        b"<url>",
        b"</url>",
        b"<loc>",
        b"</loc>",
    ]
    pieces += [
        b"https://a.example/",
        b"http://[",
        b"<news:news>",
        b"</news:news>",
        b"<title>",
        b"<lastmod>",
        b"&#0;",
    ]
    pieces += [
        b"<link hreflang='en' href='",
        b"'/>",
        b"<!DOCTYPE x [",
        b"]>",
        b"<?xml",
        b"?>",
        b"<![CDATA[",
        b"]]>",
    ]
    pieces += [
        b"\x1f\x8b",
        b"\xff\xfe",
        b"\x00",
        b"\xe9",
        b"\n",
        b"<rss>",
        b"<!--",
        b"-->",
        b"&eacute;",
        b"&",
    ]
    return st.lists(st.sampled_from(pieces) | st.binary(max_size=6), max_size=40).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=400) | sitemap_like() | sitemap_like().map(gzip.compress))
def test_any_bytes_give_a_found(body: bytes) -> None:
    found = read_sitemap(body, URL)
    assert (found.outcome in ("ok", "too_large")) == bool(found.links or found.child_sources)
    assert all(
        url.startswith(("http://", "https://"))
        for url in (*found.child_sources, *(link.url for link in found.links))
    )
