"""The word lists: attributed, apart from each other, and quick to load."""

from __future__ import annotations

from importlib.resources import files

from newscrawl.text.language.lexicon import HOME, lexicon
from newscrawl.text.language.profiles import STATES, costs, grams, packed, unpacked

DATA = files("newscrawl.text.language")


def test_the_made_list_says_where_it_comes_from_and_its_terms() -> None:
    head = DATA.joinpath("words.txt").read_text(encoding="utf-8").split("[", 1)[0]
    for told in ("wordfreq 3.1.1", "Robyn Speer", "CC BY-SA 4.0", "tests/tools/wordlists.py", "changed:"):
        assert told in head


def test_both_languages_are_well_covered() -> None:
    lists = lexicon()
    for code in HOME:
        assert len(lists.listed[code, 2]) > 5_000
    assert {"conseil", "mairie", "habitants"} <= lists.listed["fr", 2]
    assert {"council", "mayor", "people"} <= lists.listed["en", 2]
    assert {"sport", "culture", "important"} <= lists.both


def test_no_word_tells_two_languages() -> None:
    lists = lexicon()
    sections = [*(words for (code, _), words in lists.listed.items() if code in HOME), lists.both]
    assert sum(map(len, sections)) == len(frozenset().union(*sections))
    function = {code: {word for word, of in lists.function.items() if of == code} for code in HOME}
    assert not function["fr"] & function["en"]
    chrome = {code: {word for word, of in lists.chrome.items() if of == code} for code in HOME}
    assert not chrome["fr"] & (function["en"] | chrome["en"])
    assert not chrome["en"] & function["fr"]


def test_names_are_no_words_of_either() -> None:
    lists = lexicon()
    assert {"paul", "sarkozy", "washington"} <= lists.names
    assert not lists.names & {*lists.listed["fr", 2], *lists.listed["en", 2], *lists.both}


def test_a_word_costs_nothing_in_the_language_it_suits_best() -> None:
    found = dict(zip(STATES, costs("gemeinderat"), strict=True))
    assert found["de"] == 0
    assert found["fr"] > found["nl"] > 0


def test_packed_numbers_come_out_as_they_went_in() -> None:
    numbers = list(range(len(STATES)))
    assert unpacked(packed(numbers)) == tuple(numbers)
    assert unpacked(packed(numbers) + packed(numbers)) == tuple(2 * number for number in numbers)


def test_a_gram_no_profile_has_says_nothing() -> None:
    assert grams()["\u3042\u3042"] == 0
    assert grams()[" "] == 0
