"""Finds the pages in archive files, those of newscrawl and those of other programs."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from newscrawl.archive.takedown import read_blocked_urls
from newscrawl.errors import ArchiveError, NewscrawlError, PageTooLarge
from newscrawl.items import WarcPointer
from newscrawl.state.refetch_policy import GONE_STATUSES
from newscrawl.urls import normalize_url
from newscrawl.warc.dates import parse_warc_date
from newscrawl.warc.fast_reader import MAX_LENGTH_DIGITS, BlockStream, RecordSlice
from newscrawl.warc.http import Message, split_message
from newscrawl.warc.media_types import PREFIX_BYTES, identify_payload_type, sniff_media_type
from newscrawl.warc.normalize import merge_revisit, normalize_page
from newscrawl.warc.packages import ARCHIVE_SUFFIXES, PACKAGE_SUFFIX, list_package
from newscrawl.warc.reader import MAX_PAGE_BYTES, ArchivedPage, open_warc, parse_warc_fields, read_page
from newscrawl.warc.record_groups import group_records
from newscrawl.warc.recovery import iter_slices_recovering
from newscrawl.warc.renderings import RENDERING_FIELD, is_rendering, page_url

ENDINGS = (*ARCHIVE_SUFFIXES, PACKAGE_SUFFIX)
"Names of archive files in a folder; a file that is still open has a different one."
REVISIT_UNRESOLVED, SEGMENT_MISSING = "revisit_unresolved", "segment_missing"
LOST = (
    "damaged",
    "date_missing",
    "date_form",
    "target_uri_missing",
    REVISIT_UNRESOLVED,
    SEGMENT_MISSING,
)
"Reasons for which a record is lost; every other record that is skipped is none of an article."
_OURS = "newscrawl/"
_OUR_FIELD = "outcome"
_HTML = ("text/html", "application/xhtml+xml")
_REVISIT, _SEGMENT = "revisit", "segment"
"Reasons of records that are no page by themselves."
_UNSAID = {"", "application/http", "application/octet-stream", "no-type", "unk", "unknown"}
"Media types that say nothing; the last ones are written by ARC crawlers."
_OK = 200
_START_BYTES = {
    "warcinfo": 1 << 16,
    "response": 1 << 16,
    "revisit": 1 << 16,
    "resource": PREFIX_BYTES,
    "conversion": PREFIX_BYTES,
    "continuation": 1 << 16,
    "metadata": 1 << 20,
}
"Bytes of a block that are read, by kind; a worker reads the page itself."
_PAGE_KINDS = ("response", "revisit", "resource", "conversion")
_OTHER_KINDS = ("warcinfo", "request", "metadata", "continuation")
SEGMENT_NUMBER, _SEGMENT_TOTAL, _SEGMENT_ORIGIN = (
    "warc-segment-number",
    "warc-segment-total-length",
    "warc-segment-origin-id",
)
MAX_SEGMENTS = 100_000
"Segments of a file that can be joined; those behind them count as missing."
_WEB = ("http:", "https:")


@dataclass(frozen=True, kw_only=True, slots=True)
class PageLocation:
    """A page in an archive file."""

    folder: Path
    pointer: WarcPointer
    url: str
    run: str
    "Id of the run that fetched it; empty in archives of other programs."
    memory: str = ""
    "Name of the site memory which that run used; empty if none."
    parts: tuple[WarcPointer, ...] = ()
    """Records that complete the page: the following pages of its story. Of a page of another program they are
    the original of a revisit, or the segments that continue it, with the absolute paths of their files."""


class Segment(NamedTuple):
    """A record that is part of a longer one (ISO 28500:2017, clause 7)."""

    origin: str
    "Id of the first segment."
    number: int
    "From 1; 0 if it cannot be read."
    total: int | None
    "Bytes of all blocks together, which the last segment states."
    size: int
    "Bytes of its own block."
    pointer: WarcPointer


@dataclass(kw_only=True)
class ArchiveFile:
    """An archive file, and what reading it came upon."""

    path: Path
    inside: str = ""
    "Name in the package, if the path is that of a WACZ."
    end: int = 0
    "Where the last whole record ends that was read."
    skipped: Counter[str] = field(default_factory=Counter)
    "Records that are no page, and records that are lost, by reason; complete once all pages were read."
    revisits: array[int] = field(default_factory=lambda: array("Q"))
    "Offsets of the revisits of other programs, which their originals complete."
    segments: list[Segment] = field(default_factory=list)
    "Records of other programs that are a part of a page."
    _blocked: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Name in its folder, as pointers have it."""
        return f"{self.path.name}/{self.inside}" if self.inside else self.path.name

    @property
    def size(self) -> int:
        if self.inside:
            return next(member.size for member in list_package(self.path) if member.name == self.inside)
        return self.path.stat().st_size

    @property
    def is_torn(self) -> bool:
        """Whether there are bytes that belong to no whole record; valid once all pages were read."""
        return bool(self.skipped["damaged"])

    @property
    def lost(self) -> dict[str, int]:
        """The records that are lost, by reason; valid once all pages were read."""
        return {reason: self.skipped[reason] for reason in LOST if self.skipped[reason]}

    def pages(self) -> Iterator[PageLocation]:
        """Its pages in order, without those that were taken down.

        `linked_records.iter_pages` gives those of several records too, by `revisits` and `segments`.
        """
        self._blocked = self._read_blocked()
        self.skipped.clear()
        self.revisits, self.segments = array("Q"), []
        with open_warc(self.path.parent, self.name) as stream:
            for response in iter_responses(self._records(stream)):
                record = response.record
                reason = find_skip_reason(response)
                if reason == _SEGMENT:
                    self._add_segment(record)
                    continue
                reason = find_loss(record) if reason in (None, _REVISIT) else reason
                if not reason and self.is_blocked(page_url(record.url)):
                    reason = "taken_down"
                if reason:
                    self.skipped[reason] += 1
                    continue
                if record.kind == "revisit" and not is_newscrawl_file(response.info):
                    self.revisits.append(record.offset)
                    continue
                yield PageLocation(
                    folder=self.path.parent,
                    pointer=make_pointer(self.name, record),
                    url=page_url(record.url),
                    run=response.info.get("run", "") if is_newscrawl_file(response.info) else "",
                    memory=response.info.get("memory", "") if is_newscrawl_file(response.info) else "",
                )

    def is_blocked(self, url: str) -> bool:
        """Whether a page was taken down; valid once its pages were asked for."""
        return bool(self._blocked) and normalize_url(url) in self._blocked

    def findings(self) -> dict[str, Any]:
        """What reading it came upon, as JSON, for a process that has not read it."""
        return {
            "end": self.end,
            "skipped": self.skipped,
            "revisits": list(self.revisits),
            "segments": [
                {**segment._asdict(), "pointer": segment.pointer.model_dump(mode="json")}
                for segment in self.segments
            ],
        }

    def restore(self, findings: dict[str, Any]) -> None:
        """Take over what another process has found, as if this one had asked for its pages."""
        self.end = findings["end"]
        self.skipped = Counter(findings["skipped"])
        self.revisits = array("Q", findings["revisits"])
        self.segments = [
            Segment(**{**segment, "pointer": WarcPointer(**segment["pointer"])})
            for segment in findings["segments"]
        ]
        self._blocked = self._read_blocked()

    def _read_blocked(self) -> frozenset[str]:
        return frozenset(map(normalize_url, read_blocked_urls(self.path.parent)))

    def _add_segment(self, record: RecordSlice[bytes]) -> None:
        if len(self.segments) >= MAX_SEGMENTS:
            self.skipped[SEGMENT_MISSING] += 1
            return
        is_first = record.kind != "continuation"
        segment = Segment(
            origin=record.record_id if is_first else record.headers.get(_SEGMENT_ORIGIN, ""),
            number=_parse_size(record.headers.get(SEGMENT_NUMBER)) or 0,
            total=_parse_size(record.headers.get(_SEGMENT_TOTAL)),
            size=_parse_size(record.headers.get("content-length")) or 0,
            pointer=make_pointer(self.name, record),
        )
        self.segments.append(segment)

    def _records(self, stream: BinaryIO) -> Iterator[RecordSlice[bytes]]:
        def count_gap(_offset: int) -> None:
            self.skipped["damaged"] += 1

        self.end = 0
        for record in iter_slices_recovering(stream, read_block_start, count_gap):
            self.end = record.offset + record.length
            if record.kind == "continuation":
                self._add_segment(record)
            elif record.kind not in _PAGE_KINDS and record.kind not in _OTHER_KINDS:
                self.skipped["type_unknown"] += 1
            yield record


