"""What a replay looks up: the exchanges of recorded runs by what was asked, in the order they were written.

Made by one pass over the WARC files; nothing of a response but its place is kept in memory.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

from newscrawl.archive.groups import Exchanged, exchanged
from newscrawl.archive.http import split_message
from newscrawl.archive.reader import fields_of, records_of
from newscrawl.archive.records import target_uri
from newscrawl.errors import ArchiveError
from newscrawl.parts import WarcPointer
from newscrawl.urls import absolute, host_of, normal_url

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
