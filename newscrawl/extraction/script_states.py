"""The state of a page: the data that its scripts and attributes hold for the scripts that show it.

It is read from JSON scripts (Next.js, Angular, SvelteKit), assignments (Redux, Apollo, Arc Fusion, Nuxt 2),
lists in which numbers refer to other entries (Nuxt 3, and the streams of Remix and React Router), the rows of
Next.js' streams, and attributes (Inertia). Blobs that are compressed or in base64 are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from html import unescape

from lxml import etree
from lxml.html import HtmlElement

from newscrawl.extraction.jsonld import Json
from newscrawl.extraction.script_literals import (
    UnreadableScriptError,
    read_json,
    read_literal,
    unescape_string,
)

MIN_STATE_CHARS = 400
"A shorter script holds no story."
_MAX_SCRIPTS = 100
_MAX_CHARS = 2 * 1024 * 1024
"Characters that are read as values, of all scripts of a page together."
_MAX_ASSIGNMENTS = 40
"Assignments of a script that are looked at."
_MAX_VALUES = 100_000
"Values of a state that are looked at."
_MAX_DEPTH = 60
_ASSIGNMENT = re.compile(
    r"(?:^|[;{}\s,(!/])"
    r"(?:(?:window|self|globalThis)\s{0,5}(?:\.\s{0,5}[\w$]{1,80}|\[\s{0,5}[\"'][^\"'\]\n]{1,80}[\"']\s{0,5}\])(?:\.[\w$]{1,80}){0,3}"
    r"|(?:var|let|const)\s{1,5}[\w$]{1,80}|[A-Z][\w$]{1,40}\.[\w$]{1,40}|__[\w$]{1,80})"
    r"\s{0,20}=\s{0,20}(?=[{\[(]|JSON\.parse\s{0,5}\()"
)
"How scripts put data into a global variable."
_FIRST_ASSIGNMENT = re.compile(r"^[\w.$\[\]\"']{1,80}\s{0,20}=\s{0,20}(?=[{\[(])")
"At the beginning of a script any variable may be it."
_STREAM = re.compile(r"streamController\.enqueue\(\s{0,20}(\"(?:[^\"\\]|\\.)*+\")", re.DOTALL)
_ROWS = re.compile(r"__next_f\.push\(\s{0,20}\[\s{0,20}1\s{0,20},\s{0,20}(\"(?:[^\"\\]|\\.)*+\")", re.DOTALL)
_ROW = re.compile(rb"([0-9a-f]{1,8}):(?:T([0-9a-f]{1,8}),|(?=[\[{\"]))")
_ROW_NAME = re.compile(r"\$[A-Z@]?([0-9a-f]{1,8})$")
_STREAM_CHUNK = re.compile(r"(?:P\d{1,9}:)?(?=\[)")
_STATE_ATTRIBUTES = etree.XPath(
    "//*/@*[(name() = 'data-page' or name() = 'data-props' or name() = 'data-state' or name() = 'props' or "
    "name() = 'data-react-props' or name() = 'data-initial-state') and starts-with(., '{')]"
)
_PLACE_KEY = re.compile(r"_\d{1,9}")
"A key of a stream that is the place of the key itself."
_ANGULAR_MARKS = (("&q;", '"'), ("&s;", "'"), ("&l;", "<"), ("&g;", ">"), ("&a;", "&"))
_WRAPPERS = frozenset({"Reactive", "ShallowReactive", "Ref", "ShallowRef", "EmptyRef", "EmptyShallowRef"})
"What stands before the number of the value itself."


def read_states(tree: HtmlElement) -> Iterator[Json]:
    """Yield what the scripts and attributes of a page hold as data, apart from JSON-LD.

    Unreadable data are skipped. Values may refer to each other in circles.
    """
    left = _MAX_CHARS
    streams: list[str] = []
    rows: list[str] = []
    for script in list(tree.iter("script"))[:_MAX_SCRIPTS]:
        text, kind = (script.text or "").strip(), (script.get("type") or "").lower()
        if "ld+json" in kind or script.get("src") or left < len(text):
            continue
        streams += (match.group(1) for match in _STREAM.finditer(text))
        rows += (match.group(1) for match in _ROWS.finditer(text))
        if len(text) < MIN_STATE_CHARS:
            continue
        left -= len(text)
        is_list = "nuxt" in (script.get("id") or "").lower() or script.get("data-nuxt-data") is not None
        for state in _read_json_script(text) if "json" in kind else _read_assignments(text):
            if is_list and isinstance(state, list):
                yield from _follow_numbers(state, [0], is_stream=False)
            else:
                yield state
    yield from _read_stream("".join(map(unescape_string, streams)))
    yield from _read_rows("".join(map(unescape_string, rows)))
    attributes = _STATE_ATTRIBUTES(tree)
    for value in attributes if isinstance(attributes, list) else []:
        if isinstance(value, str) and MIN_STATE_CHARS <= len(value) <= left:
            left -= len(value)
            yield from _read_json_script(value)


def _read_json_script(text: str) -> Iterator[Json]:
    if text.startswith("{&q;"):
        for mark, sign in _ANGULAR_MARKS:
            text = text.replace(mark, sign)
    elif text.startswith(("{&quot;", "[{&quot;")):
        text = unescape(text)
    try:
        yield read_json(text)[0]
    except UnreadableScriptError:
        return


def _read_assignments(text: str) -> Iterator[Json]:
    match = _FIRST_ASSIGNMENT.match(text) or _ASSIGNMENT.search(text)
    left = _MAX_CHARS
    for _ in range(_MAX_ASSIGNMENTS):
        if match is None or left < 0:
            return
        at = match.end()
        try:
            value, at = read_literal(text, at)
            yield value
        except UnreadableScriptError as error:
            left -= error.at - at
        match = _ASSIGNMENT.search(text, at)


def _read_stream(text: str) -> Iterator[Json]:
    """Yield the value of a stream of lists, in which numbers refer to the entries of all lists.

    Of several lists it is a list of their values: they share parts, which are built and walked once.
    """
    entries: list[Json] = []
    starts: list[int] = []
    for line in text.split("\n"):
        if not (chunk := _STREAM_CHUNK.match(line)):
            continue
        try:
            added = read_json(line, chunk.end())[0]
        except UnreadableScriptError:
            break
        if isinstance(added, list) and len(entries) + len(added) <= _MAX_VALUES:
            starts.append(len(entries))
            entries += added
    values = _follow_numbers(entries, starts, is_stream=True)
    if values:
        yield values if len(values) > 1 else values[0]


def _follow_numbers(entries: list[Json], starts: Iterable[int], *, is_stream: bool) -> list[Json]:
    """The values at some places of a list in which objects and lists hold the places of their parts.

    The form is that of devalue, or with `is_stream` that of turbo-stream, whose keys are places as well.
    Places below zero stand for undefined and the like.
    """
    if len(entries) > _MAX_VALUES:
        return []
    built: dict[int, Json] = {}

    def build(place: Json, depth: int) -> Json:
        if not isinstance(place, int) or not 0 <= place < len(entries) or depth > _MAX_DEPTH:
            return None
        if place in built:
            return built[place]
        entry = entries[place]
        if isinstance(entry, dict):
            made: dict[str, Json] = {}
            built[place] = made
            for key, value in entry.items():
                is_place = is_stream and _PLACE_KEY.fullmatch(key) is not None
                name = build(int(key[1:]), depth + 1) if is_place else key
                # Written as text, lists that share their parts can be longer than any memory.
                if isinstance(name, str):
                    made[name] = build(value, depth + 1)
        elif isinstance(entry, list):
            mark = entry[0] if entry and isinstance(entry[0], str) else None
            if mark in _WRAPPERS:
                return build(entry[1] if len(entry) > 1 else None, depth + 1)
            items: list[Json] = []
            built[place] = items
            if mark is None or mark in {"Set", "Map"} or (is_stream and mark in {"S", "M"}):
                items += (build(value, depth + 1) for value in (entry if mark is None else entry[1:]))
        else:
            built[place] = entry
        return built[place]

    return [build(start, 0) for start in starts]


def _read_rows(text: str) -> Iterator[Json]:
    """Yield the rows of Next.js' stream; texts that stand in rows of their own are put in their places."""
    data = text.encode("utf-8", "replace")
    texts: dict[str, str] = {}
    values: list[Json] = []
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        row = _ROW.match(data, at, end)
        if row and row.group(2):
            end = row.end() + int(row.group(2), 16)
            texts[row.group(1).decode()] = data[row.end() : end].decode("utf-8", "replace")
            at = end
            continue
        if row:
            values.extend(_read_json_script(data[row.end() : end].decode("utf-8", "replace")))
        at = end + 1
    left = _MAX_CHARS
    for value in values:
        for part in walk_values(value):
            for key, inner in _items(part):
                name = _ROW_NAME.match(inner) if isinstance(inner, str) else None
                whole = texts.get(name.group(1)) if name else None
                # A page may refer to a long text from thousands of places.
                if whole is not None and len(whole) <= left:
                    part[key] = whole  # type: ignore[index]
                    left -= len(whole)
        yield value


