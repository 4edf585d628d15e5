"""Finds the pages in archive files, those of newscrawl and those of other programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from newscrawl.archive.takedown import read_blocked_urls
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import WarcPointer
from newscrawl.urls import normalize_url
from newscrawl.warc.dates import parse_warc_date
from newscrawl.warc.fast_reader import BlockStream, RecordSlice
from newscrawl.warc.http import Message, split_message
from newscrawl.warc.media_types import PREFIX_BYTES, identify_payload_type, sniff_media_type
from newscrawl.warc.normalize import normalize_page
from newscrawl.warc.packages import ARCHIVE_SUFFIXES, PACKAGE_SUFFIX, list_package
from newscrawl.warc.reader import ArchivedPage, open_warc, parse_warc_fields, read_page
from newscrawl.warc.record_groups import group_records
from newscrawl.warc.recovery import iter_slices_recovering

ENDINGS = (*ARCHIVE_SUFFIXES, PACKAGE_SUFFIX)
"Names of archive files in a folder; a file that is still open has a different one."
LOST = ("damaged", "date_missing", "date_form", "target_uri_missing")
"Reasons for which a record is lost; every other record that is skipped is none of an article."
_OURS = "newscrawl/"
_OUR_FIELD = "outcome"
_HTML = ("text/html", "application/xhtml+xml")
_UNSAID = {"", "application/http", "application/octet-stream", "no-type", "unk", "unknown"}
"Media types that say nothing; the last ones are written by ARC crawlers."
_OK = 200
_START_BYTES = {
    "warcinfo": 1 << 16,
    "response": 1 << 16,
    "revisit": 1 << 16,
    "resource": PREFIX_BYTES,
    "conversion": PREFIX_BYTES,
    "metadata": 1 << 20,
}
"Bytes of a block that are read, by kind; a worker reads the page itself."
_PAGE_KINDS = ("response", "revisit", "resource", "conversion")
_OTHER_KINDS = ("warcinfo", "request", "metadata")
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
        """Its pages in order, without those that were taken down."""
        blocked = set(map(normalize_url, read_blocked_urls(self.path.parent)))
        self.skipped.clear()
        with open_warc(self.path.parent, self.name) as stream:
            for response in iter_responses(self._records(stream)):
                url = response.record.url
                reason = find_skip_reason(response) or _find_loss(response.record)
                if not reason and blocked and normalize_url(url) in blocked:
                    reason = "taken_down"
                if reason:
                    self.skipped[reason] += 1
                    continue
                yield PageLocation(
                    folder=self.path.parent,
                    pointer=_pointer(self.name, response.record),
                    url=url,
                    run=response.info.get("run", "") if is_newscrawl_file(response.info) else "",
                    memory=response.info.get("memory", "") if is_newscrawl_file(response.info) else "",
                )

    def _records(self, stream: BinaryIO) -> Iterator[RecordSlice[bytes]]:
        def count_gap(_offset: int) -> None:
            self.skipped["damaged"] += 1

        self.end = 0
        for record in iter_slices_recovering(stream, _read_block_start, count_gap):
            self.end = record.offset + record.length
            if record.kind not in _PAGE_KINDS and record.kind not in _OTHER_KINDS:
                self.skipped["segment" if record.kind == "continuation" else "type_unknown"] += 1
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


def _read_block_start(kind: str, _headers: dict[str, str], block: BlockStream) -> bytes:
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


def _pointer(name: str, record: RecordSlice[bytes]) -> WarcPointer:
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


def find_skip_reason(response: PageResponse) -> str | None:
    """Why a response is no page; None for a page."""
    record = response.record
    message = split_message(record.result)
    if is_newscrawl_file(response.info):
        # The extractor never got a response with another status, or one that failed on the way.
        if "discovery" not in response.metadata:
            return "no_page"
        arrived = response.metadata.get("outcome") == "ok" and 200 <= (message.status or 0) < 300
        return None if arrived else "not_fetched"
    return _find_foreign_skip_reason(record, message)


def _find_foreign_skip_reason(record: RecordSlice[bytes], message: Message) -> str | None:
    """Why a record of another program is no page."""
    if record.kind == "revisit" or "warc-segment-number" in record.headers:
        return "revisit" if record.kind == "revisit" else "segment"
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


def _find_loss(record: RecordSlice[bytes]) -> str | None:
    """Why a page is lost: without a URL or a date it cannot be made an article."""
    if not record.url:
        return "target_uri_missing"
    date = record.headers.get("warc-date", "")
    return None if parse_warc_date(date) else "date_form" if date else "date_missing"


def read_any_page(folder: Path, pointer: WarcPointer) -> ArchivedPage:
    """Read the page at a pointer; one of another program with headers that describe the stored bytes."""
    page = read_page(folder, pointer)
    return page if is_newscrawl_page(page) else normalize_page(page)


def is_newscrawl_page(page: ArchivedPage) -> bool:
    """Whether newscrawl recorded a page, judging by its metadata."""
    return _OUR_FIELD in page.metadata
