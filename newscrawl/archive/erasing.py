"""Exchanges overwritten in place: what stood there is gone, and all other records stand where they stood.

Each exchange is replaced by one metadata record of exactly its length, under the id of its first record, that
says what happened. So neither offsets nor references of what stays become wrong.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from newscrawl.archive.http import ContentError, split_message
from newscrawl.archive.manifest import forget_finished, replace_finished
from newscrawl.archive.member import PACKED, STORED, Pieces, gzip_member
from newscrawl.archive.reader import WarcRecord, records_of
from newscrawl.archive.records import fields_block, record_pieces, sha1_base32
from newscrawl.archive.writer import sync_folder
from newscrawl.errors import ArchiveError
from newscrawl.items import rfc3339

DRAFT = ".erasing"
"Suffix of a file while its successor is being written."
COPY_BYTES = 1 << 20
_HEAD = b"\x1f\x8b\x08\x10\x00\x00\x00\x00\x00\xff"
"Of a gzip member with a comment (RFC 1952): it takes the last bytes that must be filled."
_TAIL = 8
_BLOCK = 0xFFFF
_BLOCK_HEAD = 5
_KEEPS = frozenset({"warcinfo"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """Records that stand together and tell of one exchange."""

    offset: int
    length: int
    record_ids: tuple[str, ...]
    url: str
    date: str
    refers_to: str | None
    "The record whose body its answer repeats."
    asked_for: str | None
    "The link that led to it, across redirects."
    is_erased: bool
    names_it: bool = False
    "Whether it is of no link's own, and what came holds one of the wanted texts: a feed, a list."


def exchanges_of(stream: BinaryIO, texts: Collection[bytes] = ()) -> Iterator[Exchange]:
    """The exchanges of a WARC file of ours, in their order."""
    held: list[tuple[int, int, WarcRecord]] = []
    for offset, length, record in records_of(stream):
        if record.kind in _KEEPS:
            continue
        if held and record.headers.get("warc-concurrent-to") not in {one.record_id for _, _, one in held}:
            yield _exchange(held, texts)
            held = []
        held.append((offset, length, record))
    if held:
        yield _exchange(held, texts)


def _exchange(held: list[tuple[int, int, WarcRecord]], texts: Collection[bytes]) -> Exchange:
    offset, _, first = held[0]
    notes = [record.block for _, _, record in held if record.kind == "metadata"]
    asked_for = next(filter(None, map(_link_in, notes)), None)
    refers = [found for _, _, record in held if (found := record.headers.get("warc-refers-to"))]
    return Exchange(
        offset=offset,
        length=held[-1][0] + held[-1][1] - offset,
        record_ids=tuple(record.record_id for _, _, record in held),
        url=first.url,
        date=first.headers.get("warc-date", ""),
        refers_to=refers[0] if refers else None,
        asked_for=asked_for,
        is_erased=first.kind == "metadata" and b"\nerased: " in b"\n" + first.block,
        names_it=bool(texts) and asked_for is None and _holds(first, texts),
    )


def _holds(record: WarcRecord, texts: Collection[bytes]) -> bool:
    """Whether what came holds one of them."""
    if record.kind != "response":
        return False
    try:
        content = split_message(record.block).content
    except ContentError:
        content = record.block
    return any(text in content for text in texts)


def _link_in(block: bytes) -> str | None:
    """The URL of the link that a metadata record notes."""
    for line in block.split(b"\r\n"):
        name, _, value = line.partition(b": ")
        if name == b"discovery":
            try:
                found = json.loads(value)
                return str(found["url"]) if isinstance(found, dict) and "url" in found else None
            except ValueError:
                return None
    return None


def erase(path: Path, exchanges: Collection[Exchange], reason: str, when: datetime) -> None:
    """Overwrite these exchanges of a finished file, whole or not at all; the manifest gets its new digest."""
    draft = path.with_name(path.name + DRAFT)
    try:
        with path.open("rb") as source, draft.open("wb") as out:
            for exchange in sorted(exchanges, key=lambda one: one.offset):
                _copy(source, out, exchange.offset - out.tell())
                out.write(tombstone(exchange, reason, when))
                source.seek(exchange.offset + exchange.length)
            _copy(source, out, None)
            out.flush()
            os.fsync(out.fileno())
        if draft.stat().st_size != path.stat().st_size:
            raise ArchiveError(f"{path}: what replaces its records is not of their length")
        forget_finished(path)
        draft.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise ArchiveError(f"cannot rewrite {path}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    replace_finished(path)


def _copy(source: BinaryIO, out: BinaryIO, count: int | None) -> None:
    """So many bytes, or all that are left."""
    while count is None or count > 0:
        data = source.read(COPY_BYTES if count is None else min(count, COPY_BYTES))
        if not data:
            return
        out.write(data)
        count = None if count is None else count - len(data)


def tombstone(exchange: Exchange, reason: str, when: datetime) -> bytes:
    """One gzip member of the exchange's length; ArchiveError where it has no room for what must be said."""
    said = [("erased", rfc3339(when)), ("records", str(len(exchange.record_ids))), ("reason", reason)]
    for fields in (said, said[:2], said[:1]):
        if found := _of_length(exchange, fields):
            return found
    raise ArchiveError(f"{exchange.url}: its records are too short to be replaced")


def _of_length(exchange: Exchange, fields: list[tuple[str, str]]) -> bytes | None:
    """The member with these fields and as much padding as it takes; None when they are too long."""
    packed = b"".join(gzip_member(_record(exchange, fields), PACKED))
    left = exchange.length - len(packed)
    if left == 0:
        return packed
    if 0 < left <= _BLOCK_HEAD * 100:
        return _with_comment(packed, left)
    return _stored(exchange, fields) if left > 0 else None


def _with_comment(member: bytes, left: int) -> bytes:
    return _HEAD + b" " * (left - 1) + b"\0" + member[len(_HEAD) :]


def _stored(exchange: Exchange, fields: list[tuple[str, str]]) -> bytes:
    """Not packed, so that each byte of padding is a byte of the member."""
    padding = max(0, exchange.length - _stored_length(_record(exchange, [*fields, ("padding", "")])))
    while True:
        pieces = _record(exchange, [*fields, ("padding", "." * padding)])
        left = exchange.length - _stored_length(pieces)
        if left >= 0:
            break
        padding += left
    member = b"".join(gzip_member(pieces, STORED))
    return _with_comment(member, left) if left else member


def _stored_length(pieces: Pieces) -> int:
    blocks = sum(-(-len(piece) // _BLOCK) for piece in pieces)
    return len(_HEAD) + sum(map(len, pieces)) + (blocks + 1) * _BLOCK_HEAD + _TAIL


def _record(exchange: Exchange, fields: list[tuple[str, str]]) -> Pieces:
    block = fields_block(fields)
    headers = [
        ("WARC-Type", "metadata"),
        ("WARC-Record-ID", exchange.record_ids[0]),
        ("WARC-Date", exchange.date),
        ("WARC-Target-URI", exchange.url),
        ("Content-Type", "application/warc-fields"),
        ("WARC-Block-Digest", sha1_base32(block)),
    ]
    return record_pieces(headers, block)
