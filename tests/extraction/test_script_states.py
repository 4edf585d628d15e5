"""The data that the scripts and attributes of a page hold."""

import json
from typing import Any

import pytest
from lxml.html import document_fromstring

from newscrawl.extraction.jsonld import Json
from newscrawl.extraction.script_states import (
    MIN_STATE_CHARS,
    read_states,
    resolve_references,
    walk_values,
)

FILL = "x" * MIN_STATE_CHARS


def states(html: str) -> list[Json]:
    return list(read_states(document_fromstring(f"<html><body>{html}</body></html>")))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (f'<script type="application/json">{{"a": "{FILL}"}}</script>', {"a": FILL}),
        (f"<script>window.__A__={{a:'{FILL}'}};b()</script>", {"a": FILL}),
        (f"<script>'use strict';var b=1;self['a-b'].c = {{a:'{FILL}'}}</script>", {"a": FILL}),
        (f"<script>Site.data={{a:'{FILL}'}}</script>", {"a": FILL}),
        (
            "<script id=__NUXT_DATA__ type=application/json>"
            f'[["Reactive",1],{{"a":2,"s":4,"u":-1,"l":5}},"{FILL}",'
            '0,["Set",2,3],["Date","2020"]]</script>',
            {"a": FILL, "s": [FILL, 0], "u": None, "l": []},
        ),
        (
            f'<script>x.streamController.enqueue("[{{\\"_1\\":2}},\\"a\\",\\"{FILL}\\"]\\n")</script>',
            {"a": FILL},
        ),
        (f'<div data-props=\'{{"a": "{FILL}"}}\'></div>', {"a": FILL}),
    ],
)
def test_each_form_is_read(html: str, expected: Any) -> None:
    assert expected in states(html)


@pytest.mark.parametrize(
    "html",
    [
        f'<script type="application/ld+json">{{"a": "{FILL}"}}</script>',
        f'<script src=/a.js>window.a = {{"a": "{FILL}"}}</script>',
        '<script>window.a = {"a": "short"}</script>',
        f"<script>if (a == {{a: '{FILL}'}}) b()</script>",
        f"<p data-props='{{\"a\": {FILL}}}'>x</p>",
    ],
)
def test_what_is_no_state_is_left(html: str) -> None:
    assert states(html) == []


def test_later_lists_of_a_stream_refer_to_earlier_ones() -> None:
    lists = [f'[{{"_1":2}},"a","{FILL}"]\n', 'P3:[{"_1":2}]\n']
    chunks = [part.replace('"', '\\"').replace("\n", "\\n") for part in lists]
    html = "".join(f'<script>c.streamController.enqueue("{chunk}")</script>' for chunk in chunks)
    assert states(html) == [[{"a": FILL}, {"a": FILL}]]


def stream_script(text: str) -> str:
    return f"<script>c.streamController.enqueue({json.dumps(text)})</script>"


def test_the_lists_of_a_stream_share_their_parts() -> None:
    entries = [[*range(1, 20)], *([at] for at in range(19))]
    (values,) = states(stream_script("\n".join([json.dumps(entries), *["[[0]]"] * 50])))
    assert isinstance(values, list)
    first, *others = values
    assert len(others) == 50
    assert all(isinstance(other, list) and other[0] is first for other in others)


def test_a_key_of_a_stream_that_is_no_place_stays() -> None:
    key = "_" + "1" * 5_000
    assert states(stream_script(json.dumps([{key: 1}, FILL]))) == [{key: FILL}]


def test_a_key_of_a_stream_whose_place_holds_no_text_is_left_out() -> None:
    assert states(stream_script(json.dumps([{"_1": 3, "_2": 3}, [3, 3], "a", FILL]))) == [{"a": FILL}]


def test_a_long_text_that_rows_refer_to_is_put_in_few_places() -> None:
    text = FILL * 1_000
    rows = f"1:T{len(text):x},{text}" + "".join(f'{at:x}:{{"a":"$1"}}\n' for at in range(2, 100))
    found = states(f"<script>self.__next_f.push([1,{json.dumps(rows)}])</script>")
    assert found[:2] == [{"a": text}, {"a": text}]
    assert found[-1] == {"a": "$1"}


def test_lists_that_refer_to_themselves_end() -> None:
    entries = '[["Reactive",1],{"a":1,"b":2},[1,2],' + ",".join(["[1,2]"] * 99) + "]"
    (state,) = states(f"<script id=__NUXT_DATA__ type=application/json>{entries}</script>")
    assert isinstance(state, dict)
    assert state["a"] is state


def test_references_are_replaced() -> None:
    cache: dict[str, Json] = {
        "ROOT_QUERY": {"story": {"__ref": "S:1"}},
        "S:1": {"text": "one", "next": {"type": "id", "id": "S:2"}, "none": {"__ref": "S:3"}},
        "S:2": {"text": "two", "next": {"__ref": "S:1"}},
    }
    resolve_references({"apollo": cache})
    assert cache["ROOT_QUERY"] == {"story": cache["S:1"]}
    texts = [value for value in walk_values(cache["ROOT_QUERY"]) if isinstance(value, str)]
    assert texts == ["one", "two", "S:3"]


def test_values_are_walked_level_by_level_and_once() -> None:
    shared: Json = ["shared"]
    state: Json = {"a": {"b": shared, "c": "deep"}, "d": "flat", "e": shared, "skipped": "no"}
    texts = [value for value in walk_values(state, lambda key, _: key == "skipped") if isinstance(value, str)]
    assert texts == ["flat", "deep", "shared"]


def test_a_long_text_in_many_places_is_walked_once() -> None:
    state: Json = {f"key {at}": FILL for at in range(9)} | {"short": ["a", "a"]}
    assert [value for value in walk_values(state) if isinstance(value, str)] == [FILL, "a", "a"]
