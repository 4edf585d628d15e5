"""One export from beginning to end: outlet by outlet, the last day first, unit by unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from newscrawl import __version__
from newscrawl.export.copies import NO_COPIES, copies_digest
from newscrawl.export.rows import rows
from newscrawl.export.scan import scan
from newscrawl.export.seen import SeenPages
from newscrawl.export.selection import Selection
from newscrawl.export.tally import Tally
from newscrawl.export.units import Unit, units_of
from newscrawl.items import Article
from newscrawl.state.copies import CopyTable


class Sink(Protocol):
    """Where units go; a unit is there whole, and remembered, or not at all."""

    def open(self) -> None: ...

    def finished(self, unit: Unit, inputs: str) -> Tally | None: ...

    def write(self, unit: Unit, inputs: str, articles: Iterable[Article], tally: Tally) -> None: ...

    def close(self) -> Path | None:
        """Finish; the path where all of it is one file."""
        ...

    def abandon(self) -> None: ...


def export(
    archives: Path,
    outlets: Iterable[str],
    selection: Selection,
    sink: Sink,
    *,
    advanced: Callable[[int], None] = lambda _: None,
    copies: CopyTable | None = None,
) -> Tally:
    """Write what is selected of the outlets' finished runs; `advanced` hears the bytes read.

    With `copies`, clusters and originals are what is known by now.
    What a sink holds already is not written again. NewscrawlError when something cannot be read or written:
    then the sink keeps what is whole, and the next export goes on from there.
    """
    total = Tally()
    try:
        sink.open()
        for outlet in outlets:
            seen = None if selection.all_versions else SeenPages()
            for unit in units_of(archives, outlet):
                total.add(_unit(unit, seen, selection, sink, copies))
                advanced(unit.bytes)
        if (single := sink.close()) is not None:
            total.files, total.bytes = 1, single.stat().st_size
    except BaseException:
        sink.abandon()
        raise
    return total


def _unit(
    unit: Unit, seen: SeenPages | None, selection: Selection, sink: Sink, copies: CopyTable | None
) -> Tally:
    scanned = scan(unit, seen)
    copied = copies_digest(scanned, copies) if copies else NO_COPIES
    inputs = f"{scanned.digest} {copied} {__version__}"
    if known := sink.finished(unit, inputs):
        known.skipped_units = 1
        return known
    tally = Tally()
    sink.write(unit, inputs, rows(scanned, selection, tally, copies), tally)
    return tally
