"""An export as a folder: `outlet=…/date=…/`, each unit a file, or a folder of texts, that appears whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from newscrawl.archive.manifest import sha256_of
from newscrawl.archive.writer import sync_folder
from newscrawl.errors import NewscrawlError
from newscrawl.export.formats import Format
from newscrawl.export.manifest import Manifest, Note
from newscrawl.export.tally import Tally
from newscrawl.export.units import Unit
from newscrawl.items import Article

STEM = "articles"
DRAFT, OLD = ".part", ".old"


def unplaced(unit: Unit, path: Path | None) -> None:
    """For an export that stays where it was made."""


@dataclass(kw_only=True)
class FolderSink:
    """Writes units below `manifest.folder`."""

    format: Format
    manifest: Manifest
    placed: Callable[[Unit, Path | None], None] = unplaced
    "Told what a unit became, before it is noted; None for a unit of which nothing goes out."
    _written: int = field(default=0)

    def open(self) -> None:
        self.manifest.open()

    def finished(self, unit: Unit, inputs: str) -> Tally | None:
        return self.manifest.finished(unit.key, inputs)

    def write(self, unit: Unit, inputs: str, articles: Iterable[Article], tally: Tally) -> None:
        """Write the rows of a unit, give them their final name, and note it."""
        try:
            path = self._placed(unit, articles, tally)
        except OSError as error:
            raise NewscrawlError(f"cannot write {self._final(unit)}: {error.strerror or error}") from error
        files = [_described(path, self.manifest.folder)] if path else []
        tally.bytes, tally.files = sum(file["bytes"] for file in files), len(files)
        self.placed(unit, path)
        self.manifest.note(unit.key, inputs, tally, files)

    def close(self) -> Path | None:
        self.manifest.close()
        return None

    def abandon(self) -> None:
        self.manifest.abandon()

    def _placed(self, unit: Unit, articles: Iterable[Article], tally: Tally) -> Path | None:
        final = self._final(unit)
        draft = final.parent / f".{final.name}{DRAFT}"
        final.parent.mkdir(parents=True, exist_ok=True)
        _remove(draft)
        with self.format.open(draft, unit, tally) as add:
            for article in articles:
                if reason := add(article):
                    tally.left_out[reason] += 1
                else:
                    tally.rows += 1
        if not tally.rows:
            _remove(draft)
            _remove(final)
            return None
        _replace(draft, final)
        return final

    def _final(self, unit: Unit) -> Path:
        folder = self.manifest.folder / unit.key
        return folder / f"{STEM}{self.format.ending}" if self.format.ending else folder


def _replace(draft: Path, final: Path) -> None:
    """Give a draft its final name, in the place of what had it."""
    if draft.is_dir():
        old = final.parent / f".{final.name}{OLD}"
        _remove(old)
        if final.exists():
            final.rename(old)
        draft.rename(final)
        _remove(old)
    else:
        with draft.open("rb") as stream:
            os.fsync(stream.fileno())
        draft.rename(final)
    sync_folder(final.parent)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _described(path: Path, folder: Path) -> Note:
    """Name, bytes and SHA-256 of a file; of a folder how much is in it."""
    name = path.relative_to(folder).as_posix()
    if path.is_dir():
        return {"name": name, "bytes": sum(file.stat().st_size for file in path.iterdir())}
    return {"name": name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
