"""Finished files of lines that somebody or something has damaged: what is no line is set aside."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from newscrawl.archive.lines import json_line, place_of
from newscrawl.archive.owner import owner_of
from newscrawl.archive.takedown import write_lines
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection
from newscrawl.parts import WarcPointer

BROKEN = ".broken"
"Suffix of the file that takes what is no line."
_LINES, _REJECTED = ".jsonl", ".rejected.jsonl"


def set_aside(folder: Path, runs: Iterable[str]) -> int:
    """Move what is no line of these runs out of the way; how many."""
    return sum(_sorted_out(folder / f"{run}{suffix}") for run in runs for suffix in (_LINES, _REJECTED))


def _sorted_out(path: Path) -> int:
    kind: type[Article | Rejection] = Rejection if path.name.endswith(_REJECTED) else Article
    lines = _lines_of(path)
    whole = [line for line in lines if _is_whole(line, kind)]
    if len(whole) < len(lines):
        broken = [line for line in lines if not _is_whole(line, kind)]
        _append(path.with_name(path.name + BROKEN), broken)
        write_lines(path, whole)
    return len(lines) - len(whole)


def _lines_of(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines(keepends=True) if path.exists() else []
    except OSError as error:
        raise ArchiveError(f"cannot read {path}: {error.strerror}") from error


def _is_whole(line: bytes, kind: type[Article | Rejection]) -> bool:
    try:
        kind.model_validate(json.loads(line))
    except (ValueError, ValidationError, RecursionError):
        return False
    return line.endswith(b"\n")


def _append(path: Path, lines: list[bytes]) -> None:
    try:
        with path.open("ab") as out:
            out.writelines(line if line.endswith(b"\n") else line + b"\n" for line in lines)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise ArchiveError(f"cannot write {path}: {error.strerror}") from error


def drop_repeated(folder: Path, runs: Iterable[str]) -> int:
    """Of lines of the same version, in the order of runs, only the first stays; how many went."""
    seen: set[tuple[str, int]] = set()
    dropped = 0
    for path in (folder / f"{run}{_LINES}" for run in runs):
        lines = _lines_of(path)
        kept = list(_first_of_each(lines, seen))
        if len(kept) < len(lines):
            dropped += len(lines) - len(kept)
            write_lines(path, kept)
    return dropped


def _first_of_each(lines: list[bytes], seen: set[tuple[str, int]]) -> Iterator[bytes]:
    for line in lines:
        data = json.loads(line)
        version = (str(data["id"]), int(data["version"]))
        if version not in seen:
            seen.add(version)
            yield line


def add_line(folder: Path, run: str, article: Article) -> None:
    """A line that was lost, at its place in the order of the archive."""
    assert owner_of(f"{run}{_LINES}")
    path = folder / f"{run}{_LINES}"
    lines = [*_lines_of(path), json_line(article)]
    write_lines(path, sorted(lines, key=_place))


def _place(line: bytes) -> tuple[str, int]:
    warc = json.loads(line)["warc"]
    return place_of(WarcPointer.model_validate(warc) if warc else None, 0, 0)[:2]
