"""Path patterns match as in robots.txt, and quickly whatever they are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.discovery.rights_files import matches, one_spelling, target_of


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
    assert matches(pattern, one_spelling(target)) is holds


def test_the_target_of_a_url_is_path_and_query() -> None:
    assert target_of("https://a.example") == "/"
    assert target_of("https://a.example/b?c=d#e") == "/b?c=d"


def test_many_stars_take_no_longer() -> None:
    assert not matches("*a" * 200 + "$", "a" * 2000 + "b")


@given(st.text("ab*$/", max_size=8), st.text("ab/", max_size=8))
def test_it_is_what_a_regular_expression_would_say(pattern: str, path: str) -> None:
    anchored = pattern.endswith("$")
    source = ".*".join(map(re.escape, pattern.removesuffix("$").split("*")))
    assert matches(pattern, path) is bool(re.compile(source + ("$" if anchored else "")).match(path))
