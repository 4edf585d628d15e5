"""From a place in the archive to an Article: the one way a page is read, live and ever after."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from newscrawl.archive.http import ContentError
from newscrawl.archive.reader import ArchivedPage, read_page
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Link, Rejection, discovery_of, rfc3339
from newscrawl.outlet import Outlet
from newscrawl.parts import WarcPointer
from newscrawl.text import extract

_LINK_FIELDS = {field.name for field in fields(Link)}


def extract_at(folder: Path, pointer: WarcPointer, outlet: Outlet | None) -> Article | Rejection:
    """What the archived response at `pointer` says; ArchiveError when nothing whole stands there."""
    return extract_page(read_page(folder, pointer), outlet)


def extract_page(page: ArchivedPage, outlet: Outlet | None) -> Article | Rejection:
    """An archived response as an Article, or why it is none; `warc` is filled."""
    message, link = page.message, link_of(page)
    try:
        content = message.content
    except ContentError as error:
        return _undecodable(page, link, outlet, str(error))
    result = extract(
        content,
        page.response.url,
        headers=message.by_name,
        fetched=page.response.date,
        outlet=outlet,
        link=link,
        status=message.status,
    )
    return result.model_copy(update={"warc": page.pointer})


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
        warc=page.pointer,
    )
