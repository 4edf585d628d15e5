"""SURT keys: the same page has the same key in every archive tool, and keys sort by site."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.warc.surt import surt, surt_host

SESSION = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://www.example.org/", "org,example)/"),
        ("https://WWW2.Example.ORG", "org,example)/"),
        ("https://reader:secret@example.org:443/A/", "org,example)/a"),
        ("http://example.org:8080/x", "org,example:8080)/x"),
        ("http://example.org:/x", "org,example)/x"),
        ("http://example.org/?B=2&a=1&A=0#top", "org,example)/?a=0&a=1&b=2"),
        ("http://example.org/x?", "org,example)/x"),
        ("http://example.org?q=1", "org,example)/?q=1"),
        ("http://example.org/a/../b/./c//d/", "org,example)/b/c/d"),
        ("http://example.org/..", "org,example)/.."),
        ("http://example.org/%2541%20x?q=%2526&z=é", "org,example)/a%20x?&q=&z=%c3%a9"),
        ("http://example.org/a%23b", "org,example)/a%23b"),
        ("http://exämple.org/é", "org,xn--exmple-cua)/%c3%a9"),
        ("http://127.0.0.1:8000/x", "1,0,0,127:8000)/x"),
        ("http://3279880203/", "11,0,127,195)/"),
        ("http://[::1]:81/x", "::1:81)/x"),
        (f"http://example.org/x?q=1&sid={SESSION}", "org,example)/x?&q=1"),
        (f"http://example.org/x?PHPSESSID={SESSION}&q=1", "org,example)/x?q=1"),
        ("http://example.org/x?a=1&cfid=1&cftoken=2&z=3", "org,example)/x?a=1&z=3"),
        ("http://example.org/(S(4hqa0555fwsecu455xqckv45))/news.aspx", "org,example)/news.aspx"),
        ("http://https://example.org/x", "org,example)/x"),
        ("example.org/foo", "org,example)/foo"),
        (" http://example.org/a\tb \n", "org,example)/ab"),
        ("urn:Page:7", "urn:page:7"),
        ("dns:example.org", "dns:example.org"),
        ("", "-"),
        ("http://example.org:port/x", "http://example.org:port/x"),
    ],
)
def test_a_url_has_the_key_that_other_tools_give_it(url: str, key: str) -> None:
    assert surt(url) == key


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_has_a_key_for_one_line(text: str) -> None:
    assert "\n" not in surt("http://example.org/" + text)


def test_nested_percent_encoding_ends() -> None:
    assert len(surt("http://example.org/%" + "25" * 5000)) < 20_000


def test_the_site_of_a_key_is_its_host() -> None:
    assert surt_host(surt("https://www.example.org/a?b=)")) == "org,example)"
