"""The log of the newsroom read back."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from newscrawl.demo.server import LogEntry


def read_log(path: Path) -> list[LogEntry]:
    """The exchanges of a log file in order."""
    return [_exchange(line) for line in path.read_text(encoding="ascii").splitlines()]


def _exchange(line: str) -> LogEntry:
    record = json.loads(line)
    return LogEntry(
        outlet=record["outlet"],
        received=base64.b64decode(record["received"], validate=True),
        sent=base64.b64decode(record["sent"], validate=True),
        status=record["status"],
    )