@dataclass(kw_only=True, slots=True)
class PageResponse:
    """A response with the metadata around it."""

    record: RecordSlice[bytes]
    "Its result is the start of the block."
    info: dict[str, str]
    "Fields of the warcinfo record before it."
    metadata: dict[str, str] = field(default_factory=dict)
    "Fields of its metadata record."


def find_archive_files(paths: Iterable[Path]) -> list[ArchiveFile]:
    """The named files and those in the named folders, without repeats, by folder and name."""
    files: dict[Path, Path] = {}
    for path in paths:
        inside = _files_in(path) if path.is_dir() else [path]
        if not inside:
            raise NewscrawlError(f"{path}: no WARC file ({', '.join(ENDINGS)}) in this folder")
        for file in inside:
            if not file.is_file():
                raise ArchiveError(f"no such archive file: {file}")
            files.setdefault(file.resolve(), file.absolute())
    ordered = sorted(files.values(), key=lambda file: (str(file.parent), file.name))
    return [archive for path in ordered for archive in _archives_in(path)]


def _archives_in(path: Path) -> list[ArchiveFile]:
    """The file itself, or the archive files in a package; a broken package is read as a damaged file."""
    if path.name.endswith(PACKAGE_SUFFIX):
        with suppress(ArchiveError):
            return [ArchiveFile(path=path, inside=member.name) for member in list_package(path)]
    return [ArchiveFile(path=path)]


