"""What the commands share: common options, and how they print tables, JSON, progress and messages."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal, TypeVar, cast

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from newscrawl import settings
from newscrawl.errors import ArchiveError, NewscrawlError, find_near
from newscrawl.logs import escape_controls, escape_data, escape_lines
from newscrawl.package_data import read_package_text
from newscrawl.project import PREFIX

if TYPE_CHECKING:
    from newscrawl.state.database import Database
    from newscrawl.state.documents import DocumentTable

Row = TypeVar("Row")
MemoryChoice = Literal["run", "newest", "none"]
"Which memory of an outlet is used: that of the page's run, the newest, or none."

app = typer.Typer()
"The commands of the modules that were imported."
FAILED = 1
"Exit code of most commands for work that was done but has found something wrong."
NO_ARTICLE = 3
"Exit code for a page that is no article."
GRID_WIDTH, GAP_WIDTH = 3, 2
"What a column of a table needs beside its text: with lines, a line and two spaces; without them, two spaces."
FOLDED_WIDTH = 20
"Below this a folded column is not narrowed while there is another way."
MAX_LINE = 10_000
"Width in which the cells of a table are measured."

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"What HTML forbids, what would turn the order of all that follows, and what UTF-8 cannot encode."

ARCHIVES = cast("Path", settings.NEWSCRAWL_ARCHIVES)
"As it is configured; the option makes a path of it."
STATE_URL = settings.NEWSCRAWL_STATE_URL
CLUSTER = settings.NEWSCRAWL_ON


def parse_path(name: str) -> Path:
    """The path of an archive, an outlet's folder or a file; for a URL in a bucket, the place in its spool."""
    text, archives = str(name), str(settings.NEWSCRAWL_ARCHIVES).rstrip("/")
    if "://" not in text:
        return Path(text)
    # Most archives are in no bucket.
    from newscrawl.archive.bucket import locate_archives

    is_inside = "://" in archives and text.startswith(f"{archives}/")
    root, rest = (archives, text[len(archives) :].strip("/")) if is_inside else (text, "")
    return locate_archives(root, settings.NEWSCRAWL_SPOOL) / rest


