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


def unit(costs: list[int], turn: int) -> search.Observation:
    lanes = [FULL >> 1] * len(STATES)
    for state, cost in zip(STATES_USED, costs, strict=True):
        lanes[state] = cost
    return search.Observation(0, 0, turn, pack_lanes(lanes))


def price(units: list[search.Observation], path: tuple[int, ...] | list[int]) -> int:
    entry = {FR: 0, EN: 0, GUEST: search.GUEST_COST}
    total = entry[path[0]]
    for at, (one, state) in enumerate(zip(units, path, strict=True)):
        total += one.total >> (LANE * state) & FULL
        if at and path[at - 1] != state:
            total += one.change_cost + entry[state]
    return total


@given(st.lists(st.tuples(COSTS, st.sampled_from([140, 350, 450, 700])), min_size=1, max_size=6))
def test_no_path_is_cheaper_than_the_path_found(steps: list[tuple[list[int], int]]) -> None:
    units = [unit(costs, turn) for costs, turn in steps]
    found = search._cheapest_states(units, STATES_USED)
    least = min(price(units, path) for path in itertools.product(STATES_USED, repeat=len(units)))
    assert price(units, found) == least


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
