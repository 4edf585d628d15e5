"""Articles in the shapes of other tools; each shape is a function of the article."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import quote

from newscrawl.items import Article, Block, Image

ColumnType = Literal["text", "int", "float", "bool", "texts"]
Row = dict[str, Any]
Reader = Callable[[Article], Any]
DAY_CHARS = 10
TYPED_TIMES = {"published_at": "published", "modified_at": "modified", "fetched_at": "fetched"}
"Timestamp columns and the text fields they are parsed from; null if only the day is given."
DAY_COLUMN = "published_on"


def _language_share(lang: str) -> Reader:
    return lambda article: next((part.share for part in article.lang_mix if part.lang == lang), 0.0)


def _warc_attribute(name: str) -> Reader:
    return lambda article: getattr(article.warc, name, None)


def _attribute(name: str) -> Reader:
    return lambda article: getattr(article, name)


COLUMNS: dict[str, tuple[ColumnType, Reader]] = {
    "id": ("text", _attribute("id")),
    "url": ("text", _attribute("url")),
    "url_canonical": ("text", _attribute("url_canonical")),
    "url_norm": ("text", _attribute("url_norm")),
    "source": ("text", _attribute("source")),
    "publisher": ("text", _attribute("publisher")),
    "domain": ("text", _attribute("domain")),
    "country": ("text", _attribute("country")),
    "title": ("text", _attribute("title")),
    "lede": ("text", _attribute("lede")),
    "text": ("text", _attribute("text")),
    "word_count": ("int", _attribute("word_count")),
    "char_count": ("int", _attribute("char_count")),
    "lang": ("text", _attribute("lang")),
    "lang_score": ("float", _attribute("lang_score")),
    "share_fr": ("float", _language_share("fr")),
    "share_en": ("float", _language_share("en")),
    "is_mixed": ("bool", _attribute("is_mixed")),
    "lang_declared": ("text", _attribute("lang_declared")),
    "lang_page": ("text", _attribute("lang_page")),
    "published": ("text", _attribute("published")),
    "published_precision": ("text", _attribute("published_precision")),
    "published_source": ("text", _attribute("published_source")),
    "modified": ("text", _attribute("modified")),
    "fetched": ("text", _attribute("fetched")),
    "authors": ("texts", lambda article: [author.name for author in article.authors]),
    "byline": ("text", _attribute("byline_raw")),
    "section": ("text", _attribute("section")),
    "tags": ("texts", _attribute("tags")),
    "dateline_place": ("text", _attribute("dateline_place")),
    "image_url": ("text", lambda article: _main_image(article.images)),
    "is_syndicated": ("bool", lambda article: article.syndication.is_syndicated),
    "agency": ("text", lambda article: article.syndication.agency),
    "original_url": ("text", lambda article: article.syndication.original_url),
    "free": ("bool", lambda article: article.access.free),
    "wall": ("text", lambda article: article.access.wall),
    "tdm_reserved": ("bool", lambda article: article.rights.tdm_reserved),
    "page_type": ("text", _attribute("page_type")),
    "version": ("int", _attribute("version")),
    "previous_id": ("text", _attribute("previous_id")),
    "duplicate_of": ("text", _attribute("duplicate_of")),
    "cluster": ("text", _attribute("cluster")),
    "text_sha256": ("text", _attribute("text_sha256")),
    "quality_score": ("float", lambda article: article.quality.score),
    "quality_flags": ("texts", lambda article: article.quality.flags),
    "http_status": ("int", lambda article: article.http.status),
    "extractor_version": ("text", lambda article: article.extractor.version),
    "warc_file": ("text", _warc_attribute("file")),
    "warc_offset": ("int", _warc_attribute("offset")),
    "warc_length": ("int", _warc_attribute("length")),
    "warc_record_id": ("text", _warc_attribute("record_id")),
    "payload_digest": ("text", _warc_attribute("payload_digest")),
}


def flat(article: Article) -> Row:
    """A row with every column; None if a value is missing."""
    return {name: read(article) for name, (_, read) in COLUMNS.items()}


Shape = Callable[[Article], Row]
ZULU_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
NO_LANGUAGE = frozenset({"mixed", "other", "und"})
"Labels that are no language."


def datatrove(article: Article) -> Row:
    """`text`, `id` and `metadata`, as datatrove's readers take them."""
    row = flat(article)
    return {"text": row.pop("text"), "id": row.pop("id"), "metadata": row}


def zyte(article: Article) -> Row:
    """Zyte's Article, which omits missing values."""
    fetched = parse_moment(article.fetched)
    return _drop_empty(
        {
            "url": article.url,
            "canonicalUrl": article.url_canonical,
            "headline": article.title,
            "description": article.lede,
            "articleBody": article.text,
            "inLanguage": _main_language(article),
            "datePublished": article.published,
            "datePublishedRaw": article.published_raw,
            "dateModified": article.modified,
            "authors": [
                _drop_empty({"name": author.name, "nameRaw": author.name, "url": author.url})
                for author in article.authors
            ],
            "breadcrumbs": [{"name": article.section}] if article.section else [],
            "mainImage": {"url": _main_image(article.images)} if article.images else None,
            "images": [{"url": image.url} for image in article.images],
            "metadata": {"dateDownloaded": fetched.strftime(ZULU_FORMAT)} if fetched else None,
        }
    )


