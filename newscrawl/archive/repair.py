"""Repairs what killed runs have left in a folder: open files are closed, remains removed."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from newscrawl.archive.closing import DRAFT, LINES, Outcome, Repaired, close_lines, close_warc, remove
from newscrawl.archive.lines import SORTING
from newscrawl.archive.manifest import MANIFEST, note_finished, read_manifest
from newscrawl.archive.owner import Owner, host_in_names, is_running, lock, owner_of
from newscrawl.archive.writer import OPEN
from newscrawl.errors import ArchiveError

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
