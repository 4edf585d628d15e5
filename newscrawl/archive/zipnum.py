"""The index inside a WACZ: sorted CDXJ lines, packed in blocks that a reader unpacks one by one."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from newscrawl.archive.cdxj import cdxj_lines, merged_lines
from newscrawl.archive.index import Index, build

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
