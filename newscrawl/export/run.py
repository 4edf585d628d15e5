"""One export from beginning to end: outlet by outlet, the last day first, unit by unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from newscrawl import __version__
from newscrawl.dedup.articles import with_copies
from newscrawl.export.scan import NO_COPIES, Scan, SeenPages, Unit, copies_digest, read_lines, scan, units_of
from newscrawl.export.tally import Tally
from newscrawl.export.values import day_of
from newscrawl.items import Article
from newscrawl.state.duplicates import CopyTable


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What is asked for; the defaults leave out nothing but what its publisher reserves."""

    since: date | None = None
    until: date | None = None
    "The last day, itself included. The day is that of publication, or of the fetch where none is told."
    languages: frozenset[str] = frozenset()
    mixed: bool | None = None
    page_types: frozenset[str] = frozenset()
    duplicates: bool = True
    reserved: bool = False
    "Whether texts go out that their site reserves against use by machines."
    all_versions: bool = False
    "Else the last version of each page of an outlet."

    def refusal(self, article: Article) -> str | None:
        """Why an article stays, as a short name; None when it goes out."""
        stays = (
            ("reserved", article.rights.is_reserved and not self.reserved),
            ("language", bool(self.languages) and article.lang not in self.languages),
            ("mixed", self.mixed is not None and article.is_mixed is not self.mixed),
            ("page_type", bool(self.page_types) and article.page_type not in self.page_types),
            ("duplicate", article.duplicate_of is not None and not self.duplicates),
            ("date", not self._in_days(article)),
        )
        return next((reason for reason, holds in stays if holds), None)

    def noted(self) -> dict[str, Any]:
        """For the manifest: the same selection gives the same note."""
        return {
            name: sorted(value)
            if isinstance(value, frozenset)
            else (str(value) if isinstance(value, date) else value)
            for name, value in asdict(self).items()
        }

    def _in_days(self, article: Article) -> bool:
        if not (self.since or self.until):
            return True
        day = day_of(article.published) or day_of(article.fetched)
        if day is None:
            return False
        return (self.since or day) <= day <= (self.until or day)


def rows(
    scanned: Scan, selection: Selection, tally: Tally, copies: CopyTable | None = None
) -> Iterator[Article]:
    """Each article that is selected; `tally` gets the reasons of those that are not.

    With `copies`, `cluster` and `duplicate_of` are what is known by now.
    """
    if scanned.older:
        tally.left_out["older_version"] += scanned.older
    articles = _articles(scanned, tally)
    for article in with_copies(articles, copies) if copies else articles:
        if reason := selection.refusal(article):
            tally.left_out[reason] += 1
        else:
            yield article


def _articles(scanned: Scan, tally: Tally) -> Iterator[Article]:
    for path, number, line in read_lines(scanned):
        try:
            yield Article.model_validate_json(line)
        except ValidationError as error:
            tally.name_unreadable(f"{path}, line {number}: {_fault(error)}")


def _fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}"[:200] if place else first["msg"][:200]


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
