"""Repairs an outlet's folder after a kill: closes open files and removes drafts."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import ValidationError

from newscrawl.archive.continued_warc import DRAFT_SUFFIX
from newscrawl.archive.lines import (
    ARTICLES_SUFFIX,
    REJECTED_SUFFIX,
    SORTING_SUFFIX,
    Line,
    LinePosition,
    iter_lines,
    line_position,
    split_lines,
    write_in_order,
)
from newscrawl.archive.manifest import ARRIVED, MANIFEST, add_to_manifest, read_manifest, remove_from_manifest
from newscrawl.archive.memory_files import is_memory_name
from newscrawl.archive.report import QUIET_REPORTS_SUFFIX, REPORT_SUFFIX
from newscrawl.errors import ArchiveError, archive_errors
from newscrawl.items import WarcPointer
from newscrawl.storage import atomic_write, fsync_folder, try_lock
from newscrawl.warc.filenames import (
    WARC_SUFFIX,
    FileName,
    has_file_open,
    is_running,
    parse_filename,
    sanitize_host,
)
from newscrawl.warc.index import index_if_indexed
from newscrawl.warc.recovery import iter_whole_members
from newscrawl.warc.writer import OPEN_SUFFIX

TORN_SUFFIX = ".torn"
"Suffix of what was cut off a file; nothing is thrown away."
FINISHED_SUFFIXES = (WARC_SUFFIX, ARTICLES_SUFFIX, REPORT_SUFFIX, QUIET_REPORTS_SUFFIX)
COPY_BLOCK_BYTES = 1 << 20

Outcome = Literal["closed", "torn", "removed", "listed", "running", "broken"]
Span = tuple[int, int]
"Start and length in a file."


@dataclass(frozen=True, kw_only=True)
class FileRepair:
    """What became of a file."""

    name: str
    outcome: Outcome
    """`closed`: has its final name. `torn`: held no whole record and was only set aside. `removed`: was a
    useless draft. `listed`: was missing in the manifest. `running`: left to its process. `broken`: left as it
    is, and someone must look."""
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
        if self.outcome == "listed":
            return f"was missing in {MANIFEST}"
        counts = (
            (f"{self.kept} kept", self.outcome == "closed"),
            (f"{self.bytes_torn} bytes torn", self.bytes_torn),
            (f"{self.lines_cut} lines cut", self.lines_cut),
            (f"{self.lines_dropped} lines dropped", self.lines_dropped),
        )
        return ", ".join(text for text, is_shown in counts if is_shown)


@dataclass(frozen=True, kw_only=True)
class FolderRepair:
    """What a repair did in a folder; files that were in order are left out."""

    folder: Path
    files: tuple[FileRepair, ...] = ()

    def with_outcome(self, outcome: Outcome) -> list[FileRepair]:
        return [file for file in self.files if file.outcome == outcome]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is left that someone must look at."""
        return not self.with_outcome("broken")


Step = Callable[[Path, int], FileRepair]
"Repairs the file at a path that is open under a descriptor. Raises OSError, ArchiveError."


def repair_folder(folder: Path, *, host: str, force: bool = False) -> FolderRepair:
    """Close what dead processes left open in an outlet's folder; ArchiveError when it cannot be read.

    Files of running processes are left alone; those of other hosts too, unless `force`. Finished files that
    the manifest lacks are added to it, for which they are read from end to end.
    """
    with _folder_lock(folder):
        names = _list_names(folder)
        ownership = _ownership_check(names, host, force)
        repairs = [_repair_file(folder / name, step, ownership) for name, step in _plan_steps(names)]
        listed = list(_list_missing(folder))
        if any(repairs):
            index_if_indexed(folder, [repair.name for repair in repairs if repair])
    return FolderRepair(folder=folder, files=(*(repair for repair in repairs if repair), *listed))


def find_unlisted(folder: Path) -> list[str]:
    """Finished files of newscrawl that the manifest lacks, so that `sync` would never send them."""
    # Copies of what a bucket has are listed there.
    listed = read_manifest(folder) | read_manifest(folder, ARRIVED)
    finished = (
        name
        for name in _list_names(folder)
        if (name.endswith(FINISHED_SUFFIXES) and parse_filename(name)) or is_memory_name(name)
    )
    return [name for name in finished if name not in listed]


@contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    """Let a single repair work in a folder: lines are checked against WARCs that another might be cutting."""
    try:
        fd = os.open(folder, os.O_RDONLY)
    except OSError:
        yield  # reading the folder will report what is wrong with it
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _list_names(folder: Path) -> list[str]:
    with archive_errors(f"read {folder}"):
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def _plan_steps(names: list[str]) -> Iterator[tuple[str, Step]]:
    """WARCs come before lines, which are checked against them."""
    for name in names:
        if name.endswith(WARC_SUFFIX + OPEN_SUFFIX):
            yield name, close_warc
    for name in names:
        if name.endswith(ARTICLES_SUFFIX + OPEN_SUFFIX):
            yield name, close_lines
        elif name.endswith((SORTING_SUFFIX, DRAFT_SUFFIX)) and parse_filename(name):
            yield name, remove_draft


def _repair_file(path: Path, step: Step, ownership: _OwnershipCheck) -> FileRepair | None:
    """Take the step on a file that no other process holds; whatever prevents it becomes the reason."""
    try:
        with _open_for_repair(path) as fd:
            if objection := ownership.objection(path, fd):
                return objection
            # Another repair may have finished between opening and locking.
            return step(path, fd) if os.path.samestat(path.lstat(), os.fstat(fd)) else None
    except FileNotFoundError:
        return None
    except OSError as error:
        return FileRepair(name=path.name, outcome="broken", reason=f"cannot repair it: {error.strerror}")
    except ArchiveError as error:
        return FileRepair(name=path.name, outcome="broken", reason=str(error))


@contextmanager
def _open_for_repair(path: Path) -> Iterator[int]:
    # A link could lead out of the folder, and opening a pipe would block.
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        yield fd
    finally:
        os.close(fd)


@dataclass(frozen=True, kw_only=True)
class _OwnershipCheck:
    """Decides whose files may be touched."""

    host: str
    force: bool
    warcs: tuple[FileName, ...]
    open_hosts: tuple[str, ...]
    "Of the WARC files that are open."

    def objection(self, path: Path, fd: int) -> FileRepair | None:
        """Why a file must be left alone, if it must; otherwise this process holds it until `fd` is closed."""
        status, owner = os.fstat(fd), parse_filename(path.name)
        if not stat.S_ISREG(status.st_mode):
            return FileRepair(name=path.name, outcome="broken", reason="it is no regular file")
        if owner is None and not self.force:
            return FileRepair(name=path.name, outcome="broken", reason="its name does not say whose it is")
        host = self._find_host(owner) if owner else self.host
        if host != self.host and not self.force:
            return FileRepair(name=path.name, outcome="broken", reason=f"it was written on host {host}")
        if owner and host == self.host and _is_written_by(owner.pid, path.name, status):
            return FileRepair(name=path.name, outcome="running", reason=f"process {owner.pid} writes it")
        if not try_lock(fd):
            return FileRepair(name=path.name, outcome="running", reason="another process holds it")
        return None

    def _find_host(self, owner: FileName) -> str:
        """Run ids name no host, but the first WARC that a run opens does, or the one that it continues."""
        opened = [
            (warc.stamp, warc.host)
            for warc in self.warcs
            if (warc.outlet, warc.pid) == (owner.outlet, owner.pid) and warc.stamp >= owner.stamp
        ]
        hosts = [min(opened)[1]] if opened else self.open_hosts
        return owner.host or next(filter(None, hosts), self.host)


def _is_written_by(pid: int, name: str, file: os.stat_result) -> bool:
    """Whether the process with this number is at work on a file.

    The number alone does not say so: in a container every crawl is process 1, and so is the host's init.
    """
    # A draft is not open any more for a moment before it is renamed.
    return is_running(pid, file.st_mtime) and (not name.endswith(OPEN_SUFFIX) or has_file_open(pid, file))


def _ownership_check(names: list[str], host: str, force: bool) -> _OwnershipCheck:
    owners = (parse_filename(name) for name in names if WARC_SUFFIX in name)
    warcs = tuple(owner for owner in owners if owner and owner.host)
    is_open = (parse_filename(name) for name in names if name.endswith(WARC_SUFFIX + OPEN_SUFFIX))
    open_hosts = tuple(owner.host for owner in is_open if owner and owner.host)
    return _OwnershipCheck(host=sanitize_host(host), force=force, warcs=warcs, open_hosts=open_hosts)


