"""An export as one file: made unit by unit in a hidden folder beside it, then joined."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from newscrawl.archive.wholefile import written_whole
from newscrawl.errors import NewscrawlError
from newscrawl.export.folder import FolderSink
from newscrawl.export.manifest import OtherExport
from newscrawl.export.packing import stream_into
from newscrawl.export.tally import Tally
from newscrawl.export.units import Unit
from newscrawl.items import Article


def working_folder(out: Path) -> Path:
    """Where the parts of `out` are until it is whole."""
    return out.parent / f".{out.name}.export"


@dataclass(kw_only=True)
class JoinedSink:
    """Units to one file; gzip members, zstd frames, lines and records can all stand one behind the other."""

    out: Path
    parts: FolderSink
    packing: str
    _order: list[str] = field(default_factory=list)

    def open(self) -> None:
        if self.out.is_dir():
            raise NewscrawlError(f"{self.out} is a folder; a single file was asked for")
        try:
            self.parts.open()
        except OtherExport:
            # Nobody sees the hidden folder: what an export with other options left there is of no use.
            self.parts.abandon()
            shutil.rmtree(self.parts.manifest.folder)
            self.parts.open()

    def finished(self, unit: Unit, inputs: str) -> Tally | None:
        found = self.parts.finished(unit, inputs)
        if found:
            self._order.append(unit.key)
        return found

    def write(self, unit: Unit, inputs: str, articles: Iterable[Article], tally: Tally) -> None:
        self.parts.write(unit, inputs, articles, tally)
        self._order.append(unit.key)

    def close(self) -> Path | None:
        """Join the parts in the order they were asked for; then they go."""
        manifest = self.parts.manifest
        with written_whole(self.out) as out:
            if self.parts.format.head:
                with stream_into(out, self.packing) as stream:
                    stream.write(self.parts.format.head)
            for key in self._order:
                for file in manifest.units[key]["files"]:
                    with (manifest.folder / file["name"]).open("rb") as part:
                        shutil.copyfileobj(part, out, 1 << 20)
        self.parts.close()
        shutil.rmtree(manifest.folder)
        return self.out

    def abandon(self) -> None:
        self.parts.abandon()
