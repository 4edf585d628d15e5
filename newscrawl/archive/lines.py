"""JSON lines files of runs: written while a run goes on, ordered when it closes, and read back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar
from weakref import ref

from pydantic import BaseModel, ValidationError

from newscrawl.archive.manifest import remove_from_manifest, update_manifest
from newscrawl.archive.report import REPORT_SUFFIX, is_replay, read_report
from newscrawl.errors import ArchiveError, archive_errors
from newscrawl.items import Article, WarcPointer
from newscrawl.storage import append_or_rollback, atomic_write, fsync_folder, try_lock
from newscrawl.warc.filenames import parse_filename
from newscrawl.warc.writer import OPEN_SUFFIX

ARTICLES_SUFFIX, REJECTED_SUFFIX = ".jsonl", ".rejected.jsonl"
SORTING_SUFFIX = ".sorting"
"Suffix of a file that is being put into order."
MAX_LINE_BYTES = 1 << 28
"A longer line is broken; a page of the largest size allowed makes less."
LinePosition = tuple[str, int, int, int]
"Sort key (WARC file, offset in it), then start and length of the line in the open file."
_LAST = "\uffff"
"Sorts lines without a record in the archive behind all others."
Item = TypeVar("Item", bound=BaseModel)


def json_line(item: BaseModel) -> bytes:
    """An item as a line: every key, sorted, UTF-8, newline at the end."""
    data = item.model_dump(mode="json", by_alias=True)
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


class PackedArticle(NamedTuple):
    """An article as its worker sends it."""

    line: bytes
    document: bytes
    "What the search for copies compares, packed; empty where the article is not compared."


class PackedArticles:
    """What workers sent, by the article that was made of it, for as long as that article is in use.

    An article that a pipeline put in the place of another has nothing here: its line is made of itself.
    """

    def __init__(self) -> None:
        self._packed: dict[int, tuple[ref[Article], PackedArticle]] = {}

    def add(self, article: Article, packed: PackedArticle) -> None:
        number, forget = id(article), self._packed.pop
        self._packed[number] = ref(article, lambda _: forget(number, None)), packed

    def get(self, article: Article) -> PackedArticle | None:
        found = self._packed.get(id(article))
        return found[1] if found and found[0]() is article else None


@dataclass
class LinesFile:
    """Lines at `path`; named `<path>.open` until closed."""

    path: Path
    on_finished: Callable[[Path], None] = lambda _: None
    "Gets the path once the file has its final name."
    _fd: int | None = None
    _size: int = 0
    _positions: list[LinePosition] = field(default_factory=list)
    _withdrawn: set[tuple[str, int]] = field(default_factory=set)

    @property
    def count(self) -> int:
        """Lines that are not withdrawn."""
        return len(self._remaining())

    def _remaining(self) -> list[LinePosition]:
        return [position for position in self._positions if position[:2] not in self._withdrawn]

    @property
    def records(self) -> list[tuple[str, int]]:
        """File and offset of the records of these lines, in the order in which lines are written at last."""
        return sorted(position[:2] for position in self._remaining())

    def withdraw(self, pointer: WarcPointer) -> None:
        """Leave the line of this record out when the file is closed, whether it is written already or not."""
        self._withdrawn.add((pointer.file, pointer.offset))

    def open(self) -> None:
        path = f"{self.path}{OPEN_SUFFIX}"
        with archive_errors(f"write {path}"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        try_lock(self._fd)

    def add(self, line: bytes, pointer: WarcPointer | None) -> None:
        """Append a line; the operating system has it when this returns."""
        assert self._fd is not None
        with archive_errors(f"write {self.path}{OPEN_SUFFIX}"):
            append_or_rollback(self._fd, [line], self._size)
        self._positions.append(line_position(pointer, self._size, len(line)))
        self._size += len(line)

    def discard(self) -> None:
        """Delete the open file, which has no line, or none that was not withdrawn."""
        if self._fd is None:
            return
        os.close(self._fd)
        self._fd = None
        with archive_errors(f"delete {self.path}{OPEN_SUFFIX}"):
            Path(f"{self.path}{OPEN_SUFFIX}").unlink()

    def close(self) -> None:
        """Write the lines in archive order under the final name, then delete the open file."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        try:
            write_in_order(fd, self._remaining(), self.path)
        except OSError as error:
            raise ArchiveError(f"cannot close {self.path}: {error.strerror}") from error
        finally:
            os.close(fd)
        self.on_finished(self.path)


def line_position(pointer: WarcPointer | None, start: int, length: int) -> LinePosition:
    """Where the line at `start` of the open file belongs."""
    order = (pointer.file, pointer.offset) if pointer else (_LAST, start)
    return (*order, start, length)


