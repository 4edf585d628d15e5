"""`newscrawl freeze`: one page and what should come of it, kept as a test: a golden is drafted here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console

from newscrawl import __version__, settings
from newscrawl.archive.pages import ENDINGS, archive_files
from newscrawl.archive.reextract import extract_page
from newscrawl.cli.processes import crawl_command
from newscrawl.cli.status import Archives
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import Article, Link, Rejection, WarcPointer, rfc3339
from newscrawl.outlet import Outlet, find_outlet
from newscrawl.urls import absolute, host_of
from newscrawl.warc.index import NAME, Capture, Index, warc_files
from newscrawl.warc.reader import ArchivedPage, open_warc, positioned, read_page, records_of
from newscrawl.warc.records import Exchange, exchange_records, target_uri, warcinfo_record

MAX_REDIRECTS = 5
MAX_NAMED = 5
"Other pages named when the one asked for is not there."
_WEB = ("http://", "https://")
_PLACE = re.compile(r"(?P<file>.+\.warc(?:\.gz)?):(?P<offset>\d{1,18})")
_ANSWERS = ("response", "revisit")
_NOT_MODIFIED = 304


@dataclass(frozen=True, kw_only=True, slots=True)
class Archived:
    """A page of an archive, and the folder it stands in."""

    page: ArchivedPage
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """A page saved as a file, and the URL it came from."""

    html: bytes
    url: str


def page_named(target: str, *, url: str | None, archives: Path, at: datetime | None) -> Archived | Saved:
    """The page; NewscrawlError says what is missing.

    `url` is that of a saved file; `at` chooses among the captures of a URL, the last one if None.
    """
    if (path := Path(target)).is_file() and not target.endswith(ENDINGS):
        return Saved(html=_bytes_of(path), url=_url_of(path, url))
    if url is not None:
        raise NewscrawlError(f"--url is for a page saved as a file, and {target} is none")
    if place := _PLACE.fullmatch(target):
        return _at(_file_named(place["file"], archives), int(place["offset"]))
    if target.endswith(ENDINGS):
        return _only_page(_file_named(target, archives))
    if record_id := _record_id(target):
        return _with_id(record_id, archives)
    if target.startswith(_WEB):
        return _of_url(target, archives, at)
    raise NewscrawlError(f"{target}: no file, no URL, no record id and no place such as story.warc.gz:1234")


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NewscrawlError(f"cannot read {path}: {error.strerror}") from error


def _url_of(path: Path, url: str | None) -> str:
    if url is None:
        raise NewscrawlError(f"{path}: --url is missing: links, dates and names are read by the page's URL")
    if absolute(url, "") is None:
        raise NewscrawlError(f"--url {url}: not an absolute http(s) URL")
    return url


def _file_named(name: str, archives: Path) -> Path:
    """A WARC file by its path, or by its bare name where one folder of the archives has it."""
    if (path := Path(name)).is_file():
        return path
    found = [folder / name for folder in _folders(archives) if (folder / name).is_file()]
    if len(found) > 1:
        raise NewscrawlError(f"{name} is in several folders: {', '.join(str(one.parent) for one in found)}")
    if not found:
        raise NewscrawlError(f"no such WARC file: {name}, nor is it in a folder of {archives}")
    return found[0]


def _at(path: Path, offset: int) -> Archived:
    """The page whose response stands at this byte of a file."""
    with open_warc(path.parent, path.name) as stream:
        _, length, record = next(records_of(positioned(stream, offset)), (0, 0, None))
    if record is None:
        raise NewscrawlError(f"{path}: no record begins at {offset}")
    if record.kind not in _ANSWERS:
        raise NewscrawlError(f"{path}: at {offset} is a {record.kind} record, not a response")
    pointer = WarcPointer(
        file=path.name,
        offset=offset,
        length=length,
        record_id=record.record_id,
        payload_digest=record.headers.get("warc-payload-digest"),
    )
    return Archived(page=read_page(path.parent, pointer), folder=path.parent)


def _only_page(path: Path) -> Archived:
    """The page of a file that holds one."""
    (file,) = archive_files([path])
    places = list(file.places())
    if len(places) == 1:
        return Archived(page=read_page(path.parent, places[0].pointer), folder=path.parent)
    named = "".join(
        f"\n  {path}:{place.pointer.offset} {target_uri(place.url)}" for place in places[:MAX_NAMED]
    )
    raise NewscrawlError(f"{path} holds {len(places)} pages: name one of them by its place{named}")


def _record_id(target: str) -> str | None:
    """`<urn:uuid:…>` for an id with or without its ornaments; None for anything else."""
    bare = target.strip("<>").removeprefix("urn:uuid:")
    try:
        return f"<urn:uuid:{UUID(bare)}>" if len(bare) == 36 else None
    except ValueError:
        return None


def _with_id(record_id: str, archives: Path) -> Archived:
    with ExitStack() as stack:
        for index in _indexes(archives, stack):
            found = next((one for one in index.by_key() if one.record_id == record_id), None)
            if found is not None and found.kind in _ANSWERS:
                return _archived(index, found)
            if found is not None:
                raise NewscrawlError(
                    f"{record_id} is a {found.kind} record of {target_uri(found.url)}, not a response"
                )
    raise NewscrawlError(f"no record {record_id} under {archives}{_hint(archives)}")


def _of_url(url: str, archives: Path, at: datetime | None) -> Archived:
    """The page that was archived for a URL, redirects followed."""
    asked = url
    with ExitStack() as stack:
        indexes = _indexes(archives, stack)
        for _ in range(MAX_REDIRECTS + 1):
            answers = _answers(indexes, asked)
            if page := _chosen([(index, one) for index, one in answers if _is_page(one)], at):
                return _archived(*page)
            moved = _chosen([(index, one) for index, one in answers if _is_redirect(one)], at)
            if moved is None:
                near = [one.url for index in indexes for one in index.near(asked, MAX_NAMED)]
                raise NewscrawlError(_nothing(asked, answers, near) + _hint(archives))
            asked = _goal(*moved)
    raise NewscrawlError(f"{url}: more than {MAX_REDIRECTS} redirects")


def _answers(indexes: Sequence[Index], url: str) -> list[tuple[Index, Capture]]:
    """What came back for a URL, in the order of time."""
    found = [(index, one) for index in indexes for one in index.captures("GET", url) if one.kind in _ANSWERS]
    return sorted(found, key=lambda pair: pair[1].moment)


def _is_page(capture: Capture) -> bool:
    status = capture.status or 0
    return 200 <= status < 300 or (capture.kind == "revisit" and status in {0, _NOT_MODIFIED})


def _is_redirect(capture: Capture) -> bool:
    return 300 <= (capture.status or 0) < 400


def _chosen(found: Sequence[tuple[Index, Capture]], at: datetime | None) -> tuple[Index, Capture] | None:
    """The last capture, or the one nearest to a time."""
    if not found or at is None:
        return found[-1] if found else None
    return min(found, key=lambda pair: abs((pair[1].date - at).total_seconds()))


def _goal(index: Index, capture: Capture) -> str:
    """Where a redirect leads."""
    location = read_page(index.folder, capture.pointer).message.header("location")
    goal = absolute(location, capture.url) if location else None
    if goal is None:
        raise NewscrawlError(
            f"{target_uri(capture.url)} was answered with {capture.status} and no place to go on"
        )
    return goal


def _archived(index: Index, capture: Capture) -> Archived:
    page = read_page(index.folder, capture.pointer)
    # Our own notes tell where the body of a revisit stands; for other programs' the index finds it.
    if page.response.kind == "revisit" and "originalFile" not in page.notes:
        original = index.original(capture)
        page = read_page(index.folder, original.pointer) if original else page
    return Archived(page=page, folder=index.folder)


def _nothing(url: str, answers: Iterable[tuple[Index, Capture]], near: Iterable[str]) -> str:
    statuses = sorted({str(capture.status) for _, capture in answers})
    if statuses:
        return f"{target_uri(url)} was answered with {', '.join(statuses)} alone"
    named = "".join(f"\n  near: {target_uri(other)}" for other in list(dict.fromkeys(near))[:MAX_NAMED])
    return f"no capture of {url}{named}"


def _indexes(archives: Path, stack: ExitStack) -> list[Index]:
    folders = [folder for folder in _folders(archives) if (folder / NAME).is_file()]
    if not folders:
        raise NewscrawlError(f"no index under {archives}{_hint(archives) or ': no WARC files there either'}")
    return [stack.enter_context(Index.open(folder)) for folder in folders]


def _hint(archives: Path) -> str:
    """How to look in folders that have no index."""
    bare = [folder for folder in _folders(archives) if warc_files(folder) and not (folder / NAME).is_file()]
    return f"\n  not indexed: {', '.join(map(str, bare))}: `newscrawl index build`" if bare else ""


def _folders(archives: Path) -> list[Path]:
    """The folder itself and those below: one an outlet."""
    return [archives, *sorted(path for path in archives.glob("*/") if path.is_dir())]


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
