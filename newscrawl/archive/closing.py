"""Closes one file of a dead run: what is whole gets its final name, the rest is set aside in `.torn`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from newscrawl.archive.lines import Place, place_of, settle
from newscrawl.archive.manifest import note_finished, read_manifest
from newscrawl.archive.members import whole_members
from newscrawl.archive.owner import owner_of
from newscrawl.archive.writer import OPEN, sync_folder
from newscrawl.errors import ArchiveError
from newscrawl.parts import WarcPointer

TORN = ".torn"
"Suffix of what was cut off a file; nothing is thrown away."
DRAFT = ".tmp"
LINES, REJECTED = ".jsonl", ".rejected.jsonl"
COPY_BLOCK_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 28
"A longer line is taken for a torn one; a page of the largest size allowed makes less."

Outcome = Literal["closed", "torn", "removed", "listed", "running", "broken"]
Span = tuple[int, int]
"Start and length in a file."


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """What became of one file."""

    name: str
    outcome: Outcome
    """`closed`: has its final name. `torn`: held no whole record and is only kept aside. `removed`: a draft
    that is of no use. `listed`: was missing in the manifest. `running`: left to its process. `broken`: left
    as it is, and someone must look."""
    kept: int = 0
    "Whole records or lines."
    bytes_torn: int = 0
    "Moved to `<name>.torn`."
    lines_cut: int = 0
    "Lines that were not written to their end."
    lines_dropped: int = 0
    "Lines whose record is gone."
    reason: str | None = None
    "Why it was left alone."

    @property
    def summary(self) -> str:
        """In words, such as `12 kept, 310 bytes torn`, or the reason."""
        if self.reason:
            return self.reason
        counts = (
            (f"{self.kept} kept", self.outcome == "closed"),
            (f"{self.bytes_torn} bytes torn", self.bytes_torn),
            (f"{self.lines_cut} lines cut", self.lines_cut),
            (f"{self.lines_dropped} lines dropped", self.lines_dropped),
        )
        return ", ".join(text for text, is_told in counts if is_told)


def close_warc(path: Path, fd: int) -> Repaired:
    """Cut a WARC behind its last whole record and give it its final name. OSError, ArchiveError."""
    final = path.with_name(path.name.removesuffix(OPEN))
    if final.exists():
        raise ArchiveError(f"{final.name} is there too")
    kept = end = 0
    with open(fd, "rb", closefd=False) as stream:
        for offset, length in whole_members(stream):
            kept, end = kept + 1, offset + length
    torn = os.fstat(fd).st_size - end
    if not kept:
        path.rename(f"{final}{TORN}")
        sync_folder(path.parent)
        return Repaired(name=final.name, outcome="torn", bytes_torn=torn)
    if torn:
        # The tail is safe elsewhere before it goes here: killed at any point, a second repair ends the same.
        _set_aside(fd, [(end, torn)], final)
        os.ftruncate(fd, end)
    os.fsync(fd)
    path.rename(final)
    sync_folder(path.parent)
    note_finished(final)
    return Repaired(name=final.name, outcome="closed", kept=kept, bytes_torn=torn)


def close_lines(path: Path, fd: int) -> Repaired:
    """Put whole lines whose records are there under the final name, in archive order. Raises as above."""
    final = path.with_name(path.name.removesuffix(OPEN))
    if final.exists():
        return _remove_settled(path, fd, final)
    with open(fd, "rb", closefd=False) as stream:
        kept, cut, dropped = _sorted_out(stream, path.parent, _withdrawn(final))
    if cut or dropped:
        _set_aside(fd, sorted(cut + dropped), final)
    settle(fd, kept, final)
    note_finished(final)
    return Repaired(
        name=final.name,
        outcome="closed",
        kept=len(kept),
        bytes_torn=sum(length for _, length in cut + dropped),
        lines_cut=len(cut),
        lines_dropped=len(dropped),
    )


def remove(path: Path, _: int) -> Repaired:
    """Delete a draft: its making is begun again from what it was made of. OSError."""
    path.unlink()
    sync_folder(path.parent)
    return Repaired(name=path.name, outcome="removed")


class _Told(NamedTuple):
    """What repair needs to know of a whole line."""

    pointer: WarcPointer | None
    reason: object
    "Of a rejection; None in an article."

    @property
    def place(self) -> tuple[str, int] | None:
        return (self.pointer.file, self.pointer.offset) if self.pointer else None


def _lines_of(stream: BinaryIO) -> Iterator[tuple[Span, _Told | None]]:
    """Each line's span and what it tells; None for what is no whole line of ours."""
    start = 0
    # A line that is too long comes in pieces, none of which is whole.
    while line := stream.readline(MAX_LINE_BYTES):
        try:
            told = _told_by(line)
        except (ValueError, RecursionError):
            told = None
        yield (start, len(line)), told
        start += len(line)


