"""One attempt on the wire, as it is handed to the archive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Truncated = Literal["length", "time", "disconnect", "unspecified"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """The bytes of one request and of whatever came back."""

    url: str
    started: datetime
    "When the request was sent, with zone: the WARC-Date of all its records."
    sent: bytes
    "Request as written to the socket; empty when no connection came about."
    received: bytes
    "Everything read until the message ended, interim 1xx answers included; may be empty."
    ip: str | None = None
    "Peer address of the origin; None through a proxy or without a connection."
    tls_version: str | None = None
    "As OpenSSL names it, such as `TLSv1.3`."
    cipher: str | None = None
    "IANA name of the cipher suite."
    truncated: Truncated | None = None
    "Why `received` is not the whole answer."
    notes: tuple[tuple[str, str], ...] = ()
    "Fields for the metadata record, in order."