def _files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(ENDINGS) and path.is_file()]


def read_block_start(kind: str, _headers: dict[str, str], block: BlockStream) -> bytes:
    """As much of a block as shows whether it is a page."""
    return block.read(_START_BYTES.get(kind, 0))


def iter_responses(records: Iterable[RecordSlice[bytes]]) -> Iterator[PageResponse]:
    """Each response with the metadata of its exchange."""
    info: dict[str, str] = {}
    for group in group_records(records):
        by_kind = {record.kind: record for record in group}
        if warcinfo := by_kind.get("warcinfo"):
            info = parse_warc_fields(warcinfo.result)
        metadata = parse_warc_fields(by_kind["metadata"].result) if "metadata" in by_kind else {}
        # If the warcinfo record is lost, the metadata shows which program wrote the file.
        is_ours = not info and _OUR_FIELD in metadata
        for record in group:
            if record.kind in _PAGE_KINDS:
                yield PageResponse(
                    record=record, info={"software": _OURS} if is_ours else info, metadata=metadata
                )


def _parse_size(text: str | None) -> int | None:
    """A whole number of a header; None if there is none."""
    return (
        int(text) if text and text.isascii() and text.isdigit() and len(text) <= MAX_LENGTH_DIGITS else None
    )


def make_pointer(name: str, record: RecordSlice[bytes]) -> WarcPointer:
    """Where a record stands in the file of this name."""
    return WarcPointer(
        file=name,
        offset=record.offset,
        length=record.length,
        record_id=record.record_id,
        payload_digest=record.headers.get("warc-payload-digest"),
    )


def is_newscrawl_file(info: dict[str, str]) -> bool:
    """Whether newscrawl wrote the file of this warcinfo record."""
    return info.get("software", "").startswith(_OURS)


