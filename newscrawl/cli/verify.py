"""`newscrawl verify`: whether WARC files, ours or anybody's, hold what they say they hold."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from newscrawl.warc.index import NAME
from newscrawl.warc.verify import Problem, verify_index, verify_warcs
from newscrawl.warc.writer import OPEN

FAILED = 1
SUFFIXES = (".warc", ".warc.gz", ".warc.wet.gz", ".warc.wat.gz")
"What a folder is searched for; a file named outright may be called anything."
MANY_BYTES = 8 << 20
"From here on a progress bar is worth its line."


def verify(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILES|FOLDERS", help="WARC files, folders of them.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a problem, then a summary.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but problems.")] = False,
) -> None:
    """Check WARC files: syntax, lengths, digests, HTTP framing, references. Exit code 0 only when clean.

    Files given together are one set: a reference must lead to a record of one of them. Where an index lies
    beside them, it must be in step with them.
    """
    files, still_open = warcs_of(paths)
    indexes = indexes_of(paths)
    errors = Console(stderr=True)
    for path in still_open if not quiet else ():
        errors.print(
            f"{_printable(str(path))}: still being written, not checked", markup=False, soft_wrap=True
        )
    if not files and not indexes:
        raise typer.BadParameter("there is no finished WARC file", param_hint="FILES|FOLDERS")
    counts = Counts(files=len(files), bytes=sum(_size(path) for path in files))
    found = chain(_with_progress(files, counts.bytes, quiet), _of_indexes(indexes))
    for problem in counts.of(found):
        if as_json:
            print(json.dumps(asdict(problem)))
    if as_json:
        print(json.dumps({"summary": counts.summary(len(still_open))}, sort_keys=True))
    elif counts.problems or not quiet:
        _show(counts)
    if counts.problems:
        raise typer.Exit(FAILED)


@dataclass
class Counts:
    """Problems by file and code, the first of each kept; the rest is only counted."""

    files: int
    bytes: int
    problems: int = 0
    _by_file: dict[str, dict[str, tuple[int, Problem]]] = field(default_factory=dict)

    def of(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """The problems themselves, counted as they go by."""
        for problem in problems:
            codes = self._by_file.setdefault(problem.file, {})
            number, first = codes.get(problem.code, (0, problem))
            codes[problem.code] = number + 1, first
            self.problems += 1
            yield problem

    def rows(self) -> Iterator[tuple[str, str, int, Problem]]:
        """File, code, how often, the first one: by file, the most frequent first."""
        for file, codes in sorted(self._by_file.items()):
            for code, (number, first) in sorted(codes.items(), key=lambda pair: (-pair[1][0], pair[0])):
                yield file, code, number, first

    def summary(self, still_open: int) -> dict[str, object]:
        codes: dict[str, int] = {}
        for _, code, number, _ in self.rows():
            codes[code] = codes.get(code, 0) + number
        return {
            "files": self.files,
            "files_clean": self.files - sum(Path(file).name != NAME for file in self._by_file),
            "files_still_open": still_open,
            "bytes": self.bytes,
            "problems": self.problems,
            "codes": codes,
        }


def warcs_of(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The files to check, each once, and those still being written; a usage error for what is not there."""
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise typer.BadParameter(f"{path} does not exist", param_hint="FILES|FOLDERS")
        for file in _files_below(path) if path.is_dir() else [path]:
            found.setdefault(file.resolve(), file)
    files = [file for file in found.values() if not file.name.endswith(OPEN)]
    return files, [file for file in found.values() if file.name.endswith(OPEN)]


def _files_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.name.removesuffix(OPEN).endswith(SUFFIXES) and path.is_file():
            yield path


def indexes_of(paths: Sequence[Path]) -> dict[Path, set[str] | None]:
    """Folders whose index is to be checked: whole, or for the files alone that were named."""
    found: dict[Path, set[str] | None] = {}
    for path in paths:
        if path.is_dir():
            found.update((index.parent, None) for index in sorted(path.rglob(NAME)))
        elif (names := found.setdefault(path.parent, set())) is not None:
            names.add(path.name)
    return {folder: names for folder, names in found.items() if (folder / NAME).is_file()}


def _of_indexes(indexes: Mapping[Path, set[str] | None]) -> Iterator[Problem]:
    for folder, names in indexes.items():
        yield from verify_index(folder, names)


def _printable(name: str) -> str:
    """A file name whatever its bytes: what is not UTF-8 cannot be printed."""
    return os.fsencode(name).decode("utf-8", "replace")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # the checker says that it cannot be read


def _with_progress(files: Sequence[Path], size: int, quiet: bool) -> Iterator[Problem]:
    """The problems, and a bar of bytes on stderr where there is much to read."""
    columns = (TextColumn("verifying"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=quiet or size < MANY_BYTES
    ) as bar:
        task = bar.add_task("verifying", total=size)
        yield from verify_warcs(files, lambda count: bar.advance(task, count))


def _show(counts: Counts) -> None:
    console = Console()
    if counts.problems:
        console.print(problem_table(counts))
    files = "1 file" if counts.files == 1 else f"{counts.files} files"
    verdict = {0: "no problem", 1: "1 problem"}.get(counts.problems, f"{counts.problems} problems")
    console.print(f"{files}, {decimal(counts.bytes)}: {verdict}", highlight=False)


def problem_table(counts: Counts) -> Table:
    """A row for each kind of problem of each file, with the first of its kind."""
    table = Table(title="Problems", title_justify="left")
    table.add_column("file", overflow="fold")
    table.add_column("problem", no_wrap=True)
    table.add_column("count", justify="right")
    table.add_column("first at", justify="right")
    table.add_column("first one", overflow="fold")
    last: str | None = None
    for file, code, number, first in counts.rows():
        name = escape(_printable(Path(file).name)) if file != last else ""
        table.add_row(name, code, str(number), str(first.offset), escape(first.message))
        last = file
    return table
