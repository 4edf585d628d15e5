"""Replay: finds the recorded exchange that answers a request, and rebuilds the bytes that were received.

The captures come from one pass over the WARC files of the replayed runs. They stay in memory, in the order
they were written, without the bodies. The SQLite index of a folder cannot take their place: it has neither
the outcome of an exchange nor the page it was made for, and a replay must not need an index.
"""

from __future__ import annotations

import ast
import asyncio
import difflib
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from newscrawl.archive.continued_warc import MAX_CONTINUED_BYTES
from newscrawl.archive.renderings import RecordedRendering, find_renderings
from newscrawl.archive.report import REPORT_SUFFIX
from newscrawl.errors import ArchiveError, archive_errors
from newscrawl.items import WarcPointer
from newscrawl.urls import absolute_url, normalize_url, url_host
from newscrawl.warc.dates import parse_warc_date
from newscrawl.warc.fast_reader import BlockStream
from newscrawl.warc.http import ContentError, Message, frame_entity, split_message
from newscrawl.warc.reader import (
    MAX_PAGE_BYTES,
    ArchivedPage,
    WarcPart,
    WarcRecord,
    iter_slices,
    parse_warc_fields,
    read_record,
)
from newscrawl.warc.record_groups import RecordedExchange, iter_exchanges
from newscrawl.warc.records import sha1_base32, target_uri
from newscrawl.warc.story_parts import PART_FIELD

SUFFIXES = (".warc.gz", ".warc")
MAX_NEAR = 500
"URLs of a host that are compared with a URL that is missing."
NEAR = 3
"Similar URLs that are suggested."
_SENT_AGAIN, _CANCELLED = "sent again", "cancelled"
"Outcomes of exchanges that Scrapy never saw the end of."
_NO_TIME = datetime.min.replace(tzinfo=UTC)
_NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n\r\n"
_OTHER_VERSION = re.compile(rb"HTTP/[23](?:\.0)? ")
_FRAMING = re.compile(rb"(?im)^(?:transfer-encoding|content-length|content-encoding):[^\n]*\n")
_CHUNK = re.compile(rb"[ \t]*[0-9A-Fa-f]{1,16}[ \t]*[;\r\n]")


class RequestKey(NamedTuple):
    """What makes two requests equal."""

    method: str
    url: str
    "As sent, percent-encoded, without fragment."
    body: str = ""
    "sha256 of the request's body in hex; empty without a body."


def request_key(method: str, url: str, body: bytes = b"") -> RequestKey:
    return RequestKey(method.upper(), target_uri(url), hashlib.sha256(body).hexdigest() if body else "")


def page_identity(url: str) -> str:
    """The normalised URL of a page; empty if the URL is invalid."""
    clean = absolute_url(url, "")
    return normalize_url(clean) if clean else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedCapture:
    """A recorded exchange: where it is in the archive, and how it ended."""

    key: RequestKey
    run: str
    date: datetime
    pointer: WarcPointer
    kind: str
    "Type of its first record: response, revisit, request or metadata."
    outcome: str = ""
    "`ok`, or the name and text of an error; empty where the archive does not say."
    truncated: str = ""
    ip: str = ""
    refers_to: str = ""
    "Record id of the response a revisit repeats."
    page: str = ""
    "URL of the link that led here, before redirects; empty for sources, robots.txt and foreign archives."
    part_of: str = ""
    "Record id of the first page of the story of which it is a following page; empty for all others."
    varied: tuple[tuple[str, str], ...] = ()
    "Request headers that the response depends on (Vary), lower-case names, with the values sent."


@dataclass(frozen=True)
class CaptureTable:
    """All captures of a replay, in memory."""

    folder: Path
    "Where the WARC files are."
    run: str
    "The run that is replayed; empty when captures are chosen by time or the run has no name."
    by_key: dict[RequestKey, list[RecordedCapture]]
    by_page: dict[str, list[RecordedCapture]] = field(default_factory=dict)
    paths: tuple[Path, ...] = ()
    "The files of the replayed runs."
    others: tuple[WarcPart, ...] = ()
    "Records of other runs, read only when a revisit refers to them."

    def captures(self, key: RequestKey) -> Sequence[RecordedCapture]:
        """The captures of a request, in the order they were written."""
        return self.by_key.get(key, ())

    def pages(self, url: str) -> Sequence[RecordedCapture]:
        """Captures made for the page with this normalised URL, including redirects on the way."""
        return self.by_page.get(url, ())

    def response(self, record_id: str) -> WarcPointer | None:
        """Where the response with this id is, in any file and run."""
        return self._responses.get(record_id) or self._responses_of_other_runs.get(record_id)

    def rendering(self, response_id: str) -> RecordedRendering | None:
        """What a browser had made of the response with this id."""
        return self._renderings.get(response_id)

    @cached_property
    def _renderings(self) -> dict[str, RecordedRendering]:
        return find_renderings(self.paths)

    @cached_property
    def _responses(self) -> dict[str, WarcPointer]:
        return _responses_by_id(capture for captures in self.by_key.values() for capture in captures)

    @cached_property
    def _responses_of_other_runs(self) -> dict[str, WarcPointer]:
        return _responses_by_id(capture for part in self.others for capture in iter_captures(part, ""))

    def urls(self, host: str) -> list[str]:
        """URLs of a host that were captured, MAX_NEAR at most."""
        return list(islice((key.url for key in self.by_key if url_host(key.url) == host), MAX_NEAR))


