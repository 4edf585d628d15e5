"""Find and open the WARC files inside WACZ packages, without unpacking them (WACZ 1.1.1, section 5.2).

A WARC inside a package is named like a file in a folder: `crawl.wacz/archive/data.warc.gz`.
"""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from newscrawl.errors import ArchiveError

PACKAGE_SUFFIX = ".wacz"
ARCHIVE_SUFFIXES = (".warc.gz", ".warc", ".arc.gz", ".arc")
MAX_PACKAGE_FILES = 100_000
_LOCAL_HEADER = struct.Struct("<4s22xHH")
"Signature, then the lengths of name and extra field (APPNOTE, section 4.3.7)."
_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 1
PACKAGE_ERRORS = (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError, EOFError)
"Raised by zipfile for damaged, encrypted or unknown content."


@dataclass(frozen=True, slots=True)
class PackageMember:
    """A WARC file in a package."""

    name: str
    "As in the ZIP, such as `archive/data.warc.gz`."
    size: int
    "Bytes, not compressed."


def list_package(path: Path) -> list[PackageMember]:
    """The WARC files in a package, by name; ArchiveError if it is damaged."""
    try:
        with zipfile.ZipFile(path) as package:
            infos = package.infolist()[:MAX_PACKAGE_FILES]
    except PACKAGE_ERRORS as error:
        raise ArchiveError(f"cannot read {path}: {error}") from error
    names = {info.filename: info.file_size for info in infos if info.filename.endswith(ARCHIVE_SUFFIXES)}
    return [PackageMember(name, size) for name, size in sorted(names.items())]


def split_package_name(name: str) -> tuple[str, str] | None:
    """The name of the package and that inside it; None for a file that is in no package."""
    before, suffix, inside = name.rpartition(f"{PACKAGE_SUFFIX}/")
    return (before + PACKAGE_SUFFIX, inside) if suffix else None


def open_packaged(path: Path, inside: str) -> BinaryIO:
    """Open a file in a package for reading and seeking; ArchiveError if there is none, or it is damaged."""
    try:
        with zipfile.ZipFile(path) as package:
            info = package.getinfo(inside)
        if info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & _ENCRYPTED:
            return _open_stored(path, info)
        return cast("BinaryIO", zipfile.ZipFile(path).open(info))
    except FileNotFoundError as error:
        raise ArchiveError(f"no such archive file: {path}") from error
    except KeyError as error:
        raise ArchiveError(f"no {inside} in {path}") from error
    except PACKAGE_ERRORS as error:
        raise ArchiveError(f"cannot read {path}: {error}") from error


def _open_stored(path: Path, info: zipfile.ZipInfo) -> BinaryIO:
    file = path.open("rb", buffering=0)
    try:
        file.seek(info.header_offset)
        head = file.read(_LOCAL_HEADER.size)
        if len(head) < _LOCAL_HEADER.size or not head.startswith(_SIGNATURE):
            raise zipfile.BadZipFile(f"no file header of {info.filename}")
        _, name, extra = _LOCAL_HEADER.unpack(head)
        start = info.header_offset + _LOCAL_HEADER.size + name + extra
    except BaseException:
        file.close()
        raise
    return cast("BinaryIO", io.BufferedReader(_FileRange(file, start, info.file_size)))


class _FileRange(io.RawIOBase):
    """A range of an open file as a file of its own."""

    def __init__(self, file: io.FileIO, start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # what io hands in
        wanted = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        count = self._file.readinto(memoryview(buffer)[:wanted]) or 0
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
