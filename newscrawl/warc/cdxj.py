"""CDXJ: the sorted text index that pywb, WACZ and cdxj-indexer share.

https://specs.webrecorder.net/cdxj/0.1.0/ One line a record: SURT key, time to the second, then JSON.
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

from newscrawl.warc.index import Capture, Index, build
from newscrawl.warc.index_entries import ANSWERS
from newscrawl.warc.surt import surt

_FIELDS = "application/warc-fields"
"Media type of records that are about others; no index lists them."


def cdxj_lines(captures: Iterable[Capture]) -> Iterator[str]:
    """Lines without their ends for captures that come in the order of their keys and dates, sorted by bytes.

    The fields are those that cdxj-indexer writes: one that a record does not tell is left out.
    """
    listed = ((_place(capture), capture) for capture in captures if is_listed(capture))
    for place, together in groupby(listed, key=lambda pair: pair[0]):
        yield from sorted(f"{place} {_facts(capture)}" for _, capture in together)


def merged_lines(sources: Iterable[Iterable[str]]) -> Iterator[str]:
    """Sorted lines of several indexes as one."""
    return heapq.merge(*sources)


def is_listed(capture: Capture) -> bool:
    """Whether a record can be served: answers, and metadata that is a document of its own."""
    if capture.kind in ("resource", "metadata"):
        return capture.media_type != _FIELDS
    return capture.kind in ANSWERS


def _place(capture: Capture) -> str:
    return f"{surt(capture.url)} {capture.date:%Y%m%d%H%M%S}"


def _facts(capture: Capture) -> str:
    facts = {
        "url": capture.url,
        "mime": capture.media_type,
        "status": None if capture.status is None else f"{capture.status:03d}",
        "digest": capture.payload_digest,
        "length": str(capture.length),
        "offset": str(capture.offset),
        "filename": capture.file,
    }
    return json.dumps({name: value for name, value in facts.items() if value is not None})


INDEX = "index.cdx.gz"
LINES_PER_BLOCK = 3000
_META = {"format": "cdxj-gzip-1.0", "filename": INDEX}


def index_lines(warcs: Iterable[Path]) -> Iterator[str]:
    """The CDXJ lines of these files, sorted, from the indexes of their folders, brought into step first."""
    folders: dict[Path, set[str]] = defaultdict(set)
    for path in warcs:
        folders[path.parent].add(path.name)
    with ExitStack() as opened:
        sources = []
        for folder, names in folders.items():
            build(folder)
            sources.append(cdxj_lines(opened.enter_context(Index.open(folder)).by_key(names)))
        yield from merged_lines(sources)


def packed_index(lines: Iterable[str]) -> tuple[bytes, bytes]:
    """The lines in gzip members of bounded size, and the list that says where each member begins."""
    packed, told = bytearray(), [f"!meta 0 {json.dumps(_META)}\n".encode()]
    for block in _blocks(lines):
        member = gzip.compress("".join(f"{line}\n" for line in block).encode(), mtime=0)
        key, time, _ = block[0].split(" ", 2)
        place = {
            "offset": len(packed),
            "length": len(member),
            "digest": f"sha256:{hashlib.sha256(member).hexdigest()}",
            "filename": INDEX,
        }
        told.append(f"{key} {time} {json.dumps(place)}\n".encode())
        packed += member
    return bytes(packed), b"".join(told)


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    left = iter(lines)
    while block := list(islice(left, LINES_PER_BLOCK)):
        yield block