def write_in_order(fd: int, positions: Iterable[LinePosition], path: Path) -> None:
    """Write the lines of the open file in archive order to `path`, then delete the open file.

    Raises OSError or ArchiveError.
    """
    with atomic_write(path, SORTING_SUFFIX) as out:
        for _, _, start, length in sorted(positions, key=lambda position: _line_sort_key(fd, position)):
            out.write(os.pread(fd, length, start))
    Path(f"{path}{OPEN_SUFFIX}").unlink()
    fsync_folder(path.parent)


def _line_sort_key(fd: int, position: LinePosition) -> tuple[str, int, bytes]:
    """Lines without a record are sorted by their text, since the order in which they end is random."""
    file, offset, start, length = position
    return (file, offset, b"") if file != _LAST else (_LAST, 0, os.pread(fd, length, start))


def replace_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Replace a finished file of lines, whole or not at all; the manifest follows."""
    with atomic_write(path) as out:
        out.writelines(lines)
        # Before the rename: killed between the two, a repair adds the file again with its new digest.
        remove_from_manifest(path)
    update_manifest(path)


class Line(NamedTuple):
    """A line as it is in its file."""

    number: int
    "From 1."
    start: int
    "Its offset in the file."
    raw: bytes
    "With its newline, if it has any."

    @property
    def fields(self) -> dict[str, Any] | None:
        """Its JSON object; None when it holds none."""
        try:
            data = json.loads(self.raw)
        except (ValueError, RecursionError):
            return None
        return data if isinstance(data, dict) else None


def story_page_urls(line: Mapping[str, Any]) -> list[Any]:
    """The addresses of the pages of a line's story; early versions had these alone."""
    return [page.get("url") if isinstance(page, dict) else page for page in line.get("pages") or ()]


def iter_lines(path: Path) -> Iterator[Line]:
    """The lines of a file; ArchiveError when it cannot be read."""
    with archive_errors(f"read {path}"), path.open("rb") as stream:
        yield from split_lines(stream)


def split_lines(stream: BinaryIO) -> Iterator[Line]:
    """The lines of a stream; one over MAX_LINE_BYTES comes in pieces, none of which is valid JSON."""
    start = 0
    for number, raw in enumerate(iter(lambda: stream.readline(MAX_LINE_BYTES), b""), 1):
        yield Line(number, start, raw)
        start += len(raw)


def read_items(path: Path, kind: type[Item]) -> Iterator[Item]:
    """The items of a file, in its order; ArchiveError names a line that is invalid."""
    for line in iter_lines(path):
        try:
            yield kind.model_validate_json(line.raw)
        except ValidationError as error:
            raise ArchiveError(f"{path}, line {line.number}: {describe_error(error)}") from error


def describe_error(error: ValidationError) -> str:
    """The first field that is wrong and why, short enough for a message."""
    first = error.errors(include_url=False, include_input=False)[0]
    field_path = ".".join(map(str, first["loc"]))
    return f"{field_path}: {first['msg']}"[:200] if field_path else first["msg"][:200]


def read_articles(path: Path) -> Iterator[Article]:
    """The articles of a JSON lines file, of a run's report, or of an outlet's or archive's folder.

    Of a folder, the finished runs are read outlet by outlet, the oldest first, without replays. ArchiveError
    names a file, and the line in it, that cannot be read.
    """
    if path.is_dir():
        folders = [path, *sorted(child for child in path.iterdir() if child.is_dir())]
        for folder in folders:
            for run in list_live_runs(folder):
                if (file := folder / f"{run}{ARTICLES_SUFFIX}").is_file():
                    yield from read_items(file, Article)
    elif path.name.endswith(REPORT_SUFFIX):
        lines = Path(str(path).removesuffix(REPORT_SUFFIX) + ARTICLES_SUFFIX)
        # A run without articles leaves no file of them.
        if lines.exists() or read_report(path).articles:
            yield from read_items(lines, Article)
    else:
        yield from read_items(path, Article)


def lines_names(run: str) -> tuple[str, str]:
    """Names of the files of a run's articles and rejections; it may have left neither."""
    return f"{run}{ARTICLES_SUFFIX}", f"{run}{REJECTED_SUFFIX}"


def has_closed_lines(folder: Path, run: str) -> bool:
    """Whether lines of a run are here; one without articles has rejections alone."""
    return any((folder / name).is_file() for name in lines_names(run))


def has_open_files(folder: Path, run: str) -> bool:
    """Whether a run has lines in files that are not closed."""
    return any((folder / f"{name}{OPEN_SUFFIX}").exists() for name in lines_names(run))


def list_live_runs(folder: Path) -> list[str]:
    """Ids of an outlet's runs that have closed their lines, the oldest first; replays are left out."""
    names = (path.name for path in folder.glob(f"*{ARTICLES_SUFFIX}"))
    runs = sorted({name.partition(".")[0] for name in names if parse_filename(name)})
    return [run for run in runs if not is_replay(folder, run)]
