"""Repairs what killed runs have left in a folder: open files are closed, remains removed."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from pydantic import ValidationError

from newscrawl.archive.lines import SORTING, Place, json_line, place_of, settle
from newscrawl.archive.manifest import MANIFEST, note_finished, read_manifest
from newscrawl.archive.takedown import write_lines
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection, WarcPointer
from newscrawl.warc.filenames import Owner, host_in_names, is_running, lock, owner_of
from newscrawl.warc.recovery import whole_members
from newscrawl.warc.writer import OPEN, sync_folder

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


WARC = ".warc.gz"
FINISHED = (WARC, LINES, ".report.json")
Step = Callable[[Path, int], Repaired]


@dataclass(frozen=True, kw_only=True)
class Repairs:
    """What a repair did in one folder; files that were in order are not told of."""

    folder: Path
    files: tuple[Repaired, ...] = ()

    def of(self, *outcomes: Outcome) -> list[Repaired]:
        return [file for file in self.files if file.outcome in outcomes]

    @property
    def is_sound(self) -> bool:
        """Nothing is left that someone must look at."""
        return not self.of("broken")


def repair_folder(folder: Path, *, host: str, force: bool = False, complete: bool = False) -> Repairs:
    """Close what dead processes left open in an outlet's folder; ArchiveError when it cannot be read.

    Files of running processes are left alone; those of other hosts too, unless `force`. `complete` adds
    finished files to the manifest that are missing in it, for which they are read from end to end.
    """
    with _alone(folder):
        names = _names(folder)
        judge = _judge(names, host, force)
        found = [_repaired(folder / name, step, judge) for name, step in _steps(names)]
        listed = _list_missing(folder) if complete else ()
    return Repairs(folder=folder, files=(*(file for file in found if file), *listed))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One repair of a folder at a time: lines are held against WARCs that another might still be cutting."""
    try:
        fd = os.open(folder, os.O_RDONLY)
    except OSError:
        yield  # what is wrong with the folder is said where it is read
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise ArchiveError(f"cannot read {folder}: {error.strerror}") from error


def _steps(names: list[str]) -> Iterator[tuple[str, Step]]:
    """WARCs before lines, which are held against them."""
    for name in names:
        if name.endswith(WARC + OPEN):
            yield name, close_warc
    for name in names:
        if name.endswith(LINES + OPEN):
            yield name, close_lines
        elif name.endswith((SORTING, DRAFT)) and owner_of(name):
            yield name, remove


def _repaired(path: Path, step: Step, judge: _Judge) -> Repaired | None:
    """Take the step on a file that nobody else holds; whatever is in the way becomes its reason."""
    try:
        with _opened(path) as fd:
            if objection := judge.objection(path, fd):
                return objection
            # Another repair may have finished between opening and locking.
            return step(path, fd) if os.path.samestat(path.lstat(), os.fstat(fd)) else None
    except FileNotFoundError:
        return None
    except OSError as error:
        return Repaired(name=path.name, outcome="broken", reason=f"cannot repair it: {error.strerror}")
    except ArchiveError as error:
        return Repaired(name=path.name, outcome="broken", reason=str(error))


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    # A link could lead out of the folder, and a pipe would be waited for.
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        yield fd
    finally:
        os.close(fd)


@dataclass(frozen=True, kw_only=True)
class _Judge:
    """Decides whose files may be touched."""

    host: str
    force: bool
    warcs: tuple[Owner, ...]

    def objection(self, path: Path, fd: int) -> Repaired | None:
        """Why a file must be left alone, if it must; otherwise it is ours until `fd` is closed."""
        status, owner = os.fstat(fd), owner_of(path.name)
        if not stat.S_ISREG(status.st_mode):
            return Repaired(name=path.name, outcome="broken", reason="it is no file")
        if owner is None and not self.force:
            return Repaired(name=path.name, outcome="broken", reason="its name does not tell whose it is")
        host = self._host_of(owner) if owner else self.host
        if host != self.host and not self.force:
            return Repaired(name=path.name, outcome="broken", reason=f"it was written on host {host}")
        if owner and host == self.host and is_running(owner.pid, status.st_mtime):
            return Repaired(name=path.name, outcome="running", reason=f"process {owner.pid} writes it")
        if not lock(fd):
            return Repaired(name=path.name, outcome="running", reason="another process holds it")
        return None

    def _host_of(self, owner: Owner) -> str:
        """Run ids name no host, but the first WARC that a run opens does."""
        opened = [
            (warc.stamp, warc.host)
            for warc in self.warcs
            if (warc.outlet, warc.pid) == (owner.outlet, owner.pid) and warc.stamp >= owner.stamp
        ]
        return owner.host or (min(opened)[1] if opened else None) or self.host


