"""The page that a command is about, however it was named, and the outlet whose rules apply to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from newscrawl.archive.linked_records import iter_pages
from newscrawl.archive.pages import (
    ENDINGS,
    find_archive_files,
    is_newscrawl_page,
    read_any_page,
    read_block_start,
)
from newscrawl.cli import ui
from newscrawl.errors import NewscrawlError
from newscrawl.items import WarcPointer
from newscrawl.outlet import Outlet, find_outlet, outlet_files
from newscrawl.storage import list_stored_sizes
from newscrawl.urls import USERINFO_PROBLEM, absolute_url, has_userinfo
from newscrawl.warc.dates import parse_warc_date
from newscrawl.warc.filenames import parse_filename
from newscrawl.warc.index import INDEX_NAME, Index, IndexEntry, archive_sizes
from newscrawl.warc.normalize import read_indexed_page
from newscrawl.warc.reader import ArchivedPage, iter_slices, open_warc, read_page, seek_record
from newscrawl.warc.records import target_uri
from newscrawl.warc.renderings import RENDERED, is_rendering

MAX_REDIRECTS = 5
MAX_SUGGESTIONS = 5
"Other pages that are named when the page does not exist."
_WEB = ("http://", "https://")
_LOCATION = re.compile(r"(?P<file>.+\.warc(?:\.gz)?):(?P<offset>\d{1,18})")
_RESPONSES = ("response", "revisit")
_NOT_MODIFIED = 304

Capture = tuple[Index, IndexEntry]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchivedTarget:
    """A page of an archive, and the folder of its file."""

    page: ArchivedPage
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class FileTarget:
    """A page that was saved as a file, and the URL it came from."""

    html: bytes
    url: str


def find_page(
    target: str, *, url: str | None, archives: Path, at: datetime | None
) -> ArchivedTarget | FileTarget:
    """The page; NewscrawlError says what is missing.

    `url` is that of a saved file; `at` chooses among the captures of a URL, the last of them if None.
    """
    if (path := Path(target)).is_file() and not target.endswith(ENDINGS):
        try:
            return FileTarget(html=path.read_bytes(), url=_require_url(path, url))
        except OSError as error:
            raise NewscrawlError(f"cannot read {path}: {error.strerror}") from error
    if url is not None:
        raise NewscrawlError(f"--url is for a page saved as a file, and {target} is none")
    if location := _LOCATION.fullmatch(target):
        return _page_at(_find_warc(location["file"], archives), int(location["offset"]))
    if target.endswith(ENDINGS):
        return _only_page(_find_warc(target, archives))
    if record_id := _parse_record_id(target):
        return _page_with_id(record_id, archives)
    if target.startswith(_WEB):
        return _page_with_url(target, archives, at)
    hint = "" if "://" in target else "; a URL begins with https:// or http://"
    raise NewscrawlError(
        f"{target}: no file, no URL, no record id and no place such as story.warc.gz:1234{hint}"
    )


def parse_time(text: str) -> datetime:
    """The time that `--at` names; NewscrawlError for anything else."""
    time = parse_warc_date(text)
    if time is None:
        raise NewscrawlError(f"--at {text}: not a time such as 2026-05-01T12:00:00Z")
    return time


def find_outlets(folders: Iterable[Path], name: str | None) -> dict[Path, Outlet | None]:
    """The outlet of each archive folder: the outlet of this name, else the outlet whose id the folder has."""
    places = ui.outlet_folders()
    if name:
        return dict.fromkeys(folders, find_outlet(name, places))
    files = outlet_files(places)
    return {folder: find_outlet(folder.name, places) if folder.name in files else None for folder in folders}


def archive_folders(archives: Path) -> list[Path]:
    """The folder itself and those directly in it, which belong to an outlet each."""
    return [archives, *sorted(path for path in archives.glob("*/") if path.is_dir())]


def open_indexes(folders: Iterable[Path], stack: ExitStack) -> list[Index]:
    return [stack.enter_context(Index.open(folder)) for folder in folders]


def _require_url(path: Path, url: str | None) -> str:
    if url is None:
        raise NewscrawlError(f"{path}: --url is missing: links, dates and names are read by the page's URL")
    if has_userinfo(url):
        raise NewscrawlError(f"--url: the URL {USERINFO_PROBLEM}")
    if absolute_url(url, "") is None:
        raise NewscrawlError(f"--url {url}: not an absolute http(s) URL")
    return url


def _find_warc(name: str, archives: Path) -> Path:
    """A WARC file by its path, or by its bare name if a single folder of the archives has it."""
    if (path := Path(name)).is_file():
        return path
    folders = [folder for folder in archive_folders(archives) if (folder / name).is_file()]
    if len(folders) > 1:
        raise NewscrawlError(f"{name} is in several folders: {', '.join(map(str, folders))}")
    if not folders and (owner := parse_filename(name)):
        folder = archives / owner.outlet
        folders = [folder] if name in list_stored_sizes(folder) else []
    if not folders:
        raise NewscrawlError(f"no such WARC file: {name}, nor is it in a folder of {archives}")
    return folders[0] / name


def _page_at(path: Path, offset: int) -> ArchivedTarget:
    """The page whose response stands at this byte of a file."""
    with open_warc(path.parent, path.name) as stream:
        record = next(iter_slices(seek_record(stream, offset), read_block_start), None)
    if record is None:
        raise NewscrawlError(f"{path}: no record begins at {offset}; `newscrawl verify {path}` lists damage")
    if record.kind not in _RESPONSES and not is_rendering(record.url):
        raise NewscrawlError(f"{path}: at {offset} is a {record.kind} record, not a response")
    pointer = WarcPointer(
        file=path.name,
        offset=offset,
        length=record.length,
        record_id=record.record_id,
        payload_digest=record.headers.get("warc-payload-digest"),
    )
    return ArchivedTarget(page=read_any_page(path.parent, pointer), folder=path.parent)


def _only_page(path: Path) -> ArchivedTarget:
    """The page of a file that holds no other."""
    pages = list(iter_pages(find_archive_files([path])))
    if len(pages) == 1:
        page = read_any_page(path.parent, pages[0].pointer, pages[0].parts)
        return ArchivedTarget(page=page, folder=path.parent)
    places = [f"{path}:{page.pointer.offset} ({target_uri(page.url)})" for page in pages[:MAX_SUGGESTIONS]]
    if not places:
        raise NewscrawlError(f"{path} holds no page; `newscrawl verify {path}` says what is wrong with it")
    raise NewscrawlError(f"{path} holds {len(pages)} pages: name one by its place, {', '.join(places)}")


def _parse_record_id(target: str) -> str | None:
    """`<urn:uuid:…>` for an id with or without brackets and scheme; None for anything else."""
    bare = target.strip("<>").removeprefix("urn:uuid:")
    try:
        return f"<urn:uuid:{UUID(bare)}>" if len(bare) == 36 else None
    except ValueError:
        return None


def _page_with_id(record_id: str, archives: Path) -> ArchivedTarget:
    with ExitStack() as stack:
        for index in open_indexes(_indexed_folders(archives), stack):
            entry = next((entry for entry in index.by_key() if entry.record_id == record_id), None)
            if entry is None:
                continue
            if entry.kind in _RESPONSES or is_rendering(entry.url):
                return _read_capture(index, entry)
            raise NewscrawlError(
                f"{record_id} is a {entry.kind} record of {target_uri(entry.url)}, not a response"
            )
    raise NewscrawlError(f"no record {record_id} under {archives}{_index_hint(archives)}")


def _page_with_url(url: str, archives: Path, at: datetime | None) -> ArchivedTarget:
    """The page that was archived for a URL, redirects followed."""
    target = url
    with ExitStack() as stack:
        indexes = open_indexes(_indexed_folders(archives), stack)
        for _ in range(MAX_REDIRECTS + 1):
            captures = _list_captures(indexes, target)
            if page := _choose_capture([capture for capture in captures if _is_page(capture[1])], at):
                return _read_capture(*page)
            redirects = [capture for capture in captures if 300 <= (capture[1].status or 0) < 400]
            redirect = _choose_capture(redirects, at)
            if redirect is None:
                near = [entry.url for index in indexes for entry in index.near(target, MAX_SUGGESTIONS)]
                absence = f"{archives}: {_explain_absence(target, captures, near)}"
                raise NewscrawlError(absence + _index_hint(archives))
            target = _redirect_target(*redirect)
    raise NewscrawlError(f"{url}: more than {MAX_REDIRECTS} redirects")


def _list_captures(indexes: Sequence[Index], url: str) -> list[Capture]:
    """The responses to requests for a URL, in the order of time."""
    entries = [(index, entry) for index in indexes for entry in index.captures("GET", url)]
    responses = [capture for capture in entries if capture[1].kind in _RESPONSES]
    return sorted(responses, key=lambda capture: capture[1].moment)


def _is_page(entry: IndexEntry) -> bool:
    status = entry.status or 0
    return 200 <= status < 300 or (entry.kind == "revisit" and status in {0, _NOT_MODIFIED})


def _choose_capture(captures: Sequence[Capture], at: datetime | None) -> Capture | None:
    """The last capture, or the capture nearest to a time."""
    if not captures or at is None:
        return captures[-1] if captures else None
    return min(captures, key=lambda capture: abs((capture[1].date - at).total_seconds()))


def _redirect_target(index: Index, entry: IndexEntry) -> str:
    location = read_page(index.folder, entry.pointer).message.header("location")
    target = absolute_url(location, entry.url) if location else None
    if target is None:
        raise NewscrawlError(
            f"{target_uri(entry.url)} was answered with {entry.status}, which names no place to go on"
        )
    return target


def _read_capture(index: Index, entry: IndexEntry) -> ArchivedTarget:
    # If a browser has rendered the page, the article comes from what it made of it.
    renderings = index.captures("GET", RENDERED + target_uri(entry.url))
    made_of_it = next((other for other in renderings if other.concurrent_to == entry.record_id), entry)
    page = read_page(index.folder, made_of_it.pointer)
    if not is_newscrawl_page(page):
        page = read_indexed_page(index.folder, entry, index)
    return ArchivedTarget(page=page, folder=index.folder)


def _explain_absence(url: str, captures: Iterable[Capture], near: Iterable[str]) -> str:
    statuses = sorted({str(entry.status) for _, entry in captures})
    if statuses:
        return f"{target_uri(url)} was answered with {', '.join(statuses)} alone"
    suggestions = list(dict.fromkeys(near))[:MAX_SUGGESTIONS]
    return f"no capture of {url}" + "".join(f"; near: {target_uri(other)}" for other in suggestions)


def _indexed_folders(archives: Path) -> list[Path]:
    ui.require_archives(archives)
    folders = [folder for folder in archive_folders(archives) if (folder / INDEX_NAME).is_file()]
    if not folders:
        hint = _index_hint(archives) or ": no WARC files there either"
        raise NewscrawlError(f"no index under {archives}{hint}")
    return folders


def _index_hint(archives: Path) -> str:
    """How to search the folders that have no index."""
    folders = [folder for folder in archive_folders(archives) if archive_sizes(folder)]
    bare = [str(folder) for folder in folders if not (folder / INDEX_NAME).is_file()]
    return f"; not indexed: {', '.join(bare)}: `newscrawl index build`" if bare else ""
