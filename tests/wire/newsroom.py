"""The log of the newsroom read back."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from newscrawl.demo.server import Exchange


def read_log(path: Path) -> list[Exchange]:
    """The exchanges of a log file in order."""
    return [_exchange(line) for line in path.read_text(encoding="ascii").splitlines()]


def _exchange(line: str) -> Exchange:
    record = json.loads(line)
    return Exchange(
        outlet=record["outlet"],
        received=base64.b64decode(record["received"], validate=True),
        sent=base64.b64decode(record["sent"], validate=True),
        status=record["status"],
    )
