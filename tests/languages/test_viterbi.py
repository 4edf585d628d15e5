"""The search finds the cheapest path, and undisputed lines give the same result as word by word."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.demo.stories import read_desk
from newscrawl.languages import detect_languages
from newscrawl.languages import viterbi as search
from newscrawl.languages.ngrams import FULL, LANE, STATES, pack_lanes
from newscrawl.languages.scores import EN, FR

COSTS = st.lists(st.integers(0, 900), min_size=3, max_size=3)
GUEST = STATES.index("de")
STATES_USED = (FR, EN, GUEST)


ENTRY_COSTS = (0, 0, search.GUEST_COST)


def evidence(costs: list[int]) -> int:
    lanes = [FULL >> 1] * len(STATES)
    for state, cost in zip(STATES_USED, costs, strict=True):
        lanes[state] = cost
    return pack_lanes(lanes)


def price(totals: list[int], change_costs: list[int], path: tuple[int, ...] | list[int]) -> int:
    entry = dict(zip(STATES_USED, ENTRY_COSTS, strict=True))
    price = entry[path[0]]
    for at, (total, state) in enumerate(zip(totals, path, strict=True)):
        price += total >> (LANE * state) & FULL
        if at and path[at - 1] != state:
            price += change_costs[at] + entry[state]
    return price


@given(st.lists(st.tuples(COSTS, st.sampled_from([140, 350, 450, 700])), min_size=1, max_size=6))
def test_no_path_is_cheaper_than_the_path_found(steps: list[tuple[list[int], int]]) -> None:
    totals, turns = [evidence(costs) for costs, _ in steps], [turn for _, turn in steps]
    every = itertools.product(STATES_USED, repeat=len(steps))
    least = min(price(totals, turns, path) for path in every)
    for search_states in (search.cheapest_states, search.cheapest_states_in_python):
        found = search_states(totals, turns, STATES_USED, ENTRY_COSTS)
        assert price(totals, turns, found) == least


@pytest.mark.parametrize("outlet", ["kamer_echo", "deccan_wire", "val_sambre", "fundy_courier"])
def test_reading_lines_at_once_gives_what_reading_every_word_gives(
    outlet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories = [
        "\n".join([story.title, *(part.text for part in story.parts)]) for story in read_desk(outlet).listed
    ]
    text = "\n".join(stories)
    at_once = [detect_languages(story) for story in [*stories, text]]
    monkeypatch.setattr(search, "SURE_SEGMENT", -1)
    monkeypatch.setattr(search, "SURE_LINE", -1)
    by_word = [detect_languages(story) for story in [*stories, text]]
    assert [(found.blocks, found.spans) for found in at_once] == [
        (found.blocks, found.spans) for found in by_word
    ]
