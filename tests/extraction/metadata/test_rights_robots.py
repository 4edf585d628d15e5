"""Directives for robots: which there are, and whom they are for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.extraction.metadata.rights import MAX_DIRECTIVES, directives_of


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
def test_a_header_says_what_it_says(tag: str, found: list[str]) -> None:
    assert directives_of([], [tag]) == found


def test_each_header_has_an_addressee_of_its_own() -> None:
    assert directives_of([], ["googlebot: noindex", "noai"]) == ["googlebot:noindex", "noai"]


def test_meta_elements_for_us_and_for_all_are_plain_and_those_of_others_are_named() -> None:
    metas = [("robots", "noarchive"), ("newscrawl", "noai"), ("googlebot", "noindex, noarchive")]
    assert directives_of(metas, ["noarchive"]) == [
        "noarchive",
        "noai",
        "googlebot:noindex",
        "googlebot:noarchive",
    ]


@given(st.lists(st.text(max_size=300), max_size=4))
def test_anything_can_be_read(tags: list[str]) -> None:
    found = directives_of([("robots", tag) for tag in tags], tags)
    assert len(found) == len(set(found)) <= MAX_DIRECTIVES
    assert all("," not in one.split(":")[0] for one in found)