def _judge(names: list[str], host: str, force: bool) -> _Judge:
    owners = (owner_of(name) for name in names if WARC in name)
    warcs = tuple(owner for owner in owners if owner and owner.host)
    return _Judge(host=host_in_names(host), force=force, warcs=warcs)


def _list_missing(folder: Path) -> Iterator[Repaired]:
    """Finished files that the manifest lacks, as when a run was killed right before it wrote there."""
    try:
        known = read_manifest(folder)
        for name in _names(folder):
            if name.endswith(FINISHED) and owner_of(name) and name not in known:
                note_finished(folder / name)
                yield Repaired(name=name, outcome="listed")
    except ArchiveError as error:
        yield Repaired(name=MANIFEST, outcome="broken", reason=str(error))


BROKEN = ".broken"
"Suffix of the file that takes what is no line."
_LINES, _REJECTED = ".jsonl", ".rejected.jsonl"


def set_aside(folder: Path, runs: Iterable[str]) -> int:
    """Move what is no line of these runs out of the way; how many."""
    return sum(
        _sorted_out_mending(folder / f"{run}{suffix}") for run in runs for suffix in (_LINES, _REJECTED)
    )


def _sorted_out_mending(path: Path) -> int:
    kind: type[Article | Rejection] = Rejection if path.name.endswith(_REJECTED) else Article
    lines = _lines_of_mending(path)
    whole = [line for line in lines if _is_whole(line, kind)]
    if len(whole) < len(lines):
        broken = [line for line in lines if not _is_whole(line, kind)]
        _append(path.with_name(path.name + BROKEN), broken)
        write_lines(path, whole)
    return len(lines) - len(whole)


def _lines_of_mending(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines(keepends=True) if path.exists() else []
    except OSError as error:
        raise ArchiveError(f"cannot read {path}: {error.strerror}") from error


def _is_whole(line: bytes, kind: type[Article | Rejection]) -> bool:
    try:
        kind.model_validate(json.loads(line))
    except (ValueError, ValidationError, RecursionError):
        return False
    return line.endswith(b"\n")


def _append(path: Path, lines: list[bytes]) -> None:
    try:
        with path.open("ab") as out:
            out.writelines(line if line.endswith(b"\n") else line + b"\n" for line in lines)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise ArchiveError(f"cannot write {path}: {error.strerror}") from error


def drop_repeated(folder: Path, runs: Iterable[str]) -> int:
    """Of lines of the same version, in the order of runs, only the first stays; how many went."""
    seen: set[tuple[str, int]] = set()
    dropped = 0
    for path in (folder / f"{run}{_LINES}" for run in runs):
        lines = _lines_of_mending(path)
        kept = list(_first_of_each(lines, seen))
        if len(kept) < len(lines):
            dropped += len(lines) - len(kept)
            write_lines(path, kept)
    return dropped


def _first_of_each(lines: list[bytes], seen: set[tuple[str, int]]) -> Iterator[bytes]:
    for line in lines:
        data = json.loads(line)
        version = (str(data["id"]), int(data["version"]))
        if version not in seen:
            seen.add(version)
            yield line


def add_line(folder: Path, run: str, article: Article) -> None:
    """A line that was lost, at its place in the order of the archive."""
    assert owner_of(f"{run}{_LINES}")
    path = folder / f"{run}{_LINES}"
    lines = [*_lines_of_mending(path), json_line(article)]
    write_lines(path, sorted(lines, key=_place))


def _place(line: bytes) -> tuple[str, int]:
    warc = json.loads(line)["warc"]
    return place_of(WarcPointer.model_validate(warc) if warc else None, 0, 0)[:2]
