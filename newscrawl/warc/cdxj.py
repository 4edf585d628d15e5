"""CDXJ: the sorted text index of pywb, WACZ and cdxj-indexer (https://specs.webrecorder.net/cdxj/0.1.0/).

Each line describes a record: SURT key, time to the second, JSON object.
"""

from __future__ import annotations

import gzip
import hashlib
import heapq
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby, islice
from pathlib import Path

from newscrawl.warc.index import Index, IndexEntry, update_index
from newscrawl.warc.index_entries import RESPONSE_KINDS
from newscrawl.warc.surt import surt

CDXJ_NAME = "index.cdx.gz"
LINES_PER_BLOCK = 3000
_META = {"format": "cdxj-gzip-1.0", "filename": CDXJ_NAME}
_FIELDS = "application/warc-fields"
"Media type of records that describe other records; an index does not list them."


def cdxj_lines(entries: Iterable[IndexEntry]) -> Iterator[str]:
    """CDXJ lines, without line ends and sorted by bytes, for entries in the order of their keys and dates.

    The fields are those of cdxj-indexer; a field whose value is unknown is left out.
    """
    listed = filter(is_replayable, entries)
    for key, group in groupby(listed, key=lambda entry: f"{surt(entry.url)} {entry.date:%Y%m%d%H%M%S}"):
        yield from sorted(f"{key} {_json_fields(entry)}" for entry in group)


def merge_cdxj_lines(sources: Iterable[Iterable[str]]) -> Iterator[str]:
    """Merge the sorted lines of several indexes."""
    return heapq.merge(*sources)


def is_replayable(entry: IndexEntry) -> bool:
    """Whether replay can serve a record: a response, or a document stored without HTTP headers."""
    if entry.kind in ("resource", "metadata"):
        return entry.media_type != _FIELDS
    return entry.kind in RESPONSE_KINDS


def _json_fields(entry: IndexEntry) -> str:
    values = {
        "url": entry.url,
        "mime": entry.media_type,
        "status": None if entry.status is None else f"{entry.status:03d}",
        "digest": entry.payload_digest,
        "length": str(entry.length),
        "offset": str(entry.offset),
        "filename": entry.file,
    }
    return json.dumps({name: value for name, value in values.items() if value is not None})


def folder_cdxj_lines(warcs: Iterable[Path]) -> Iterator[str]:
    """Sorted CDXJ lines of WARC files, from the indexes of their folders, which are updated first."""
    folders: dict[Path, set[str]] = defaultdict(set)
    for path in warcs:
        folders[path.parent].add(path.name)
    with ExitStack() as opened:
        sources = []
        for folder, names in folders.items():
            update_index(folder)
            sources.append(cdxj_lines(opened.enter_context(Index.open(folder)).by_key(names)))
        yield from merge_cdxj_lines(sources)


def compress_cdxj(lines: Iterable[str]) -> tuple[bytes, bytes]:
    """Compress lines into gzip members of LINES_PER_BLOCK lines; return them and the list of members."""
    compressed, members = bytearray(), [f"!meta 0 {json.dumps(_META)}\n".encode()]
    remaining = iter(lines)
    while block := list(islice(remaining, LINES_PER_BLOCK)):
        member = gzip.compress("".join(f"{line}\n" for line in block).encode(), mtime=0)
        key, time, _ = block[0].split(" ", 2)
        location = {
            "offset": len(compressed),
            "length": len(member),
            "digest": f"sha256:{hashlib.sha256(member).hexdigest()}",
            "filename": CDXJ_NAME,
        }
        members.append(f"{key} {time} {json.dumps(location)}\n".encode())
        compressed += member
    return bytes(compressed), b"".join(members)
