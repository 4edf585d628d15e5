"""What was written and what was left out, by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from newscrawl.items import Article

Add = Callable[[Article], str | None]
"Writes an article; or says in a short name why this format cannot hold it."
NAMED = 20
"Unreadable lines that are named; the others are counted."


@dataclass(kw_only=True)
class Tally:
    """Counts of a unit, or of all."""

    rows: int = 0
    files: int = 0
    bytes: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    guarded: int = 0
    "Cells that were changed so that no program runs or trips over them."
    unreadable: list[str] = field(default_factory=list)
    "File, line and fault of lines that are none."
    skipped_units: int = 0
    "Units whose files were there already."

    def name_unreadable(self, said: str) -> None:
        self.left_out["unreadable"] += 1
        if len(self.unreadable) < NAMED:
            self.unreadable.append(said)

    def add(self, other: Tally) -> None:
        self.rows += other.rows
        self.files += other.files
        self.bytes += other.bytes
        self.left_out.update(other.left_out)
        self.guarded += other.guarded
        self.unreadable += other.unreadable[: NAMED - len(self.unreadable)]
        self.skipped_units += other.skipped_units

    def noted(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "rows": self.rows,
            "files": self.files,
            "bytes": self.bytes,
            "left_out": dict(sorted(self.left_out.items())),
            "guarded": self.guarded,
            "unreadable": self.unreadable,
        }


def tally_of(noted: dict[str, Any]) -> Tally:
    """Read back what `noted` gave; KeyError, TypeError or ValueError when it is something else."""
    return Tally(
        rows=int(noted["rows"]),
        files=int(noted["files"]),
        bytes=int(noted["bytes"]),
        left_out=Counter({str(name): int(count) for name, count in noted["left_out"].items()}),
        guarded=int(noted["guarded"]),
        unreadable=[str(said) for said in noted["unreadable"]],
    )
