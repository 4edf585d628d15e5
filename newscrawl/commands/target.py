"""The page that somebody names: by a URL in the archives, by its record, or as a file on disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from newscrawl.archive.index import NAME, Capture, Index, warc_files
from newscrawl.archive.reader import ArchivedPage, open_warc, positioned, read_page, records_of
from newscrawl.archive.records import target_uri
from newscrawl.errors import NewscrawlError
from newscrawl.extracting.places import ENDINGS, archive_files
from newscrawl.parts import WarcPointer
from newscrawl.urls import absolute

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
