"""What a worker sends a crawl of a page: bytes that the crawl writes or holds as they are.

To send objects, and to make lines and documents of them there, costs the process that crawls several times as
much. Nothing here imports Scrapy, for workers load it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from newscrawl.archive.lines import PackedArticle, json_line
from newscrawl.archive.reextract import extract_with_record
from newscrawl.dedup.documents import make_document, pack_document
from newscrawl.dedup.fingerprints import Document
from newscrawl.extraction.boilerplate import PageRecord
from newscrawl.extraction.following_pages import PageLinks
from newscrawl.extraction.story_forms import FormLink
from newscrawl.items import Article, Rejection, WarcPointer
from newscrawl.outlet import Outlet

logger = logging.getLogger(__name__)


class PackedPage(NamedTuple):
    """An `ExtractedPage` whose article is packed."""

    item: PackedArticle | Rejection
    record: PageRecord | None
    links: PageLinks | None = None
    form: FormLink | None = None
    form_outcome: str = ""


def extract_packed(
    folder: Path,
    pointer: WarcPointer,
    outlet: Outlet | None,
    memory: Path | None = None,
    parts: Sequence[WarcPointer] = (),
    *,
    is_compared: bool,
) -> PackedPage:
    """Like `extract_with_record`, for a crawl; `is_compared`: whether that looks for copies of articles."""
    page = extract_with_record(folder, pointer, outlet, memory, parts)
    item: PackedArticle | Rejection
    if isinstance(page.item, Article):
        document = _make_document(page.item, outlet) if is_compared else None
        item = PackedArticle(json_line(page.item), pack_document(document))
    else:
        item = page.item
    return PackedPage(item, page.record, page.links, page.form, page.form_outcome)


def _make_document(article: Article, outlet: Outlet | None) -> Document | None:
    """The article's document; None also where none can be made, which must not cost the article."""
    try:
        return make_document(article, is_wire=outlet is not None and outlet.kind == "wire")
    except Exception:
        logger.exception("%s: it is not compared with other articles", article.url)
        return None
