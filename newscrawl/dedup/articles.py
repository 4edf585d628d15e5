"""Articles as texts that are looked through for copies, and such texts as rows of state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from newscrawl.dedup.fingerprints import (
    PRINT_BITS,
    Names,
    Text,
    Words,
    names_of,
    prints_of,
    stored,
    stored_names,
    words_of,
)
from newscrawl.extraction.metadata.names import agency_named
from newscrawl.items import Article
from newscrawl.state.duplicates import Copied, CopyTable
from newscrawl.state.rows import key_of, seconds_of
from newscrawl.state.urls import batches
from newscrawl.urls import normal_url

NAME = 1 << PRINT_BITS
"Added to what is a name, so that no fingerprint is taken for one."
_LISTS = frozenset({"listing", "forum", "product", "liveblog"})
"Kinds of page that hold many stories or none."


def text_of(article: Article, *, is_wire: bool = False) -> Text | None:
    """The article as copies are looked for; None when it is no single story.

    `is_wire`: its outlet is an agency's.
    """
    if article.page_type in _LISTS or not article.fetched:
        return None
    fetched = datetime.fromisoformat(article.fetched)
    original, publisher = article.syndication.original_url, article.publisher or ""
    return Text(
        key=key_of(article.source or "", article.url_requested),
        article=article.id,
        outlet=article.source or article.domain or "",
        url=article.url_norm,
        title=_storable(article.title),
        lang=article.lang,
        published=seconds_of(_published(article.published, fetched)),
        seen=seconds_of(fetched),
        agency=_storable(article.syndication.agency),
        own=agency_named(publisher) or (publisher or None if is_wire else None),
        original_url=_storable(normal_url(original)) if original else None,
        words=words_of(article.text),
        names=names_of(article.text),
    )


def _storable(said: str | None) -> str | None:
    """What a page says of itself, without what PostgreSQL refuses."""
    return said and said.replace("\0", "").encode("utf-8", "replace").decode()


def _published(said: str | None, fetched: datetime) -> datetime:
    """When it came out: never after it was fetched, and at the end of a day whose hour is not told."""
    try:
        moment = datetime.fromisoformat(said or "")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        return fetched
    return min(moment, fetched)


def values_of(text: Text) -> dict[str, Any]:
    """The columns that a text fills."""
    return {
        "key": text.key,
        "latest": text.article,
        "outlet": text.outlet,
        "url": text.url,
        "title": text.title,
        "lang": text.lang,
        "published": text.published,
        "seen": text.seen,
        "agency": text.agency,
        "own": text.own,
        "original_url": text.original_url,
        "words": stored(text.words),
        "names": stored_names(text.names),
    }


def numbers_of(words: Words, names: Names) -> list[int]:
    """All that a text is looked up by."""
    return [*prints_of(words).tolist(), *(NAME | name for name in names.tolist())]


BATCH = 500


def with_copies(articles: Iterable[Article], table: CopyTable) -> Iterator[Article]:
    """The articles in their order, `cluster` and `duplicate_of` filled where copies are known."""
    for batch in batches(articles, BATCH):
        keys = [key_of(article.source or "", article.url_requested) for article in batch]
        known = table.of_pages(keys)
        yield from (_filled(article, known.get(key)) for article, key in zip(batch, keys, strict=True))


def _filled(article: Article, copied: Copied | None) -> Article:
    if copied is None or copied.cluster is None:
        return article
    found = {"cluster": copied.cluster, "duplicate_of": copied.duplicate_of}
    return article.model_copy(update=found)