def _items(value: Json) -> Iterable[tuple[str | int, Json]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else ()


def resolve_references(state: Json) -> None:
    """Replace the references of a normalised cache (Apollo, Relay) by what they refer to, in place."""
    caches = [part for part in walk_values(state) if isinstance(part, dict) and "ROOT_QUERY" in part]
    for cache in caches[:3]:
        for part in walk_values(cache):
            for key, inner in _items(part):
                if isinstance(inner, dict) and (name := _reference(inner)) is not None and name in cache:
                    part[key] = cache[name]  # type: ignore[index]


def _reference(value: dict[str, Json]) -> str | None:
    """The key that an object of a cache refers to; in older caches its type says that it is a reference."""
    name = value.get("__ref") or (value.get("id") if value.get("type") == "id" else None)
    return name if isinstance(name, str) else None


def walk_values(state: Json, skip: Callable[[str | int, Json], bool] | None = None) -> Iterator[Json]:
    """Yield a value and all objects, lists and strings inside, outer ones first, each once.

    Parts for whose key and value `skip` is true are left out. Strings that are JSON themselves are read too.
    """
    level: list[Json] = [state]
    seen: dict[int, Json] = {}
    count = 0
    for _ in range(_MAX_DEPTH):
        below: list[Json] = []
        for value in level:
            count += 1
            if count > _MAX_VALUES:
                return
            if isinstance(value, str):
                if len(value) >= MIN_STATE_CHARS:
                    if id(value) in seen:
                        continue
                    seen[id(value)] = value
                yield value
                if len(value) >= MIN_STATE_CHARS and value[:2] in {'{"', "[{"} and value[-1] in "}]":
                    below.extend(_read_json_script(value))
            elif isinstance(value, dict | list) and id(value) not in seen:
                seen[id(value)] = value
                yield value
                below.extend(
                    inner
                    for key, inner in _items(value)
                    if isinstance(inner, dict | list | str) and not (skip and skip(key, inner))
                )
        level = below
