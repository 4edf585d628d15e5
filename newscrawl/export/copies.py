"""What state knows of the copies of a unit's pages: it changes after the lines are written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import blake2b

from newscrawl.export.scan import Scan, read_lines
from newscrawl.state.copies import CopyTable
from newscrawl.state.pages import batches
from newscrawl.state.rows import key_of

_STRING = rb'"((?:[^"\\]|\\.){0,65536})"'
_ASKED = re.compile(rb'"url_requested":\s?' + _STRING)
_SOURCE = re.compile(rb'"source":\s?' + _STRING)
"No part of an article has a key of these names."


NO_COPIES = "-"
"The digest where no copies are known."


def copies_digest(scanned: Scan, table: CopyTable) -> str:
    """Of the clusters and originals of all pages: another one, and the unit is to be written again."""
    digest, found = blake2b(digest_size=16), False
    for batch in batches(_keys(scanned)):
        known = table.of_pages(batch)
        for key in batch:
            if (copied := known.get(key)) and copied.cluster:
                found = True
                digest.update(
                    b"%b %b %b " % (key, copied.cluster.encode(), (copied.duplicate_of or "").encode())
                )
    return digest.hexdigest() if found else NO_COPIES


def _keys(scanned: Scan) -> Iterator[bytes]:
    for _, _, line in read_lines(scanned):
        if asked := _ASKED.search(line):
            source = _SOURCE.search(line)
            yield key_of(_text(source[1]) if source else "", _text(asked[1]))


def _text(escaped: bytes) -> str:
    try:
        return str(json.loads(b'"' + escaped + b'"'))
    except ValueError:
        return escaped.decode("utf-8", "replace")