def schemaorg(article: Article) -> Row:
    """A NewsArticle of schema.org as JSON-LD."""
    languages = [part.lang for part in article.lang_mix if part.lang not in NO_LANGUAGE]
    return _drop_empty(
        {
            "@context": "https://schema.org",
            "@type": "LiveBlogPosting" if article.page_type == "liveblog" else "NewsArticle",
            "@id": article.url_canonical or article.url,
            "identifier": article.id,
            "url": article.url,
            "mainEntityOfPage": article.url_canonical,
            "headline": article.title,
            "abstract": article.lede,
            "articleBody": article.text,
            "articleSection": article.section,
            "keywords": article.tags,
            "wordCount": article.word_count,
            "inLanguage": languages if article.is_mixed else _main_language(article),
            "datePublished": article.published,
            "dateModified": article.modified,
            "dateline": article.dateline_place,
            "author": [
                _drop_empty(
                    {
                        "@type": "Person" if author.kind == "person" else "Organization",
                        "name": author.name,
                        "url": author.url,
                    }
                )
                for author in article.authors
            ],
            "publisher": {"@type": "Organization", "name": article.publisher} if article.publisher else None,
            "image": [_image_object(image) for image in article.images],
            "isAccessibleForFree": article.access.free,
            "isBasedOn": article.syndication.original_url,
            "version": article.version,
        }
    )


def fundus(article: Article) -> Row:
    """The attributes of a Fundus article, with the body as summary and sections."""
    return {
        "title": article.title,
        "body": {"summary": [article.lede] if article.lede else [], "sections": _split_sections(article)},
        "plaintext": article.text,
        "authors": [author.name for author in article.authors],
        "publishing_date": article.published,
        "topics": list(article.tags),
        "free_access": article.access.free,
        "lang": _main_language(article),
        "publisher": article.publisher,
        "url": article.url,
    }


def newsplease(article: Article) -> Row:
    """The keys of a news-please article; its times are UTC without a zone."""
    return {
        "authors": [author.name for author in article.authors],
        "date_download": _naive_time(article.fetched),
        "date_modify": _naive_time(article.modified),
        "date_publish": _naive_time(article.published),
        "description": article.lede,
        "filename": quote(article.url, safe="") + ".json",
        "image_url": _main_image(article.images),
        "language": _main_language(article),
        "localpath": str(PurePosixPath(article.source or "", article.warc.file)) if article.warc else None,
        "maintext": article.text,
        "source_domain": article.domain,
        "text": None,
        "title": article.title,
        "title_page": article.title_raw,
        "title_rss": article.discovery.feed_title if article.discovery else None,
        "url": article.url,
    }


SHAPES: dict[str, Shape] = {
    "datatrove": datatrove,
    "huggingface": flat,
    "zyte": zyte,
    "schemaorg": schemaorg,
    "fundus": fundus,
    "newsplease": newsplease,
}
"The rows of a Hugging Face data set all have the same features, as flat rows have."


def _drop_empty(row: Row) -> Row:
    """Drop None, empty lists and empty objects."""
    return {name: value for name, value in row.items() if value is not None and value not in ([], {})}


def _main_language(article: Article) -> str | None:
    """The language of the text, or the main language of a mixed text."""
    if article.lang not in NO_LANGUAGE:
        return article.lang
    return next((part.lang for part in article.lang_mix if part.lang not in NO_LANGUAGE), None)


def _main_image(images: list[Image]) -> str | None:
    leading = [image for image in images if image.lead] or images
    return leading[0].url if leading else None


def _image_object(image: Image) -> Row:
    return _drop_empty(
        {"@type": "ImageObject", "url": image.url, "caption": image.caption, "creditText": image.credit}
    )


def _split_sections(article: Article) -> list[Row]:
    """Split the text at its headings; a section before the first heading has none."""
    sections: list[Row] = []
    for block in article.text_blocks or [Block(kind="p", text=article.text)]:
        if block.kind == "h" or not sections:
            sections.append({"headline": [], "paragraphs": []})
        sections[-1]["headline" if block.kind == "h" else "paragraphs"].append(block.text)
    return sections


def _naive_time(text: str | None) -> str | None:
    """Format a time as str() formats a naive datetime; a day without a time is its midnight."""
    if moment := parse_moment(text):
        return moment.replace(tzinfo=None, microsecond=0).isoformat(sep=" ")
    return f"{text} 00:00:00" if text else None


def parse_moment(text: str | None) -> datetime | None:
    """A time in UTC; None if only the day is given, or the time is invalid."""
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def parse_day(text: str | None) -> date | None:
    """The day as written, in its own time zone; None if there is none."""
    try:
        return date.fromisoformat((text or "")[:DAY_CHARS])
    except ValueError:
        return None
