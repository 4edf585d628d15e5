"""The word lists: attributed, apart from each other, and quick to load."""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path

import pytest
from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

from newscrawl.languages.lexicon import HOME, load_lexicon
from newscrawl.languages.ngrams import LATIN, STATES, load_ngram_costs, ngram_costs, pack_lanes, unpack_lanes

DATA = files("newscrawl.languages")


def words_of_section(code: str, step: int) -> set[str]:
    return {word for word, evidence in load_lexicon().frequent.items() if evidence == (code, step)}


def sections() -> dict[str, list[str]]:
    parts = DATA.joinpath("words.txt").read_text(encoding="utf-8").split("\n[")[1:]
    return {name: words.split() for name, _, words in (part.partition("]") for part in parts)}


@pytest.fixture(scope="module")
def library() -> DetectorFactory:
    """The profiles as langdetect itself reads them."""
    factory = DetectorFactory()
    factory.load_json_profile([Path(PROFILES_DIRECTORY, code).read_text(encoding="utf-8") for code in LATIN])
    return factory


def test_the_made_list_says_where_it_comes_from_and_its_terms() -> None:
    head = DATA.joinpath("words.txt").read_text(encoding="utf-8").split("[", 1)[0]
    for part in (
        "wordfreq 3.1.1",
        "Robyn Speer",
        "CC BY-SA 4.0",
        "tools/wordlists.py",
        "changed:",
    ):
        assert part in head


def test_both_languages_are_well_covered() -> None:
    lists = load_lexicon()
    for code in HOME:
        assert len(words_of_section(code, 2)) > 5_000
    assert {"conseil", "mairie", "habitants"} <= words_of_section("fr", 2)
    assert {"council", "mayor", "people"} <= words_of_section("en", 2)
    assert {"sport", "culture", "important"} <= lists.both


def test_no_word_identifies_two_languages() -> None:
    lists = load_lexicon()
    home = [words for name, words in sections().items() if name[:2] in HOME or name == "both"]
    assert sum(map(len, home)) == len(frozenset().union(*home))
    function = {code: {word for word, of in lists.function.items() if of == code} for code in HOME}
    assert not function["fr"] & function["en"]
    chrome = {code: {word for word, of in lists.chrome.items() if of == code} for code in HOME}
    assert not chrome["fr"] & (function["en"] | chrome["en"])
    assert not chrome["en"] & function["fr"]


def test_names_are_no_words_of_either() -> None:
    lists = load_lexicon()
    assert {"paul", "sarkozy", "washington"} <= lists.names
    assert not lists.names & {*words_of_section("fr", 2), *words_of_section("en", 2), *lists.both}


def test_of_a_word_in_two_sections_the_first_counts() -> None:
    first: dict[str, tuple[str, int]] = {}
    for name, words in sections().items():
        code, _, step = name.partition(" ")
        for word in words:
            if step:
                first.setdefault(word, (code, int(step)))
    assert load_lexicon().frequent == first


def test_a_word_costs_nothing_in_the_language_it_suits_best() -> None:
    found = dict(zip(STATES, ngram_costs("gemeinderat"), strict=True))
    assert found["de"] == 0
    assert found["fr"] > found["nl"] > 0


def test_packed_numbers_come_out_as_they_went_in() -> None:
    numbers = list(range(len(STATES)))
    assert unpack_lanes(pack_lanes(numbers)) == tuple(numbers)
    assert unpack_lanes(pack_lanes(numbers) + pack_lanes(numbers)) == tuple(2 * number for number in numbers)


def test_an_ngram_in_no_profile_costs_nothing() -> None:
    assert load_ngram_costs()["\u3042\u3042"] == 0
    assert load_ngram_costs()[" "] == 0


def test_every_gram_is_as_likely_as_langdetect_has_it(library: DetectorFactory) -> None:
    known = load_ngram_costs()
    for gram, chances in library.word_lang_prob_map.items():
        if gram != " ":
            rows = [chances[library.langlist.index(code)] for code in LATIN]
            assert known[gram] == pack_lanes(
                [round(-math.log(chance + 0.5 / 10_000) * 100) for chance in rows]
            )


@pytest.mark.parametrize(
    "word", ["a", "où", "île", "gemeinderat", "x" * 60, "anticonstitutionnellement", "ẹ̀kọ́"]
)
def test_steps_add_up_to_what_all_grams_of_a_word_say(word: str) -> None:
    padded = f" {word[:40]} "
    every = [padded[at : at + size] for size in (1, 2, 3) for at in range(len(padded) - size + 1)]
    sums = unpack_lanes(sum(map(load_ngram_costs().__getitem__, every)))[: len(LATIN)]
    assert ngram_costs(word)[: len(LATIN)] == [min((said - min(sums)) * 3 // 10, 350) for said in sums]
