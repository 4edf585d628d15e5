"""Who carried a story: its members, what each kept and added, and where it says it is from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from newscrawl.copies.changes import Changes, Side, changes, side_by_side
from newscrawl.errors import NewscrawlError
from newscrawl.items import rfc3339
from newscrawl.state.copies import CopyTable
from newscrawl.state.rows import moment_of
from newscrawl.urls import normal_url


@dataclass(frozen=True, kw_only=True)
class Carried:
    """One outlet's text of a story."""

    row: Any
    is_original: bool
    changes: Changes | None
    "Against the original; None where one of the two texts is not on disk."
    sides: list[Side]
    "Empty unless asked for."


@dataclass(frozen=True, kw_only=True)
class Story:
    members: list[Carried]
    "In the order in which they came out."
    same_story: list[Any]
    "Rows that tell the same event in other languages."


def carried_of(table: CopyTable, archives: Path, name: str, *, with_texts: bool) -> Story:
    """The story of an article, named by its id, its cluster or its URL; NewscrawlError when none is known."""
    rows = table.named(name, normal_url(name))
    if not rows:
        raise NewscrawlError(f"no article {name} is known: `newscrawl cluster` reads lines not yet looked at")
    members, others = table.carried(rows[0])
    original = next((row for row in members if row.duplicate_of is None), members[0])
    first = _text(archives, original)
    found = [_carried(archives, row, original, first, with_texts) for row in members]
    return Story(members=sorted(found, key=lambda each: each.row.published), same_story=others)


def _carried(archives: Path, row: Any, original: Any, first: str | None, with_texts: bool) -> Carried:
    text = None if row.id == original.id else _text(archives, row)
    both = first is not None and text is not None
    return Carried(
        row=row,
        is_original=row.id == original.id,
        changes=changes(first, text) if first is not None and text is not None else None,
        sides=list(side_by_side(first or "", text or "")) if both and with_texts else [],
    )


def _text(archives: Path, row: Any) -> str | None:
    """The text of a row, from the lines of its outlet, the newest run first."""
    sought = f'"id":"{row.latest}"'.encode()
    for path in sorted((archives / row.outlet).glob("*.jsonl"), reverse=True):
        with path.open("rb") as stream:
            for line in stream:
                if sought in line and (data := _read(line)).get("id") == row.latest:
                    return str(data.get("text") or "")
    return None


def _read(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def show_carried(story: Story, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_as_data(story)))
        return
    console = Console()
    console.print(_table(story))
    for row in story.same_story:
        console.print(
            f"same event ({row.lang}): {row.outlet}: {row.title} {row.url}", markup=False, soft_wrap=True
        )
    for member in story.members:
        if member.sides:
            console.print(_sides(member))


def _table(story: Story) -> Table:
    first = next(member.row for member in story.members if member.is_original)
    table = Table(title=escape(f"{first.title}\n{first.cluster or 'no copy is known'}"), title_justify="left")
    for name in ("outlet", "published", "kept", "own", "from", "headline and address"):
        table.add_column(name, overflow="fold")
    for member in story.members:
        row, changed = member.row, member.changes
        kept, own = (f"{changed.kept:.0%}", f"{changed.own:.0%}") if changed else ("–", "–")
        source = " ".join(part for part in (row.agency, row.original_url) if part)
        name = f"{row.outlet} *" if member.is_original else row.outlet
        cells = (
            name,
            f"{moment_of(row.published):%Y-%m-%d %H:%M}",
            kept,
            own,
            source,
            f"{row.title}\n{row.url}",
        )
        table.add_row(*map(escape, cells))
    return table


def _sides(member: Carried) -> Table:
    table = Table(title=escape(f"original | {member.row.outlet}"), title_justify="left", show_lines=True)
    table.add_column("original", ratio=1)
    table.add_column(escape(member.row.outlet), ratio=1)
    for side in member.sides:
        style = "dim" if side.is_same else ""
        table.add_row(escape(side.original), "=" if side.is_same else escape(side.copy), style=style)
    return table


def _as_data(story: Story) -> dict[str, Any]:
    first = next(member.row for member in story.members if member.is_original)
    return {
        "cluster": first.cluster,
        "original": first.latest,
        "members": [
            _row_data(member.row)
            | {"duplicate_of": member.row.duplicate_of}
            | {"kept": _rounded(member.changes, "kept"), "own": _rounded(member.changes, "own")}
            | ({"sides": [side._asdict() for side in member.sides]} if member.sides else {})
            for member in story.members
        ],
        "same_story": [_row_data(row) for row in story.same_story],
    }


def _rounded(changed: Changes | None, name: str) -> float | None:
    return round(getattr(changed, name), 3) if changed else None


def _row_data(row: Any) -> dict[str, Any]:
    names = ("outlet", "url", "title", "lang", "agency", "original_url")
    return {
        "id": row.latest,
        "published": rfc3339(moment_of(row.published)),
        **{name: getattr(row, name) for name in names},
    }
