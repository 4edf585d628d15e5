"""Write WET files as Common Crawl does: a conversion record with the text of each article.

Keep them out of collections for replay: a tool that indexes conversion records serves the text instead of the
page.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from newscrawl import __version__
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, rfc3339
from newscrawl.storage import atomic_write
from newscrawl.warc.records import SerializedRecord, make_record, sha1_base32, target_uri, warcinfo_record

WET_SUFFIX = ".warc.wet.gz"


def write_wet(path: Path, articles: Iterable[Article], *, made: datetime, runs: Iterable[str]) -> int:
    """Write a record for each article; return their number. Equal articles and times give equal bytes."""
    if not path.name.endswith(WET_SUFFIX):
        raise ArchiveError(
            f"{path}: the name must end with {WET_SUFFIX}, so that replay tools ignore the file"
        )
    count = 0
    with atomic_write(path) as stream:
        info = wet_warcinfo(path.name, rfc3339(made), runs)
        stream.writelines(info.pieces)
        for article in articles:
            stream.writelines(conversion_record(article, info.record_id).pieces)
            count += 1
    return count


def wet_warcinfo(name: str, date: str, runs: Iterable[str]) -> SerializedRecord:
    """The warcinfo record that the file begins with."""
    fields = [
        ("software", f"newscrawl/{__version__}"),
        ("format", "WARC File Format 1.1"),
        ("description", "Text of articles; each record refers to the response it was made from"),
        *(("isPartOf", run) for run in runs),
    ]
    return warcinfo_record(stable_record_id(name, date), date, name, fields)


def conversion_record(article: Article, warcinfo_id: str) -> SerializedRecord:
    """A record with the text of an article, which refers to the response that it was extracted from."""
    if not article.warc or not article.fetched:
        raise ArchiveError(f"{article.url}: the article does not name the record it was extracted from")
    block = article_plain_text(article).encode("utf-8", "replace")
    record_id = stable_record_id(article.warc.record_id, article.id)
    headers = [
        ("WARC-Date", article.fetched),
        ("WARC-Target-URI", target_uri(article.url)),
        ("WARC-Warcinfo-ID", warcinfo_id),
        ("WARC-Refers-To", article.warc.record_id or None),
        ("WARC-Refers-To-Target-URI", target_uri(article.url)),
        ("WARC-Refers-To-Date", article.fetched),
        ("WARC-Block-Digest", sha1_base32(block)),
        ("WARC-Identified-Payload-Type", "text/plain"),
        ("Content-Type", "text/plain; charset=utf-8"),
    ]
    try:
        return make_record("conversion", record_id, headers, block)
    except ValueError as error:
        raise ArchiveError(f"{article.url!r}: {error}") from error


def article_plain_text(article: Article) -> str:
    """Headline, standfirst and body, separated by blank lines."""
    return "\n\n".join(part for part in (article.title, article.lede, article.text) if part) + "\n"


def stable_record_id(*names: str) -> str:
    """A record id that depends only on these names, so that repeated runs give the same file."""
    return f"<urn:uuid:{uuid5(NAMESPACE_URL, ' '.join(names))}>"
