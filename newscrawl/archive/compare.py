"""Two JSONL files of the same pages side by side: what one says that the other does not."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, BinaryIO

from newscrawl.errors import ArchiveError

MADE_WITH = frozenset(
    {
        "extractor",
        "warc",
        "fetched",
        "version",
        "previous_id",
        "changed",
        "duplicate_of",
        "cluster",
    }
)
"Fields that say how and when a line was made, and what its neighbours are: alone, they change no article."
WORST = 20
MAX_WORDS = 20_000
"Words of a text that are compared; a longer one is compared by its first."
MAX_LINE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """One article that reads differently."""

    url: str
    ratio: float
    "Share of words both texts have, 0 to 1; their order does not count."
    words_old: int
    words_new: int
    fields: tuple[str, ...]
    "Names of the fields that differ, sorted."


@dataclass(kw_only=True)
class Comparison:
    """What became of the articles of an older file."""

    same: int = 0
    changed: int = 0
    new: int = 0
    gone: int = 0
    fields: dict[str, int] = field(default_factory=dict)
    "Changed articles by field that differs; an article counts once in each."
    worst: list[Changed] = field(default_factory=list)
    "Changed articles, those with the least text in common first; capped."
    new_urls: list[str] = field(default_factory=list)
    "Capped, in the order of the newer file; `gone_urls` in that of the older."
    gone_urls: list[str] = field(default_factory=list)


def compared_files(old: Path, new: Path, *, worst: int = WORST) -> Comparison:
    """The articles of `new` against those of `old`, paired by `url_norm` and, within one, by order.

    Only the places of the older lines are held in memory. ArchiveError names a file and line that is none.
    """
    result, kept = Comparison(), _Worst(worst)
    try:
        with old.open("rb") as older, new.open("rb") as newer:
            places = _places(older, old)
            for _, line in _lines(newer, new):
                url = line["url_norm"]
                if not places.get(url):
                    result.new += 1
                    _capped(result.new_urls, url, worst)
                    continue
                older.seek(places[url].pop(0))
                _count(result, kept, json.loads(older.readline()), line)
    except OSError as error:
        raise ArchiveError(f"cannot compare {old} with {new}: {error.strerror}") from error
    for url, left in places.items():
        result.gone += len(left)
        if left:
            _capped(result.gone_urls, url, worst)
    result.worst = kept.ordered()
    return result


def differing(old: dict[str, Any], new: dict[str, Any]) -> tuple[str, ...]:
    """Names of the fields that differ, sorted, without those that only say how a line was made."""
    names = (old.keys() | new.keys()) - MADE_WITH
    return tuple(sorted(name for name in names if old.get(name) != new.get(name)))


def likeness(old: str, new: str) -> tuple[float, int, int]:
    """Share of words two texts have in common, and how many words of each were looked at."""
    before, after = old.split(maxsplit=MAX_WORDS)[:MAX_WORDS], new.split(maxsplit=MAX_WORDS)[:MAX_WORDS]
    # The quick measure takes time in proportion to the words; the exact one would take their square.
    ratio = SequenceMatcher(None, before, after, autojunk=False).quick_ratio()
    return round(ratio, 4), len(before), len(after)


@dataclass
class _Worst:
    """The articles with the least text in common, as many as are asked for."""

    most: int
    _heap: list[tuple[float, int, Changed]] = field(default_factory=list)
    _seen: int = 0

    def add(self, changed: Changed) -> None:
        self._seen += 1
        # The last of the heap's order is the first to go: the most alike, and of equals the latest.
        entry = (-changed.ratio, -self._seen, changed)
        if len(self._heap) < self.most:
            heapq.heappush(self._heap, entry)
        elif self._heap:
            heapq.heappushpop(self._heap, entry)

    def ordered(self) -> list[Changed]:
        return [changed for _, _, changed in sorted(self._heap, key=lambda entry: (-entry[0], -entry[1]))]


def _count(result: Comparison, kept: _Worst, old: dict[str, Any], new: dict[str, Any]) -> None:
    fields = differing(old, new)
    if not fields:
        result.same += 1
        return
    result.changed += 1
    for name in fields:
        result.fields[name] = result.fields.get(name, 0) + 1
    ratio, before, after = likeness(_text(old), _text(new))
    kept.add(Changed(url=new["url_norm"], ratio=ratio, words_old=before, words_new=after, fields=fields))


def _text(line: dict[str, Any]) -> str:
    text = line.get("text")
    return text if isinstance(text, str) else ""


def _places(stream: BinaryIO, path: Path) -> dict[str, list[int]]:
    """Where the lines of each page stand, in order."""
    found: dict[str, list[int]] = {}
    for start, line in _lines(stream, path):
        found.setdefault(line["url_norm"], []).append(start)
    return found


def _lines(stream: BinaryIO, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line's start and object; ArchiveError where a line is no article."""
    start = number = 0
    while raw := stream.readline(MAX_LINE_BYTES):
        number += 1
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise ArchiveError(f"{path}, line {number}: no JSON ({error})") from error
        if not isinstance(line, dict) or not isinstance(line.get("url_norm"), str):
            raise ArchiveError(f"{path}, line {number}: no article, for it has no url_norm")
        yield start, line
        start += len(raw)


def _capped(urls: list[str], url: str, most: int) -> None:
    if len(urls) < most:
        urls.append(url)


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


def differing_differing(recorded: Path, replayed: Path) -> list[Differing]:
    """The pages in which two files differ, in the order of the first; none when equal to the byte."""
    before, after = _content(recorded), _content(replayed)
    if before == after:
        return []
    found = [*_differences(_lines_differing(before), _lines_differing(after))]
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


def _lines_differing(content: bytes) -> dict[str, bytes]:
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
