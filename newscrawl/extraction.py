"""From a place in the archive to an Article: the one way a page is read, live and ever after."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from newscrawl.archive.http import ContentError, Message
from newscrawl.archive.reader import ArchivedPage, read_page
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Link, Rejection, discovery_of, rfc3339
from newscrawl.outlet import Outlet
from newscrawl.parts import WarcPointer
from newscrawl.state.memories import read_memory
from newscrawl.state.versions import against_known
from newscrawl.text.extract import Explained, explained
from newscrawl.text.judge.judge import LIKELY, Judge
from newscrawl.text.memory import Memory, memory_of
from newscrawl.text.remembered import notes_of_json
from newscrawl.text.sightings import PageNote, note_of

_LINK_FIELDS = {field.name for field in fields(Link)}


class Noted(NamedTuple):
    """A page's line, and what a memory of its site may learn from it."""

    item: Article | Rejection
    note: PageNote | None
    "None of a page that holds no story."


def extract_at(
    folder: Path, pointer: WarcPointer, outlet: Outlet | None, memory: Path | None = None
) -> Article | Rejection:
    """What the archived response at `pointer` says; ArchiveError when nothing whole stands there.

    `memory` is the file of what was learned of the site.
    """
    return extract_page(read_page(folder, pointer), outlet, memory_at(memory) if memory else None)


def noted_at(folder: Path, pointer: WarcPointer, outlet: Outlet | None, memory: Path | None = None) -> Noted:
    """As `extract_at`, with the page's note for the memory."""
    page = read_page(folder, pointer)
    found = explained_page(page, outlet, memory_at(memory) if memory else None)
    return Noted(_placed(page, found), _note(found))


def extract_page(
    page: ArchivedPage, outlet: Outlet | None, memory: Memory | None = None
) -> Article | Rejection:
    """An archived response as an Article, or why it is none; `warc` is filled."""
    return _placed(page, explained_page(page, outlet, memory))


def _placed(page: ArchivedPage, found: Explained) -> Article | Rejection:
    """The line with its place; of a page that was looked at again, its version."""
    item = found.result.model_copy(update={"warc": page.pointer})
    return against_known(item, link_of(page)) if isinstance(item, Article) else item


@lru_cache(maxsize=8)
def memory_at(path: Path) -> Memory:
    """A memory by its file, whose name changes with its content; ArchiveError when it cannot be read."""
    return memory_of(notes_at(path), path.name)


def notes_at(path: Path) -> list[PageNote]:
    """The pages that a memory's file remembers."""
    try:
        return notes_of_json(read_memory(path))
    except ValueError as error:
        raise ArchiveError(f"{path}: {error}") from error


def explained_page(
    page: ArchivedPage, outlet: Outlet | None, memory: Memory | None = None, judge: Judge | None = None
) -> Explained:
    """An archived response with what was thought of each of its blocks; `warc` is not filled."""
    message, link = page.message, link_of(page)
    try:
        content = message.content
    except ContentError as error:
        return Explained(result=_undecodable(page, link, outlet, str(error)))
    return explained(
        content,
        page.response.url,
        headers=_headers(message),
        fetched=page.response.date,
        outlet=outlet,
        memory=memory,
        link=link,
        status=message.status,
        judge=judge,
    )


def _headers(message: Message) -> dict[str, str]:
    """Headers by name. Of X-Robots-Tag each stands for itself: it may begin with whom it is for."""
    tags = [value for name, value in message.headers if name.lower() == "x-robots-tag"]
    return {**message.by_name, **({"x-robots-tag": "\n".join(tags)} if tags else {})}


def _note(found: Explained) -> PageNote | None:
    article = found.result
    if not isinstance(article, Article) or found.view is None or found.body is None:
        return None
    return note_of(
        found.view,
        _inside(found),
        url=article.url_norm,
        day=(article.fetched or "")[:10],
        title=article.title or "",
    )


def _inside(found: Explained) -> Sequence[bool]:
    """Which blocks look like the story's when no memory is asked, so that it never learns from itself."""
    assert found.view
    assert found.body
    view, likely = found.view, found.body.story.likely
    if not likely:
        looks = [block.frame.index in view.chosen for block in view.blocks]
    else:
        looks = [one > LIKELY for one in likely]
    return [
        one and block.frame.index not in view.chrome for one, block in zip(looks, view.blocks, strict=True)
    ]


def link_of(page: ArchivedPage) -> Link:
    """How the page was found, as the archive notes it; a page without a note counts as listed.

    ArchiveError when there is a note that cannot be read: it would be a page found in no way it was.
    """
    if "discovery" not in page.notes:
        return Link(url=page.response.url, via="list")
    try:
        noted: Any = json.loads(page.notes["discovery"])
    except ValueError:
        noted = None
    if not isinstance(noted, dict) or "url" not in noted or "via" not in noted:
        raise ArchiveError(f"{page.response.record_id}: how {page.response.url} was found cannot be read")
    return Link(**{name: value for name, value in noted.items() if name in _LINK_FIELDS})


def _undecodable(page: ArchivedPage, link: Link, outlet: Outlet | None, detail: str) -> Rejection:
    return Rejection(
        url=page.response.url,
        url_requested=link.url,
        source=outlet.id if outlet else None,
        step="extract",
        reason="bad_encoding",
        detail=detail,
        fetched=rfc3339(page.response.date),
        discovery=discovery_of(link),
    )
