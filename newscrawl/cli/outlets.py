"""`newscrawl outlets`: list the outlets, check their files, draft a new one."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from newscrawl.discovery.drafting import UNKNOWN_COUNTRY, toml_of
from newscrawl.errors import NewscrawlError, OutletError
from newscrawl.outlet import NAME, Kind, Outlet, Rule, Status, read_outlet
from newscrawl.urls import host_of

MAX_FILES = 20_000
_NOT_SYNTAX = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\]){0,500}\]", re.DOTALL)
_KEY = re.compile(r"^(?:file name|[A-Za-z0-9_.-]{1,200})$")
_UNBOUNDED = re.compile(r"[*+]|\{\d{0,6},\}")

app = typer.Typer(help="List the outlets, check their files, draft a new one.")

Folders = Annotated[
    list[Path] | None,
    typer.Option("--outlets", help="Look in this folder; repeatable.", exists=True, file_okay=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON array on standard output.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Something wrong in an outlet file."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.message}"


def toml_files(places: Iterable[Path]) -> list[Path]:
    """Files as named, and every TOML file below the folders, sorted; each once."""
    found = {file for place in places for file in (place.rglob("*.toml") if place.is_dir() else (place,))}
    if len(found) > MAX_FILES:
        raise NewscrawlError(f"{len(found)} outlet files, more than {MAX_FILES}: is this the right folder?")
    return sorted(found)


def read_all(places: Iterable[Path]) -> tuple[list[Outlet], list[OutletError]]:
    """Every outlet that can be read, sorted by id, and an error for each file that cannot."""
    outlets: dict[str, Outlet] = {}
    owner: dict[str, Path] = {}
    errors: list[OutletError] = []
    for path in toml_files(places):
        first = owner.setdefault(path.stem, path)
        try:
            if first != path:
                raise OutletError(path, [f"file name: id {path.stem!r} is also that of {first}"])
            outlets[path.stem] = read_outlet(path)
        except OutletError as error:
            errors.append(error)
    return [outlets[name] for name in sorted(outlets)], errors


def wanted(
    outlets: Iterable[Outlet],
    *,
    country: str | None = None,
    language: str | None = None,
    kind: Kind | None = None,
    status: Status | None = None,
) -> list[Outlet]:
    """Outlets that fit every filter that is set."""
    return [
        outlet
        for outlet in outlets
        if (country is None or outlet.country == country.upper())
        and (language is None or language.lower() in outlet.languages)
        and (kind is None or outlet.kind == kind)
        and (status is None or outlet.status == status)
    ]


def problems_of(places: Iterable[Path]) -> list[Problem]:
    """What is wrong in outlet files: what keeps them from loading, and what would make them useless."""
    outlets, errors = read_all(places)
    found = [problem for error in errors for problem in _loading(error)]
    files = {path.stem: path for path in reversed(toml_files(places))}
    for outlet in outlets:
        path = files[outlet.id]
        found += [Problem(file=str(path), key=key, message=message) for key, message in doubts(outlet, path)]
    return sorted(found, key=lambda problem: problem.file)


def _loading(error: OutletError) -> Iterator[Problem]:
    for text in error.problems:
        key, colon, message = text.partition(": ")
        if not colon or not _KEY.match(key):  # TOML that cannot be parsed has no keys yet
            key, message = "file", text
        yield Problem(file=str(error.path), key=key, message=message)


def doubts(outlet: Outlet, path: Path) -> Iterator[tuple[str, str]]:
    """Key and message of each thing that loads but cannot be meant."""
    if outlet.country == UNKNOWN_COUNTRY:
        yield "country", f"{UNKNOWN_COUNTRY} stands for a country still to be filled in"
    if "und" in outlet.languages:
        yield "languages", "und stands for a language still to be filled in"
    folder = path.parent.name
    if len(folder) == 2 and folder != outlet.country.lower():
        yield "country", f"is {outlet.country}, but the file stands in folder {folder}"
    sources = [*outlet.feeds, *outlet.sitemaps, *outlet.sections]
    for url in sorted({url for url in sources if sources.count(url) > 1}):
        yield "feeds", f"{url} is listed twice"
    for key, patterns in (("article", outlet.article), ("ignore", outlet.ignore)):
        for number, pattern in enumerate(patterns):
            if unbounded(pattern):
                yield f"{key}.{number}", "repeats without a bound: write {0,N} or {1,N} for * or +"
    yield from _rule_doubts(outlet.rules)


def unbounded(pattern: str) -> bool:
    """Whether a regular expression repeats something any number of times."""
    return bool(_UNBOUNDED.search(_NOT_SYNTAX.sub("x", pattern)))


def _rule_doubts(rules: list[Rule]) -> Iterator[tuple[str, str]]:
    for number, rule in enumerate(rules):
        before = rules[number - 1] if number else None
        if before and (before.until is None or (rule.until is not None and rule.until <= before.until)):
            yield f"rules.{number}", "is never used: the rule before it holds for the same days"


def configured_folders(given: list[Path] | None) -> list[Path]:
    """The folders named on the command line, else those of the settings."""
    from newscrawl.settings import NEWSCRAWL_OUTLETS

    return given or [Path(folder) for folder in NEWSCRAWL_OUTLETS]


@app.callback(invoke_without_command=True)
def listing(
    context: typer.Context,
    *,
    country: Annotated[str | None, typer.Option(help="ISO 3166 code, such as CM.")] = None,
    language: Annotated[str | None, typer.Option(help="ISO 639 code, such as fr.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Kind of outlet.")] = None,
    status: Annotated[Status | None, typer.Option(help="Status of the file.")] = None,
    outlets: Folders = None,
    as_json: AsJson = False,
) -> None:
    """List the outlets; exit 1 when a file is broken."""
    if context.invoked_subcommand:
        return
    found, errors = read_all(configured_folders(outlets))
    shown = wanted(found, country=country, language=language, kind=kind, status=status)
    if as_json:
        typer.echo(json.dumps([outlet.model_dump(mode="json") for outlet in shown], ensure_ascii=False))
    else:
        # A pipe has no width to fit into.
        Console(width=None if sys.stdout.isatty() else 160).print(table_of(shown))
        _tell(f"{len(shown)} of {len(found)} outlets")
    for error in errors:
        _tell(str(error))
    if errors:
        raise typer.Exit(1)


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Outlet files or folders; none: all.", exists=True)
    ] = None,
    outlets: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Check outlet files: a line for each problem, exit 1 when there is one."""
    problems = problems_of(files or configured_folders(outlets))
    if as_json:
        typer.echo(json.dumps([asdict(problem) for problem in problems], ensure_ascii=False))
    else:
        for problem in problems:
            typer.echo(str(problem))
    if problems:
        raise typer.Exit(1)


