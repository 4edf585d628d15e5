"""Serves a folder of saved pages as demo outlets: each page has a path, and a feed lists all of them."""

from __future__ import annotations

import gzip
import json
import logging
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from newscrawl.demo.http import Request, Response
from newscrawl.demo.site import ListEntry, not_found, robots_txt, rss
from newscrawl.errors import NewscrawlError
from newscrawl.urls import url_host

logger = logging.getLogger(__name__)

TRUTH = "truth.jsonl"
"JSON lines beside the pages, with `id`, `url` and `html` (the file, relative to the folder)."
OUTLETS = 4
"Number of outlets that share the pages: `pages_1`, …"
MAX_TRUTH_BYTES = 512 * 1024 * 1024
MAX_PAGES = 100_000
MAX_PAGE_BYTES = 32 * 1024 * 1024
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
_CHARSET = re.compile(r"[A-Za-z0-9._:-]{1,40}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]{1,200}")
MAX_NAME_CHARS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedPage:
    """A page on disk, and its original URL."""

    id: str
    url: str
    "Original URL."
    file: Path
    charset: str | None = None
    "Sent in the header if the truth names it."

    @property
    def path(self) -> str:
        """The path that serves it: its id, then the last part of the original path."""
        last = self.url.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2]
        return f"/{self.id}/{_UNSAFE.sub('-', last)[-MAX_NAME_CHARS:].lstrip('.') or 'index'}"

    def read(self) -> bytes:
        """The page's bytes; OSError, EOFError or zlib.error if the file is broken."""
        is_gzip = self.file.suffix == ".gz"
        with gzip.open(self.file) if is_gzip else self.file.open("rb") as stream:
            return stream.read(MAX_PAGE_BYTES)


class PagesSite:
    """The saved pages of some hosts as an outlet."""

    def __init__(self, outlet_id: str, pages: Iterable[SavedPage]) -> None:
        self.id = outlet_id
        self.pages = {page.path: page for page in pages}
        "By the path that serves them."

    def respond(self, request: Request) -> Response:
        if request.path == "/robots.txt":
            return robots_txt("/private/")(request)
        if request.path == "/feed.xml":
            return self._feed(request)
        page = self.pages.get(request.path)
        return _serve_page(page, request) if page else not_found(request)

    def _feed(self, request: Request) -> Response:
        # The title is the id: the true title would give an extractor its result.
        entries = [
            ListEntry(title=page.id, link=request.base + path, guid=page.id)
            for path, page in self.pages.items()
        ]
        body = rss(self.id, request.base + "/", entries, lang="en")
        return Response(body=body, content_type="application/rss+xml; charset=utf-8", gzip=True, etag=True)


def _serve_page(page: SavedPage, request: Request) -> Response:
    try:
        body = page.read()
    except (OSError, EOFError, zlib.error) as error:
        logger.warning("%s: cannot be read, answered 404: %s", page.file, error)
        return not_found(request)
    kind = f"text/html; charset={page.charset}" if page.charset else "text/html"
    return Response(body=body, content_type=kind, gzip=True)


def page_sites(folder: Path, outlets: int = OUTLETS) -> list[PagesSite]:
    """The pages of a folder as sites; NewscrawlError names an invalid line of the truth."""
    shares: list[list[SavedPage]] = [[] for _ in range(outlets)]
    for pages in _group_by_host(saved_pages(folder)):
        min(shares, key=len).extend(pages)
    return [PagesSite(f"pages_{number}", pages) for number, pages in enumerate(shares, 1) if pages]


def _group_by_host(pages: Iterable[SavedPage]) -> list[list[SavedPage]]:
    """Pages by original host, the largest host first, so that the outlets get even shares."""
    hosts: defaultdict[str, list[SavedPage]] = defaultdict(list)
    for page in pages:
        hosts[url_host(page.url)].append(page)
    return [hosts[host] for host in sorted(hosts, key=lambda host: (-len(hosts[host]), host))]


class TruthLine(NamedTuple):
    """A page, and all that its line of the truth says about it."""

    page: SavedPage
    record: Mapping[str, Any]
    where: str
    "File and line, for messages."


def saved_pages(folder: Path) -> list[SavedPage]:
    """The pages that the truth names, in its order; NewscrawlError names an invalid line."""
    return [line.page for line in read_truth(folder)]


def read_truth(folder: Path) -> list[TruthLine]:
    """The lines of the truth, one for each page; NewscrawlError names an invalid line."""
    truth = folder / TRUTH
    try:
        if truth.stat().st_size > MAX_TRUTH_BYTES:
            raise NewscrawlError(f"{truth}: larger than {MAX_TRUTH_BYTES} bytes")
        lines = truth.read_bytes().splitlines()
    except OSError as error:
        raise NewscrawlError(f"cannot read {truth}: {error.strerror}") from error
    if len(lines) > MAX_PAGES:
        raise NewscrawlError(f"{truth}: more than {MAX_PAGES} pages")
    pages: dict[str, TruthLine] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        parsed = _parse_line(line, folder, f"{truth}, line {number}")
        if parsed.page.id in pages:
            raise NewscrawlError(f"{parsed.where}: id {parsed.page.id!r} occurs twice")
        pages[parsed.page.id] = parsed
    return list(pages.values())


def _parse_line(line: bytes, folder: Path, where: str) -> TruthLine:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NewscrawlError(f"{where}: not JSON ({error})") from error
    if not isinstance(record, dict):
        raise NewscrawlError(f"{where}: not a JSON object")
    identity = _read_text(record, "id", where)
    if not _ID.fullmatch(identity):
        raise NewscrawlError(f"{where}: id: only letters, digits, '.', '_' and '-'")
    charset = record.get("charset")
    is_valid = isinstance(charset, str) and _CHARSET.fullmatch(charset)
    page = SavedPage(
        id=identity,
        url=_read_text(record, "url", where),
        file=_find_file(_read_text(record, "html", where), folder, where),
        charset=charset if is_valid else None,
    )
    return TruthLine(page, record, where)


def _read_text(record: Mapping[str, Any], key: str, where: str) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value:
        raise NewscrawlError(f"{where}: {key}: must be a non-empty string")
    return value


def _find_file(name: str, folder: Path, where: str) -> Path:
    path = folder / name
    if not path.name.endswith((".html", ".html.gz")):
        raise NewscrawlError(f"{where}: html: not an .html or .html.gz file: {name}")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise NewscrawlError(f"{where}: html: is outside the folder: {name}")
    if not path.is_file():
        raise NewscrawlError(f"{where}: html: no such file: {name}")
    return path