def _list_missing(folder: Path) -> Iterator[FileRepair]:
    """Add unlisted files to the manifest: their run was killed right before that, or the disk was full."""
    try:
        for name in find_unlisted(folder):
            add_to_manifest(folder / name)
            yield FileRepair(name=name, outcome="listed")
    except ArchiveError as error:
        yield FileRepair(name=MANIFEST, outcome="broken", reason=str(error))


def close_warc(path: Path, fd: int) -> FileRepair:
    """Cut a WARC after its last whole record and give it its final name.

    A file of this name is there already if a run that was killed had begun to continue it.
    """
    final = path.with_name(path.name.removesuffix(OPEN_SUFFIX))
    size, finished = os.fstat(fd).st_size, final.stat().st_size if final.exists() else 0
    if finished and not _is_same_start(fd, final):
        raise ArchiveError(f"{final.name} is there too")
    if finished and size <= finished:
        return remove_draft(path, fd)
    members = end = 0
    with open(fd, "rb", closefd=False) as stream:
        for offset, length in iter_whole_members(stream):
            members, end = members + 1, offset + length
    # What the finished file holds stays, whatever it is.
    end = max(end, finished)
    torn = size - end
    if not end:
        path.rename(f"{final}{TORN_SUFFIX}")
        fsync_folder(path.parent)
        return FileRepair(name=final.name, outcome="torn", bytes_torn=torn)
    if torn:
        # The tail is safe elsewhere before it is cut off: a second repair after a kill gives the same files.
        _copy_to_torn(fd, [(end, torn)], final)
        os.ftruncate(fd, end)
    os.fsync(fd)
    if finished:
        remove_from_manifest(final)
    path.rename(final)
    fsync_folder(path.parent)
    add_to_manifest(final)
    return FileRepair(name=final.name, outcome="closed", kept=members, bytes_torn=torn)


def _is_same_start(fd: int, path: Path) -> bool:
    """Whether an open file and another are the same as far as both go."""
    common = min(os.fstat(fd).st_size, path.stat().st_size)
    with path.open("rb") as stream:
        for offset in range(0, common, COPY_BLOCK_BYTES):
            length = min(COPY_BLOCK_BYTES, common - offset)
            if os.pread(fd, length, offset) != stream.read(length):
                return False
    return True


def close_lines(path: Path, fd: int) -> FileRepair:
    """Write whole lines whose records exist to the final file, in archive order."""
    final = path.with_name(path.name.removesuffix(OPEN_SUFFIX))
    if final.exists():
        return _remove_closed(path, fd, final)
    positions, cut, dropped = _sort_lines(fd, path.parent, _read_withdrawn(final))
    if cut or dropped:
        _copy_to_torn(fd, sorted(cut + dropped), final)
    write_in_order(fd, positions, final)
    add_to_manifest(final)
    return FileRepair(
        name=final.name,
        outcome="closed",
        kept=len(positions),
        bytes_torn=sum(length for _, length in cut + dropped),
        lines_cut=len(cut),
        lines_dropped=len(dropped),
    )


def remove_draft(path: Path, _: int) -> FileRepair:
    """Delete a draft; what it was made from still exists."""
    path.unlink()
    fsync_folder(path.parent)
    return FileRepair(name=path.name, outcome="removed")


class _LineSummary(NamedTuple):
    """What a repair needs to know of a whole line."""

    pointer: WarcPointer | None
    reason: object
    "Of a rejection; None in an article."
    version: tuple[str, object] | None = None
    "Id and version of an article."

    @property
    def place(self) -> tuple[str, int] | None:
        return (self.pointer.file, self.pointer.offset) if self.pointer else None


def _summarize(line: Line) -> _LineSummary | None:
    """None for a line that is not whole or that no run has written."""
    data = line.fields
    if data is None or "warc" not in data or not line.raw.endswith(b"\n"):
        return None
    version = (data["id"], data["version"]) if "id" in data and "version" in data else None
    if data["warc"] is None:
        return _LineSummary(None, data.get("reason"), version)
    try:
        pointer = WarcPointer.model_validate(data["warc"])
    except ValidationError:
        return None
    return _LineSummary(pointer, data.get("reason"), version) if parse_filename(pointer.file) else None


