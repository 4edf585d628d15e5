"""The log of the newsroom: the exact bytes of every exchange, in memory and as JSON lines."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path

from newscrawl.errors import NewscrawlError


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request and its answer, seen from the server."""

    outlet: str
    received: bytes
    "The request, byte for byte."
    sent: bytes
    "The response, byte for byte."
    status: int


def line_of(exchange: Exchange) -> str:
    """The exchange as one JSON line, its bytes in Base64."""
    record = {
        "outlet": exchange.outlet,
        "status": exchange.status,
        "received": base64.b64encode(exchange.received).decode("ascii"),
        "sent": base64.b64encode(exchange.sent).decode("ascii"),
    }
    return json.dumps(record) + "\n"


def read_log(path: Path) -> list[Exchange]:
    """The exchanges of a log file in order; NewscrawlError names file and line where one is broken."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NewscrawlError(f"{path}: not a readable newsroom log ({error})") from error
    return [_exchange(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]


def _exchange(line: str, where: str) -> Exchange:
    try:
        record = json.loads(line)
        return Exchange(
            outlet=str(record["outlet"]),
            received=base64.b64decode(record["received"], validate=True),
            sent=base64.b64decode(record["sent"], validate=True),
            status=int(record["status"]),
        )
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise NewscrawlError(f"{where}: not an exchange ({error})") from error