def _responses_by_id(captures: Iterable[RecordedCapture]) -> dict[str, WarcPointer]:
    return {c.pointer.record_id: c.pointer for c in captures if c.kind == "response"}


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFiles:
    """The WARC files of a run, in the order they were written."""

    run: str
    began: datetime
    parts: tuple[WarcPart, ...]
    memory: str = ""
    "Name of the site memory the run used."

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(part.path for part in self.parts)


def read_captures(source: Path, outlet: str, run: str = "", by_time: bool = False) -> CaptureTable:
    """The captures of a run (the newest by default), or of all runs; ArchiveError if the run is missing.

    Those that Scrapy never saw the end of are left out.
    """
    selected, others = select_runs(source, outlet, run, by_time)
    captures = (
        capture for files in selected for part in files.parts for capture in iter_captures(part, files.run)
    )
    by_key: dict[RequestKey, list[RecordedCapture]] = defaultdict(list)
    by_page: dict[str, list[RecordedCapture]] = defaultdict(list)
    for capture in captures:
        if capture.outcome.startswith((_SENT_AGAIN, _CANCELLED)):
            continue
        by_key[capture.key].append(capture)
        if page := page_identity(capture.page):
            by_page[page].append(capture)
    return CaptureTable(
        folder=selected[0].parts[0].path.parent,
        run="" if by_time else selected[-1].run,
        by_key=dict(by_key),
        by_page=dict(by_page),
        paths=tuple(path for files in selected for path in files.paths),
        others=tuple(part for files in others for part in files.parts),
    )


def select_runs(
    source: Path, outlet: str, run: str = "", by_time: bool = False
) -> tuple[list[RunFiles], list[RunFiles]]:
    """The run with this name (the newest by default), or all runs; and the runs not selected."""
    runs = find_recorded_runs(source, outlet)
    if by_time:
        return runs, []
    selected = [files for files in runs if files.run == run] if run else runs[-1:]
    if not selected:
        last = ", ".join(files.run for files in runs[-3:] if files.run) or "none with a name"
        raise ArchiveError(f"run {run!r} is not recorded at {source}; the last runs there: {last}")
    return selected, [files for files in runs if files not in selected]


def find_recorded_runs(source: Path, outlet: str) -> list[RunFiles]:
    """The runs recorded at `source`, a file or a folder (or its folder of the outlet), the oldest first.

    Files that name no run count as one run without a name. ArchiveError when there is nothing to read.
    """
    if (source / outlet).is_dir():
        source = source / outlet
    paths = [source] if source.is_file() else _list_warcs(source)
    if not paths:
        raise ArchiveError(f"no WARC file to replay at {source}")
    files_by_run: dict[str, list[tuple[datetime, WarcPart]]] = defaultdict(list)
    memories: dict[str, str] = {}
    for part in chain.from_iterable(map(_list_parts, paths)):
        files_by_run[part.run].append((part.began, part.records))
        memories[part.run] = part.memory
    runs = [
        RunFiles(run=run, began=min(files)[0], parts=tuple(part for _, part in files), memory=memories[run])
        for run, files in files_by_run.items()
    ]
    return sorted(runs, key=lambda files: (files.began, files.run))


def _list_warcs(folder: Path) -> list[Path]:
    with archive_errors(f"replay {folder}"):
        return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))


class _RecordedPart(NamedTuple):
    """The records of a run in a file, and what its warcinfo record says of the run."""

    records: WarcPart
    began: datetime = _NO_TIME
    run: str = ""
    memory: str = ""


