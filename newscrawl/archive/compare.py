"""Compares two JSONL files of the same pages: an extraction with an earlier one, a replay with its run."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, BinaryIO

from newscrawl.archive.lines import Line, iter_lines, story_page_urls
from newscrawl.errors import ArchiveError, archive_errors

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
"Fields about how and when a line was made and which articles resemble it; they leave the article as it is."
DEFAULT_WORST = 20
MAX_WORDS = 20_000
"Words of a text that are compared; of a longer text, the first."
MAX_LINE_DIFFS = 200
"Differing lines that are shown; the others are counted."
MAX_VALUE_CHARS = 300
_NO_LINE = "(no line)"


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticleDiff:
    """An article that reads differently."""

    url: str
    ratio: float
    "Share of words that both texts have, 0 to 1, whatever their order."
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
    "Number of changed articles by the name of a field that differs."
    worst: list[ArticleDiff] = field(default_factory=list)
    "Changed articles, those with the least text in common first; capped."
    new_urls: list[str] = field(default_factory=list)
    "Capped, in the order of the newer file; `gone_urls` in that of the older."
    gone_urls: list[str] = field(default_factory=list)


def compare_articles(old: Path, new: Path, *, worst: int = DEFAULT_WORST) -> Comparison:
    """Compare the articles of `new` with those of `old`, paired by `url_norm` and by order for equal URLs.

    Only the offsets of the older lines are held in memory. ArchiveError names a file and an invalid line.
    """
    result = Comparison()
    offsets: dict[str, list[int]] = {}
    for line, article in _iter_articles(old):
        offsets.setdefault(article["url_norm"], []).append(line.start)
    with old.open("rb") as older:
        diffs = _iter_diffs(result, older, offsets, new, worst)
        # With a limit of 0 no diff would be read, nor counted. Equal diffs stay in their order.
        result.worst = heapq.nsmallest(max(worst, 1), diffs, key=lambda diff: diff.ratio)[:worst]
    for url, remaining in offsets.items():
        result.gone += len(remaining)
        if remaining:
            _append_capped(result.gone_urls, url, worst)
    return result


def _iter_articles(path: Path) -> Iterator[tuple[Line, dict[str, Any]]]:
    for line in iter_lines(path):
        article = line.fields
        if article is None or not isinstance(article.get("url_norm"), str):
            raise ArchiveError(
                f"{path}, line {line.number}: no article: it is no JSON object with a url_norm"
            )
        yield line, article


def _append_capped(urls: list[str], url: str, limit: int) -> None:
    if len(urls) < limit:
        urls.append(url)


def _iter_diffs(
    result: Comparison, older: BinaryIO, offsets: dict[str, list[int]], new: Path, limit: int
) -> Iterator[ArticleDiff]:
    """The articles of `new` that have changed; all are counted in `result`, and paired offsets removed."""
    for _, article in _iter_articles(new):
        url = article["url_norm"]
        if not offsets.get(url):
            result.new += 1
            _append_capped(result.new_urls, url, limit)
            continue
        older.seek(offsets[url].pop(0))
        old = json.loads(older.readline())
        fields = differing_fields(old, article)
        if not fields:
            result.same += 1
            continue
        result.changed += 1
        for name in fields:
            result.fields[name] = result.fields.get(name, 0) + 1
        ratio, before, after = shared_words(_article_text(old), _article_text(article))
        yield ArticleDiff(url=url, ratio=ratio, words_old=before, words_new=after, fields=fields)


def differing_fields(old: dict[str, Any], new: dict[str, Any]) -> tuple[str, ...]:
    """Names of the fields that differ, sorted, without those in MADE_WITH."""
    names = (old.keys() | new.keys()) - MADE_WITH
    return tuple(sorted(name for name in names if _comparable(old, name) != _comparable(new, name)))


def _comparable(article: dict[str, Any], name: str) -> object:
    """The value of a field; of `pages` only the addresses, as for the first page `warc` is left out."""
    value = article.get(name)
    if name == "pages" and isinstance(value, list):
        return story_page_urls(article)
    return value


def _article_text(article: dict[str, Any]) -> str:
    text = article.get("text")
    return text if isinstance(text, str) else ""


def shared_words(old: str, new: str) -> tuple[float, int, int]:
    """Share of words two texts have in common, and how many words of each were compared."""
    before, after = old.split(maxsplit=MAX_WORDS)[:MAX_WORDS], new.split(maxsplit=MAX_WORDS)[:MAX_WORDS]
    # The quick ratio takes linear time in the number of words; the exact ratio would take quadratic time.
    ratio = SequenceMatcher(None, before, after, autojunk=False).quick_ratio()
    return round(ratio, 4), len(before), len(after)


@dataclass(frozen=True, kw_only=True, slots=True)
class LineDiff:
    """A page whose lines differ."""

    url: str
    fields: dict[str, tuple[str, str]]
    "Recorded and replayed value as JSON, cut; a line that is missing in a file differs in `line`."


def compare_lines(recorded: Path, replayed: Path) -> list[LineDiff]:
    """The pages in which two files differ, in the order of the first; none if the files are equal bytes."""
    before, after = _read_content(recorded), _read_content(replayed)
    if before == after:
        return []
    diffs = [*_iter_line_diffs(_lines_by_record(before), _lines_by_record(after))]
    # The same lines in another order are not the same bytes.
    return diffs or [LineDiff(url="", fields={"order": (recorded.name, replayed.name)})]


def _read_content(path: Path) -> bytes:
    with archive_errors(f"read {path}"):
        return path.read_bytes()


def _lines_by_record(content: bytes) -> dict[str, bytes]:
    """Lines by record and requested URL; a repeated key gets the line number."""
    lines: dict[str, bytes] = {}
    for number, line in enumerate(content.splitlines()):
        data = _parse_any(line)
        record = (data.get("warc") or {}).get("record_id", "")
        key = f"{record} {data.get('url_requested', '')}"
        lines[key if key not in lines else f"{key} {number}"] = line
    return lines


def _iter_line_diffs(before: dict[str, bytes], after: dict[str, bytes]) -> Iterator[LineDiff]:
    for key in [*before, *(key for key in after if key not in before)]:
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        left, right = _parse_any(old), _parse_any(new)
        url = str((left or right).get("url", key))
        if old is None or new is None:
            line = (_as_short_json(left) if old else _NO_LINE, _as_short_json(right) if new else _NO_LINE)
            yield LineDiff(url=url, fields={"line": line})
        else:
            names = sorted(n for n in left.keys() | right.keys() if left.get(n) != right.get(n))
            fields = {
                name: (_as_short_json(left.get(name)), _as_short_json(right.get(name))) for name in names
            }
            yield LineDiff(url=url, fields=fields or {"line": (_as_short_json(left), _as_short_json(right))})


def _parse_any(line: bytes | None) -> dict[str, Any]:
    """The fields of a line; a line without a JSON object counts as a field `line`."""
    try:
        data = json.loads(line or b"{}")
    except (ValueError, RecursionError):
        return {"line": (line or b"").decode("utf-8", "replace")}
    return data if isinstance(data, dict) else {"line": data}


def _as_short_json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= MAX_VALUE_CHARS else text[:MAX_VALUE_CHARS] + "…"
