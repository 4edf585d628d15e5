"""CDXJ: the sorted text index that pywb, WACZ and cdxj-indexer share.

https://specs.webrecorder.net/cdxj/0.1.0/ One line a record: SURT key, time to the second, then JSON.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from itertools import groupby

from newscrawl.archive.entries import ANSWERS
from newscrawl.archive.index import Capture
from newscrawl.archive.surt import surt

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