def is_page(response: PageResponse) -> bool:
    """Whether a response is a page: by its metadata in our archives; elsewhere, HTML with status 200."""
    return find_skip_reason(response) is None


def has_arrived(response: PageResponse) -> bool:
    """Whether our crawl got a page: an answer of success that was not cut, or what a browser made of it."""
    is_whole = response.metadata.get("outcome") == "ok"
    if is_rendering(response.record.url) or RENDERING_FIELD in response.metadata:
        return is_whole and response.record.kind == "resource"
    status = split_message(response.record.result).status or 0
    return is_whole and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def is_gone(response: PageResponse) -> bool:
    """Whether the site said that a page does not exist."""
    status = split_message(response.record.result).status
    return response.metadata.get("outcome") == "ok" and status in GONE_STATUSES


def find_skip_reason(response: PageResponse) -> str | None:
    """Why a response is no page; None for a page."""
    record = response.record
    message = split_message(record.result)
    if is_newscrawl_file(response.info):
        # The extractor never got a response with another status, or one that failed on the way.
        if "discovery" not in response.metadata:
            return "no_page"
        if is_rendering(record.url):
            return None if record.kind == "resource" else "not_fetched"
        if RENDERING_FIELD in response.metadata:
            return "rendered_apart"
        return None if has_arrived(response) else "not_fetched"
    if SEGMENT_NUMBER in record.headers:
        return _SEGMENT
    return _REVISIT if record.kind == "revisit" else find_foreign_skip_reason(record, message)


def find_foreign_skip_reason(record: RecordSlice[bytes], message: Message) -> str | None:
    """Why a record of another program, with all that belongs to it, is no page; None for a page."""
    is_http = message.status is not None and record.kind == "response"
    if is_http and message.status != _OK:
        return f"status_{message.status}"
    declared = (message.header("content-type") if is_http else record.headers.get("content-type")) or ""
    identified = record.headers.get("warc-identified-payload-type", "")
    types = {text.partition(";")[0].strip().lower() for text in (declared, identified)}
    if record.kind == "response" and not is_http:
        types.discard(identified.strip().lower())
    if types <= _UNSAID:  # as without a head, in HTTP/0.9: the bytes themselves say what they are
        sniffed = (
            identify_payload_type(message) if is_http else sniff_media_type(record.result[:PREFIX_BYTES])
        )
        types = {sniffed or ""}
    if not types & set(_HTML):
        return "media_type"
    is_web = not record.url or record.url.lower().startswith(_WEB)
    return None if is_web else "no_web_address"


def find_loss(record: RecordSlice[bytes]) -> str | None:
    """Why a page is lost: without a URL or a date it cannot be made an article."""
    if not record.url:
        return "target_uri_missing"
    date = record.headers.get("warc-date", "")
    return None if parse_warc_date(date) else "date_form" if date else "date_missing"


def read_any_page(folder: Path, pointer: WarcPointer, parts: Sequence[WarcPointer] = ()) -> ArchivedPage:
    """Read the page at a pointer; one of another program with headers that describe the stored bytes.

    `parts` are those of its location. ArchiveError if a record is not there, or all are too large together.
    """
    page = read_page(folder, pointer)
    if is_newscrawl_page(page):
        return page
    others = (read_page(Path(), part) for part in parts)
    if parts and page.response.kind == "revisit":
        return merge_revisit(normalize_page(page), normalize_page(next(others)))
    block = bytearray(page.response.block)
    for other in others:
        block += other.response.block
        if len(block) > MAX_PAGE_BYTES:
            where = f"{folder / pointer.file} at {pointer.offset}"
            raise PageTooLarge(f"{where}: segments of more than {MAX_PAGE_BYTES} bytes together")
    return normalize_page(replace(page, response=replace(page.response, block=bytes(block))))


def is_newscrawl_page(page: ArchivedPage) -> bool:
    """Whether newscrawl recorded a page, judging by its metadata."""
    return _OUR_FIELD in page.metadata