Archives = Annotated[
    Path,
    typer.Option(
        parser=parse_path,
        metavar="FOLDER|URL",
        help="Folder or bucket (s3://bucket/folder) that holds the archives.",
        show_default=True,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Model = Annotated[
    Path | None, typer.Option(help="Use this model of the classifier.", exists=True, dir_okay=False)
]
CountsAsJson = Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")]


def complete_outlets(incomplete: str) -> list[str]:
    """Ids that begin so, for a shell: by the names of the files, which takes no time."""
    files = (path for folder in outlet_folders() for path in folder.rglob("*.toml"))
    return sorted({path.stem for path in files if path.stem.startswith(incomplete)})


OutletIds = Annotated[
    list[str] | None,
    typer.Argument(help="Outlet ids. Default: all outlets.", autocompletion=complete_outlets),
]
RunIds = Annotated[list[str], typer.Argument(help="Run ids, or paths of their .report.json files.")]
StateUrl = Annotated[
    str,
    typer.Option(
        "--state",
        help="URL of the state database. Default: NEWSCRAWL_STATE_URL, else the SQLite file in the archives.",
        show_default=False,  # it may hold a password
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--setting", "-s", help="Change a setting of the crawl: NAME=VALUE. Can be repeated."),
]
ProcessCount = Annotated[
    int, typer.Option("--jobs", min=0, help="Number of processes; 0: all cores but one.")
]
Cluster = Annotated[
    str,
    typer.Option(
        "--on",
        help="Let the workers of a cluster do the work: its scheduler, such as tcp://head:8786. Default: "
        "NEWSCRAWL_ON, else this machine.",
        show_default=False,
    ),
]
CrawlCount = Annotated[int, typer.Option("--jobs", min=1, help="Number of crawls that run at the same time.")]
Fork = Annotated[
    bool,
    typer.Option(
        help="Fork the crawls from a process that has loaded everything; else each starts a Python of its "
        "own, as on systems other than Linux."
    ),
]
PageName = Annotated[
    str, typer.Argument(help="URL of an archived page, FILE.warc.gz:OFFSET, record id, or an HTML file.")
]
FileUrl = Annotated[str | None, typer.Option("--url", help="URL of the page, for an HTML file.")]


class EscapingConsole(Console):
    """Prints control characters of what it is given as text: a terminal would obey those of an archive."""

    def __init__(self, **options: Any) -> None:
        super().__init__(emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Text and cells, escaped before they are measured."""
        return super().render_str(escape_lines(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Whatever else is printed; movements of the cursor are those of progress bars."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=escape_lines(segment.text))


def parse_settings(texts: Sequence[str] | None) -> dict[str, str]:
    """The values of `--setting NAME=VALUE`; a usage error for anything else."""
    pairs = [text.partition("=") for text in texts or ()]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise typer.BadParameter(f"{wrong[0]!r} is not NAME=VALUE", param_hint="--setting")
    for name, _, _ in pairs:
        if name.startswith(PREFIX) and not hasattr(settings, name):
            _require_renamed(name)
    return {name: value for name, _, value in pairs}


def _require_renamed(name: str) -> None:
    """A usage error for a setting that does not exist and never did."""
    from newscrawl.spiders.run_context import RENAMED

    if name not in RENAMED:
        near = find_near(name, vars(settings))
        raise typer.BadParameter(f"{name}: there is no such setting{near}", param_hint="--setting")


def require_codes(option: str, codes: Iterable[str] | None, example: str) -> None:
    """A usage error for what is no code of a country or language; `example` has as many letters as a code."""
    for code in codes or ():
        # Languages without a code of two letters have one of three.
        longest = len(example) + example.islower()
        if not (code.isascii() and code.isalpha() and len(example) <= len(code) <= longest):
            raise typer.BadParameter(f"{code!r} is no code such as {example}", param_hint=option)


def outlet_folders() -> list[Path]:
    """The folders of outlet files that are configured."""
    return [Path(folder) for folder in settings.NEWSCRAWL_OUTLETS]


def outlet_archives(
    archives: Path, outlets: Iterable[str] | None, *, files: str = "*.jsonl", noun: str = "lines"
) -> list[Path]:
    """The archive folders that hold such files: those of the outlets, or all of them.

    NewscrawlError names the outlets that have none; `noun` is what the files are called there.
    """
    require_archives(archives)
    folders = {path.parent.name: path.parent for path in sorted(archives.glob(f"*/{files}"))}
    if missing := sorted(set(outlets or ()) - set(folders)):
        near = find_near(missing[0], folders)
        raise NewscrawlError(f"no {noun} of {', '.join(missing)} under {archives}{near}")
    return [folders[name] for name in outlets or folders]


def open_database(archives: Path, state_url: str) -> closing[Database]:
    """The state database of the archives, for a `with` block."""
    from newscrawl.state.database import Database, database_url

    return closing(Database.open(database_url(state_url, archives.resolve())))


def open_known_database(archives: Path, state_url: str) -> closing[Database]:
    """The same for commands that only look: no folder is made, and where no crawl was, no file.

    Without a file it is an empty database in memory. ArchiveError if there is no folder of archives.
    """
    from newscrawl.state.database import STATE_FILE

    require_archives(archives)
    is_missing = not state_url and not (archives / STATE_FILE).exists()
    return open_database(archives, "sqlite://" if is_missing else state_url)


def require_archives(archives: Path) -> None:
    """ArchiveError if there is no folder of archives, with what to do; a bucket may have no spool yet."""
    if archives.is_dir():
        return
    from newscrawl.archive.bucket import Spool

    if Spool.find(archives) is None:
        what = f"{archives} is no folder" if archives.exists() else f"no such folder: {archives}"
        raise ArchiveError(f"{what}; go to the folder of your project, or name the archives with --archives")


@contextmanager
def open_documents(archives: Path, state_url: str) -> Iterator[DocumentTable | None]:
    """The clusters of duplicates that state has; None without a database, which reading does not create."""
    from newscrawl.state.database import STATE_FILE
    from newscrawl.state.documents import DocumentTable

    if not state_url and not (archives / STATE_FILE).exists():
        yield None
        return
    with open_database(archives, state_url) as database:
        yield DocumentTable(database)


@contextmanager
def open_output(path: Path) -> Iterator[BinaryIO]:
    """A file in a folder that exists, which appears when the block ends well."""
    from newscrawl.storage import atomic_write

    if not path.parent.is_dir():
        raise NewscrawlError(f"cannot write {path}: there is no such folder")
    with atomic_write(path) as stream:
        yield stream


def file_size(path: Path) -> int:
    """For progress bars: nothing for a file that cannot be read, which the work itself reports."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def print_json(data: object, *, sort_keys: bool = True, is_on_stderr: bool = False, **layout: Any) -> None:
    """One JSON document on stdout, or on stderr where stdout holds other data."""
    print_data(json.dumps(data, sort_keys=sort_keys, **layout), is_on_stderr=is_on_stderr)


def print_data(text: str, *, end: str = "\n", is_on_stderr: bool = False) -> None:
    """JSON or TOML: the same values for a program, without a character that a terminal obeys."""
    print(escape_data(text), end=end, file=sys.stderr if is_on_stderr else sys.stdout)


def print_line(text: str, style: str | None = None) -> None:
    """A line on stdout: text from the web is no markup, and a path is not wrapped."""
    _print_escaped(EscapingConsole(), escape_controls(text), style)


def note(text: str, style: str | None = None, *, console: Console | None = None) -> None:
    """A line on stderr, where it does not mix with output that a program reads."""
    _print_escaped(console or EscapingConsole(stderr=True), escape_controls(text), style)


def print_traceback() -> None:
    """The error that is being handled, on stderr: its text may quote an archive."""
    _print_escaped(EscapingConsole(stderr=True), traceback.format_exc(), None)


def _print_escaped(console: Console, text: str, style: str | None) -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def warn(text: str, *, console: Console | None = None) -> None:
    note(text, "yellow", console=console)


def error(text: str) -> None:
    note(text, "red")


def make_table(title: str, *columns: Column | str, **layout: Any) -> Table:
    return Table(*columns, title=title, title_justify="left", **layout)


def fill_table(
    title: str, rows: Iterable[Row], *columns: tuple[Column | str, Callable[[Row], str]], **layout: Any
) -> Table:
    """A table with a row for each of `rows`; each column comes with what makes its cells."""
    table = make_table(title, *(column for column, _ in columns), **layout)
    for row in rows:
        table.add_row(*(format_cell(row) for _, format_cell in columns))
    return table


def number_column(name: str, footer: str = "") -> Column:
    return Column(name, footer=footer, justify="right")


def folded_column(name: str) -> Column:
    """A column whose long words are folded, as URLs and paths are."""
    return Column(name, overflow="fold")


def line_column(name: str, footer: str = "") -> Column:
    """A column that is never wrapped."""
    return Column(name, footer=footer, no_wrap=True)


def print_table(table: Table, *, width: int | None = None) -> None:
    """A table in the width of the terminal, in which no id, number or word is cut.

    It goes without its lines if it needs their room; if that is too little, its columns follow in further
    tables, each with the first column. Only a `folded_column` may break within a word. `width`: in place of
    the terminal's.
    """
    console = EscapingConsole(width=width)
    least = [_measure_column(table, column, console)[0] for column in table.columns]
    if sum(least) + GRID_WIDTH * len(least) + 1 > console.width:
        table.box, table.pad_edge = None, False
    groups = [list(table.columns)] if table.box else _group_columns(table.columns, least, console.width)
    for group in groups:
        part = copy(table)
        part.columns = [replace(column, _index=number) for number, column in enumerate(group)]
        room = console.width - (GRID_WIDTH * len(group) + 1 if table.box else GAP_WIDTH * (len(group) - 1))
        ranges = [_measure_column(part, column, console) for column in part.columns]
        for column, fitted in zip(part.columns, _fit_widths(ranges, room), strict=True):
            column.width = fitted
            # Of a word that would fill half of the line nothing is left out all the same.
            column.overflow, column.no_wrap = "fold", False
        if group is not groups[0]:
            part.title = None
            console.print()
        console.print(part)


def _measure_column(table: Table, column: Column, console: Console) -> tuple[int, int]:
    """The least width in which no word of a column is cut, and the width of its longest line."""
    cells = [column.header, *column.cells, *([column.footer] if table.show_footer else [])]
    options = console.options.update(width=MAX_LINE)
    # Many cells of a long column are equal; other renderables than strings cannot be compared.
    texts: set[RenderableType] = {cell for cell in cells if isinstance(cell, str)}
    others = [cell for cell in cells if not isinstance(cell, str)]
    sizes = [Measurement.get(console, options, cell) for cell in (*texts, *others)]
    most = max(size.maximum for size in sizes)
    least = most if column.no_wrap else max(size.minimum for size in sizes)
    return min(least, FOLDED_WIDTH if column.overflow == "fold" else console.width // 2), most


def _group_columns(columns: Sequence[Column], least: Sequence[int], width: int) -> list[list[Column]]:
    """Columns that fit beside each other, the first of them in each group."""
    groups, used = [[columns[0]]], least[0]
    for column, size in zip(columns[1:], least[1:], strict=True):
        if used + GAP_WIDTH + size > width and len(groups[-1]) > 1:
            groups.append([columns[0]])
            used = least[0]
        groups[-1].append(column)
        used += GAP_WIDTH + size
    return groups


def _fit_widths(ranges: Sequence[tuple[int, int]], room: int) -> list[int]:
    """The widths of columns that fit into the room; the widest are narrowed first, none below its least."""
    widths = [most for _, most in ranges]
    while sum(widths) > room:
        wide = [number for number, (least, _) in enumerate(ranges) if widths[number] > least]
        if not wide:
            break
        widths[max(wide, key=widths.__getitem__)] -= 1
    return widths


def clear_terminal() -> None:
    """Empty the screen; nothing where the output goes elsewhere."""
    EscapingConsole().clear()


def format_counts(counts: Mapping[str, int]) -> str:
    """A name and its count a line, the most frequent first, for the cell of a table."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return escape("\n".join(f"{name} {count}" for name, count in ordered)) or "–"


@contextmanager
def progress_bar(
    description: str,
    total: int | None,
    *,
    amount: ProgressColumn | None = None,
    bar_width: int | None = 40,
    is_hidden: bool = False,
    **fields: Any,
) -> Iterator[tuple[Callable[..., None], Console]]:
    """A bar on stderr that goes when the work is done, of bytes unless `amount` counts something else.

    Gives the function that moves it (`advance=`, `completed=`), and the console to print on meanwhile. Each
    of the `fields` is shown before its name.
    """
    columns: list[ProgressColumn] = [
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width),
    ]
    columns.append(amount or DownloadColumn())
    columns += [TextColumn(f"{{task.fields[{name}]}} {name}") for name in fields]
    columns.append(TimeElapsedColumn())
    console = EscapingConsole(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=is_hidden) as progress:
        task = progress.add_task(description, total=total, **fields)
        yield partial(progress.update, task), console


def fill_template(name: str, **values: object) -> str:
    """A file of this package's `templates` with its `$names` replaced."""
    text = read_package_text("newscrawl.cli", "templates", name)
    style = _STYLE.search(text)
    if style:
        # The hash by which the policy of a page admits its own style sheet and nothing else.
        digest = hashlib.sha256(style[1].encode()).digest()
        values["style_digest"] = f"sha256-{base64.b64encode(digest).decode()}"
    return Template(text).substitute(values)


def safe_html(text: str) -> str:
    """Text from the web for an element or a quoted attribute."""
    return html.escape(_CONTROLS.sub("\ufffd", text))
