"""How the pages of a run ended, read off its lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from newscrawl.archive.writer import OPEN
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection

_KINDS: tuple[tuple[str, type[Article | Rejection]], ...] = (
    (".jsonl", Article),
    (".rejected.jsonl", Rejection),
)


def ended_pages(folder: Path, run: str) -> Iterator[Article | Rejection]:
    """Articles and rejections of a run whose files are closed, in the order of the lines.

    A run that was killed before it opened its files has none. ArchiveError names a line that is no line.
    """
    for suffix, kind in _KINDS:
        path = folder / f"{run}{suffix}"
        try:
            with path.open("rb") as stream:
                for number, line in enumerate(stream, 1):
                    yield _item(line, kind, path, number)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ArchiveError(f"cannot read {path}: {error.strerror}") from error


def left_open(folder: Path, run: str) -> bool:
    """Whether lines of a run stand in files that are not closed."""
    return any((folder / f"{run}{suffix}{OPEN}").exists() for suffix, _ in _KINDS)


def _item(line: bytes, kind: type[Article | Rejection], path: Path, number: int) -> Article | Rejection:
    try:
        return kind.model_validate(json.loads(line))
    except (ValueError, ValidationError) as error:
        raise ArchiveError(f"{path}, line {number}: {' '.join(str(error).split())[:200]}") from error
