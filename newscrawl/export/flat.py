"""An article as one flat row: the columns of CSV, SQLite and flat Parquet, which are only ever added to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from newscrawl.items import Article

ColumnType = Literal["text", "int", "float", "bool", "texts"]
Row = dict[str, Any]
Reader = Callable[[Article], Any]


def _share(lang: str) -> Reader:
    return lambda article: next((part.share for part in article.lang_mix if part.lang == lang), 0.0)


def _warc(name: str) -> Reader:
    return lambda article: getattr(article.warc, name, None)


def _lead_image(article: Article) -> str | None:
    leading = [image for image in article.images if image.lead] or article.images
    return leading[0].url if leading else None


def _own(name: str) -> Reader:
    return lambda article: getattr(article, name)


COLUMNS: dict[str, tuple[ColumnType, Reader]] = {
    "id": ("text", _own("id")),
    "url": ("text", _own("url")),
    "url_canonical": ("text", _own("url_canonical")),
    "url_norm": ("text", _own("url_norm")),
    "source": ("text", _own("source")),
    "publisher": ("text", _own("publisher")),
    "domain": ("text", _own("domain")),
    "country": ("text", _own("country")),
    "title": ("text", _own("title")),
    "lede": ("text", _own("lede")),
    "text": ("text", _own("text")),
    "word_count": ("int", _own("word_count")),
    "char_count": ("int", _own("char_count")),
    "lang": ("text", _own("lang")),
    "lang_score": ("float", _own("lang_score")),
    "share_fr": ("float", _share("fr")),
    "share_en": ("float", _share("en")),
    "is_mixed": ("bool", _own("is_mixed")),
    "lang_declared": ("text", _own("lang_declared")),
    "lang_page": ("text", _own("lang_page")),
    "published": ("text", _own("published")),
    "published_precision": ("text", _own("published_precision")),
    "published_source": ("text", _own("published_source")),
    "modified": ("text", _own("modified")),
    "fetched": ("text", _own("fetched")),
    "authors": ("texts", lambda article: [author.name for author in article.authors]),
    "byline": ("text", _own("byline_raw")),
    "section": ("text", _own("section")),
    "tags": ("texts", _own("tags")),
    "dateline_place": ("text", _own("dateline_place")),
    "image_url": ("text", _lead_image),
    "is_syndicated": ("bool", lambda article: article.syndication.is_syndicated),
    "agency": ("text", lambda article: article.syndication.agency),
    "original_url": ("text", lambda article: article.syndication.original_url),
    "free": ("bool", lambda article: article.access.free),
    "wall": ("text", lambda article: article.access.wall),
    "tdm_reserved": ("bool", lambda article: article.rights.tdm_reserved),
    "page_type": ("text", _own("page_type")),
    "version": ("int", _own("version")),
    "previous_id": ("text", _own("previous_id")),
    "duplicate_of": ("text", _own("duplicate_of")),
    "cluster": ("text", _own("cluster")),
    "text_sha256": ("text", _own("text_sha256")),
    "quality_score": ("float", lambda article: article.quality.score),
    "quality_flags": ("texts", lambda article: article.quality.flags),
    "http_status": ("int", lambda article: article.http.status),
    "extractor_version": ("text", lambda article: article.extractor.version),
    "warc_file": ("text", _warc("file")),
    "warc_offset": ("int", _warc("offset")),
    "warc_length": ("int", _warc("length")),
    "warc_record_id": ("text", _warc("record_id")),
    "payload_digest": ("text", _warc("payload_digest")),
}


def flat(article: Article) -> Row:
    """The row; every column is there, None where nothing is known."""
    return {name: read(article) for name, (_, read) in COLUMNS.items()}
