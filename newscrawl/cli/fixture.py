"""`newscrawl fixture`: saves a page with what is expected of it as a test, and drafts the expectations."""

from __future__ import annotations

import json
import re
import tempfile
import uuid
from dataclasses import asdict
from datetime import datetime
from itertools import count, islice
from pathlib import Path
from typing import Annotated, Any

import typer

from newscrawl import __version__
from newscrawl.archive.pages import find_archive_files
from newscrawl.archive.reextract import extract_page
from newscrawl.archive.story_records import StoryRecords
from newscrawl.cli import ui
from newscrawl.cli.processes import crawl_command, run_crawl
from newscrawl.cli.target import ArchivedTarget, FileTarget, find_page
from newscrawl.downloader.capture import utc_now
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import Article, Link, Rejection, rfc3339
from newscrawl.outlet import Outlet, find_outlet
from newscrawl.urls import url_host
from newscrawl.warc.reader import (
    MAX_PAGE_BYTES,
    ArchivedPage,
    iter_records,
    open_warc,
    read_page,
    seek_record,
)
from newscrawl.warc.records import HttpExchange, exchange_records, warcinfo_record

NAMESPACE = uuid.UUID("6f1d0c52-4c0a-5f0e-9d55-1f6a3b0c7e21")
"Record ids are made from the fixture's name, so that saving it again gives the same bytes."
MAX_ABSENT = 20
MIN_ABSENT_CHARS = 12
"A shorter piece of what was removed may well be part of the article too."
RECORDS_AFTER_RESPONSE = 2
"Records of an exchange that follow its response."
_REVISIT_NOTES = {"originalFile", "originalOffset", "notModified"}
_NO_NAME = re.compile(r"[^a-z0-9]+")
_NAME_CHARS = 60


@ui.app.command("fixture")
def save_fixture(  # noqa: PLR0917 # typer hands them in by name
    page: ui.PageName,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("tests/golden"),
    name: Annotated[str | None, typer.Option(help="Name of the fixture. Default: made from the URL.")] = None,
    url: ui.FileUrl = None,
    outlet: Annotated[str | None, typer.Option(help="Use the rules of this outlet.")] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Fetch the page from its site, as a crawl would.")
    ] = False,
    archives: ui.Archives = ui.ARCHIVES,
    force: Annotated[bool, typer.Option("--force", help="Replace a fixture of that name.")] = False,
) -> None:
    """Save a page as a test case: its WARC file and a draft of the expected article.

    Use it when a page is extracted badly, before you mend the extractor. The draft is what is extracted today
    and says `"reviewed": false`: correct it by the page, then write true.
    """
    rules = find_outlet(outlet, ui.outlet_folders()) if outlet else None
    exchange = (
        fetch_exchange(page) if fetch else make_exchange(find_page(page, url=url, archives=archives, at=None))
    )
    stem = slugify(name or exchange.url)
    paths = (out / f"{stem}.warc.gz", out / f"{stem}.json")
    if not force and (existing := next((path for path in paths if path.exists()), None)):
        raise NewscrawlError(f"{existing} exists; --force replaces it")
    result = write_fixture(out, stem, exchange, rules)
    if isinstance(result, Rejection):
        ui.warn(f"rejected: {result.reason}: {result.detail}")
    for path in paths:
        ui.print_line(str(path))


