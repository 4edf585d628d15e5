"""URLs: one page has one identity, and only http(s) is ever fetched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.urls import MAX_URL_CHARS, absolute_url, is_same_site, normalize_url, url_host

HOSTS = st.from_regex(r"(www\.)?[A-Za-z][A-Za-z0-9]{0,9}\.(org|EXAMPLE)(:(80|443|8080))?", fullmatch=True)
PATHS = st.text(max_size=30).map(lambda text: "/" + text)
URLS = st.builds("{}://{}{}".format, st.sampled_from(["http", "https", "HTTPS"]), HOSTS, PATHS)


@given(URLS)
def test_normalising_twice_changes_nothing(url: str) -> None:
    clean = absolute_url(url, "")
    if clean is not None:
        once = normalize_url(clean)
        assert normalize_url(once) == once


@given(URLS)
def test_a_normal_url_is_plain_ascii_without_fragment(url: str) -> None:
    clean = absolute_url(url, "")
    if clean is not None:
        once = normalize_url(clean)
        assert once.isascii()
        assert "#" not in once
        assert " " not in once


@given(URLS, st.sampled_from(["utm_source=x", "fbclid=1", "xtor=RSS-1", "at_medium=RSS", "UTM_Campaign=a"]))
def test_tracking_parameters_make_no_other_page(url: str, tracking: str) -> None:
    clean = absolute_url(url, "")
    if clean is not None:
        marked = f"{clean}{'&' if '?' in clean else '?'}{tracking}"
        assert normalize_url(marked) == normalize_url(clean)


@pytest.mark.parametrize(
    "query",
    [
        "article123",
        "page=backend",
        "id_article=5&lang=fr",
        "p=17",
        "a=9",
        "b=2&a=1",
        "outputType=xml",
    ],
)
def test_a_query_that_names_the_page_stays_as_it_is(query: str) -> None:
    assert normalize_url(f"https://example.org/spip.php?{query}").endswith(f"?{query}")


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("HTTPS://WWW.Example.ORG", "https://www.example.org/"),
        ("http://example.org:80/a", "http://example.org/a"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("https://example.org:8443/a", "https://example.org:8443/a"),
        ("https://example.org/a#comments", "https://example.org/a"),
        ("https://example.org/a?", "https://example.org/a"),
        ("https://example.org/a?x=1&&utm_source=y&z=2", "https://example.org/a?x=1&z=2"),
        ("https://example.org/été", "https://example.org/%C3%A9t%C3%A9"),
        ("https://example.org/%C3%A9t%C3%A9", "https://example.org/%C3%A9t%C3%A9"),
        ("https://example.org/%2F", "https://example.org/%2F"),
        ("http://[2001:DB8::1]:8080/a", "http://[2001:db8::1]:8080/a"),
    ],
)
def test_spellings_of_a_page_share_an_identity(url: str, identity: str) -> None:
    assert normalize_url(url) == identity


def test_case_of_a_path_tells_pages_apart() -> None:
    assert normalize_url("https://example.org/A") != normalize_url("https://example.org/a")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,hello",
        "file:///etc/hostname",
        "mailto:desk@example.org",
        "ftp://example.org/a",
        "tel:+237000000",
        "http://",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:port/",
        "http://[::1/",
    ],
)
def test_what_is_no_http_url_is_refused(url: str) -> None:
    assert absolute_url(url, "https://example.org/") is None


def test_a_relative_url_without_a_base_is_refused() -> None:
    assert absolute_url("/a", "") is None


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("a.html", "https://example.org/news/a.html"),
        ("/a", "https://example.org/a"),
        ("//other.example/a", "https://other.example/a"),
        ("?p=5", "https://example.org/news/?p=5"),
        (" https://other.example/a \n", "https://other.example/a"),
        ("https://other.example/a\n b", "https://other.example/a b"),
        ("a#top", "https://example.org/news/a"),
    ],
)
def test_links_are_seen_from_their_page(url: str, seen: str) -> None:
    assert absolute_url(url, "https://example.org/news/") == seen


def test_a_url_longer_than_browsers_take_is_refused() -> None:
    base = "https://example.org/"
    fits = base + "a" * (MAX_URL_CHARS - len(base))
    assert absolute_url(fits, "") == fits
    assert absolute_url(fits + "a", "") is None


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://WWW.Example.org:8080/a", "example.org"),
        ("https://fr.example.org/", "fr.example.org"),
        ("/a", ""),
        ("http://[::1/", ""),
    ],
)
def test_host_of_a_url(url: str, host: str) -> None:
    assert url_host(url) == host


@pytest.mark.parametrize(
    ("url", "home", "same"),
    [
        ("https://example.org/a", "https://www.example.org/", True),
        ("https://www.example.org/a", "https://example.org/", True),
        ("https://fr.example.org/a", "https://www.example.org/", True),
        ("https://example.org/a", "https://fr.example.org/", False),
        ("https://notexample.org/a", "https://example.org/", False),
        ("https://example.org.evil.example/a", "https://example.org/", False),
        ("http://127.0.0.1:8000/a", "http://127.0.0.1:8000/", True),
        ("http://127.0.0.1:8001/a", "http://127.0.0.1:8000/", False),
        ("http://10.127.0.0.1/a", "http://127.0.0.1/", False),
        ("http://[::1]:8001/a", "http://[::1]:8000/", False),
        ("javascript:alert(1)", "https://example.org/", False),
        ("https://example.org/a", "", False),
    ],
)
def test_what_belongs_to_a_site(url: str, home: str, same: bool) -> None:
    assert is_same_site(url, home) is same


@pytest.mark.parametrize(
    "url",
    ["http://a b/", "http://a\\b/", "http://a/\ud800", "http://<a>/", "http://[::1/", "http://a:99999/"],
)
def test_what_no_server_can_be_asked_for_is_no_url(url: str) -> None:
    assert absolute_url(url, "http://example.org/") is None


def test_a_lone_surrogate_has_a_normal_form() -> None:
    assert normalize_url("http://a/\ud800") == "http://a/%3F"
