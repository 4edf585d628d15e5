"""What a replay looks up: the exchanges of recorded runs by what was asked, in the order they were written.

Made by one pass over the WARC files; nothing of a response but its place is kept in memory.
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
from pathlib import Path
from typing import NamedTuple, Protocol

from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer
from newscrawl.urls import absolute, host_of, normal_url
from newscrawl.warc.exchanges import Exchanged, exchanged
from newscrawl.warc.http import ContentError, Message, split_message
from newscrawl.warc.reader import ArchivedPage, WarcRecord, fields_of, open_warc, positioned, records_of
from newscrawl.warc.records import sha1_base32, target_uri

SUFFIXES = (".warc.gz", ".warc")
MAX_NEAR = 500
"URLs of a host that are compared to one that is missing."
_SENT_AGAIN, _CANCELLED = "sent again", "cancelled"
_NO_TIME = datetime.min.replace(tzinfo=UTC)


class Key(NamedTuple):
    """What makes two requests the same question."""

    method: str
    url: str
    "As sent, percent-encoded, without fragment."
    body: str = ""
    "sha256 of the request's body in hex; empty without one."


def key_of(method: str, url: str, body: bytes = b"") -> Key:
    return Key(method.upper(), target_uri(url), hashlib.sha256(body).hexdigest() if body else "")


def page_of(url: str) -> str:
    """The identity of a page; empty where the URL is none."""
    clean = absolute(url, "")
    return normal_url(clean) if clean else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Capture:
    """One recorded exchange: where it stands and how it ended."""

    key: Key
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
    varied: tuple[tuple[str, str], ...] = ()
    "Request headers the answer says it depends on, lower-case names, with the values sent."


class Recorded(Protocol):
    """What a replay needs of an archive, whatever it is looked up in."""

    @property
    def folder(self) -> Path:
        """Where the WARC files are."""

    @property
    def run(self) -> str:
        """The run that is replayed; empty when captures are chosen by time or no run is named."""

    def captures(self, key: Key) -> Sequence[Capture]:
        """The captures of a question, in the order they were written."""

    def pages(self, url: str) -> Sequence[Capture]:
        """Captures made for the page with this normalised URL, redirects on the way included."""

    def response(self, record_id: str) -> WarcPointer | None:
        """Where the response with this id stands, in whichever file or run."""

    def urls(self, host: str) -> Sequence[str]:
        """URLs of a host that were captured, MAX_NEAR at most."""


@dataclass(frozen=True)
class CaptureTable:
    """All captures of a replay in memory."""

    folder: Path
    run: str
    by_key: dict[Key, list[Capture]]
    by_page: dict[str, list[Capture]] = field(default_factory=dict)
    others: tuple[Path, ...] = ()
    "Files of other runs, read only when a revisit refers to them."

    def captures(self, key: Key) -> Sequence[Capture]:
        return self.by_key.get(key, ())

    def pages(self, url: str) -> Sequence[Capture]:
        return self.by_page.get(url, ())

    def response(self, record_id: str) -> WarcPointer | None:
        return self._responses.get(record_id) or self._responses_of_others.get(record_id)

    @cached_property
    def _responses(self) -> dict[str, WarcPointer]:
        return _by_id(capture for captures in self.by_key.values() for capture in captures)

    @cached_property
    def _responses_of_others(self) -> dict[str, WarcPointer]:
        return _by_id(capture for path in self.others for capture in captures_of_file(path, ""))

    def urls(self, host: str) -> Sequence[str]:
        found = (key.url for key in self.by_key if host_of(key.url) == host)
        return [url for url, _ in zip(found, range(MAX_NEAR), strict=False)]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFiles:
    """The WARC files of one run, in the order they were written."""

    run: str
    began: datetime
    paths: tuple[Path, ...]
    memory: str = ""
    "Name of the memory the run used."


def runs_of(source: Path, outlet: str) -> list[RunFiles]:
    """The runs recorded at `source`, a file or a folder (or its folder of the outlet), the oldest first.

    Files that name no run are one run without a name. ArchiveError when there is nothing to read.
    """
    if (source / outlet).is_dir():
        source = source / outlet
    paths = [source] if source.is_file() else sorted(p for p in _listed(source) if p.name.endswith(SUFFIXES))
    if not paths:
        raise ArchiveError(f"no WARC file to replay at {source}")
    found: dict[str, list[tuple[datetime, Path]]] = defaultdict(list)
    memories: dict[str, str] = {}
    for path in paths:
        info, began = _opening(path)
        run = info.get("run", "")
        found[run].append((began, path))
        memories[run] = info.get("memory", "")
    runs = [
        RunFiles(run=run, began=min(files)[0], paths=tuple(path for _, path in files), memory=memories[run])
        for run, files in found.items()
    ]
    return sorted(runs, key=lambda files: (files.began, files.run))


def chosen_runs(
    source: Path, outlet: str, run: str = "", by_time: bool = False
) -> tuple[list[RunFiles], list[RunFiles]]:
    """The run of this name (the newest without one), or all runs; and those that are left."""
    runs = runs_of(source, outlet)
    if by_time:
        return runs, []
    chosen = [files for files in runs if files.run == run] if run else runs[-1:]
    if not chosen:
        known = ", ".join(files.run for files in runs[-3:] if files.run) or "none that is named"
        raise ArchiveError(f"run {run!r} is not recorded at {source}; the last runs there: {known}")
    return chosen, [files for files in runs if files not in chosen]


def recorded(source: Path, outlet: str, run: str = "", by_time: bool = False) -> CaptureTable:
    """The captures of a run (the newest if none is named), or of all runs; ArchiveError without the run."""
    chosen, left = chosen_runs(source, outlet, run, by_time)
    captures = (
        capture for files in chosen for path in files.paths for capture in captures_of_file(path, files.run)
    )
    others = tuple(path for files in left for path in files.paths)
    return table_of(chosen[0].paths[0].parent, "" if by_time else chosen[-1].run, captures, others)


def table_of(
    folder: Path, run: str, captures: Iterable[Capture], others: tuple[Path, ...] = ()
) -> CaptureTable:
    """Captures by question and by page; those Scrapy never saw an end of are left out."""
    by_key: dict[Key, list[Capture]] = defaultdict(list)
    by_page: dict[str, list[Capture]] = defaultdict(list)
    for capture in captures:
        if capture.outcome.startswith((_SENT_AGAIN, _CANCELLED)):
            continue
        by_key[capture.key].append(capture)
        if page := page_of(capture.page):
            by_page[page].append(capture)
    return CaptureTable(folder, run, dict(by_key), dict(by_page), others)


def captures_of_file(path: Path, run: str) -> Iterator[Capture]:
    """The captures of one file, in its order; ends quietly at a torn tail."""
    try:
        with path.open("rb") as stream:
            for exchange in exchanged(stream):
                yield _capture(path.name, run, exchange)
    except OSError as error:
        raise ArchiveError(f"cannot read {path}: {error.strerror}") from error


def _by_id(captures: Iterable[Capture]) -> dict[str, WarcPointer]:
    """Where responses stand, by their ids."""
    return {c.pointer.record_id: c.pointer for c in captures if c.kind == "response"}


def _capture(file: str, run: str, exchange: Exchanged) -> Capture:
    first = exchange.first
    request = split_message(exchange.request)
    asked = request.head.split(b" ", 1)[0].decode("latin-1") if request.head else "GET"
    return Capture(
        key=key_of(asked, exchange.url, request.entity),
        run=run,
        date=_date(first.headers.get("warc-date", "")) or _NO_TIME,
        pointer=WarcPointer(
            file=file,
            offset=first.offset,
            length=first.length,
            record_id=first.headers.get("warc-record-id", ""),
            payload_digest=first.headers.get("warc-payload-digest"),
        ),
        kind=first.kind,
        outcome=exchange.notes.get("outcome", ""),
        truncated=first.headers.get("warc-truncated", ""),
        ip=first.headers.get("warc-ip-address", ""),
        refers_to=first.headers.get("warc-refers-to", ""),
        page=exchange.page,
        varied=tuple((name, request.header(name) or "") for name in exchange.varies),
    )


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise ArchiveError(f"cannot replay {folder}: {error.strerror}") from error


def _opening(path: Path) -> tuple[dict[str, str], datetime]:
    """What a file's first record tells of its run, and its date."""
    try:
        with path.open("rb") as stream:
            _, _, record = next(records_of(stream), (0, 0, None))
    except OSError as error:
        raise ArchiveError(f"cannot read {path}: {error.strerror}") from error
    if record is None:
        return {}, _NO_TIME
    info = fields_of(record.block) if record.kind == "warcinfo" else {}
    return info, _date(record.headers.get("warc-date", "")) or _NO_TIME


