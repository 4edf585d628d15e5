"""WACZ 1.1.1: packs the archive files of runs, an index and a page list into a ZIP for replay tools.

https://specs.webrecorder.net/wacz/1.1.1/
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from newscrawl import __version__
from newscrawl.errors import ArchiveError, archive_errors
from newscrawl.items import Article
from newscrawl.storage import BLOCK_BYTES, atomic_write
from newscrawl.warc.cdxj import CDXJ_NAME, compress_cdxj, folder_cdxj_lines
from newscrawl.warc.reader import WarcPart
from newscrawl.warc.records import target_uri

VERSION = "1.1.1"
ENDING = ".wacz"
PAGES_HEADER = {"format": "json-pages-1.0", "id": "pages", "title": "Articles", "hasText": True}
_NOT_IN_NAMES = re.compile(r"[^a-z0-9.]+")
_REGULAR_FILE = 0o100644 << 16


def write_wacz(
    path: Path, warcs: Sequence[Path], articles: Iterable[Article], *, title: str, made: datetime
) -> int:
    """Write the package and return the number of pages it lists. Equal runs and times give equal bytes."""
    if path.suffix != ENDING:
        raise ArchiveError(f"{path}: the name must end with {ENDING}")
    _check_unique_names(warcs)
    index, places = compress_cdxj(folder_cdxj_lines(warcs))
    with atomic_write(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        package = _Package(archive, made)
        for warc in warcs:
            package.add_file(f"archive/{warc.name}", warc)
        package.add(f"indexes/{CDXJ_NAME}", [index])
        package.add("indexes/index.idx", [places])
        pages = _LineCounter(page_lines(articles))
        package.add("pages/pages.jsonl", pages)
        package.describe(title)
    # The first line is the header.
    return pages.count - 1


def copy_shared_parts(parts: Iterable[WarcPart], folder: Path) -> Iterator[Path]:
    """The WARC files to pack; of one with records of other runs too, a copy in `folder` without those.

    ArchiveError names a file that is too short for a part.
    """
    parts_by_path: dict[Path, list[WarcPart]] = {}
    for part in parts:
        parts_by_path.setdefault(part.path, []).append(part)
    _check_unique_names(parts_by_path)
    for path, wanted in parts_by_path.items():
        with archive_errors(f"read {path}"):
            copy = path if len(wanted) == 1 and wanted[0].is_whole else folder / path.name
            if copy != path:
                with path.open("rb") as source, copy.open("xb") as out:
                    for part in sorted(set(wanted), key=lambda part: part.start):
                        _copy_part(source, out, part)
        yield copy


def _copy_part(source: BinaryIO, out: BinaryIO, part: WarcPart) -> None:
    source.seek(part.start)
    end = os.fstat(source.fileno()).st_size if part.end is None else part.end
    # No part is empty: a file that ends before it is too short.
    left = max(end - part.start, 1)
    while left:
        if not (data := source.read(min(left, BLOCK_BYTES))):
            raise ArchiveError(
                f"{part.path} is too short for the records of the run from byte {part.start} on"
            )
        left -= out.write(data)


def page_lines(articles: Iterable[Article]) -> Iterator[bytes]:
    """The page list: a header, then URL, time, title and text of each article."""
    yield _page_line(PAGES_HEADER)
    for article in articles:
        page = {
            "id": article.id,
            "url": target_uri(article.url),
            "ts": article.fetched,
            "title": article.title,
            "text": article.text,
            "date": article.published,
            "language": article.lang,
        }
        yield _page_line({name: value for name, value in page.items() if value is not None})


@dataclass
class _Package:
    """The ZIP while it is written, and the list of its files so far."""

    archive: zipfile.ZipFile
    made: datetime
    resources: list[dict[str, Any]] = field(default_factory=list)

    def add_file(self, name: str, path: Path) -> None:
        try:
            with path.open("rb") as source:
                self.add(name, iter(lambda: source.read(BLOCK_BYTES), b""), path.stat().st_size)
        except OSError as error:
            raise ArchiveError(f"cannot pack {path}: {error.strerror or error}") from error

    def add(self, name: str, pieces: Iterable[bytes], expected: int = 0) -> None:
        """Add a file, and list it in the package's description."""
        digest, size = hashlib.sha256(), 0
        info = self._info(name)
        # Set beforehand, since only a large file may have the ZIP64 field: wabac.js takes the lengths of the
        # fields before a file's bytes from the central directory, which has none for a small file.
        info.file_size = expected
        try:
            with self.archive.open(info, "w") as target:
                for piece in pieces:
                    digest.update(piece)
                    size += target.write(piece)
        except RuntimeError as error:
            raise ArchiveError(f"{name} is too large for the package: {error}") from error
        self.resources.append(
            {
                "name": _NOT_IN_NAMES.sub("-", name.partition("/")[2].lower()),
                "path": name,
                "hash": f"sha256:{digest.hexdigest()}",
                "bytes": size,
            }
        )

    def describe(self, title: str) -> None:
        """Add the description of the package, and its digest."""
        created = self.made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        description = {
            "profile": "data-package",
            "wacz_version": VERSION,
            "software": f"newscrawl {__version__}",
            "title": title,
            "created": created,
            "modified": created,
            "resources": self.resources,
        }
        package = json.dumps(description, indent=2, ensure_ascii=False).encode()
        digest = {"path": "datapackage.json", "hash": f"sha256:{hashlib.sha256(package).hexdigest()}"}
        self.archive.writestr(self._info("datapackage.json"), package)
        self.archive.writestr(self._info("datapackage-digest.json"), json.dumps(digest, indent=2))

    def _info(self, name: str) -> zipfile.ZipInfo:
        utc = self.made.astimezone(UTC)
        # ZIP cannot store years before 1980.
        info = zipfile.ZipInfo(name, (max(utc.year, 1980), *utc.timetuple()[1:6]))
        info.external_attr = _REGULAR_FILE
        return info


@dataclass
class _LineCounter:
    """Passes lines on and counts them."""

    lines: Iterator[bytes]
    count: int = 0

    def __iter__(self) -> Iterator[bytes]:
        for line in self.lines:
            self.count += 1
            yield line


def _check_unique_names(warcs: Iterable[Path]) -> None:
    names: set[str] = set()
    for path in warcs:
        if path.name in names:
            raise ArchiveError(f"{path}: the package already has a file with this name")
        names.add(path.name)


def _page_line(fields: dict[str, Any]) -> bytes:
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"
