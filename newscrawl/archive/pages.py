"""Which records of archive files are pages, in the order they stand; also in archives of other programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from newscrawl.archive.takedown import blocked
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import WarcPointer
from newscrawl.urls import normal_url
from newscrawl.warc.fast_reader import Block, Placed
from newscrawl.warc.http import split_message
from newscrawl.warc.reader import fields_of, open_warc
from newscrawl.warc.recovery import walked_past_damage

ENDINGS = (".warc.gz", ".warc")
"Names of archive files looked for in a folder; a file that is still open has another."
_OURS = "newscrawl/"
_OUR_NOTE = "outcome"
_HTML = ("text/html", "application/xhtml+xml")
_ANSWERS = ("response", "revisit")
_LOOKED_AT = {"warcinfo": 1 << 16, "response": 1 << 16, "revisit": 1 << 16, "metadata": 1 << 20}
"Bytes of a block that are looked at, by kind; a page itself is read by its worker."
_BLANK_LINES = 8
"Bytes between records that belong to none, in files without compression."


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A page in an archive file."""

    folder: Path
    pointer: WarcPointer
    url: str
    run: str
    "Id of the run that fetched it; empty in archives of other programs."
    memory: str = ""
    "Name of the memory that run used; empty where it used none."


@dataclass(kw_only=True)
class ArchiveFile:
    """One file, read from its first record on."""

    path: Path
    read: int = 0
    "Where the last whole record ends that was read."
    has_gaps: bool = False
    "Whether something stands before or between whole records that is none."

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    @property
    def torn(self) -> bool:
        """Whether bytes are left that are no whole record; known once all places were asked for."""
        return self.has_gaps or self.size - self.read > _BLANK_LINES

    def places(self) -> Iterator[Place]:
        """Its pages, in order; those that were taken down are none."""
        gone = set(map(normal_url, blocked(self.path.parent)))
        with open_warc(self.path.parent, self.path.name) as stream:
            for answer in answers_of(self._records(stream)):
                url = answer.record.headers.get("warc-target-uri", "").strip("<>")
                if is_page(answer) and not (gone and normal_url(url) in gone):
                    yield Place(
                        folder=self.path.parent,
                        pointer=_pointer(self.path.name, answer.record),
                        url=url,
                        run=answer.info.get("run", "") if is_ours(answer.info) else "",
                        memory=answer.info.get("memory", "") if is_ours(answer.info) else "",
                    )

    def _records(self, stream: BinaryIO) -> Iterator[Placed[bytes]]:
        self.read = 0
        for record in walked_past_damage(stream, _start):
            self.has_gaps = self.has_gaps or record.offset - self.read > _BLANK_LINES
            self.read = record.offset + record.length
            yield record


@dataclass(kw_only=True, slots=True)
class Answer:
    """A response, and what stands around it."""

    record: Placed[bytes]
    "With the start of its block."
    info: dict[str, str]
    "Fields of the warcinfo record before it."
    notes: dict[str, str] = field(default_factory=dict)
    "Fields of its metadata record."


def archive_files(given: Iterable[Path]) -> list[ArchiveFile]:
    """The files named and those in the folders named, each once, by folder and name; errors name a path."""
    found: dict[Path, Path] = {}
    for path in given:
        inside = _files_of_folder(path) if path.is_dir() else [path]
        if not inside:
            raise NewscrawlError(f"{path}: no WARC file ({' or '.join(ENDINGS)}) in this folder")
        for file in inside:
            if not file.is_file():
                raise ArchiveError(f"no such archive file: {file}")
            found.setdefault(file.resolve(), file.absolute())
    ordered = sorted(found.values(), key=lambda file: (str(file.parent), file.name))
    return [ArchiveFile(path=path) for path in ordered]


def _files_of_folder(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(ENDINGS) and path.is_file()]


def _start(kind: str, _headers: dict[str, str], block: Block) -> bytes:
    return block.read(_LOOKED_AT.get(kind, 0))


def answers_of(records: Iterable[Placed[bytes]]) -> Iterator[Answer]:
    """Each response with the notes of the metadata record that follows it closely."""
    info: dict[str, str] = {}
    waiting: Answer | None = None
    for record in records:
        if waiting and record.headers.get("warc-concurrent-to") == _id(waiting.record):
            if record.kind == "metadata":
                waiting.notes = fields_of(record.taken)
            continue
        if waiting:
            yield _told(waiting)
            waiting = None
        if record.kind == "warcinfo":
            info = fields_of(record.taken)
        elif record.kind in _ANSWERS:
            waiting = Answer(record=record, info=info)
    if waiting:
        yield _told(waiting)


def _told(answer: Answer) -> Answer:
    """The answer; where the warcinfo record is lost, its notes tell who wrote it."""
    if not answer.info and _OUR_NOTE in answer.notes:
        answer.info = {"software": _OURS}
    return answer


def _id(record: Placed[bytes]) -> str:
    return record.headers.get("warc-record-id", "")


def _pointer(name: str, record: Placed[bytes]) -> WarcPointer:
    return WarcPointer(
        file=name,
        offset=record.offset,
        length=record.length,
        record_id=_id(record),
        payload_digest=record.headers.get("warc-payload-digest"),
    )


def is_ours(info: dict[str, str]) -> bool:
    """Whether newscrawl wrote the file this warcinfo record begins."""
    return info.get("software", "").startswith(_OURS)


def is_page(answer: Answer) -> bool:
    """Whether a response is to be read as a page.

    In our own archives that is noted of it; elsewhere it is HTML with status 200 from a web address.
    """
    message = split_message(answer.record.taken)
    if is_ours(answer.info):
        # What answers with another status, or fails under way, never came to the extractor.
        arrived = answer.notes.get("outcome") == "ok" and 200 <= (message.status or 0) < 300
        return arrived and "discovery" in answer.notes
    if answer.record.kind != "response" or message.status != 200:
        return False
    declared = (message.header("content-type") or "").partition(";")[0].strip().lower()
    identified = answer.record.headers.get("warc-identified-payload-type", "").strip().lower()
    return _HTML[0] in (declared, identified) or _HTML[1] in (declared, identified)
