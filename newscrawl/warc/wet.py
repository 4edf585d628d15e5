"""Text files beside the archive: a conversion record for each article, in the form of Common Crawl's WET.

They never belong into a collection that is replayed: a replay tool that indexes conversion records serves
the text in the page's place.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from newscrawl import __version__
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, rfc3339
from newscrawl.warc.records import (
    PACKED,
    Record,
    gzip_member,
    record_pieces,
    sha1_base32,
    target_uri,
    warcinfo_record,
)
from newscrawl.warc.writer import written_whole

ENDING = ".warc.wet.gz"


def write_wet(path: Path, articles: Iterable[Article], *, made: datetime, runs: Iterable[str]) -> int:
    """Write a record for each article; how many. The same articles and time give the same bytes."""
    if not path.name.endswith(ENDING):
        raise ArchiveError(f"{path}: the name must end with {ENDING}, so that no replay takes it up")
    count = 0
    with written_whole(path) as stream:
        info = wet_info(path.name, rfc3339(made), runs)
        stream.writelines(info.pieces)
        for article in articles:
            stream.writelines(conversion_record(article, info.record_id).pieces)
            count += 1
    return count


def wet_info(name: str, date: str, runs: Iterable[str]) -> Record:
    """The record the file begins with."""
    fields = [
        ("software", f"newscrawl/{__version__}"),
        ("format", "WARC File Format 1.1"),
        ("description", "Text of articles; each record refers to the response it was made from"),
        *(("isPartOf", run) for run in runs),
    ]
    return warcinfo_record(record_id_of(name, date), date, name, fields)


def conversion_record(article: Article, warcinfo_id: str) -> Record:
    """The text of an article, told to be made from its response."""
    if not article.warc or not article.fetched:
        raise ArchiveError(f"{article.url}: the article names no record it was made from")
    block = text_of(article).encode("utf-8", "replace")
    record_id = record_id_of(article.warc.record_id, article.id)
    headers = [
        ("WARC-Type", "conversion"),
        ("WARC-Record-ID", record_id),
        ("WARC-Date", article.fetched),
        ("WARC-Target-URI", target_uri(article.url)),
        ("WARC-Warcinfo-ID", warcinfo_id),
        ("WARC-Refers-To", article.warc.record_id),
        ("WARC-Refers-To-Target-URI", target_uri(article.url)),
        ("WARC-Refers-To-Date", article.fetched),
        ("WARC-Block-Digest", sha1_base32(block)),
        ("WARC-Identified-Payload-Type", "text/plain"),
        ("Content-Type", "text/plain; charset=utf-8"),
    ]
    try:
        pieces = record_pieces(headers, block)
    except ValueError as error:
        raise ArchiveError(f"{article.url!r}: {error}") from error
    return Record("conversion", record_id, gzip_member(pieces, PACKED))


def text_of(article: Article) -> str:
    """Headline, standfirst and story as a reader meets them, divided by blank lines."""
    return "\n\n".join(part for part in (article.title, article.lede, article.text) if part) + "\n"


def record_id_of(*names: str) -> str:
    """An id that is the same whenever the same record is made again."""
    return f"<urn:uuid:{uuid5(NAMESPACE_URL, ' '.join(names))}>"
