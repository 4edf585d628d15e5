"""The articles of a unit that go out, one at a time; the others are counted."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from newscrawl.clustering.filled import with_copies
from newscrawl.export.scan import Scan, read_lines
from newscrawl.export.selection import Selection
from newscrawl.export.tally import Tally
from newscrawl.items import Article
from newscrawl.state.copies import CopyTable


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
