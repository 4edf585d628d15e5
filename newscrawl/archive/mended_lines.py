"""Mends finished lines: sets invalid ones aside, drops repeated ones, and puts lost ones back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from newscrawl.archive.lines import (
    ARTICLES_SUFFIX,
    REJECTED_SUFFIX,
    iter_lines,
    json_line,
    line_position,
    replace_lines,
)
from newscrawl.errors import archive_errors
from newscrawl.items import Article, Rejection, WarcPointer
from newscrawl.warc.filenames import parse_filename

BROKEN_SUFFIX = ".broken"
"Suffix of the file that takes invalid lines."


def set_aside_broken_lines(folder: Path, runs: Iterable[str]) -> int:
    """Move invalid lines of these runs to `<file>.broken`; returns how many."""
    models = ((ARTICLES_SUFFIX, Article), (REJECTED_SUFFIX, Rejection))
    return sum(
        _set_aside_in_file(folder / f"{run}{suffix}", model) for run in runs for suffix, model in models
    )


def _set_aside_in_file(path: Path, model: type[Article | Rejection]) -> int:
    valid: list[bytes] = []
    broken: list[bytes] = []
    for raw in _read_lines(path):
        (valid if _is_valid_line(raw, model) else broken).append(raw)
    if broken:
        _append_lines(path.with_name(path.name + BROKEN_SUFFIX), broken)
        replace_lines(path, valid)
    return len(broken)


def _read_lines(path: Path) -> list[bytes]:
    return [line.raw for line in iter_lines(path)] if path.exists() else []


def _is_valid_line(raw: bytes, model: type[Article | Rejection]) -> bool:
    try:
        model.model_validate_json(raw)
    except ValidationError:
        return False
    return raw.endswith(b"\n")


def _append_lines(path: Path, lines: list[bytes]) -> None:
    with archive_errors(f"write {path}"), path.open("ab") as out:
        out.writelines(line if line.endswith(b"\n") else line + b"\n" for line in lines)
        out.flush()
        os.fsync(out.fileno())


def drop_repeated_lines(folder: Path, runs: Iterable[str]) -> int:
    """Drop lines of a version that an earlier line has, in the order of runs; returns how many."""
    versions: set[tuple[str, int]] = set()
    dropped = 0
    for path in (folder / f"{run}{ARTICLES_SUFFIX}" for run in runs):
        lines = _read_lines(path)
        first: list[bytes] = []
        for line in lines:
            data = json.loads(line)
            version = (str(data["id"]), int(data["version"]))
            if version not in versions:
                versions.add(version)
                first.append(line)
        if len(first) < len(lines):
            dropped += len(lines) - len(first)
            replace_lines(path, first)
    return dropped


def restore_line(folder: Path, run: str, article: Article) -> None:
    """Insert a line that was lost, at its place in the order of the archive."""
    assert parse_filename(f"{run}{ARTICLES_SUFFIX}")
    path = folder / f"{run}{ARTICLES_SUFFIX}"
    replace_lines(path, sorted([*_read_lines(path), json_line(article)], key=_archive_order))


def _archive_order(line: bytes) -> tuple[str, int]:
    warc = json.loads(line)["warc"]
    return line_position(WarcPointer.model_validate(warc) if warc else None, 0, 0)[:2]
