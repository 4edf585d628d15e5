"""What an export wrote: its counts, `_export.json`, and a journal from which a killed export is continued."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from newscrawl.errors import Busy, NewscrawlError
from newscrawl.items import Article
from newscrawl.storage import atomic_write, try_lock

NAME = "_export.json"
JOURNAL = "_export.journal"
SCHEMA = "newscrawl.export/1"
JsonObject = dict[str, Any]
AddArticle = Callable[[Article], str | None]
"Writes an article, or returns a short reason why the format cannot hold it."
NOT_REPRESENTABLE = "not_representable"
"Why a line is left out that the format cannot hold, such as an integer of more than 64 bits."
MAX_UNREADABLE = 20
"Unreadable lines that are listed; further ones are only counted."


@dataclass(kw_only=True)
class ExportCounts:
    """Counts of a partition, or of a whole export."""

    rows: int = 0
    files: int = 0
    bytes: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    guarded: int = 0
    "Cells that were changed so that no program executes or misreads them."
    unreadable: list[str] = field(default_factory=list)
    "File, number and fault of lines that are not articles."
    skipped_partitions: int = 0
    "Partitions that an earlier export had already written."

    def add_unreadable(self, fault: str) -> None:
        self.left_out["unreadable"] += 1
        if len(self.unreadable) < MAX_UNREADABLE:
            self.unreadable.append(fault)

    def add(self, other: ExportCounts) -> None:
        self.rows += other.rows
        self.files += other.files
        self.bytes += other.bytes
        self.left_out.update(other.left_out)
        self.guarded += other.guarded
        self.unreadable += other.unreadable[: MAX_UNREADABLE - len(self.unreadable)]
        self.skipped_partitions += other.skipped_partitions

    def as_dict(self) -> JsonObject:
        """The counts as the manifest holds them."""
        return {
            "rows": self.rows,
            "files": self.files,
            "bytes": self.bytes,
            "left_out": dict(sorted(self.left_out.items())),
            "guarded": self.guarded,
            "unreadable": self.unreadable,
        }


def load_counts(data: JsonObject) -> ExportCounts:
    """Read what `as_dict` wrote; KeyError, TypeError or ValueError if it is something else."""
    return ExportCounts(
        rows=int(data["rows"]),
        files=int(data["files"]),
        bytes=int(data["bytes"]),
        left_out=Counter({str(name): int(count) for name, count in data["left_out"].items()}),
        guarded=int(data["guarded"]),
        unreadable=[str(fault) for fault in data["unreadable"]],
    )


class OtherExport(NewscrawlError):
    """A folder holds an export with other options."""


@dataclass(kw_only=True)
class Manifest:
    """The complete partitions of an export, and the inputs of each."""

    folder: Path
    options: JsonObject
    "What decides about rows and their form: an export with other options cannot be continued."
    units: dict[str, JsonObject] = field(default_factory=dict)
    "Partitions by their key."
    has_local_files: bool = True
    "Whether the files stay in the folder, so that a missing file is noticed."
    _fd: int | None = None

    def open(self) -> None:
        """Read what is there; NewscrawlError for the export of other options, Busy if it is running."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.folder / JOURNAL, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise NewscrawlError(f"cannot write to {self.folder}: {error.strerror}") from error
        if not try_lock(self._fd):
            raise Busy(f"another export into {self.folder} is at work")
        self._load()

    def find_counts(self, key: str, inputs: str) -> ExportCounts | None:
        """The counts of a partition that was written from exactly these inputs."""
        unit = self.units.get(key)
        if not unit or unit["inputs"] != inputs:
            return None
        if self.has_local_files and not all(self._has_file(file) for file in unit["files"]):
            return None
        return load_counts(unit["counts"])

    def record(
        self,
        key: str,
        inputs: str,
        counts: ExportCounts,
        files: list[JsonObject],
        facts: JsonObject | None = None,
    ) -> None:
        """Record a complete partition in the journal; `facts` are those that a card tells of its rows."""
        assert self._fd is not None
        self.units[key] = {"inputs": inputs, "files": files, "counts": counts.as_dict()}
        self.units[key] |= {"facts": facts} if facts else {}
        line = json.dumps({"unit": key, **self.units[key]}, ensure_ascii=True) + "\n"
        try:
            os.write(self._fd, line.encode())
        except OSError as error:
            raise NewscrawlError(f"cannot write {self.folder / JOURNAL}: {error.strerror}") from error

    def save(self) -> Path:
        """Write the manifest."""
        path = self.folder / NAME
        content = {"schema": SCHEMA, "options": self.options, "units": dict(sorted(self.units.items()))}
        with atomic_write(path) as stream:
            stream.write(json.dumps(content, ensure_ascii=True, indent=1).encode() + b"\n")
        return path

    def close(self) -> None:
        """Write the manifest and remove the journal."""
        if self._fd is None:
            return
        self.save()
        (self.folder / JOURNAL).unlink(missing_ok=True)
        self.abandon()

    def abandon(self) -> None:
        """Leave the journal to a later export."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _has_file(self, file: JsonObject) -> bool:
        path = self.folder / file["name"]
        return path.is_dir() or (path.is_file() and bool(path.stat().st_size == file["bytes"]))

    def _load(self) -> None:
        path = self.folder / NAME
        try:
            content = json.loads(path.read_bytes()) if path.exists() else {}
            if content and (content["schema"] != SCHEMA or content["options"] != self.options):
                raise OtherExport(f"{self.folder} holds an export with other options: name another folder")
            self.units = dict(content.get("units", {}))
            self._load_journal()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise NewscrawlError(f"{path} is no manifest of an export: {error}") from error

    def _load_journal(self) -> None:
        """Read the partitions recorded before a kill, and cut off a line that the kill left incomplete."""
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
            unit = json.loads(line)
            self.units[unit.pop("unit")] = unit
