"""`newscrawl verify`: checks that WARC files, of newscrawl or any other program, hold what they claim."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from newscrawl.cli import ui
from newscrawl.cli.stored_files import bring_paths
from newscrawl.cli.verify_units import verify_on_cluster
from newscrawl.engine.cluster import connect
from newscrawl.warc.index import INDEX_NAME
from newscrawl.warc.packages import ARCHIVE_SUFFIXES, PACKAGE_SUFFIX
from newscrawl.warc.verify import WarcProblem, verify_index, verify_warcs
from newscrawl.warc.writer import OPEN_SUFFIX

WARC_SUFFIXES = (*ARCHIVE_SUFFIXES, PACKAGE_SUFFIX, ".warc.wet.gz", ".warc.wat.gz")
"Files that are looked for in a folder; a file that is named itself may have any name."
PROGRESS_BYTES = 8 << 20
"From this size on a progress bar is shown."


@ui.app.command("verify")
def verify_files(
    paths: Annotated[
        list[Path],
        typer.Argument(
            parser=ui.parse_path, metavar="FILES|FOLDERS", help="WARC files, or folders that hold some."
        ),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each problem, then a summary.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only problems.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 for warnings too.")] = False,
    on: ui.Cluster = ui.CLUSTER,
) -> None:
    """Check WARC files: syntax, lengths, digests, HTTP framing, references. ARC and WACZ files too.

    Use it after copying archives, or on archives from elsewhere. Files given together are a set: a reference
    should lead to a record in it. An index beside the files must agree with them. An error says that a file
    cannot be trusted or read, a warning that the standard recommends otherwise. With --on the workers of a
    cluster check the files, which they share. Exit code 1: there are errors, or with --strict warnings.
    """
    bring_paths(paths, ARCHIVE_SUFFIXES)
    files, still_open = find_warcs(paths)
    indexes = find_indexes(paths)
    for path in still_open if not quiet else ():
        ui.note(f"{_printable(str(path))}: still being written, not checked")
    if not files and not indexes:
        raise typer.BadParameter("there is no finished WARC file", param_hint="FILES|FOLDERS")
    counts = ProblemCounts(files=len(files), bytes=sum(ui.file_size(path) for path in files))
    for problem in counts.add(_verify_with_progress(files, indexes, counts.bytes, quiet, on)):
        if as_json:
            located = {**asdict(problem), "level": problem.level, "clause": problem.clause}
            ui.print_json(located, sort_keys=False)
    if as_json:
        ui.print_json({"summary": counts.summary(len(still_open))})
    elif counts.problems or not quiet:
        if counts.problems:
            ui.print_table(problems_table(counts))
        size = "1 file" if counts.files == 1 else f"{counts.files} files"
        levels = ((counts.errors, "error"), (counts.warnings, "warning"))
        found = [f"{number} {name}{'s' * (number > 1)}" for number, name in levels if number]
        ui.print_line(f"{size}, {decimal(counts.bytes)}: {', '.join(found) or 'no problem'}")
    if counts.errors or (strict and counts.warnings):
        raise typer.Exit(ui.FAILED)


@dataclass
class ProblemCounts:
    """Counts problems by file and code, and remembers the first of each."""

    files: int
    bytes: int
    errors: int = 0
    warnings: int = 0
    _by_file: dict[str, dict[str, tuple[int, WarcProblem]]] = field(default_factory=dict)

    def add(self, problems: Iterable[WarcProblem]) -> Iterator[WarcProblem]:
        """Yields the problems themselves, which are counted as they pass."""
        for problem in problems:
            codes = self._by_file.setdefault(problem.file, {})
            number, first = codes.get(problem.code, (0, problem))
            codes[problem.code] = number + 1, first
            if problem.level == "error":
                self.errors += 1
            else:
                self.warnings += 1
            yield problem

    @property
    def problems(self) -> int:
        return self.errors + self.warnings

    def rows(self) -> Iterator[tuple[str, str, int, WarcProblem]]:
        """File, code, count and first problem: by file, errors first, then the most frequent code."""
        for file, codes in sorted(self._by_file.items()):
            ordered = sorted(codes.items(), key=lambda pair: (pair[1][1].level, -pair[1][0], pair[0]))
            for code, (number, first) in ordered:
                yield file, code, number, first

    def summary(self, still_open: int) -> dict[str, object]:
        codes: dict[str, int] = {}
        for _, code, number, _ in self.rows():
            codes[code] = codes.get(code, 0) + number
        return {
            "files": self.files,
            "files_clean": self.files - sum(Path(file).name != INDEX_NAME for file in self._by_file),
            "files_still_open": still_open,
            "bytes": self.bytes,
            "problems": self.problems,
            "errors": self.errors,
            "warnings": self.warnings,
            "codes": codes,
        }


def find_warcs(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The files to check, without repeats, and those that are still being written.

    A path that does not exist is a usage error.
    """
    files: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise typer.BadParameter(f"{path} does not exist", param_hint="FILES|FOLDERS")
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            is_warc = file.name.removesuffix(OPEN_SUFFIX).endswith(WARC_SUFFIXES) and file.is_file()
            if file == path or is_warc:
                files.setdefault(file.resolve(), file)
    finished = [file for file in files.values() if not file.name.endswith(OPEN_SUFFIX)]
    return finished, [file for file in files.values() if file.name.endswith(OPEN_SUFFIX)]


def find_indexes(paths: Sequence[Path]) -> dict[Path, set[str] | None]:
    """Folders whose index is to be checked: as a whole (None), or only for the files that were named."""
    folders: dict[Path, set[str] | None] = {}
    for path in paths:
        if path.is_dir():
            folders.update((index.parent, None) for index in sorted(path.rglob(INDEX_NAME)))
        elif (names := folders.setdefault(path.parent, set())) is not None:
            names.add(path.name)
    return {folder: names for folder, names in folders.items() if (folder / INDEX_NAME).is_file()}


def _verify_with_progress(
    files: Sequence[Path], indexes: Mapping[Path, set[str] | None], size: int, quiet: bool, on: str
) -> Iterator[WarcProblem]:
    """The problems, and a bar of bytes on stderr where there is much to read."""
    is_hidden = quiet or size < PROGRESS_BYTES
    with ui.progress_bar("verifying", size, is_hidden=is_hidden) as (update, _):

        def advance(count: int) -> None:
            update(advance=count)

        if on:
            with connect(on) as engine:
                yield from verify_on_cluster(engine, files, indexes, advance)
        else:
            yield from verify_warcs(files, advance)
            for folder, names in indexes.items():
                yield from verify_index(folder, names)


def _printable(name: str) -> str:
    """A file name whatever its bytes are: what is not UTF-8 cannot be printed."""
    return os.fsencode(name).decode("utf-8", "replace")


def problems_table(counts: ProblemCounts) -> Table:
    """A row for each kind of problem of each file, with the first of its kind."""
    table = ui.make_table(
        "Problems",
        ui.folded_column("file"),
        ui.line_column("level"),
        ui.line_column("problem"),
        ui.number_column("count"),
        ui.number_column("first at"),
        ui.folded_column("first problem"),
        ui.folded_column("clause"),
    )
    previous: str | None = None
    for file, code, number, first in counts.rows():
        name = escape(_printable(Path(file).name)) if file != previous else ""
        place = (str(number), str(first.offset), escape(first.message))
        table.add_row(name, first.level, code, *place, first.clause)
        previous = file
    return table
