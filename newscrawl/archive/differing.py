"""Where two JSONL files that should be equal to the byte are not, by line and field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newscrawl.errors import ArchiveError

MAX_TOLD = 200
"Differing lines told of; the rest is counted."
MAX_VALUE_CHARS = 300
_NOTHING = "(no line)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Differing:
    """One page whose lines differ."""

    url: str
    fields: dict[str, tuple[str, str]]
    "Recorded and replayed value as JSON, cut; a line that one file lacks differs in `line`."


def differing(recorded: Path, replayed: Path) -> list[Differing]:
    """The pages in which two files differ, in the order of the first; none when equal to the byte."""
    before, after = _content(recorded), _content(replayed)
    if before == after:
        return []
    found = [*_differences(_lines(before), _lines(after))]
    # The same lines in another order are not the same bytes.
    return found or [Differing(url="", fields={"order": (recorded.name, replayed.name)})]


def _differences(before: dict[str, bytes], after: dict[str, bytes]) -> Iterator[Differing]:
    for key in [*before, *(key for key in after if key not in before)]:
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        left, right = _object(old), _object(new)
        url = str((left or right).get("url", key))
        if old is None or new is None:
            line = (_cut(left) if old else _NOTHING, _cut(right) if new else _NOTHING)
            yield Differing(url=url, fields={"line": line})
        else:
            names = sorted(n for n in left.keys() | right.keys() if left.get(n) != right.get(n))
            fields = {name: (_cut(left.get(name)), _cut(right.get(name))) for name in names}
            yield Differing(url=url, fields=fields or {"line": (_cut(left), _cut(right))})


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArchiveError(f"cannot read {path}: {error.strerror}") from error


def _lines(content: bytes) -> dict[str, bytes]:
    """Lines by the record they were made from and the URL that was asked for; a repeated one by its place."""
    found: dict[str, bytes] = {}
    for number, line in enumerate(content.splitlines()):
        data = _object(line)
        record = (data.get("warc") or {}).get("record_id", "")
        key = f"{record} {data.get('url_requested', '')}"
        found[key if key not in found else f"{key} {number}"] = line
    return found


def _object(line: bytes | None) -> dict[str, Any]:
    try:
        data = json.loads(line or b"{}")
    except (ValueError, RecursionError):
        return {"line": (line or b"").decode("utf-8", "replace")}
    return data if isinstance(data, dict) else {"line": data}


def _cut(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= MAX_VALUE_CHARS else text[:MAX_VALUE_CHARS] + "…"