def _date(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


NEAR = 3
_NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n\r\n"
_OTHER_VERSION = re.compile(rb"HTTP/[23](?:\.0)? ")
_FRAMING = re.compile(rb"(?im)^(?:transfer-encoding|content-length|content-encoding):[^\n]*\n")
_CHUNK = re.compile(rb"[ \t]*[0-9A-Fa-f]{1,16}[ \t]*[;\r\n]")


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of a capture as they went over the wire, and what its metadata record notes."""

    page: ArchivedPage
    received: bytes


@dataclass
class Playback:
    """Hands out captures: each once in the order of the run, or the nearest at or before a time."""

    recorded: Recorded
    at: datetime | None = None
    missed: int = 0
    served: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    "Held while a request is answered, so that answers come in the order of requests."
    _used: set[str] = field(default_factory=set)
    "Record ids handed out."

    def take(
        self, key: Key, page: str = "", headers: Mapping[str, str] | None = None, redirected: bool = False
    ) -> Capture | None:
        """The capture that answers a request, or None.

        `page` is the link's URL the request is made for: where several pages lead to one URL, each gets the
        capture it led to, whatever the order of requests. A page that the recorded run asked for by another
        spelling of its URL (with a tracking parameter, say) gets that one.
        """
        captures = self.recorded.captures(key)
        if self.at:
            before = [capture for capture in captures if capture.date <= self.at]
            chosen = max(_fitting(before, headers or {}), key=lambda capture: capture.date, default=None)
        else:
            chosen = self._next(_fitting(captures, headers or {}), key, page, redirected)
        if chosen:
            self._used.add(chosen.pointer.record_id)
            self.served += 1
        else:
            self.missed += 1
        return chosen

    def near(self, key: Key) -> list[str]:
        """URLs of the same host the archive holds, those with the likest paths first."""
        by_path = {_path(url): url for url in self.recorded.urls(host_of(key.url))}
        return [by_path[path] for path in difflib.get_close_matches(_path(key.url), by_path, n=NEAR)]

    def _next(self, captures: Sequence[Capture], key: Key, page: str, redirected: bool) -> Capture | None:
        unused = self._unused(captures)
        own = [capture for capture in unused if page_of(capture.page) == page_of(page)]
        if not own and page and not redirected:
            own = self._unused(self._spelled_otherwise(key, page))
        return next(iter(own or unused), None)

    def _unused(self, captures: Sequence[Capture]) -> list[Capture]:
        return [capture for capture in captures if capture.pointer.record_id not in self._used]

    def _spelled_otherwise(self, key: Key, page: str) -> list[Capture]:
        identity = page_of(page)
        found = self.recorded.pages(identity)
        return [c for c in found if c.key.method == key.method and page_of(c.key.url) == identity]


def _path(url: str) -> str:
    return url.split("/", 3)[-1]


def _fitting(captures: Sequence[Capture], headers: Mapping[str, str]) -> Sequence[Capture]:
    """Those whose answer was for these request headers, where captures differ in that; else all."""
    if len({capture.varied for capture in captures}) < 2:
        return captures
    fitting = [c for c in captures if all(headers.get(name, "") == value for name, value in c.varied)]
    return fitting or captures


def answer_of(recorded: Recorded, capture: Capture) -> Answer:
    """What was received; ArchiveError when a record that is needed is not there."""
    pointer = capture.pointer
    record, notes = _read(recorded, pointer)
    received = b""
    if capture.kind == "revisit":
        received = _revisited(recorded, capture, record, notes)
    elif capture.kind == "response":
        received = playable(record.block)
        if pointer.payload_digest is None:
            # Left out of the record by a setting, not of the pointer that was given out.
            digest = sha1_base32(split_message(record.block).entity)
            pointer = pointer.model_copy(update={"payload_digest": digest})
    return Answer(ArchivedPage(pointer, record, notes), received)


def playable(block: bytes) -> bytes:
    """A response as an HTTP/1 parser takes it: others keep bodies decoded, and HTTP/2 status lines."""
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


def _revisited(recorded: Recorded, capture: Capture, record: WarcRecord, notes: Mapping[str, str]) -> bytes:
    if not record.block or split_message(record.block).status == 304:
        return record.block or _noted_head(notes) or _NOT_MODIFIED
    place = recorded.response(capture.refers_to) if capture.refers_to else None
    if not place:
        raise ArchiveError(
            f"{capture.pointer.file}: revisit {capture.pointer.record_id} of {capture.key.url} refers to "
            f"{capture.refers_to or 'no record'}, which is not in the archive"
        )
    original, _ = _read(recorded, place)
    message = split_message(record.block)
    entity = split_message(original.block).entity
    if message.is_chunked:
        framed = b"%X\r\n%s\r\n" % (len(entity), entity) if entity else b""
        return message.head + framed + b"0\r\n\r\n"
    return message.head + entity


def _noted_head(notes: Mapping[str, str]) -> bytes:
    """The head of a 304 as its metadata record keeps it."""
    try:
        head = ast.literal_eval(notes.get("notModified", "b''"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return b""
    return head if isinstance(head, bytes) else b""


def _read(recorded: Recorded, pointer: WarcPointer) -> tuple[WarcRecord, dict[str, str]]:
    """A record and the notes on its exchange."""
    with open_warc(recorded.folder, pointer.file) as stream:
        records = records_of(positioned(stream, pointer.offset))
        _, _, first = next(records, (0, 0, None))
        if first is None or first.record_id != pointer.record_id:
            raise ArchiveError(
                f"{recorded.folder / pointer.file}: no record {pointer.record_id} at {pointer.offset}"
            )
        if first.kind == "metadata":
            return first, fields_of(first.block)
        for _, _, record in records:
            if record.headers.get("warc-concurrent-to") != first.record_id:
                break
            if record.kind == "metadata":
                return first, fields_of(record.block)
    return first, {}
