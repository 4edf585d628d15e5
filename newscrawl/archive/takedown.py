"""Articles taken down: their lines go, and what replays the archives is told not to show them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from newscrawl.archive.lines import json_line
from newscrawl.archive.manifest import forget_finished, replace_finished
from newscrawl.errors import ArchiveError
from newscrawl.items import TAKEN_DOWN, Rejection, rfc3339
from newscrawl.urls import normal_url
from newscrawl.warc.filenames import owner_of
from newscrawl.warc.http import ContentError, split_message
from newscrawl.warc.index import warc_files
from newscrawl.warc.reader import WarcRecord, records_of
from newscrawl.warc.records import (
    PACKED,
    STORED,
    Pieces,
    fields_block,
    gzip_member,
    record_pieces,
    sha1_base32,
)
from newscrawl.warc.surt import surt
from newscrawl.warc.writer import sync_folder

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


STEP = "takedown"
BLOCKED = "takedown.aclj"
"List of addresses that no replay may show, as pywb reads it."
COPIES = ("*.wacz", "*.warc.wet.gz", "*.torn", "*.broken")
"Files that may hold the article too, and that nobody but their maker can make anew."
_ARTICLES, _REJECTED = ".jsonl", ".rejected.jsonl"
_SAME_STORY = frozenset({"duplicate", "known"})
_REDIRECT_STEPS = 10


@dataclass(kw_only=True)
class TakenDown:
    """What stands of the articles in an outlet's folder."""

    urls: set[str] = field(default_factory=set)
    "Every address of theirs, as it was asked for or answered."
    lines: int = 0
    "Articles' lines."
    named: int = 0
    "Lines of all kinds."
    exchanges: dict[str, list[Exchange]] = field(default_factory=dict)
    "By the file they stand in."
    copies: list[str] = field(default_factory=list)


def addresses(folder: Path, urls: Iterable[str]) -> set[str]:
    """All addresses of these pages that lines tell of: those that lead there, and where they lead."""
    found, ids = set(urls), set[str]()
    for _ in range(_REDIRECT_STEPS):
        wanted, size = set(map(normal_url, found)), (len(found), len(ids))
        for line in _told(folder):
            if _leads_there(line, wanted, ids):
                found |= {str(line["url"]), str(line["url_requested"])}
                ids |= {str(line["id"])} if "id" in line else set()
        if (len(found), len(ids)) == size:
            break
    return found


def _leads_there(line: dict[str, Any], wanted: set[str], ids: set[str]) -> bool:
    """Whether a line is about a wanted page, or about one that shows the same article."""
    if normal_url(str(line["url"])) in wanted:
        return True
    if "reason" not in line:
        return normal_url(str(line["url_requested"])) in wanted
    same = set(str(line.get("detail")).split()) if line["reason"] in _SAME_STORY else set()
    return bool(same & ids) or any(normal_url(word) in wanted for word in same if "://" in word)


def _told(folder: Path) -> Iterator[dict[str, Any]]:
    for path in _line_files(folder):
        for line in _lines_in(path):
            if data := _read(line):
                yield data


def _line_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.jsonl") if owner_of(path.name))


