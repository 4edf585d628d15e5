"""Search: what people type becomes a query of SQLite's full-text search, and the answer hits and facets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from sqlite3 import Connection
from typing import Any

from newscrawl.view.catalogue import FACETS, PLACE_BITS, Catalogue

PAGE_SIZE = 20
MAX_PAGES = 500
MAX_COUNTED = 10_000
"Hits that are counted, ranked and paged through, the newest of them: a million would take seconds."
MAX_FACET_VALUES = 50
MAX_DAYS = 31
MAX_TERMS = 30
MAX_CHARS = 500
ORDERS = ("newest", "relevance")
MARK_START, MARK_END = "\x02", "\x03"
"Around what was found; texts in the catalogue have no such characters."
SNIPPET_WORDS = 40
SNIPPET_CHARS = 260
SECONDS_OF_DAY = 86_400
_TERM = re.compile(r'(-?)"([^"]*)"?|(-?)(\S+)')
_WORD = re.compile(r"\w")
_HIGHEST = (1 << 62) - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchRequest:
    """What somebody looks for."""

    words: str = ""
    'As they typed it: words, "phrases", -excluded, beginning*, OR.'
    filters: Mapping[str, str] = field(default_factory=dict)
    "Facet (outlet, lang, wire, section) to its value."
    first_day: str = ""
    last_day: str = ""
    "Days of publication such as 2026-03-01, in UTC; empty: no bound."
    order: str = ORDERS[0]
    page: int = 1
    with_old_versions: bool = False


def build_match(words: str) -> str | None:
    """The expression of FTS5; None where nothing can be looked for. No input makes an invalid expression.

    Words must all be there, or one of those that OR joins; those after a minus must not.
    """
    wanted: list[list[str]] = []
    excluded: list[str] = []
    joins_next = False
    for match in list(_TERM.finditer(words[:MAX_CHARS]))[:MAX_TERMS]:
        if match[4] == "OR":
            joins_next = bool(wanted)
            continue
        term = _quote(match[2] if match[4] is None else match[4])
        if term is None:
            continue
        if match[1] or match[3]:
            excluded.append(term)
        elif joins_next:
            wanted[-1].append(term)
        else:
            wanted.append([term])
        joins_next = False
    if not wanted:
        return None
    expression = " AND ".join(f"({' OR '.join(group)})" for group in wanted)
    return f"({expression}) NOT ({' OR '.join(excluded)})" if excluded else expression


def _quote(text: str) -> str | None:
    """A term as a string of FTS5; None if it has no letter and no digit."""
    bare = text.replace("\0", " ").replace('"', " ").strip()
    if not _WORD.search(bare):
        return None
    is_beginning = bare.endswith("*")
    bare = bare.rstrip("*").encode("utf-8", "replace").decode()
    return f'"{bare}" *' if is_beginning else f'"{bare}"'


def search(catalogue: Catalogue, request: SearchRequest) -> dict[str, Any]:
    """Hits of a page of results, how many there are, and their counts by facet."""
    match = build_match(request.words)
    source, conditions, parameters = _conditions(request, match)
    is_ranked = match is not None and request.order == ORDERS[1]
    number = _number(match)
    statement = (
        f"SELECT {number}, {', '.join(f'facets.{name}' for name in FACETS)}, "  # noqa: S608 # our own words
        f"{'rank' if is_ranked else '0'} FROM {source} WHERE {conditions} "
        f"ORDER BY {number} DESC LIMIT {MAX_COUNTED + 1}"
    )
    page = min(max(request.page, 1), MAX_PAGES)
    with catalogue.reading() as connection:
        rows = connection.execute(statement, parameters).fetchall()
        counted = rows[:MAX_COUNTED]
        ordered = sorted(counted, key=itemgetter(-1)) if is_ranked else counted
        shown = [row[0] for row in ordered[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]]
        found = [_read_hit(connection, each, match) for each in shown]
    return {
        "words": request.words,
        "is_understood": match is not None or not request.words.strip(),
        "filters": dict(request.filters),
        "from": request.first_day,
        "to": request.last_day,
        "order": request.order,
        "old_versions": request.with_old_versions,
        "page": page,
        "has_more": len(counted) > page * PAGE_SIZE,
        "total": len(counted),
        "has_uncounted": len(rows) > MAX_COUNTED,
        "facets": _count_facets(counted),
        "hits": [hit for hit in found if hit],
    }


def _number(match: str | None) -> str:
    return "texts.rowid" if match else "facets.number"


def _conditions(request: SearchRequest, match: str | None) -> tuple[str, str, list[Any]]:
    """Tables, conditions and parameters that both hits and counts are asked for with."""
    parameters: list[Any] = []
    conditions: list[str] = []
    if match:
        # CROSS: the search index is asked first, in the order of its numbers.
        source = "texts CROSS JOIN facets ON facets.number = texts.rowid"
        conditions += ["texts MATCH ?", "rank MATCH 'bm25(5.0, 1.0)'"]
        parameters.append(match)
    else:
        source = "facets"
    if not request.with_old_versions:
        conditions.append("is_latest")
    for name in FACETS:
        if name in request.filters:
            conditions.append(f"facets.{name} = ?")
            parameters.append(request.filters[name])
    bounds = _day_bounds(request.first_day, request.last_day)
    if bounds:
        conditions.append(f"{_number(match)} BETWEEN ? AND ?")
        parameters += bounds
    return source, " AND ".join(conditions) or "1", parameters


def _day_bounds(first: str, last: str) -> tuple[int, int] | None:
    """The row numbers of the days; days that cannot be read are no bound."""
    start, end = parse_day(first), parse_day(last)
    if start is None and end is None:
        return None
    low = day_second(start) << PLACE_BITS if start else 0
    high = (day_second(end) + SECONDS_OF_DAY << PLACE_BITS) - 1 if end else _HIGHEST
    return low, high


def parse_day(text: str) -> date | None:
    """The day in a text such as 2026-03-01; None for anything else, and for days before 1970."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year >= 1970 else None


