"""Literals of JavaScript, as scripts assign them."""

import json
from time import process_time
from typing import Any

import pytest

from newscrawl.extraction.script_literals import (
    MAX_LITERAL_CHARS,
    UnreadableScriptError,
    read_literal,
    unescape_string,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, true, null, "x\\u00e9"]}', {"a": [1, 2.5, True, None, "xé"]}),
        ("{a: 1, 'b': `two`, \"c\": \"th\" + 'ree',}", {"a": 1, "b": "two", "c": "three"}),
        ("[!0, !1, void 0, undefined, NaN, , 3]", [True, False, None, None, None, None, 3]),
        ("/* first */ {a: 1 // the first\n, b: 2}", {"a": 1, "b": 2}),
        (r"'\x41\u0042\u{1F600}\ud83d\ude00 \/ \' \" \n'", "AB😀😀 / ' \" \n"),
        (r"'a\ud83db'", "ab"),
        ("`a ${name} b`", "a  b"),
        (
            "{0: 'zero', $a_1: .5, b: 0x1F, c: -1e3, d: 10n}",
            {"0": "zero", "$a_1": 0.5, "b": 31, "c": -1000, "d": 10},
        ),
        ('JSON.parse("{\\"a\\": [1]}")', {"a": [1]}),
        ("JSON.parse(decodeURIComponent('%7B%22a%22%3A1%7D'))", {"a": 1}),
        (
            "{at: new Date(17), m: new Map([[1, 2]]), l: Array(3), s: new Set()}",
            {"at": None, "m": None, "l": [], "s": None},
        ),
        ("({a: 1})", {"a": 1}),
        (
            "(function(a,b){return {x:a,y:[b,{z:b}],a}}('one',2))",
            {"x": "one", "y": [2, {"z": 2}], "a": "one"},
        ),
        (
            "(function(a,b,c){a.t='in';a.u=c;b[0]=a;b[1]=7;return {x:a,y:b}}({},Array(2),\"end\"))",
            {"x": {"t": "in", "u": "end"}, "y": [{"t": "in", "u": "end"}, 7]},
        ),
    ],
)
def test_a_literal_is_read(text: str, value: Any) -> None:
    assert read_literal(f"{text}; next()")[0] == value


def test_what_follows_is_not_looked_at() -> None:
    text = "window.a={b:1};}}{{("
    assert read_literal(text, text.index("{")) == ({"b": 1}, text.index(";"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[",
        "[1",
        "'a",
        "{a",
        "{a:}",
        "{a:1",
        "{a 1}",
        "{[k]: 1}",
        "{...a}",
        "{a: b}",
        "{a: function(){}}",
        "{a: () => 1}",
        "{a: 1 + 2}",
        "{a: c.d.e}",
        "JSON.parse('{')",
        "(function(a){a()}(1))",
        "(function(a){return b}(1))",
        "[" * 500,
        "{a:" * 500,
        "!" * 500,
        "(" * 500,
    ],
)
def test_what_is_no_literal_is_an_error(text: str) -> None:
    with pytest.raises(UnreadableScriptError):
        read_literal(text)


def test_json_may_be_longer_than_a_literal() -> None:
    long = {"a": "x" * MAX_LITERAL_CHARS, "b": [1]}
    assert read_literal(json.dumps(long))[0] == long
    with pytest.raises(UnreadableScriptError):
        read_literal(f"{{a: '{long['a']}', b: [1]}}")


@pytest.mark.parametrize(
    "text",
    [
        "{a:'" + "\\" * 300_000,
        "{a:" + "'b'+" * 100_000,
        "[" + " " * 900_000,
        "[" + "/*" * 400_000,
        "(function(" + "a," * 300_000,
        "(function(a){" + "a.b={};" * 100_000,
    ],
)
def test_time_grows_with_the_length_alone(text: str) -> None:
    start = process_time()
    with pytest.raises(UnreadableScriptError):
        read_literal(text)
    assert process_time() - start < 5


def test_a_string_has_its_quotes_taken_off() -> None:
    assert unescape_string(r'"a\tb\q\0"') == "a\tbq"