def _read_withdrawn(final: Path) -> set[tuple[str, int]]:
    """Places of articles that the run wrote and later rejected as duplicates of an earlier article."""
    withdrawn: set[tuple[str, int]] = set()
    if final.name.endswith(REJECTED_SUFFIX):
        return withdrawn
    rejected = final.with_name(final.name.removesuffix(ARTICLES_SUFFIX) + REJECTED_SUFFIX)
    for path in (rejected, Path(f"{rejected}{OPEN_SUFFIX}")):
        if path.is_file():
            summaries = filter(None, map(_summarize, iter_lines(path)))
            withdrawn |= {s.place for s in summaries if s.place and s.reason == "duplicate"}
    return withdrawn


def _sort_lines(
    fd: int, folder: Path, withdrawn: set[tuple[str, int]]
) -> tuple[list[LinePosition], list[Span], list[Span]]:
    """Lines to write, lines that are not whole, lines that were withdrawn or whose record is gone.

    A power cut may take the rejection that withdrew an article and spare both articles: of these the first in
    the archive stays, as in the run.
    """
    positions: list[LinePosition] = []
    cut: list[Span] = []
    dropped: list[Span] = []
    by_version: dict[tuple[str, object], LinePosition] = {}
    with open(fd, "rb", closefd=False) as stream:
        for line in split_lines(stream):
            span, summary = (line.start, len(line.raw)), _summarize(line)
            if summary is None:
                cut.append(span)
            elif summary.pointer and (
                summary.place in withdrawn or _is_record_missing(folder, summary.pointer)
            ):
                dropped.append(span)
            else:
                position = line_position(summary.pointer, *span)
                other = by_version.get(summary.version) if summary.version else None
                if other:
                    later = max(position, other)
                    position = min(position, other)
                    positions.remove(other)
                    dropped.append(later[2:])
                if summary.version:
                    by_version[summary.version] = position
                positions.append(position)
    return positions, cut, dropped


def _is_record_missing(folder: Path, pointer: WarcPointer) -> bool:
    """Whether the record was cut off; the lines of a WARC that was moved elsewhere stay."""
    # Of a file that is being continued there are two states, until both are one.
    paths = (folder / name for name in (pointer.file, pointer.file + OPEN_SUFFIX))
    if sizes := [path.stat().st_size for path in paths if path.exists()]:
        return max(sizes) < pointer.offset + pointer.length
    return (folder / f"{pointer.file}{TORN_SUFFIX}").exists()


def _remove_closed(path: Path, fd: int, final: Path) -> FileRepair:
    """Delete an open file of lines that is closed already, if all of its lines are in other files."""
    if not _are_lines_in(fd, [final, Path(f"{final}{TORN_SUFFIX}")], _read_withdrawn(final)):
        raise ArchiveError(f"{final.name} is there too, and holds other lines")
    if final.name not in read_manifest(final.parent):
        add_to_manifest(final)
    return remove_draft(path, fd)


def _are_lines_in(fd: int, files: list[Path], withdrawn: set[tuple[str, int]]) -> bool:
    """Whether all lines of an open file are in these files.

    A run that closed its file by itself has left withdrawn lines out without setting them aside. The last
    line may be torn: the closed file was synced and the open file never, so a power cut may leave any part.
    """
    digests = {_digest(line.raw) for path in files if path.exists() for line in iter_lines(path)}
    with open(fd, "rb", closefd=False) as stream:
        stream.seek(0)
        return all(
            _digest(line.raw) in digests
            or not line.raw.endswith(b"\n")
            or ((summary := _summarize(line)) is not None and summary.place in withdrawn)
            for line in split_lines(stream)
        )


def _digest(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def _copy_to_torn(fd: int, spans: list[Span], final: Path) -> None:
    """Copy spans of an open file to `<final>.torn`, whole or not at all."""
    with atomic_write(Path(f"{final}{TORN_SUFFIX}")) as out:
        for start, length in spans:
            for offset in range(start, start + length, COPY_BLOCK_BYTES):
                out.write(os.pread(fd, min(COPY_BLOCK_BYTES, start + length - offset), offset))
