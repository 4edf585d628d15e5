"""One attempt on the wire, as it is handed to the archive."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Literal

from newscrawl.parts import WarcPointer

Truncated = Literal["length", "time", "disconnect", "unspecified"]
Bytes = bytes | memoryview
"A message: whole in memory, or seen through a window on a file."

SPOOL_BYTES = 1 << 20
"More than this waits in a file."
MAX_MESSAGE_BYTES = 1 << 30
"More than this of one message is not kept, whatever the limits of the download."


@dataclass(frozen=True, kw_only=True, slots=True)
class Original:
    """A response that is in the archive already, for revisits to refer to."""

    pointer: WarcPointer
    url: str
    date: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """The bytes of one request and of whatever came back."""

    url: str
    started: datetime
    "When the request was sent, with zone: the WARC-Date of all its records."
    sent: bytes
    "Request as written to the socket, without what is redacted; empty when no connection came about."
    received: Bytes
    "Everything read until the message ended, interim 1xx answers included; may be empty."
    ip: str | None = None
    "Peer address of the origin; None through a proxy or without a connection."
    protocol: str = "http/1.1"
    "Value of WARC-Protocol."
    tls_version: str | None = None
    "As OpenSSL names it, such as `TLSv1.3`."
    cipher: str | None = None
    "IANA name of the cipher suite."
    truncated: Truncated | None = None
    "Why `received` is not the whole answer."
    original: Original | None = None
    "The last whole response of the same URL; a revisit is written when the payload is the same."
    omit_chunked_digest: bool = False
    "Leave the payload digest out where the body is chunked, for readers that hash the framing."
    notes: tuple[tuple[str, str], ...] = ()
    "Fields for the metadata record, in order."


class Spool:
    """Bytes as they arrive: in memory, and from SPOOL_BYTES on in a file that has no name."""

    __slots__ = ("_file", "_folder", "_parts", "limit", "seen", "size")

    def __init__(self, folder: Path | None = None, limit: int = MAX_MESSAGE_BYTES) -> None:
        self._folder = folder
        "Where the file lies: the archive's own disk, for a system's folder may be memory."
        self._file: IO[bytes] | None = None
        self._parts: list[bytes] = []
        self.limit = limit
        self.size = 0
        "Bytes kept."
        self.seen = 0
        "Bytes that came, those over the limit too."

    def add(self, data: bytes) -> None:
        """Keep what is within the limit; OSError when the disk is full."""
        self.seen += len(data)
        if self.seen > self.limit:
            data = data[: self.limit - self.size]
        self.size += len(data)
        if self._file is None:
            self._parts.append(data)
            if self.size > SPOOL_BYTES:
                self._roll_over()
        else:
            self._file.write(data)

    def drop_last(self, count: int) -> None:
        """Forget the last `count` of the bytes that came."""
        self.seen -= count
        if self.seen >= self.size:
            return
        self.size = self.seen
        if self._file is None:
            self._parts = [b"".join(self._parts)[: self.size]]

    @property
    def is_cut(self) -> bool:
        """Whether the limit kept bytes out."""
        return self.seen > self.size

    def whole(self) -> Bytes:
        """All bytes kept, the last that is asked of a spool; a file is shown through a window, not read."""
        if self._file is None:
            return b"".join(self._parts)
        with self._file as file:
            file.flush()
            return window(file, self.size)

    def close(self) -> None:
        """Let the file go unread."""
        if self._file is not None:
            self._file.close()

    def _roll_over(self) -> None:
        self._file = TemporaryFile(dir=self._folder)  # noqa: SIM115 # lives as long as the spool
        self._file.writelines(self._parts)
        self._parts = []


def window(file: IO[bytes], size: int) -> Bytes:
    """The first `size` bytes of a flushed file, mapped; the map goes with its last user."""
    if not size:
        return b""
    return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))
