"""The log of the newsroom: the exact bytes of every exchange, in memory and as JSON lines."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass


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
