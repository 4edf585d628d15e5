"""Which sources of an outlet are to be asked: those its file names, and those these name in turn."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Row

AT_ONCE = 0
"When a source is due of which nothing is known."
Rows = Mapping[str, Row[Any]]
"Rows of `feeds` of one outlet, by URL."
Named = tuple[str, str]
"Kind and URL of a source."


MOST = 200
"Sources of one outlet that are heard, as a rule."


class File(NamedTuple):
    """What an outlet's file says of its sources."""

    named: Sequence[Named]
    digest: str
    "Of the whole file: sources that were read by another are read anew."
    most: int = MOST
    "Sources that are asked, counted as they stand."
    deepest: Mapping[str, int] = MappingProxyType({})
    "By kind, steps from a source that is named."


class Known(NamedTuple):
    """A source as state knows it."""

    kind: str
    url: str
    depth: int
    "Steps from a source that is named."
    due: int


def known_sources(file: File, rows: Rows) -> Iterator[Known]:
    """Each source, the file's own first, then those they name, and when it is due.

    Where the file names none, those that were found last time, as long as they live.
    """
    waiting = deque((kind, url, 0) for kind, url in file.named or _found(file, rows))
    seen = {url for _, url, _ in waiting}
    while waiting:
        kind, url, depth = waiting.popleft()
        row = rows.get(url)
        is_read = row is not None and row.outlet_hash in (None, file.digest)
        yield Known(kind, url, depth, row.next_due if row and is_read else AT_ONCE)
        if not row or not is_read or depth >= file.deepest.get(kind, depth + 1):
            continue
        for more in json.loads(row.more or "[]"):
            if more not in seen and len(seen) < file.most:
                seen.add(more)
                waiting.append((kind, more, depth + 1))


def due_sources(file: File, rows: Rows, now: int) -> list[Known]:
    """The sources a run asks that asks no others."""
    return [source for source in known_sources(file, rows) if source.due <= now]


def first_due(file: File, rows: Rows) -> int | None:
    """When the first source is due; where none is known that lives, when one is to be looked for."""
    moments = [source.due for source in known_sources(file, rows)]
    return min(moments or [row.next_due for row in rows.values()], default=None)


def must_look(file: File, rows: Rows, now: int) -> bool:
    """Whether sources are to be looked for: the file names none, and of those that were found none lives."""
    return not file.named and not _found(file, rows) and (first_due(file, rows) or AT_ONCE) <= now


def _found(file: File, rows: Rows) -> list[Named]:
    return [
        (row.kind, url)
        for url, row in rows.items()
        if row.outlet_hash == file.digest and row.kind and row.retired is None
    ]
