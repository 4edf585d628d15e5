"""`newscrawl freeze`: one page and what should come of it, kept as a test: a golden is drafted here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from newscrawl import __version__, settings
from newscrawl.archive.exchange import Exchange
from newscrawl.archive.reader import ArchivedPage, open_warc, positioned, read_page, records_of
from newscrawl.archive.records import exchange_records, warcinfo_record
from newscrawl.commands.crawls import crawl_command
from newscrawl.commands.report import Archives
from newscrawl.commands.target import Archived, Saved, page_named
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.extracting.places import archive_files
from newscrawl.extraction import extract_page
from newscrawl.items import Article, Link, Rejection, rfc3339
from newscrawl.outlet import Outlet, find_outlet
from newscrawl.urls import host_of

NAMESPACE = uuid.UUID("6f1d0c52-4c0a-5f0e-9d55-1f6a3b0c7e21")
"Record ids are made from the page's name, so that freezing it again gives the same bytes."
MAX_ABSENT = 20
MIN_ABSENT_CHARS = 12
"A shorter piece of what was dropped may well stand in the story too."
BESIDE = 2
"Records of one exchange after its response."
_OF_REVISITS = {"originalFile", "originalOffset", "notModified"}
_NAME = re.compile(r"[^a-z0-9]+")
_NAME_CHARS = 60


def freeze(  # noqa: PLR0917 # typer hands them in by name
    page: Annotated[
        str,
        typer.Argument(help="URL, record (FILE:OFFSET or id), or a page saved as a file."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write into.")] = Path("tests/golden"),
    name: Annotated[str | None, typer.Option(help="Name of the golden; else made of the URL.")] = None,
    url: Annotated[str | None, typer.Option(help="URL of a page saved as a file.")] = None,
    outlet: Annotated[str | None, typer.Option(help="Outlet whose rules hold.")] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Ask the site, not the archives.")] = False,
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
    force: Annotated[bool, typer.Option("--force", help="Replace a golden of that name.")] = False,
) -> None:
    """Draft a golden: a page as a WARC file of its own, and as JSON what is made of it today.

    The draft says `"reviewed": false`; it counts once somebody has read page and JSON and says true.
    """
    rules = find_outlet(outlet, [Path(folder) for folder in settings.NEWSCRAWL_OUTLETS]) if outlet else None
    exchange = fetched(page) if fetch else exchange_of(page_named(page, url=url, archives=archives, at=None))
    called = slug(name or exchange.url)
    paths = (out / f"{called}.warc.gz", out / f"{called}.json")
    if not force and (there := next((path for path in paths if path.exists()), None)):
        raise NewscrawlError(f"{there} exists; --force replaces it")
    result = write_golden(out, called, exchange, rules)
    if isinstance(result, Rejection):
        Console(stderr=True).print(
            f"rejected: {result.reason}: {result.detail}", style="yellow", markup=False
        )
    for path in paths:
        print(path)


def write_golden(
    folder: Path, name: str, exchange: Exchange, outlet: Outlet | None = None
) -> Article | Rejection:
    """Write the page and the draft of what is expected of it; gives what is made of it today."""
    path = folder / f"{name}.warc.gz"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one_page_warc(path.name, exchange))
        result = extract_page(page_in(path), outlet)
        draft = {**({"outlet": outlet.id} if outlet else {}), **draft_of(result)}
        text = json.dumps(draft, ensure_ascii=False, indent=2)
        path.with_name(f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise ArchiveError(f"cannot write {path}: {error.strerror}") from error
    return result


def one_page_warc(file_name: str, exchange: Exchange) -> bytes:
    """A WARC file of one exchange; the same input gives the same bytes."""
    ids = _ids(file_name)
    info_id, date = next(ids), rfc3339(exchange.started)
    fields = (("software", f"newscrawl/{__version__}"), ("format", "WARC File Format 1.1"))
    records = [
        warcinfo_record(info_id, date, file_name, fields),
        *exchange_records(exchange, info_id, ids.__next__),
    ]
    return b"".join(bytes(piece) for record in records for piece in record.pieces)


def _ids(file_name: str) -> Iterator[str]:
    for number in range(100):
        yield f"<urn:uuid:{uuid.uuid5(NAMESPACE, f'{file_name}#{number}')}>"


def page_in(path: Path) -> ArchivedPage:
    """The page of a WARC file that holds one."""
    found = page_named(str(path), url=None, archives=path.parent, at=None)
    assert isinstance(found, Archived)
    return found.page


def draft_of(result: Article | Rejection) -> dict[str, Any]:
    """What is checked of a golden, as it comes out today."""
    if isinstance(result, Rejection):
        return {"reviewed": False, "rejected": result.reason}
    return {
        "reviewed": False,
        "title": result.title,
        "lede": result.lede,
        "text": [block.text for block in result.blocks],
        "authors": [author.name for author in result.authors],
        "published": result.published,
        "lang": result.lang,
        "notice": result.syndication.notice,
        "absent": list(_absent(result)),
    }


def _absent(article: Article) -> Iterable[str]:
    """Beginnings of what was dropped, for the reader to choose from."""
    samples = dict.fromkeys(removed.sample.strip() for removed in article.removed)
    kept = f"{article.lede or ''}\n{article.text}"
    fit = [one for one in samples if len(one) >= MIN_ABSENT_CHARS and one not in kept]
    return fit[:MAX_ABSENT]


def fetched(url: str) -> Exchange:
    """As a crawl fetches a page: within robots.txt, and archived byte for byte."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(  # noqa: S603 # our own command, no shell
            [*crawl_command("urls", Path(folder), {}), "-a", f"url={url}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, "SCRAPY_SETTINGS_MODULE": "newscrawl.settings"},
            check=False,
        )
        files = sorted(Path(folder).rglob("*.warc.gz"))
        places = [place for file in archive_files(files) for place in file.places()]
        if len(places) != 1:
            said = done.stderr.strip().splitlines()[-1:] or ["it was not answered with a page"]
            raise NewscrawlError(f"{url}: {said[0]}")
        (place,) = places
        return exchange_of(Archived(page=read_page(place.folder, place.pointer), folder=place.folder))


