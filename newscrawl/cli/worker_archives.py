"""The archives of a command as the workers of a cluster have them.

A folder is shared: it has the same path everywhere. Of a bucket each machine has a spool of its own. Folders
of other files are shared as well, and hold a file by which a worker sees that it has them.
"""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Self

from newscrawl import settings
from newscrawl.archive.bucket import OutletCopy, locate_archives, trim_copies
from newscrawl.archive.lines import ARTICLES_SUFFIX, REJECTED_SUFFIX
from newscrawl.errors import ArchiveError, MachineFault, StorageError, archive_errors
from newscrawl.storage import read_bucket_url

MARKER = "shared"
"File of a folder that workers share."


def mark_shared(folder: Path) -> None:
    with archive_errors(f"write {folder}"):
        (folder / MARKER).touch()


def require_shared(folder: Path) -> None:
    """MachineFault if this worker does not have a folder that has been marked."""
    if not (folder / MARKER).is_file():
        raise MachineFault(f"{folder} is not there on {platform.node()}: workers share it")


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerArchives:
    """Where the command has its archives; a worker finds its own by it."""

    folder: Path
    "Absolute path of the archives, or of the command's spool."
    bucket: str = ""
    "Empty: the folder is shared."

    @classmethod
    def find(cls, archives: Path) -> Self:
        return cls(folder=archives.absolute(), bucket=read_bucket_url(archives) or "")

    @classmethod
    def find_around(cls, path: Path) -> Self:
        """Those that a path is, an outlet's folder in them, or a file of an outlet."""
        folder = path.absolute()
        spools = (place for place in (folder, *folder.parents[:2]) if read_bucket_url(place))
        return cls.find(next(spools, Path(folder.anchor)))

    def locate(self, path: Path) -> Path:
        """The path that a path of the command has on this worker."""
        if not self.bucket or not path.is_relative_to(self.folder):
            return path
        spool = locate_archives(self.bucket, settings.NEWSCRAWL_SPOOL)
        return spool.absolute() / path.relative_to(self.folder)

    def bring(self, paths: Iterable[Path]) -> None:
        """Make sure that this worker has these files of outlets, whose paths are those of the command.

        ArchiveError for a file that it cannot have, MachineFault if the bucket cannot be read.
        """
        by_folder: dict[Path, set[str]] = {}
        for path in paths:
            by_folder.setdefault(path.parent, set()).add(path.name)
        for folder, names in by_folder.items():
            here = self._bring_files(folder, names)
            for name in sorted(names):
                if not (here / name).exists():
                    raise ArchiveError(self._describe_missing(folder / name))

    def bring_lines(self, folder: Path, runs: Collection[str]) -> Path:
        """An outlet's folder with the lines of these runs on this worker; MachineFault if it has not all."""
        here = self._bring_files(folder, set(chain.from_iterable(map(_name_lines, runs))))
        self.require_lines(folder, runs)
        return here

    def require_lines(self, folder: Path, runs: Iterable[str]) -> None:
        """MachineFault if this worker lacks the lines of a run."""
        here = self.locate(folder)
        for run in runs:
            if not any((here / name).is_file() for name in _name_lines(run)):
                raise MachineFault(self._describe_missing(folder / run))

    def bring_report(self, path: Path) -> None:
        """Fetch the report of a run to the command, if the bucket has it; MachineFault."""
        copy = OutletCopy.find(path.parent)
        assert copy, "only crawls in a bucket leave their reports elsewhere"
        try:
            copy.refresh()
            copy.bring(lambda name: name == path.name)
        except StorageError as error:
            raise MachineFault(str(error)) from error

    def _describe_missing(self, path: Path) -> str:
        if self.bucket and path.is_relative_to(self.folder):
            name = path.relative_to(self.folder)
            return f"{self.bucket}/{name} is not in the bucket: `newscrawl sync` sends what waits"
        return f"{path} is not there on {platform.node()}: workers share the archives"

    def _bring_files(self, folder: Path, names: set[str]) -> Path:
        """Fetch such files of an outlet as the bucket has; their folder on this worker."""
        here = self.locate(folder)
        copy = OutletCopy.find(here) if self.bucket else None
        if copy is None:
            return here
        try:
            copy.refresh()
            sizes = copy.sizes()
            size = sum(sizes.get(name, 0) for name in names)
            trim_copies(here.parent, settings.NEWSCRAWL_SPOOL_MAX_BYTES - size, {here.name})
            copy.bring_memory()
            copy.bring(names.__contains__)
        except StorageError as error:
            raise MachineFault(str(error)) from error
        return here


def _name_lines(run: str) -> tuple[str, ...]:
    """The files of a run's lines, of which there is at least one."""
    return f"{run}{ARTICLES_SUFFIX}", f"{run}{REJECTED_SUFFIX}"
