"""An article as its page shows it: its line, the versions of its page, its copies, and what differs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from pydantic import ValidationError

from newscrawl.archive.lines import describe_error
from newscrawl.errors import ArchiveError, NewscrawlError, archive_errors
from newscrawl.items import Article, WarcPointer, rfc3339
from newscrawl.state.database import Database
from newscrawl.state.documents import DocumentTable
from newscrawl.state.encoding import from_epoch, page_key
from newscrawl.storage import open_stored
from newscrawl.view.catalogue import Catalogue, Place

MAX_COMPARED_WORDS = 2000
"Longer paragraphs are compared as a whole: the time grows with the square."
MAX_COMPARED_PARAGRAPHS = 2000
MAX_VERSIONS = 200
MAX_COPIES = 200


class NotFound(NewscrawlError):
    """There is no such article, outlet or record."""


class Story(NamedTuple):
    """An article, and where its line is."""

    place: Place
    line: dict[str, Any]


class DiffPiece(NamedTuple):
    """A part of a text."""

    kind: str
    "`same`, `removed` or `added`."
    text: str


def read_story(catalogue: Catalogue, article_id: str) -> Story:
    """The article with this id, from its line; NotFound where no line has it, or has it any more."""
    place = catalogue.find(article_id)
    if place is None:
        raise NotFound(f"no article has the id {article_id[:80]}")
    return Story(place, _read_line(catalogue.archives, place))


def _read_line(archives: Path, place: Place) -> dict[str, Any]:
    path = archives / place.outlet / place.file
    try:
        with archive_errors(f"read {path}"), open_stored(path) as stream:
            stream.seek(place.start)
            data = json.loads(stream.read(place.length))
    except (ArchiveError, ValueError, RecursionError):
        data = None
    # The file may have been rewritten a moment ago.
    if not isinstance(data, dict) or data.get("id") != place.id:
        raise NotFound(f"the article {place.id} has just been moved or taken away")
    try:
        return Article.model_validate(data).model_dump(mode="json", by_alias=True)
    except ValidationError as error:
        raise ArchiveError(f"{path}, at byte {place.start}: {describe_error(error)}") from error


def read_pointer(line: dict[str, Any]) -> WarcPointer | None:
    """Where the archive has the page of a line; None where it does not say, or names a file elsewhere."""
    if not line.get("warc"):
        return None
    pointer = WarcPointer.model_validate(line["warc"])
    path = PurePosixPath(pointer.file)
    return None if path.is_absolute() or ".." in path.parts else pointer


def list_versions(catalogue: Catalogue, place: Place) -> list[dict[str, Any]]:
    """The texts of a page, the first to the last."""
    return [
        {"id": other.id, "version": other.version, "fetched": other.fetched, "is_this": other.id == place.id}
        for other in catalogue.versions(place)[-MAX_VERSIONS:]
    ]


def list_copies(database: Database | None, outlet: str, line: dict[str, Any]) -> dict[str, Any]:
    """Who carried the story, the first of all first, and who told the same event in another language.

    `is_compared` is false where the database does not know the article, so that nothing can be said.
    """
    nothing: dict[str, Any] = {"is_compared": False, "copies": [], "same_event": []}
    if database is None:
        return nothing
    table = DocumentTable(database)
    key = page_key(str(line.get("source") or outlet), str(line.get("url_requested") or ""))
    row = next(
        (row for row in table.find(str(line["id"]), str(line.get("url_norm"))) if row.key == key), None
    )
    if row is None:
        return nothing
    members, others = table.story(row)
    ordered = sorted(members, key=lambda member: (member.duplicate_of is not None, member.published))
    copies = [_document_data(member, row.id) for member in ordered[:MAX_COPIES]]
    return {
        "is_compared": True,
        "copies": copies if len(members) > 1 else [],
        "same_event": [_document_data(other, row.id) for other in others[:MAX_COPIES]],
    }


def _document_data(row: Any, own: int) -> dict[str, Any]:
    return {
        "id": row.latest_article_id or row.first_article_id,
        "outlet": row.outlet,
        "url": row.url,
        "title": row.title,
        "lang": row.lang,
        "published": rfc3339(from_epoch(row.published)),
        "agency": row.agency,
        "is_first": row.duplicate_of is None,
        "is_this": row.id == own,
    }


def compare_paragraphs(old: Sequence[str], new: Sequence[str]) -> list[list[DiffPiece]]:
    """The paragraphs of two texts together, each in pieces that both have or only one of them has."""
    if max(len(old), len(new)) > MAX_COMPARED_PARAGRAPHS:
        return [[DiffPiece("removed", text)] for text in old] + [[DiffPiece("added", text)] for text in new]
    paragraphs: list[list[DiffPiece]] = []
    for kind, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            paragraphs += [[DiffPiece("same", text)] for text in old[first:last]]
            continue
        before, after = list(old[first:last]), list(new[start:end])
        paired = min(len(before), len(after))
        paragraphs += [compare_words(*pair) for pair in zip(before, after, strict=False)]
        paragraphs += [[DiffPiece("removed", text)] for text in before[paired:]]
        paragraphs += [[DiffPiece("added", text)] for text in after[paired:]]
    return paragraphs


def compare_words(old: str, new: str) -> list[DiffPiece]:
    """Two paragraphs word by word."""
    before, after = old.split(), new.split()
    if max(len(before), len(after)) > MAX_COMPARED_WORDS:
        return [DiffPiece("removed", old), DiffPiece("added", new)]
    pieces: list[DiffPiece] = []
    for kind, first, last, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(DiffPiece("same", " ".join(before[first:last])))
            continue
        if last > first:
            pieces.append(DiffPiece("removed", " ".join(before[first:last])))
        if end > start:
            pieces.append(DiffPiece("added", " ".join(after[start:end])))
    return pieces


def list_paragraphs(line: dict[str, Any]) -> list[str]:
    """Title, standfirst and paragraphs of an article."""
    head = [str(line[name]) for name in ("title", "lede") if line.get(name)]
    return [*head, *filter(None, str(line.get("text") or "").split("\n\n"))]