@app.command()
def new(
    url: Annotated[str, typer.Argument(help="Home page of the outlet.")],
    *,
    out: Annotated[Path | None, typer.Option(help="File to write; none: standard output.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file when it is there.")] = False,
    contact: Annotated[str | None, typer.Option(help="Mail address or URL for the User-Agent.")] = None,
    pause: Annotated[float, typer.Option(min=0.0, help="Seconds between requests, at least.")] = 1.0,
    outlets: Folders = None,
) -> None:
    """Draft an outlet file: look at its home page, robots.txt and feeds."""
    from newscrawl.cli.probe import drafted
    from newscrawl.settings import NEWSCRAWL_CONTACT

    if out is not None:
        _writable(out, force=force)
    _tell_known(url, configured_folders(outlets))
    draft = drafted(url, NEWSCRAWL_CONTACT if contact is None else contact, pause, _tell)
    if out is None:
        typer.echo(toml_of(draft), nl=False)
        _tell(f"a name for the file: {draft.name}.toml")
    else:
        _write(out, toml_of(draft))


def table_of(outlets: Iterable[Outlet]) -> Table:
    """Outlets as rows: id, title, country, languages, kind, status, number of sources."""
    table = Table(box=None, pad_edge=False)
    table.add_column("id", no_wrap=True)
    for name in ("title", "country", "languages", "kind", "status", "sources"):
        table.add_column(name, justify="right" if name == "sources" else "left")
    for outlet in outlets:
        sources = len(outlet.feeds) + len(outlet.sitemaps) + len(outlet.sections)
        about = (
            outlet.id,
            outlet.title,
            outlet.country,
            " ".join(outlet.languages),
            outlet.kind,
            outlet.status,
        )
        table.add_row(*map(escape, about), str(sources))
    return table


def _writable(out: Path, *, force: bool) -> None:
    if out.suffix != ".toml" or not NAME.match(out.stem):
        raise NewscrawlError(f"{out}: an outlet file is called <id>.toml, its id of a-z, 0-9, _ and -")
    if out.exists() and not force:
        raise NewscrawlError(f"{out}: is there already; --force replaces it")


def _write(out: Path, text: str) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise NewscrawlError(f"{out}: cannot be written: {error.strerror}") from error
    _tell(f"written: {out}")
    for problem in problems_of([out]):
        _tell(f"still to do: {problem}")


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _tell_known(url: str, folders: Iterable[Path]) -> None:
    host = host_of(url)
    for outlet in read_all(folders)[0]:
        if host_of(outlet.home) == host:
            _tell(f"there is an outlet on {host} already: {outlet.id}")