def _list_parts(path: Path) -> Iterator[_RecordedPart]:
    """The part of each run in a file, by the warcinfo records that runs begin with.

    Only quiet runs are followed by others in their file, as long as that is small; no report need be there.
    """
    heads: list[_RecordedPart] = []
    with archive_errors(f"read {path}"), path.open("rb") as stream:
        for record in iter_slices(stream, _read_warcinfo):
            if record.offset > MAX_CONTINUED_BYTES:
                break
            info = record.result or {}
            run, memory = info.get("run", ""), info.get("memory", "")
            if heads and run in ("", heads[-1].run):
                continue
            began = parse_warc_date(record.headers.get("warc-date", "")) or _NO_TIME
            heads.append(_RecordedPart(WarcPart(path, record.offset if heads else 0), began, run, memory))
            # Nothing follows a run with a report of its own.
            if not run or (path.parent / f"{run}{REPORT_SUFFIX}").is_file():
                break
    heads = heads or [_RecordedPart(WarcPart(path))]
    ends = [*(following.records.start for following in heads[1:]), None]
    for head, end in zip(heads, ends, strict=True):
        yield head._replace(records=head.records._replace(end=end))


def _read_warcinfo(kind: str, _headers: dict[str, str], block: BlockStream) -> dict[str, str] | None:
    """The fields of a warcinfo record; None for other records."""
    return parse_warc_fields(block.read(MAX_PAGE_BYTES)) if kind == "warcinfo" else None


def iter_captures(part: WarcPart, run: str) -> Iterator[RecordedCapture]:
    """The captures of a file or of a part of it, in its order; ends without an error at a torn tail."""
    with archive_errors(f"read {part.path}"), part.path.open("rb") as stream:
        for exchange in iter_exchanges(stream):
            offset = exchange.first.offset
            if part.end is not None and offset >= part.end:
                return
            if offset >= part.start:
                yield _make_capture(part.path.name, run, exchange)


def _make_capture(file: str, run: str, exchange: RecordedExchange) -> RecordedCapture:
    first = exchange.first
    request = split_message(exchange.request)
    method = request.head.split(b" ", 1)[0].decode("latin-1") if request.head else "GET"
    return RecordedCapture(
        key=request_key(method, exchange.url, request.entity),
        run=run,
        date=parse_warc_date(first.headers.get("warc-date", "")) or _NO_TIME,
        pointer=WarcPointer(
            file=file,
            offset=first.offset,
            length=first.length,
            record_id=first.headers.get("warc-record-id", ""),
            payload_digest=first.headers.get("warc-payload-digest"),
        ),
        kind=first.kind,
        outcome=exchange.metadata.get("outcome", ""),
        truncated=first.headers.get("warc-truncated", ""),
        ip=first.headers.get("warc-ip-address", ""),
        refers_to=first.headers.get("warc-refers-to", ""),
        page=exchange.page,
        part_of=exchange.metadata.get(PART_FIELD, ""),
        varied=tuple((name, request.header(name) or "") for name in exchange.varies),
    )


@dataclass
class ReplayIndex:
    """Hands out captures: each once in the order of the run, or the nearest at or before a time."""

    table: CaptureTable
    at: datetime | None = None
    missed: int = 0
    served: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    "Held while a request is answered, so that answers come in the order of requests."
    _used: set[str] = field(default_factory=set)
    "Record ids handed out."
    _visits: dict[str, RecordedCapture] = field(default_factory=dict)
    "By page, the capture that a replay at a time has begun with."

    def take(
        self,
        key: RequestKey,
        page: str = "",
        headers: Mapping[str, str] | None = None,
        redirected: bool = False,
        part_of: str = "",
    ) -> RecordedCapture | None:
        """The capture that answers a request, or None.

        `page` is the URL of the link the request is made for: where several pages lead to the same URL, each
        gets the capture it led to, whatever the order of requests. If the recorded run requested a page under
        another spelling of its URL (with a tracking parameter, say), that capture is used. `part_of` is the
        record id of the first page if the request is for a following page of its story.
        """
        captures = [capture for capture in self.table.captures(key) if capture.part_of == part_of]
        if self.at:
            # The following pages of a page came after it, and maybe after this time.
            before = [capture for capture in captures if part_of or capture.date <= self.at]
            matching = _matching_headers(before, headers or {})
            chosen = max(matching, key=lambda capture: capture.date, default=None)
            if redirected:
                chosen = next(iter(self._of_visit(captures, page)), chosen)
            elif chosen and page:
                self._visits[page_identity(page)] = chosen
        else:
            chosen = self._next(_matching_headers(captures, headers or {}), key, page, redirected)
        if chosen:
            self._used.add(chosen.pointer.record_id)
            self.served += 1
        else:
            self.missed += 1
        return chosen

    def has_part(self, url: str, part_of: str) -> bool:
        """Whether the recorded run requested this following page: it may have ended before."""
        captures = self.table.captures(request_key("GET", url))
        return any(capture.part_of == part_of for capture in captures)

    def near(self, key: RequestKey) -> list[str]:
        """Captured URLs of the same host, those with the most similar paths first."""
        by_path = {_url_path(url): url for url in self.table.urls(url_host(key.url))}
        return [by_path[path] for path in difflib.get_close_matches(_url_path(key.url), by_path, n=NEAR)]

    def _next(
        self, captures: Sequence[RecordedCapture], key: RequestKey, page: str, redirected: bool
    ) -> RecordedCapture | None:
        unused = self._unused(captures)
        of_page = [capture for capture in unused if page_identity(capture.page) == page_identity(page)]
        if not of_page and page and not redirected:
            of_page = self._unused(self._other_spellings(key, page))
        return next(iter(of_page or unused), None)

    def _of_visit(self, captures: Sequence[RecordedCapture], page: str) -> list[RecordedCapture]:
        """Those that the chosen visit of a page led to, by a redirect or a script, until the next visit."""
        visit = self._visits.get(page_identity(page))
        if visit is None:
            return []
        visits = [c.date for c in self.table.captures(visit.key) if c.page == visit.page]
        end = min((date for date in visits if date > visit.date), default=None)
        return [
            capture
            for capture in self._unused(captures)
            if page_identity(capture.page) == page_identity(page)
            and visit.date <= capture.date
            and (end is None or capture.date < end)
        ]

    def _unused(self, captures: Sequence[RecordedCapture]) -> list[RecordedCapture]:
        return [capture for capture in captures if capture.pointer.record_id not in self._used]

    def _other_spellings(self, key: RequestKey, page: str) -> list[RecordedCapture]:
        identity = page_identity(page)
        captures = self.table.pages(identity)
        return [c for c in captures if c.key.method == key.method and page_identity(c.key.url) == identity]