def _told_by(line: bytes) -> _Told:
    """ValueError when it is no whole line of ours."""
    if not line.endswith(b"\n"):
        raise ValueError("no end of line")
    data = json.loads(line)
    if not isinstance(data, dict) or "warc" not in data:
        raise ValueError("no line of a run")
    if data["warc"] is None:
        return _Told(None, data.get("reason"))
    pointer = WarcPointer.model_validate(data["warc"])
    if owner_of(pointer.file) is None:
        raise ValueError("no name of a WARC")
    return _Told(pointer, data.get("reason"))


def _withdrawn(final: Path) -> set[tuple[str, int]]:
    """Places of articles that the run wrote and then refused for an equal one that stands earlier."""
    found: set[tuple[str, int]] = set()
    if final.name.endswith(REJECTED):
        return found
    rejected = final.with_name(final.name.removesuffix(LINES) + REJECTED)
    for path in (rejected, Path(f"{rejected}{OPEN}")):
        if path.is_file():
            with path.open("rb") as stream:
                found |= {t.place for _, t in _lines_of(stream) if t and t.place and t.reason == "duplicate"}
    return found


def _sorted_out(
    stream: BinaryIO, folder: Path, withdrawn: set[tuple[str, int]]
) -> tuple[list[Place], list[Span], list[Span]]:
    """Lines to keep, lines that are not whole, lines whose record is gone or that were withdrawn."""
    kept: list[Place] = []
    cut: list[Span] = []
    dropped: list[Span] = []
    for span, told in _lines_of(stream):
        if told is None:
            cut.append(span)
        elif told.pointer and (told.place in withdrawn or _is_gone(folder, told.pointer)):
            dropped.append(span)
        else:
            kept.append(place_of(told.pointer, *span))
    return kept, cut, dropped


def _is_gone(folder: Path, pointer: WarcPointer) -> bool:
    """Whether the record was cut off; a WARC that was moved elsewhere takes no line with it."""
    for name in (pointer.file, pointer.file + OPEN):
        if (folder / name).exists():
            return (folder / name).stat().st_size < pointer.offset + pointer.length
    return (folder / f"{pointer.file}{TORN}").exists()


def _remove_settled(path: Path, fd: int, final: Path) -> Repaired:
    """The open file of lines that have been put into order: all of its bytes are in other files."""
    torn = Path(f"{final}{TORN}")
    elsewhere = final.stat().st_size + (torn.stat().st_size if torn.exists() else 0)
    size = os.fstat(fd).st_size
    # A run that closed by itself has left its withdrawn lines out, without setting them aside.
    if elsewhere not in (size, size - _withdrawn_bytes(fd, _withdrawn(final))):
        raise ArchiveError(f"{final.name} is there too, and holds other lines")
    if final.name not in read_manifest(final.parent):
        note_finished(final)
    return remove(path, fd)


def _withdrawn_bytes(fd: int, withdrawn: set[tuple[str, int]]) -> int:
    with open(fd, "rb", closefd=False) as stream:
        stream.seek(0)
        return sum(length for (_, length), told in _lines_of(stream) if told and told.place in withdrawn)


def _set_aside(fd: int, spans: list[Span], final: Path) -> None:
    """Copy spans of an open file to `<final>.torn`, whole or not at all."""
    draft = Path(f"{final}{TORN}{DRAFT}")
    with draft.open("wb") as out:
        for start, length in spans:
            for place in range(start, start + length, COPY_BLOCK_BYTES):
                out.write(os.pread(fd, min(COPY_BLOCK_BYTES, start + length - place), place))
        out.flush()
        os.fsync(out.fileno())
    draft.rename(f"{final}{TORN}")
    sync_folder(final.parent)