def day_second(day: date) -> int:
    """The second since 1970 with which a day begins in UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _read_hit(connection: Connection, number: int, match: str | None) -> dict[str, Any] | None:
    """What is shown of an article; None if it has gone since."""
    row = connection.execute(
        "SELECT places.id, places.outlet, page, fetched, version, chars, lang, wire, section, is_latest "
        "FROM places JOIN facets USING (number) WHERE number = ?",
        (number,),
    ).fetchone()
    if match:
        marks = f"'{MARK_START}', '{MARK_END}'"
        snippet = f"snippet(texts, 1, {marks}, '…', {SNIPPET_WORDS})"
        condition, parameters = "texts MATCH ? AND rowid = ?", [match, number]
    else:
        snippet, condition, parameters = f"substr(body, 1, {SNIPPET_CHARS})", "rowid = ?", [number]
    statement = f"SELECT title, {snippet} FROM texts WHERE {condition}"  # noqa: S608 # our own words
    text = connection.execute(statement, parameters).fetchone()
    if row is None or text is None:
        return None
    names = ("id", "outlet", "url", "fetched", "version", "chars", "lang", "wire", "section", "is_latest")
    return {
        **dict(zip(names, row, strict=True)),
        "is_latest": bool(row[-1]),
        "title": text[0],
        "time": format_second(number >> PLACE_BITS),
        "snippet": text[1] or "",
    }


def format_second(second: int) -> str:
    """RFC 3339, in UTC."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _count_facets(rows: Sequence[tuple[Any, ...]]) -> dict[str, list[dict[str, Any]]]:
    """How many of the hits have each value of a facet: the most frequent first, days by date."""
    facets: dict[str, list[dict[str, Any]]] = {}
    for place, name in enumerate(FACETS, 1):
        counts = Counter(row[place] for row in rows)
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_FACET_VALUES]
        facets[name] = [{"value": value, "count": count} for value, count in ordered]
    days = Counter((row[0] >> PLACE_BITS) // SECONDS_OF_DAY for row in rows)
    newest = sorted(days.items(), reverse=True)[:MAX_DAYS]
    facets["day"] = [
        {"value": format_second(day * SECONDS_OF_DAY)[:10], "count": count} for day, count in newest
    ]
    return facets


def split_snippet(text: str) -> list[tuple[bool, str]]:
    """A snippet in pieces: whether each was looked for, and its text."""
    pieces: list[tuple[bool, str]] = []
    for position, part in enumerate(text.split(MARK_START)):
        marked, end, rest = part.partition(MARK_END)
        if position and end:
            pieces += [(True, marked), (False, rest)]
        else:
            pieces.append((False, part.replace(MARK_END, "")))
    return [piece for piece in pieces if piece[1]]