def _url_path(url: str) -> str:
    return url.split("/", 3)[-1]


def _matching_headers(
    captures: Sequence[RecordedCapture], headers: Mapping[str, str]
) -> Sequence[RecordedCapture]:
    """The captures whose response was for these request headers if they differ in that; else all."""
    if len({capture.varied for capture in captures}) < 2:
        return captures
    matching = [c for c in captures if all(headers.get(name, "") == value for name, value in c.varied)]
    return matching or captures


@dataclass(frozen=True, slots=True)
class ReplayResponse:
    """The bytes of a capture as they went over the wire, and its archived record with metadata."""

    page: ArchivedPage
    received: bytes


def read_response(table: CaptureTable, capture: RecordedCapture) -> ReplayResponse:
    """What was received; ArchiveError when a record that is needed is missing."""
    pointer = capture.pointer
    record, notes = read_record(table.folder, pointer)
    received = b""
    if record.kind == "metadata":
        notes = parse_warc_fields(record.block)
    if capture.kind == "revisit":
        received = _rebuild_revisit(table, capture, record, notes)
    elif capture.kind == "response":
        received = as_http1(record.block)
        if pointer.payload_digest is None:
            # A setting left the digest out of the record, but not out of the pointer the run wrote.
            digest = sha1_base32(split_message(record.block).entity)
            pointer = pointer.model_copy(update={"payload_digest": digest})
    return ReplayResponse(ArchivedPage(pointer, record, notes), received)


def as_http1(block: bytes) -> bytes:
    """A response that an HTTP/1 parser accepts: others store decoded bodies and HTTP/2 status lines."""
    message = split_message(_OTHER_VERSION.sub(b"HTTP/1.1 ", block, count=1))
    if not _is_decoded(message):
        return message.head + message.body
    head = _FRAMING.sub(b"", message.head)
    start, blank = head.rstrip(b"\r\n"), b"\r\n\r\n"
    return start + b"\r\nContent-Length: %d" % len(message.body) + blank + message.body


def _is_decoded(message: Message) -> bool:
    if message.is_chunked:
        return bool(message.body) and not _CHUNK.match(message.body)
    if message.header("content-encoding") and message.body:
        try:
            return not message.content
        except ContentError:
            return message.header("x-crawler-content-encoding") is not None
    return False


def _rebuild_revisit(
    table: CaptureTable, capture: RecordedCapture, record: WarcRecord, notes: Mapping[str, str]
) -> bytes:
    """The response a revisit stands for, with the body of the response it refers to."""
    if not record.block or split_message(record.block).status == 304:
        return record.block or _read_not_modified_head(notes) or _NOT_MODIFIED
    pointer = table.response(capture.refers_to) if capture.refers_to else None
    if not pointer:
        raise ArchiveError(
            f"{capture.pointer.file}: revisit {capture.pointer.record_id} of {capture.key.url} refers to "
            f"{capture.refers_to or 'no record'}, which is not in the archive"
        )
    original, _ = read_record(table.folder, pointer)
    return frame_entity(split_message(record.block).head, split_message(original.block).entity)


def _read_not_modified_head(notes: Mapping[str, str]) -> bytes:
    """The head of a 304, as the metadata record stores it."""
    try:
        head = ast.literal_eval(notes.get("notModified", "b''"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return b""
    return head if isinstance(head, bytes) else b""
