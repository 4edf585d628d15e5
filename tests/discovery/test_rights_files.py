"""What sites reserve: patterns, tdmrep.json, ai.txt, and preferences in robots.txt."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.discovery.rights_files import (
    MAX_CHARS,
    MAX_RULES,
    MAX_STATEMENTS,
    PathRule,
    SiteRights,
    TdmRule,
    UsageRule,
    matches_pattern,
    normalize_escapes,
    parse_ai_txt,
    parse_site_rights,
    parse_tdmrep,
    parse_usage_rules,
    url_target,
)


@pytest.mark.parametrize(
    ("pattern", "target", "holds"),
    [
        ("/", "/a/b?c", True),
        ("*", "/a", True),
        ("/a", "/ab", True),
        ("/a$", "/ab", False),
        ("/a$", "/a", True),
        ("*.html", "/x/y.html?p=1", True),
        ("*.html$", "/x/y.html?p=1", False),
        ("*.html$", "/x.html/y.html", True),
        ("/a*b$", "/ab", True),
        ("/ab*b$", "/ab", False),
        ("/a*/c", "/a/b/c/d", True),
        ("/%7Ejo/caf%C3%A9", "/~jo/café", True),
        ("/a%2fb", "/a%2Fb", True),
        ("/a%2fb", "/a/b", False),
        ("/a$b", "/a$b", True),
        ("", "/a", True),
    ],
)
def test_patterns(pattern: str, target: str, holds: bool) -> None:
    assert matches_pattern(pattern, normalize_escapes(target)) is holds


def test_the_target_of_a_url_is_path_and_query() -> None:
    assert url_target("https://a.example") == "/"
    assert url_target("https://a.example/b?c=d#e") == "/b?c=d"


def test_many_stars_take_no_longer() -> None:
    assert not matches_pattern("*a" * 200 + "$", "a" * 2000 + "b")


@given(st.text("ab*$/", max_size=8), st.text("ab/", max_size=8))
def test_it_is_what_a_regular_expression_would_say(pattern: str, path: str) -> None:
    anchored = pattern.endswith("$")
    source = ".*".join(map(re.escape, pattern.removesuffix("$").split("*")))
    assert matches_pattern(pattern, path) is bool(re.compile(source + ("$" if anchored else "")).match(path))


SITE = "https://paper.example"


def tdm(*rules: object) -> tuple[TdmRule, ...]:
    return parse_tdmrep(json.dumps(rules).encode(), f"{SITE}/.well-known/tdmrep.json")


def said(signals: SiteRights, path: str) -> str | None:
    return signals.statement(SITE + path)


def test_the_first_rule_of_tdmrep_that_matches_holds() -> None:
    rules = tdm(
        {"location": "/free/*", "tdm-reservation": 0},
        {"location": "/*.pdf$", "tdm-reservation": 1},
        {"location": "/", "tdm-reservation": 1, "tdm-policy": "/terms of use.json"},
    )
    signals = SiteRights(tdm=rules)
    assert said(signals, "/free/a.pdf") == "tdm-reservation=0"
    assert said(signals, "/a.pdf") == "tdm-reservation=1"
    assert said(signals, "/a") == f"tdm-reservation=1 tdm-policy={SITE}/terms%20of%20use.json"
    assert said(SiteRights(tdm=rules[:2]), "/a") is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"location": "docs/", "tdm-reservation": "1"}, [TdmRule("/docs/", True)]),
        ({"location": f"{SITE}/x", "tdm-reservation": True}, [TdmRule("/x", True)]),
        ({"location": "/", "tdm-reservation": 2}, []),
        ({"location": "/"}, []),
        ({"location": ["/"], "tdm-reservation": 1}, []),
        ({"location": "/", "tdm-reservation": 1, "tdm-policy": "javascript:x"}, [TdmRule("/", True)]),
        ({"location": "/", "tdm-reservation": 1, "tdm-policy": ["x"]}, [TdmRule("/", True)]),
        ("text", []),
        (None, []),
    ],
)
def test_rules_of_tdmrep_that_cannot_be_read_are_left_out(written: object, read: list[TdmRule]) -> None:
    assert list(tdm(written)) == read
    # A rule that stands alone, without the list around it.
    assert list(parse_tdmrep(json.dumps(written).encode(), SITE)) == read


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 100_000, b"\xff\xfe{", b"9" * 9999, b'{"a":NaN}'])
def test_what_is_no_tdmrep_says_nothing(body: bytes) -> None:
    assert parse_tdmrep(body, SITE) == ()


def test_a_byte_order_mark_does_not_matter() -> None:
    assert parse_tdmrep(b'\xef\xbb\xbf[{"location":"*","tdm-reservation":1}]', SITE) == (TdmRule("*", True),)
    assert parse_ai_txt(b"\xef\xbb\xbfDisallow: /") == (PathRule("/", False),)


def test_ai_txt_is_read_as_robots_txt_is() -> None:
    rules = parse_ai_txt(
        b"# made by a form\r\nUser-Agent: *\r\nDisallow: *.html\r\nDisallow: *.txt # text\r\n"
        b"Allow: /open/*.html\r\nAllow: *.jpg\r\n"
    )
    signals = SiteRights(ai=rules)
    assert said(signals, "/story.html") == "ai.txt=no"
    assert said(signals, "/2026/03/a-story/") == "ai.txt=no"
    assert said(signals, "/") == "ai.txt=no"
    assert said(signals, "/open/a.html") == "ai.txt=yes"
    assert said(signals, "/a.jpg") == "ai.txt=yes"
    assert said(signals, "/a.pdf") is None


def test_a_group_for_us_replaces_that_for_all() -> None:
    rules = parse_ai_txt(
        b"User-agent: *\nDisallow: /\nUser-agent: other\nUser-agent: Newscrawl/2\nDisallow: /private\n"
    )
    assert rules == (PathRule("/private", False),)
    assert parse_ai_txt(b"User-agent: other\nDisallow: /") == ()
    assert parse_ai_txt(b"User-agent: *\nDisallow:\nAllow: ") == ()


def test_preferences_of_robots_txt() -> None:
    rules = parse_usage_rules(
        b"Sitemap: https://paper.example/s.xml\nUser-Agent: other\nContent-Signal: search=no\n\n"
        b"User-Agent: *\nContent-Signal: search=yes, AI-train=no ,ai-input=yes\nAllow: /\n"
        b"Content-Usage: /open/ train-ai=y;exceptions=x\nContent-Usage: train-ai=n\nContent-Signal: what\n"
    )
    assert rules[0] == UsageRule("", "search=yes ai-train=no ai-input=yes")
    signals = SiteRights(usage=rules)
    assert said(signals, "/a") == "search=yes ai-train=no ai-input=yes train-ai=n"
    assert said(signals, "/open/a") == "search=yes ai-train=no ai-input=yes train-ai=y exceptions=x"


def test_of_two_answers_the_refusal_holds() -> None:
    rules = parse_usage_rules(b"Content-Signal: ai-train=no\nContent-Signal: ai-train=yes")
    assert said(SiteRights(usage=rules), "/") == "ai-train=no"


def test_what_is_noted_of_a_page_is_bounded() -> None:
    rules = parse_usage_rules(b"\n".join(b"Content-Signal: k%d=no" % number for number in range(100)))
    assert len(rules) == 100
    assert len((said(SiteRights(usage=rules), "/") or "").split()) == MAX_STATEMENTS


def test_what_is_kept_comes_back_and_is_bounded() -> None:
    many = tuple(PathRule(f"/{number}" + "x" * 400, False) for number in range(MAX_RULES))
    signals = SiteRights(
        tdm=(TdmRule("/", True, f"{SITE}/t"),), ai=many, usage=(UsageRule("", "ai-train=no"),)
    )
    text = signals.text()
    assert len(text) < MAX_CHARS + 1000
    back = parse_site_rights(text)
    assert (back.tdm, back.usage) == (signals.tdm, signals.usage)
    assert back.ai == many[: len(back.ai)]
    assert (
        parse_site_rights(None)
        == parse_site_rights("[1]")
        == parse_site_rights('{"tdm": [[1,2,3,4,5]]}')
        == SiteRights()
    )


@given(st.binary(max_size=400) | st.text("*:/-=#, \nacegiklnorstuw", max_size=400).map(str.encode))
def test_anything_can_be_read(body: bytes) -> None:
    signals = SiteRights(tdm=parse_tdmrep(body, SITE), ai=parse_ai_txt(body), usage=parse_usage_rules(body))
    assert parse_site_rights(signals.text()) == signals
    for pair in (said(signals, "/a/b?c") or "").split():
        assert "=" in pair
