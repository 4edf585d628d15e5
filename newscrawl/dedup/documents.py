"""Turn articles into documents for comparison. Workers do this too, so nothing here imports a database."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta

from newscrawl.dedup.fingerprints import Document, sketch_names, tokenize
from newscrawl.extraction.metadata.names import agency_short_name
from newscrawl.items import Article
from newscrawl.state.encoding import epoch_seconds, page_key
from newscrawl.urls import normalize_url

_NO_SINGLE_STORY = frozenset({"listing", "forum", "product", "liveblog"})
"Page types that hold many stories or none."


def make_document(article: Article, *, is_wire: bool = False) -> Document | None:
    """Prepare an article for comparison; None if it is not a single story.

    `is_wire`: an agency runs its outlet.
    """
    if article.page_type in _NO_SINGLE_STORY or not article.fetched:
        return None
    fetched = datetime.fromisoformat(article.fetched)
    original, publisher = article.syndication.original_url, article.publisher or ""
    return Document(
        key=page_key(article.source or "", article.url_requested),
        article_id=article.id,
        outlet=article.source or article.domain or "",
        url=article.url_norm,
        title=_clean(article.title),
        lang=article.lang,
        published=epoch_seconds(_publication_time(article.published, fetched)),
        fetched_at=epoch_seconds(fetched),
        agency=_clean(article.syndication.agency),
        agency_of_outlet=agency_short_name(publisher) or (publisher or None if is_wire else None),
        original_url=_clean(normalize_url(original)) if original else None,
        tokens=tokenize(article.text),
        names=sketch_names(article.text),
    )


def _clean(text: str | None) -> str | None:
    """Remove the characters that PostgreSQL rejects."""
    return text and text.replace("\0", "").encode("utf-8", "replace").decode()


def _publication_time(published: str | None, fetched: datetime) -> datetime:
    """When the article came out: never after the fetch, and the end of the day if the hour is unknown."""
    try:
        moment = datetime.fromisoformat(published or "")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        return fetched
    return min(moment, fetched)


def pack_document(document: Document | None) -> bytes:
    """A document as bytes, for the same version of this program; empty if there is none."""
    return pickle.dumps(document) if document else b""


def unpack_document(data: bytes) -> Document | None:
    document: Document | None = pickle.loads(data) if data else None  # noqa: S301 # made by this program
    return document
