"""Events of checked files as bytes, for the way from the process that checked the files to another."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from newscrawl.warc.verify.headers import RecordHead
from newscrawl.warc.verify.problems import WarcProblem
from newscrawl.warc.verify.references import BodilessResponse, Event, HeadRequest, RecordReferences

_KINDS: dict[str, type[RecordReferences]] = {
    "record": RecordReferences,
    "head": HeadRequest,
    "bodiless": BodilessResponse,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def pack_events(events: Iterable[Event], max_bytes: int) -> bytes | None:
    """The events, of which none is kept in memory as an object; None if they take more bytes."""
    packed = BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as lines:
        for event in events:
            lines.write(json.dumps(_encode_event(event)).encode("ascii") + b"\n")
            if packed.tell() > max_bytes:
                return None
    return packed.getvalue()


def unpack_events(packed: bytes) -> Iterator[Event]:
    """The events one by one."""
    with gzip.GzipFile(fileobj=BytesIO(packed)) as lines:
        for line in lines:
            yield _decode_event(json.loads(line))


def _encode_event(event: Event) -> object:
    if isinstance(event, WarcProblem):
        return ["problem", event.file, event.offset, event.record_id, event.code, event.message]
    if isinstance(event, RecordReferences):
        return [_NAMES[type(event)], event.file, event.offset, event.head.fields]
    return event


def _decode_event(data: Any) -> Event:
    match data:
        case "sound" | "damaged":
            return data  # type: ignore[no-any-return] # it is one of the two
        case ["problem", file, offset, record_id, code, message]:
            return WarcProblem(file=file, offset=offset, record_id=record_id, code=code, message=message)
        case [name, file, offset, fields]:
            return _KINDS[name](RecordHead(fields=fields), file, offset)
    raise ValueError(f"no event: {data!r}")
