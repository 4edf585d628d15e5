"""Patterns for any of many words."""

import re

import pytest

from newscrawl.extraction.word_patterns import join_words
from newscrawl.package_data import read_package_toml

FAMILIES: dict[str, str] = read_package_toml("newscrawl.extraction.classifier", "words.toml")["names"]
STEMS: list[str] = read_package_toml("newscrawl.extraction", "walls.toml")["stems"]
BAR = re.compile(r"\|(?![^(]*\))")


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        (["share", "sharing", "social"], "sharing is social", ["sharing", "social"]),
        (["sub", "subtitle"], "subtitle", ["sub"]),
        (["subtitle", "sub"], "subtitle, substance", ["subtitle", "sub"]),
        (["title", "art", "tie"], "article, tie", ["art", "tie"]),
        (["tags?(?![a-z])", "categor"], "tag stage tags tagged category", ["tag", "tags", "categor"]),
        (["(?<![a-z])ads?(?![a-z])", "art"], "ad ads-top heads adsorb", ["ad", "ads"]),
    ],
)
def test_words_are_found_as_in_a_plain_list(words: list[str], text: str, found: list[str]) -> None:
    assert re.findall(join_words(words), text) == re.findall("|".join(words), text) == found


def test_the_families_of_names_match_as_in_a_plain_list() -> None:
    words = [word for pattern in FAMILIES.values() for word in BAR.split(pattern)]
    assert "shar(?:e|ing)" in words
    plain, joined = re.compile("|".join(words)), re.compile(join_words(words))
    spelt = [re.sub(r"\(\?.*?\)|\?", "", word) for word in words]
    for first in spelt:
        for second in ("", " ads", "s", "-up", "box", first):
            assert joined.findall(first + second) == plain.findall(first + second)
            assert joined.findall(second + first) == plain.findall(second + first)


def test_the_stems_of_walls_begin_with_a_character_that_stands_for_itself() -> None:
    for stem in STEMS:
        assert re.match(r"[a-z](?![?*+{])", stem), stem
