"""JSON with the faults pages print."""

from contextlib import suppress
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.extraction.jsonld import Unreadable, read_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, true, null, "x"]}', {"a": [1, 2.5, True, None, "x"]}),
        ('{"a": "un",}', {"a": "un"}),
        ('{"a": "line\none"}', {"a": "line\none"}),
        ('{"text": A story, told bare., "name": "Kato"}', {"text": "A story, told bare.", "name": "Kato"}),
        ('{"a": "il dit "non" et part", "b": "x"}', {"a": 'il dit "non" et part', "b": "x"}),
        ('{"a": , "b": "x"}', {"a": None, "b": "x"}),
        ('{"a": {"b": bare words}, "c": "d"}', {"a": {"b": "bare words"}, "c": "d"}),
        ('{"a": ["x", "y",], "b": "c', {"a": ["x", "y"], "b": "c"}),
        (r'{"a": "caf\u00e9 \ud83d\ude00", }', {"a": "café 😀"}),
    ],
)  # fmt: skip
def test_what_can_be_read_is_read(text: str, value: Any) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize("text", [r'{"a": "x\ud83d"}', r'{"a": "x\ude00", }', r'{"a": "x\ud83d\ud83d"}'])
def test_half_a_surrogate_pair_is_dropped(text: str) -> None:
    assert read_json(text) == {"a": "x"}


@pytest.mark.parametrize(
    "text",
    [
        "[" + ('"x"' + " " * 4_998) * 100,
        "[" + ("1.5" + " " * 4_998) * 100,
        "[" + ("x" + " " * 4_998) * 100,
        '{"a": ' + ("true" + " " * 4_998) * 100,
        "[" + '," ' * 160_000,
    ],
    ids=["strings", "numbers", "bare", "words", "commas"],
)
def test_long_white_space_costs_no_more_than_its_length(text: str) -> None:
    began = process_time()
    with suppress(Unreadable):
        read_json(text)
    assert process_time() - began < 1


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(Unreadable):
        read_json("[" * 200 + "x")


@given(st.text(alphabet='{}[]":,\\ax1 \n', max_size=200))
def test_any_text_ends_in_a_value_or_is_refused(text: str) -> None:
    try:
        value = read_json(text)
    except Unreadable:
        return
    assert value is None or isinstance(value, dict | list | str | int | float)