def _lines_in(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise ArchiveError(f"cannot read {path}: {error.strerror}") from error


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(line)
    except ValueError:
        return None
    return data if isinstance(data, dict) and "url_requested" in data and "url" in data else None


def found_in(
    folder: Path, urls: Iterable[str], *, with_exchanges: bool, with_sources: bool = False
) -> TakenDown:
    """What is there of these pages; the archives are read from end to end for their exchanges.

    With sources: also those of feeds and lists that name one of their addresses.
    """
    found = TakenDown(urls=addresses(folder, urls))
    wanted = set(map(normal_url, found.urls))
    found.lines = sum("reason" not in line and _is_of(line, wanted) for line in _told(folder))
    found.named = sum(_is_of(line, wanted) for line in _told(folder))
    found.copies = sorted(path.name for pattern in COPIES for path in folder.glob(pattern))
    if with_exchanges:
        found.exchanges = _exchanges(folder, wanted, _as_named(found.urls) if with_sources else ())
    return found


def _is_of(line: dict[str, Any], wanted: set[str]) -> bool:
    return normal_url(str(line["url"])) in wanted or normal_url(str(line["url_requested"])) in wanted


def _as_named(urls: Iterable[str]) -> list[bytes]:
    """Addresses as feeds and JSON write them."""
    bare = [url.partition("://")[2].encode() for url in urls]
    return [
        form for text in bare for form in (text, text.replace(b"/", b"\\/"), text.replace(b"&", b"&amp;"))
    ]


def _exchanges(folder: Path, wanted: set[str], texts: Collection[bytes]) -> dict[str, list[Exchange]]:
    """Exchanges of these pages, the hops of redirects that led there, and what repeats a body of theirs."""
    found: dict[str, list[Exchange]] = {}
    ids: set[str] = set()
    size = -1
    while len(ids) > size:  # a revisit may stand in a file that was read before its original's
        size = len(ids)
        found = {path.name: [] for path in warc_files(folder)}
        for name, erased in found.items():
            with (folder / name).open("rb") as stream:
                for exchange in exchanges_of(stream, texts):
                    if not exchange.is_erased and _concerns(exchange, wanted, ids):
                        erased.append(exchange)
                        ids.update(exchange.record_ids)
    return {name: exchanges for name, exchanges in found.items() if exchanges}


def _concerns(exchange: Exchange, wanted: set[str], ids: set[str]) -> bool:
    names = filter(None, (exchange.url, exchange.asked_for))
    return exchange.names_it or exchange.refers_to in ids or any(normal_url(name) in wanted for name in names)


def rewrite_lines(folder: Path, urls: set[str], refusal: Callable[[dict[str, Any]], Rejection]) -> None:
    """Take the lines of these pages out; each has one line among the rejected ones of its run instead."""
    wanted = set(map(normal_url, urls))
    for path in _line_files(folder):
        if path.name.endswith(_REJECTED):
            continue
        rejected = path.with_name(path.name.removesuffix(_ARTICLES) + _REJECTED)
        kept, gone = _divided(_lines_in(path), wanted)
        others, gone_too = _divided(_lines_in(rejected) if rejected.exists() else [], wanted)
        if not gone and all(line.get("reason") == TAKEN_DOWN for line in gone_too):
            continue
        pages = {str(line["url_requested"]): line for line in (*gone_too, *gone)}
        told = [json_line(refusal(line)) for _, line in sorted(pages.items())]
        # The article goes last: killed between the two, it is found once more and taken down again.
        write_lines(rejected, [*others, *told])
        if gone:
            write_lines(path, kept)


def _divided(lines: list[bytes], wanted: set[str]) -> tuple[list[bytes], list[dict[str, Any]]]:
    """Lines that stay, and those that are about wanted pages."""
    kept: list[bytes] = []
    gone: list[dict[str, Any]] = []
    for line in lines:
        data = _read(line)
        if data and _is_of(data, wanted):
            gone.append(data)
        else:
            kept.append(line)
    return kept, gone


def write_lines(path: Path, lines: list[bytes]) -> None:
    """A finished file of lines anew, whole or not at all; the manifest follows."""
    draft = path.with_name(f"{path.name}.tmp")
    try:
        with draft.open("wb") as out:
            out.writelines(lines)
            out.flush()
            os.fsync(out.fileno())
        forget_finished(path)
        draft.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ArchiveError(f"cannot write {path}: {error.strerror}") from error
    replace_finished(path)


def block(folder: Path, urls: Iterable[str]) -> None:
    """Add addresses to the list that no replay may show: the last key first, as pywb searches it."""
    path = folder / BLOCKED
    lines = set(path.read_text("utf-8").splitlines()) if path.exists() else set()
    for url in urls:
        lines.add(f"{surt(url)}### - {json.dumps({'access': 'block', 'url': url})}")
    draft = path.with_name(f"{path.name}.tmp")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text("".join(f"{line}\n" for line in sorted(lines, reverse=True)), "utf-8")
        draft.rename(path)
    except OSError as error:
        raise ArchiveError(f"cannot write {path}: {error.strerror}") from error


def blocked(folder: Path) -> list[str]:
    """The addresses on that list."""
    path = folder / BLOCKED
    try:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [str(json.loads(line.split(" ", 2)[2])["url"]) for line in lines if line]
    except (OSError, ValueError, LookupError) as error:
        raise ArchiveError(f"cannot read {path}: {error}") from error


def erase_all(folder: Path, found: TakenDown, reason: str, when: datetime) -> None:
    for name, exchanges in found.exchanges.items():
        erase(folder / name, exchanges, reason, when)


def refusal_of(line: dict[str, Any], outlet: str, reason: str, when: str) -> Rejection:
    """What stands in the place of a page's lines: that it was taken down, and nothing of what it said."""
    return Rejection(
        url=str(line["url"]),
        url_requested=str(line["url_requested"]),
        source=outlet,
        step=STEP,
        reason=TAKEN_DOWN,
        detail=f"{when}: {reason}" if reason else when,
        fetched=line.get("fetched"),
    )
