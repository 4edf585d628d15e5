"""Say what a file is, and check those that are archives but no WARC files: ARC files and WACZ packages."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from newscrawl.errors import ArchiveError
from newscrawl.warc.arc import FILEDESC, is_arc_start
from newscrawl.warc.fast_reader import GZIP_MAGIC, GZIP_WINDOW_BITS, PIECE_BYTES, RECORD_START, BlockStream
from newscrawl.warc.media_types import sniff_media_type
from newscrawl.warc.packages import ARCHIVE_SUFFIXES, PACKAGE_ERRORS, PACKAGE_SUFFIX, open_packaged
from newscrawl.warc.recovery import iter_slices_recovering
from newscrawl.warc.verify.problems import Fault, quote_value

FORMAT_BYTES = 1 << 12
"First bytes of a file from which its format is recognised."
MAX_DESCRIPTION_BYTES = 1 << 26
DESCRIPTION = "datapackage.json"
ARC, WACZ, WARC = "an ARC file", "a WACZ package", "a WARC file"
_TIME = rb"\d{4,17}"
_CDXJ = re.compile(rb"(?:!meta .*|\S+ %b \{.*)" % _TIME)
_CDX = re.compile(rb"(?: CDX( [A-Za-z])+|\S+ %b \S+( \S+){4,9})" % _TIME)
_MAGIC = (
    (b"\x28\xb5\x2f\xfd", "Zstandard data, perhaps of a .warc.zst file, which is not read"),
    (b"\x5d\x2a\x4d\x18", "Zstandard data of a .warc.zst file, which is not read"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\0", "XZ data"),
)
_TYPES = {
    "text/html": "an HTML page",
    "application/xhtml+xml": "an HTML page",
    "application/json": "JSON",
    "application/xml": "XML",
    "application/rss+xml": "a feed",
    "application/atom+xml": "a feed",
    "application/pdf": "a PDF document",
    "application/zip": "a ZIP file",
    "image/png": "an image",
    "image/jpeg": "an image",
    "image/gif": "an image",
    "image/webp": "an image",
}


def identify_format(start: bytes, name: str = "") -> str | None:
    """What a file is by its first bytes, in words such as `a CDXJ index`; None if it is not known."""
    if start.startswith(GZIP_MAGIC):
        inside = identify_format(_decompress_start(start))
        return inside if inside in (WARC, ARC, None) else f"gzip data: {inside}"
    if start.startswith(RECORD_START) or is_arc_start(start):
        return WARC if start.startswith(RECORD_START) else ARC
    if start.startswith(b"PK\x03\x04") and name.endswith(PACKAGE_SUFFIX):
        return WACZ
    line = start.partition(b"\n")[0].rstrip(b"\r")
    if _CDXJ.fullmatch(line) or _CDX.fullmatch(line):
        return "a CDXJ index" if _CDXJ.fullmatch(line) else "a CDX index"
    magic = next((words for prefix, words in _MAGIC if start.startswith(prefix)), None)
    return magic or _TYPES.get(sniff_media_type(start) or "")


def _decompress_start(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(GZIP_WINDOW_BITS).decompress(start, FORMAT_BYTES)
    except zlib.error:
        return b""


def check_arc(stream: BinaryIO) -> Iterator[tuple[int, Fault]]:
    """Offset and fault of each problem in an ARC file."""
    gaps: list[int] = []
    count = 0
    stream.seek(0)
    version = b"1"
    for record in iter_slices_recovering(stream, _read_start, gaps.append):
        if record.kind == "warcinfo" and not count:
            version = record.result[:1]
        count += 1
    text = f"{ARC} of version {quote_value(version.decode('latin-1'))} with {count} records, not a WARC file"
    yield 0, ("file_is_arc", text)
    for offset in gaps:
        yield offset, ("arc_damaged", "bytes that belong to no whole record")


def _read_start(_kind: str, _headers: dict[str, str], block: BlockStream) -> bytes:
    return block.read(len(FILEDESC))


def check_package(path: Path) -> Iterator[tuple[str, Fault]]:
    """File in the package, empty for the package itself, and fault of each problem of a WACZ.

    The archive files in it are checked apart; what this finds is whether their bytes are those described.
    """
    try:
        with zipfile.ZipFile(path) as package:
            names = {info.filename for info in package.infolist() if not info.is_dir()}
    except PACKAGE_ERRORS as error:
        yield "", ("package_damaged", f"the ZIP file cannot be read: {error}")
        return
    resources = _read_resources(path)
    if resources is None:
        yield "", ("package_undescribed", f"there is no {DESCRIPTION} with a list of files that can be read")
        resources = {}
    for name in sorted(
        names & resources.keys() | {name for name in names if name.endswith(ARCHIVE_SUFFIXES)}
    ):
        yield from ((name, fault) for fault in _check_file(path, name, resources.get(name)))
        if resources and name not in resources:
            yield name, ("package_file_unlisted", f"{DESCRIPTION} does not list it")
    for name in sorted(resources.keys() - names):
        yield "", ("package_file_missing", f"{DESCRIPTION} lists {quote_value(name)}, which is not there")


def _read_resources(path: Path) -> dict[str, tuple[object, object]] | None:
    """Size and digest of each file that the description lists; None without a valid description."""
    try:
        with open_packaged(path, DESCRIPTION) as stream:
            data = json.loads(stream.read(MAX_DESCRIPTION_BYTES))
        return {str(part["path"]): (part.get("bytes"), part.get("hash")) for part in data["resources"]}
    except (ArchiveError, *PACKAGE_ERRORS, KeyError, TypeError, AttributeError, RecursionError, zlib.error):
        return None


def _check_file(path: Path, name: str, described: tuple[object, object] | None) -> Iterator[Fault]:
    """The problems of a file's bytes: checksum in the ZIP, then size and digest in the description."""
    size, declared = described or (None, None)
    algorithm, _, value = declared.partition(":") if isinstance(declared, str) else ("", "", "")
    if algorithm not in ("sha256", "md5"):
        algorithm, value = "sha256", ""
    digest, count = hashlib.new(algorithm, usedforsecurity=False), 0
    try:
        with zipfile.ZipFile(path) as package, package.open(name) as stream:
            while piece := stream.read(PIECE_BYTES):
                digest.update(piece)
                count += len(piece)
    except (*PACKAGE_ERRORS, zlib.error) as error:
        yield "package_damaged", f"cannot be unpacked: {error}"
        return
    if isinstance(size, int) and size != count:
        yield "package_file_differs", f"{DESCRIPTION} says {size} bytes, but there are {count}"
    elif value and value.lower() != digest.hexdigest():
        text = f"{DESCRIPTION} says {quote_value(str(declared))}, but the data has {digest.hexdigest()}"
        yield "package_file_differs", text