def exchange_of(found: Archived | Saved) -> Exchange:
    """An exchange as it was archived, or made around a saved page as if it had just been sent."""
    if isinstance(found, Saved):
        return exchange_around(found.url, found.html, datetime.now(UTC).replace(microsecond=0))
    page = found.page
    return Exchange(
        url=page.response.url,
        started=page.response.date,
        sent=_request_of(found),
        received=page.response.block,
        ip=page.response.headers.get("warc-ip-address"),
        notes=_kept(page.notes) if "discovery" in page.notes else _notes(page.response.url),
    )


def _request_of(found: Archived) -> bytes:
    """The request beside a response, empty where none was archived."""
    pointer, ident = found.page.pointer, found.page.response.record_id
    with open_warc(found.folder, pointer.file) as stream:
        records = islice(records_of(positioned(stream, pointer.offset)), 1, 1 + BESIDE)
        beside = (record for _, _, record in records if record.headers.get("warc-concurrent-to") == ident)
        return next((record.block for record in beside if record.kind == "request"), b"")


def exchange_around(url: str, body: bytes, started: datetime, content_type: str = "text/html") -> Exchange:
    """The exchange in which a server answers with `body`."""
    target = re.sub(r"^https?://[^/]*", "", url).partition("#")[0] or "/"
    request = f"GET {target} HTTP/1.1\r\nHost: {host_of(url)}\r\n\r\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return Exchange(
        url=url,
        started=started,
        sent=request.encode("utf-8"),
        received=head.encode("latin-1") + body,
        notes=_notes(url),
    )


def _kept(notes: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Without what is told of revisits: the page is whole now."""
    return tuple((name, value) for name, value in notes.items() if name not in _OF_REVISITS)


def _notes(url: str) -> tuple[tuple[str, str], ...]:
    """What the archive notes of a page that the user named."""
    link = {name: value for name, value in asdict(Link(url=url, via="list")).items() if value is not None}
    return (("outcome", "ok"), ("discovery", json.dumps(link, ensure_ascii=False)))


def slug(text: str) -> str:
    """A file name of a title or the last part of an address that says something."""
    parts = [part for part in re.sub(r"^https?://", "", text).split("/") if part]
    last = parts[-1].lower() if parts else ""
    return _NAME.sub("_", last)[:_NAME_CHARS].strip("_") or "page"
