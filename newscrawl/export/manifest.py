"""What an export holds: `_export.json`, and a journal beside it that a killed export goes on from."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from newscrawl.errors import Busy, NewscrawlError
from newscrawl.export.tally import Tally, tally_of
from newscrawl.warc.filenames import lock
from newscrawl.warc.writer import written_whole

NAME = "_export.json"
JOURNAL = "_export.journal"
SCHEMA = "newscrawl.export/1"
Note = dict[str, Any]


class OtherExport(NewscrawlError):
    """A folder holds an export that was asked for otherwise."""


@dataclass(kw_only=True)
class Manifest:
    """The units of an export that are whole, and the inputs each was made from."""

    folder: Path
    options: Note
    "What decides the rows and their form: an export with others is not gone on with."
    units: dict[str, Note] = field(default_factory=dict)
    kept_here: bool = True
    "Whether the files stay in the folder, so that one that is gone is noticed."
    _fd: int | None = None

    def open(self) -> None:
        """Take over what is there; NewscrawlError when it is another export's, Busy when one is at work."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.folder / JOURNAL, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise NewscrawlError(f"cannot write to {self.folder}: {error.strerror}") from error
        if not lock(self._fd):
            raise Busy(f"another export into {self.folder} is at work")
        self._take_over()

    def finished(self, key: str, inputs: str) -> Tally | None:
        """The counts of a unit that was made from just these inputs."""
        note = self.units.get(key)
        if not note or note["inputs"] != inputs:
            return None
        if self.kept_here and not all(self._is_there(file) for file in note["files"]):
            return None
        return tally_of(note["counts"])

    def note(self, key: str, inputs: str, tally: Tally, files: list[Note]) -> None:
        """A unit is whole; with the operating system when this returns."""
        assert self._fd is not None
        self.units[key] = {"inputs": inputs, "files": files, "counts": tally.noted()}
        line = json.dumps({"unit": key, **self.units[key]}, ensure_ascii=True) + "\n"
        try:
            os.write(self._fd, line.encode())
        except OSError as error:
            raise NewscrawlError(f"cannot write {self.folder / JOURNAL}: {error.strerror}") from error

    def save(self) -> Path:
        """Write the manifest whole."""
        path = self.folder / NAME
        content = {"schema": SCHEMA, "options": self.options, "units": dict(sorted(self.units.items()))}
        with written_whole(path) as stream:
            stream.write(json.dumps(content, ensure_ascii=True, indent=1).encode() + b"\n")
        return path

    def close(self) -> None:
        """Fold the journal into the manifest."""
        if self._fd is None:
            return
        self.save()
        (self.folder / JOURNAL).unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = None

    def abandon(self) -> None:
        """Let go, and leave the journal to a later export."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _is_there(self, file: Note) -> bool:
        path = self.folder / file["name"]
        return path.is_dir() or (path.is_file() and bool(path.stat().st_size == file["bytes"]))

    def _take_over(self) -> None:
        path = self.folder / NAME
        try:
            content = json.loads(path.read_bytes()) if path.exists() else {}
            if content and (content["schema"] != SCHEMA or content["options"] != self.options):
                raise OtherExport(f"{self.folder} holds an export with other options: name another folder")
            self.units = dict(content.get("units", {}))
            self._take_over_journal()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise NewscrawlError(f"{path} is no manifest of an export: {error}") from error

    def _take_over_journal(self) -> None:
        """The units noted before a kill; a line that a kill cut short is cut off."""
        assert self._fd is not None
        head = json.dumps({"options": self.options}, ensure_ascii=True).encode() + b"\n"
        lines = (self.folder / JOURNAL).read_bytes().splitlines(keepends=True)
        lines = [line for line in lines if line.endswith(b"\n")]
        os.ftruncate(self._fd, sum(map(len, lines)))
        if not lines:
            os.write(self._fd, head)
        elif lines[0] != head:
            raise OtherExport(f"{self.folder} holds an unfinished export with other options: remove it")
        for line in lines[1:]:
            note = json.loads(line)
            self.units[note.pop("unit")] = note
