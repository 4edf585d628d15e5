"""Articles under the names that other tools use: each shape is a pure function of the article."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import quote

from newscrawl.export.values import moment_of
from newscrawl.items import Article, Block, Image

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


Shape = Callable[[Article], Row]
SECONDS = "%Y-%m-%dT%H:%M:%SZ"
_NAMED_LANGUAGES = {"mixed", "other", "und"}
"Labels that are no language."


def datatrove(article: Article) -> Row:
    """`text`, `id` and `metadata`, as datatrove's readers take them."""
    row = flat(article)
    return {"text": row.pop("text"), "id": row.pop("id"), "metadata": row}


def huggingface(article: Article) -> Row:
    """A flat row, so that all rows have the same features."""
    return flat(article)


def zyte(article: Article) -> Row:
    """Zyte's Article; what is not known is left out, as there."""
    return _filled(
        {
            "url": article.url,
            "canonicalUrl": article.url_canonical,
            "headline": article.title,
            "description": article.lede,
            "articleBody": article.text,
            "inLanguage": _language(article),
            "datePublished": article.published,
            "datePublishedRaw": article.published_raw,
            "dateModified": article.modified,
            "authors": [
                _filled({"name": author.name, "nameRaw": author.name, "url": author.url})
                for author in article.authors
            ],
            "breadcrumbs": [{"name": article.section}] if article.section else [],
            "mainImage": {"url": _main(article.images)} if article.images else None,
            "images": [{"url": image.url} for image in article.images],
            "metadata": _filled({"dateDownloaded": _seconds(article.fetched)}),
        }
    )


def schemaorg(article: Article) -> Row:
    """A NewsArticle of schema.org as JSON-LD."""
    return _filled(
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
            "inLanguage": _languages(article),
            "datePublished": article.published,
            "dateModified": article.modified,
            "dateline": article.dateline_place,
            "author": [
                _filled(
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
    """The attributes of Fundus's article, the body as summary and sections."""
    return {
        "title": article.title,
        "body": {"summary": [article.lede] if article.lede else [], "sections": _sections(article)},
        "plaintext": article.text,
        "authors": [author.name for author in article.authors],
        "publishing_date": article.published,
        "topics": list(article.tags),
        "free_access": article.access.free,
        "lang": _language(article),
        "publisher": article.publisher,
        "url": article.url,
    }


def newsplease(article: Article) -> Row:
    """The keys of news-please's article; its times have no zone and are UTC."""
    return {
        "authors": [author.name for author in article.authors],
        "date_download": _without_zone(article.fetched),
        "date_modify": _without_zone(article.modified),
        "date_publish": _without_zone(article.published),
        "description": article.lede,
        "filename": quote(article.url, safe="") + ".json",
        "image_url": _main(article.images),
        "language": _language(article),
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
    shape.__name__: shape for shape in (datatrove, huggingface, zyte, schemaorg, fundus, newsplease)
}


def _filled(row: Row) -> Row:
    """Without what is not known: None, and empty lists and parts."""
    return {name: value for name, value in row.items() if value is not None and value not in ([], {})}


def _language(article: Article) -> str | None:
    """The one language of the text, the larger one where it has two."""
    if article.lang not in _NAMED_LANGUAGES:
        return article.lang
    return next((part.lang for part in article.lang_mix if part.lang not in _NAMED_LANGUAGES), None)


def _languages(article: Article) -> Any:
    """One language, or both of a text that is mixed."""
    both = [part.lang for part in article.lang_mix if part.lang not in _NAMED_LANGUAGES]
    return both if article.is_mixed else _language(article)


def _main(images: list[Image]) -> str | None:
    leading = [image for image in images if image.lead] or images
    return leading[0].url if leading else None


def _image_object(image: Image) -> Row:
    return _filled(
        {"@type": "ImageObject", "url": image.url, "caption": image.caption, "creditText": image.credit}
    )


def _sections(article: Article) -> list[Row]:
    """Headings open sections; what stands before the first one is a section without."""
    sections: list[Row] = []
    for block in article.blocks or [Block(kind="p", text=article.text)]:
        if block.kind == "h" or not sections:
            sections.append({"headline": [], "paragraphs": []})
        sections[-1]["headline" if block.kind == "h" else "paragraphs"].append(block.text)
    return sections


def _seconds(text: str | None) -> str | None:
    moment = moment_of(text)
    return moment.strftime(SECONDS) if moment else None


def _without_zone(text: str | None) -> str | None:
    """As str() of a datetime without a zone gives it; a day alone is its midnight, as there."""
    if moment := moment_of(text):
        return moment.replace(tzinfo=None, microsecond=0).isoformat(sep=" ")
    return f"{text} 00:00:00" if text else None