def write_fixture(
    folder: Path, name: str, exchange: HttpExchange, outlet: Outlet | None = None
) -> Article | Rejection:
    """Write the page and the draft of the expectations; returns what is extracted from it today."""
    path = folder / f"{name}.warc.gz"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(fixture_warc(path.name, exchange))
        result = extract_page(StoryRecords(page=read_fixture(path)), outlet)
        draft = {**({"outlet": outlet.id} if outlet else {}), **draft_expectations(result)}
        text = json.dumps(draft, ensure_ascii=False, indent=2)
        path.with_name(f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise ArchiveError(f"cannot write {path}: {error.strerror}") from error
    return result


def fixture_warc(file_name: str, exchange: HttpExchange) -> bytes:
    """A WARC file of a single exchange; the same input gives the same bytes."""
    ids = (f"<urn:uuid:{uuid.uuid5(NAMESPACE, f'{file_name}#{number}')}>" for number in count())
    info_id, date = next(ids), rfc3339(exchange.started)
    fields = (("software", f"newscrawl/{__version__}"), ("format", "WARC File Format 1.1"))
    records = [
        warcinfo_record(info_id, date, file_name, fields),
        *exchange_records(exchange, info_id, ids.__next__),
    ]
    return b"".join(bytes(piece) for record in records for piece in record.pieces)


def read_fixture(path: Path) -> ArchivedPage:
    """The page of a fixture's WARC file."""
    target = find_page(str(path), url=None, archives=path.parent, at=None)
    assert isinstance(target, ArchivedTarget)
    return target.page


def draft_expectations(result: Article | Rejection) -> dict[str, Any]:
    """The fields that the test compares, as they are extracted today."""
    if isinstance(result, Rejection):
        return {"reviewed": False, "rejected": result.reason}
    return {
        "reviewed": False,
        "title": result.title,
        "lede": result.lede,
        "text": [block.text for block in result.text_blocks],
        "authors": [author.name for author in result.authors],
        "published": result.published,
        "lang": result.lang,
        "notice": result.syndication.notice,
        "absent": _sample_removed(result),
    }


def _sample_removed(article: Article) -> list[str]:
    """Beginnings of the texts that were removed, for the reviewer to choose from."""
    samples = dict.fromkeys(removed.sample.strip() for removed in article.removed)
    story = f"{article.lede or ''}\n{article.text}"
    absent = [sample for sample in samples if len(sample) >= MIN_ABSENT_CHARS and sample not in story]
    return absent[:MAX_ABSENT]


def fetch_exchange(url: str) -> HttpExchange:
    """Fetch a page as a crawl does: within robots.txt, and archived byte for byte."""
    with tempfile.TemporaryDirectory() as folder:
        output = run_crawl(crawl_command("urls", Path(folder), {}, {"url": url}))
        files = sorted(Path(folder).rglob("*.warc.gz"))
        pages = [page for file in find_archive_files(files) for page in file.pages()]
        if len(pages) != 1:
            raise NewscrawlError(f"{url}: {output or 'it was not answered with a page'}")
        page = read_page(pages[0].folder, pages[0].pointer)
        return make_exchange(ArchivedTarget(page=page, folder=pages[0].folder))


def make_exchange(target: ArchivedTarget | FileTarget) -> HttpExchange:
    """The exchange as it was archived, or made around a saved page as if it had just been sent."""
    if isinstance(target, FileTarget):
        return wrap_html(target.url, target.html, utc_now().replace(microsecond=0))
    page = target.page
    # The body of the page is in the same record now, even if it was a revisit.
    notes = tuple((name, value) for name, value in page.metadata.items() if name not in _REVISIT_NOTES)
    return HttpExchange(
        url=page.response.url,
        started=page.response.date,
        sent=_read_request(target),
        received=page.response.block,
        ip=page.response.headers.get("warc-ip-address"),
        metadata=notes if "discovery" in page.metadata else _make_notes(page.response.url),
    )


def _read_request(target: ArchivedTarget) -> bytes:
    """The request beside a response, empty where none was archived."""
    pointer, response_id = target.page.pointer, target.page.response.record_id
    with open_warc(target.folder, pointer.file) as stream:
        every = iter_records(seek_record(stream, pointer.offset), max_bytes=MAX_PAGE_BYTES)
        records = islice(every, 1, 1 + RECORDS_AFTER_RESPONSE)
        for record in records:
            if record.kind == "request" and record.headers.get("warc-concurrent-to") == response_id:
                return record.block
    return b""


def wrap_html(url: str, body: bytes, started: datetime, content_type: str = "text/html") -> HttpExchange:
    """The exchange in which a server answers with `body`."""
    target = re.sub(r"^https?://[^/]*", "", url).partition("#")[0] or "/"
    request = f"GET {target} HTTP/1.1\r\nHost: {url_host(url)}\r\n\r\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return HttpExchange(
        url=url,
        started=started,
        sent=request.encode("utf-8"),
        received=head.encode("latin-1") + body,
        metadata=_make_notes(url),
    )


def _make_notes(url: str) -> tuple[tuple[str, str], ...]:
    """What the archive notes of a page that the user named."""
    link = {name: value for name, value in asdict(Link(url=url, via="list")).items() if value is not None}
    return (("outcome", "ok"), ("discovery", json.dumps(link, ensure_ascii=False)))


def slugify(text: str) -> str:
    """A file name made of a title, or of the last part of a URL."""
    parts = [part for part in re.sub(r"^https?://", "", text).split("/") if part]
    last = parts[-1].lower() if parts else ""
    return _NO_NAME.sub("_", last)[:_NAME_CHARS].strip("_") or "page"
