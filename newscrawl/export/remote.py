"""An export to any place fsspec reaches: each unit is made here, then uploaded whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from newscrawl.errors import NewscrawlError
from newscrawl.export.folder import FolderSink
from newscrawl.export.formats import Format
from newscrawl.export.manifest import NAME, Manifest, Note
from newscrawl.export.tally import Tally
from newscrawl.export.units import Unit
from newscrawl.items import Article
from newscrawl.storage import Storage

NOTED_EVERY = 20
"Units between two uploads of the manifest: at most so many are made twice after a kill."


@dataclass(kw_only=True)
class RemoteSink:
    """Uploads below a URL; the folder's own place is a folder here for the units in hand."""

    storage: Storage
    folder: FolderSink
    _units: int = 0

    @property
    def staging(self) -> Path:
        return self.folder.manifest.folder

    def open(self) -> None:
        """Take over what the manifest over there tells."""
        self.staging.mkdir(parents=True, exist_ok=True)
        if (known := self.storage.read(NAME)) is not None:
            (self.staging / NAME).write_bytes(known)
        self.folder.open()

    def finished(self, unit: Unit, inputs: str) -> Tally | None:
        return self.folder.finished(unit, inputs)

    def write(self, unit: Unit, inputs: str, articles: Iterable[Article], tally: Tally) -> None:
        self.folder.write(unit, inputs, articles, tally)
        self._units += 1
        if self._units % NOTED_EVERY == 0:
            self._put(self.folder.manifest.save(), NAME)

    def close(self) -> Path | None:
        self.folder.close()
        self._put(self.staging / NAME, NAME)
        shutil.rmtree(self.staging, ignore_errors=True)
        return None

    def abandon(self) -> None:
        """Note over there what is whole, as far as it can be reached; what ended it is told by others."""
        with suppress(NewscrawlError, OSError):
            if self._units:
                self._put(self.folder.manifest.save(), NAME)
        self.folder.abandon()
        shutil.rmtree(self.staging, ignore_errors=True)

    def upload(self, unit: Unit, path: Path | None) -> None:
        """Put a unit in its place, or clear its place when nothing of it goes out."""
        if path is None or path.is_dir():
            self.storage.remove(unit.key)
        if path is None:
            return
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            self._put(file, f"{unit.key}/{file.name}")
        shutil.rmtree(self.staging / unit.key)

    def _put(self, file: Path, name: str) -> None:
        with file.open("rb") as source:
            self.storage.put(name, source)


def remote_sink(url: str, form: Format, options: Note, staging: Path) -> RemoteSink:
    """A sink whose units go to `url` as soon as they are whole."""
    manifest = Manifest(folder=staging, options=options, kept_here=False)
    sink = RemoteSink(storage=Storage.open(url), folder=FolderSink(format=form, manifest=manifest))
    sink.folder.placed = sink.upload
    return sink
