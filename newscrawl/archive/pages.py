"""Finds the pages in archive files, those of newscrawl and those of other programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from newscrawl.archive.takedown import read_blocked_urls
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import WarcPointer
from newscrawl.urls import normalize_url
from newscrawl.warc.fast_reader import BlockStream, RecordSlice
from newscrawl.warc.http import split_message
from newscrawl.warc.reader import open_warc, parse_warc_fields
from newscrawl.warc.record_groups import group_records
from newscrawl.warc.recovery import iter_slices_recovering

ENDINGS = (".warc.gz", ".warc")
"Names of archive files in a folder; a file that is still open has a different one."
_OURS = "newscrawl/"
_OUR_FIELD = "outcome"
_HTML = ("text/html", "application/xhtml+xml")
_START_BYTES = {"warcinfo": 1 << 16, "response": 1 << 16, "revisit": 1 << 16, "metadata": 1 << 20}
"Bytes of a block that are read, by kind; a worker reads the page itself."
_SEPARATOR_BYTES = 8
"Bytes between two records that belong to neither, in files without compression."


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
    """An archive file and how far it was read."""

    path: Path
    end: int = 0
    "Where the last whole record ends that was read."
    has_gaps: bool = False
    "Whether there are bytes before or between whole records that belong to none."

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    @property
    def is_torn(self) -> bool:
        """Whether there are bytes that belong to no whole record; valid once all pages were read."""
        return self.has_gaps or self.size - self.end > _SEPARATOR_BYTES

    def pages(self) -> Iterator[PageLocation]:
        """Its pages in order, without those that were taken down."""
        blocked = set(map(normalize_url, read_blocked_urls(self.path.parent)))
        with open_warc(self.path.parent, self.path.name) as stream:
            for response in iter_responses(self._records(stream)):
                url = response.record.url
                if is_page(response) and not (blocked and normalize_url(url) in blocked):
                    yield PageLocation(
                        folder=self.path.parent,
                        pointer=_pointer(self.path.name, response.record),
                        url=url,
                        run=response.info.get("run", "") if is_newscrawl_file(response.info) else "",
                        memory=response.info.get("memory", "") if is_newscrawl_file(response.info) else "",
                    )

    def _records(self, stream: BinaryIO) -> Iterator[RecordSlice[bytes]]:
        self.end = 0
        for record in iter_slices_recovering(stream, _read_block_start):
            self.has_gaps = self.has_gaps or record.offset - self.end > _SEPARATOR_BYTES
            self.end = record.offset + record.length
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
            raise NewscrawlError(f"{path}: no WARC file ({' or '.join(ENDINGS)}) in this folder")
        for file in inside:
            if not file.is_file():
                raise ArchiveError(f"no such archive file: {file}")
            files.setdefault(file.resolve(), file.absolute())
    ordered = sorted(files.values(), key=lambda file: (str(file.parent), file.name))
    return [ArchiveFile(path=path) for path in ordered]


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
        if response := by_kind.get("response") or by_kind.get("revisit"):
            metadata = parse_warc_fields(by_kind["metadata"].result) if "metadata" in by_kind else {}
            # If the warcinfo record is lost, the metadata shows which program wrote the file.
            is_ours = not info and _OUR_FIELD in metadata
            yield PageResponse(
                record=response, info={"software": _OURS} if is_ours else info, metadata=metadata
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
    message = split_message(response.record.result)
    if is_newscrawl_file(response.info):
        # The extractor never got a response with another status, or one that failed on the way.
        arrived = response.metadata.get("outcome") == "ok" and 200 <= (message.status or 0) < 300
        return arrived and "discovery" in response.metadata
    if response.record.kind != "response" or message.status != 200:
        return False
    declared = (message.header("content-type") or "").partition(";")[0].strip().lower()
    identified = response.record.headers.get("warc-identified-payload-type", "").strip().lower()
    return _HTML[0] in (declared, identified) or _HTML[1] in (declared, identified)
