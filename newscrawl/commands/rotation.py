"""Logs that have grown large are put aside under a number, the older ones packed."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

LARGE_BYTES = 10_000_000
KEPT = 5
"Older logs of an outlet: the newest as it is, for its crawl may still be at work, the others packed."


def rotate(log: Path, large: int = LARGE_BYTES, kept: int = KEPT) -> None:
    """Make way for a new log once this one is large; OSError."""
    if not log.exists() or log.stat().st_size < large:
        return
    _numbered(log, kept).unlink(missing_ok=True)
    for number in range(kept - 1, 1, -1):
        if _numbered(log, number).exists():
            _numbered(log, number).rename(_numbered(log, number + 1))
    if _numbered(log, 1).exists():
        _pack(_numbered(log, 1), _numbered(log, 2))
    log.rename(_numbered(log, 1))


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}{'.gz' if number > 1 else ''}")


def _pack(plain: Path, packed: Path) -> None:
    draft = packed.with_name(f"{packed.name}.tmp")
    with plain.open("rb") as source, gzip.open(draft, "wb") as out:
        shutil.copyfileobj(source, out)
    draft.rename(packed)
    plain.unlink()
