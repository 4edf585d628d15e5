"""Rights declared by page and site, and the policy."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml.html import document_fromstring

from newscrawl.extraction.extract import extract
from newscrawl.extraction.head import PageHead, read_head
from newscrawl.extraction.metadata.rights import (
    MAX_DIRECTIVES,
    apply_rights_policy,
    parse_robots_directives,
    read_rights,
)
from newscrawl.items import Article, Link, Rejection, Rights

URL = "https://journal.example/a/b"
WORDS = " ".join(f"The council met for the {number}th time and agreed on a new road." for number in range(40))
PAGE = (
    f"<html><head><title>A road</title></head><body><article><h1>A road</h1><p>{WORDS}</p></article></body>"
)


def head(html: str = "", headers: Mapping[str, str] | None = None) -> PageHead:
    tree = document_fromstring(f"<html><head>{html}</head><body></body></html>")
    return read_head(tree, URL, headers or {})


def article(rights: Rights) -> Article:
    found = extract(PAGE.encode(), URL)
    assert isinstance(found, Article)
    return found.model_copy(update={"rights": rights})


def test_rights_come_from_meta_and_headers() -> None:
    meta = '<meta name="robots" content="NOINDEX, max-image-preview: large">'
    headers = {"X-Robots-Tag": "noarchive", "TDM-Reservation": "1", "tdm-policy": "/tdm.json"}
    found = read_rights(head(meta, headers))
    assert found.robots_meta == ["noindex", "max-image-preview:large", "noarchive"]
    assert (found.tdm_reserved, found.tdm_source) == (True, "header")
    assert found.policy_url == "https://journal.example/tdm.json"
    assert found.reserved_by == ["tdm-reservation=1", "noarchive"]
    assert found.policy is None


def test_silence_about_rights_is_none() -> None:
    assert read_rights(head()) == Rights()
    found = read_rights(head('<meta name="tdm-reservation" content="0">'))
    assert (found.tdm_reserved, found.tdm_source, found.reserved_by) == (False, "meta", [])


META = '<meta name="tdm-reservation" content="{}"><meta name="tdm-policy" content="/meta">'


@pytest.mark.parametrize(
    ("header", "meta", "site", "said"),
    [
        ("0", "1", "1", (False, "header", None)),
        ("", "0", "1", (False, "meta", "https://journal.example/meta")),
        ("", "", "1", (True, "site", "https://journal.example/site")),
        ("1, 1", "0", "0", (True, "header", "https://journal.example/meta")),
        ("yes", "2", "1", (True, "site", "https://journal.example/site")),
        ("", "", "", (None, None, None)),
    ],
)
def test_the_header_wins_over_the_page_and_the_page_over_the_site(
    header: str, meta: str, site: str, said: tuple[bool | None, str | None, str | None]
) -> None:
    told = f"tdm-reservation={site} tdm-policy=https://journal.example/site" if site else None
    found = read_rights(head(META.format(meta) if meta else "", {"tdm-reservation": header}), told)
    assert (found.tdm_reserved, found.tdm_source) == said[:2]
    if said[0]:
        assert found.policy_url == said[2]


def test_preferences_of_the_page_win_over_those_of_the_site() -> None:
    headers = {"Content-Signal": "ai-train=yes", "Content-Usage": "train-ai=n"}
    found = read_rights(head("", headers), "ai-train=no search=no ai-input=no ai.txt=no")
    assert found.signals == ["ai-train=yes", "train-ai=n", "search=no", "ai-input=no"]
    assert found.ai_txt is False
    # To be searched is another matter than to be mined.
    assert found.reserved_by == ["train-ai=n", "ai-input=no", "ai.txt"]


def test_what_is_meant_for_others_or_for_search_reserves_nothing() -> None:
    meta = (
        '<meta name="googlebot" content="noai, noarchive"><meta name="robots" content="noindex, nosnippet">'
    )
    found = read_rights(head(meta, {"X-Robots-Tag": "bingbot: noarchive"}), "ai.txt=yes search=no")
    assert found.reserved_by == []
    assert found.ai_txt is True
    assert "googlebot:noai" in found.robots_meta


def test_what_the_link_notes_of_the_site_reaches_the_article() -> None:
    link = Link(url=URL, via="list", rights="tdm-reservation=1 ai-train=no")
    found = extract(PAGE.encode(), URL, link=link)
    assert isinstance(found, Article)
    assert found.rights.reserved_by == ["tdm-reservation=1", "ai-train=no"]


RESERVED, NO_COPIES = Rights(reserved_by=["noarchive", "noai"]), Rights(reserved_by=["noarchive"])


def test_a_policy_decides_on_reserved_articles_alone() -> None:
    for policy in ("archive", "no-export", "skip"):
        free = article(Rights())
        assert apply_rights_policy(free, policy) is free
    for policy in ("archive", "no-export"):
        for rights in (RESERVED, NO_COPIES):
            found = apply_rights_policy(article(rights), policy)  # type: ignore[arg-type]
            assert isinstance(found, Article)
            assert found.rights == rights.model_copy(update={"policy": policy})


def test_skipped_is_what_is_reserved_and_not_what_only_wants_no_copies_shown() -> None:
    refused = apply_rights_policy(article(RESERVED), "skip")
    assert isinstance(refused, Rejection)
    assert (refused.step, refused.reason) == ("rights", "rights_reserved")
    assert refused.detail == "reserved by noarchive, noai"
    kept = apply_rights_policy(article(NO_COPIES), "skip")
    assert isinstance(kept, Article)
    assert kept.rights.policy == "no-export"


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("noindex, nofollow", ["noindex", "nofollow"]),
        ("NoArchive", ["noarchive"]),
        ("googlebot: noindex, noai", ["googlebot:noindex", "googlebot:noai"]),
        ("newscrawl: noai", ["noai"]),
        ("*: noai", ["noai"]),
        ("max-snippet: 20, noai", ["max-snippet:20", "noai"]),
        (
            "unavailable_after: Friday, 25-Jun-2030 15:00:00 PST, noai",
            ["unavailable_after:friday 25-jun-2030 15:00:00 pst", "noai"],
        ),
        ("unavailable_after: 2030-06-25T15:00:00+01:00", ["unavailable_after:2030-06-25t15:00:00+01:00"]),
        ("otherbot: unavailable_after: 1 Jan 2030", ["otherbot:unavailable_after:1 jan 2030"]),
        ("noindex nofollow; noai", ["noindex", "nofollow", "noai"]),
        ("", []),
        (",,:,", []),
        ("unavailable_after:", ["unavailable_after:"]),
        ("unheard-of", ["unheard-of"]),
    ],
)
def test_a_header_is_parsed_into_directives(tag: str, found: list[str]) -> None:
    assert parse_robots_directives([], [tag]) == found


def test_each_header_has_an_addressee_of_its_own() -> None:
    assert parse_robots_directives([], ["googlebot: noindex", "noai"]) == ["googlebot:noindex", "noai"]


def test_meta_elements_for_us_and_for_all_are_plain_and_those_of_others_are_named() -> None:
    metas = [("robots", "noarchive"), ("newscrawl", "noai"), ("googlebot", "noindex, noarchive")]
    assert parse_robots_directives(metas, ["noarchive"]) == [
        "noarchive",
        "noai",
        "googlebot:noindex",
        "googlebot:noarchive",
    ]


@given(st.lists(st.text(max_size=300), max_size=4))
def test_anything_can_be_read(tags: list[str]) -> None:
    found = parse_robots_directives([("robots", tag) for tag in tags], tags)
    assert len(found) == len(set(found)) <= MAX_DIRECTIVES
    assert all("," not in one.split(":")[0] for one in found)
