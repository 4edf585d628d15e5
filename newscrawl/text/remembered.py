"""Notes of pages as they are kept between runs: put together, forgotten by age, written and read as JSON.

The same notes give the same bytes, in whatever order they came.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

from newscrawl.text.sightings import Mark, PageNote, Seen

SCHEMA = "newscrawl.memory/1"
MAX_PAGES = 300
"Pages remembered of an outlet; older ones are forgotten."
MAX_DAYS = 180
"A page is forgotten when it is so much older than the newest one."


def remembered(notes: Iterable[PageNote]) -> list[PageNote]:
    """The pages worth remembering, oldest first; the newest note of each page."""
    newest: dict[str, PageNote] = {}
    for note in sorted(notes, key=lambda note: (note.day, note.title, note.seen)):
        newest[note.url] = note
    found = sorted(newest.values(), key=_age)[-MAX_PAGES:]
    oldest = _days_before(found[-1].day) if found else ""
    return [note for note in found if note.day >= oldest]


def _age(note: PageNote) -> tuple[str, str]:
    """Pages of one day in an order that prefers none of the site's sections."""
    return note.day, blake2b(note.url.encode(), digest_size=8).hexdigest()


def _days_before(day: str) -> str:
    try:
        return (dt.date.fromisoformat(day) - dt.timedelta(days=MAX_DAYS)).isoformat()
    except (ValueError, OverflowError):
        return ""


def notes_to_json(notes: Sequence[PageNote]) -> bytes:
    """What `notes_of_json` reads: each text with its place once, the pages by number."""
    sizes: dict[Mark, int] = {}
    for seen in (seen for note in notes for seen in note.seen):
        sizes[seen.mark] = max(seen.chars, sizes.get(seen.mark, 0))
    marks = sorted(sizes)
    numbers = {mark: number for number, mark in enumerate(marks)}
    pages = [
        {
            "url": note.url,
            "day": note.day,
            "title": note.title,
            "inside": sorted(numbers[seen.mark] for seen in note.seen if seen.inside),
            "outside": sorted(numbers[seen.mark] for seen in note.seen if not seen.inside),
        }
        for note in notes
    ]
    told = {"schema": SCHEMA, "texts": [[*mark, sizes[mark]] for mark in marks], "pages": pages}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def notes_of_json(data: bytes) -> list[PageNote]:
    """Notes of pages; ValueError where the data holds none."""
    try:
        told: Any = json.loads(data)
        if told["schema"] != SCHEMA:
            raise ValueError(f"a memory of another kind: {told['schema']!r}")
        seen = [(Mark(str(place), str(words)), int(chars)) for place, words, chars in told["texts"]]
        return [_note(page, seen) for page in told["pages"]]
    except (KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"no memory: {error!r}") from error


def _note(page: Any, known: Sequence[tuple[Mark, int]]) -> PageNote:
    return PageNote(
        url=str(page["url"]),
        day=str(page["day"]),
        title=str(page["title"]),
        seen=(*_seen(page["inside"], known, inside=True), *_seen(page["outside"], known, inside=False)),
    )


def _seen(numbers: Iterable[int], known: Sequence[tuple[Mark, int]], *, inside: bool) -> Iterator[Seen]:
    for number in numbers:
        mark, chars = known[number]
        yield Seen(mark, chars, inside)
