"""`newscrawl outlets`: lists the outlets, checks their files, drafts the file of a new outlet."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from newscrawl import settings
from newscrawl.addresses import is_loopback
from newscrawl.cli import ui
from newscrawl.errors import NewscrawlError, OutletError, find_near
from newscrawl.items import Article
from newscrawl.logs import escape_data
from newscrawl.outlet import NAME, Kind, Outlet, Rule, Status, outlet_files, read_outlet
from newscrawl.project import PROJECT_FILE
from newscrawl.urls import url_host

if TYPE_CHECKING:
    from newscrawl.cli.probe import Trial
    from newscrawl.discovery.drafting import Draft

MAX_FILES = 20_000
TRIAL_CHARS = 90
"Of the first and last paragraph of a story in a trial."
PIPED_WIDTH = 160
"Columns of the table where the output is no terminal, which has no width to fit into."
_NOT_SYNTAX = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\]){0,500}\]", re.DOTALL)
_KEY = re.compile(r"^(?:file name|[A-Za-z0-9_.-]{1,200})$")
_UNBOUNDED = re.compile(r"[*+]|\{\d{0,6},\}")

app = typer.Typer(
    help="List the outlets, check their files, or draft the file of a new outlet.\n\n"
    "Without a command it prints the list. Exit code 1: a file is broken.",
)
ui.app.add_typer(app, name="outlets")

Folders = Annotated[
    list[Path] | None,
    typer.Option(
        "--outlets",
        help="Folder of outlet files, in place of NEWSCRAWL_OUTLETS. Can be repeated.",
        exists=True,
        file_okay=False,
    ),
]


@app.callback(invoke_without_command=True)
def print_outlets(
    context: typer.Context,
    *,
    country: Annotated[str | None, typer.Option(help="ISO 3166 code, such as CM.")] = None,
    language: Annotated[str | None, typer.Option(help="ISO 639 code, such as fr.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Kind of outlet.")] = None,
    status: Annotated[Status | None, typer.Option(help="Status of the file.")] = None,
    outlets: Folders = None,
    as_json: ui.AsJson = False,
) -> None:
    """The help is that of the app."""
    if context.invoked_subcommand:
        return
    ui.require_codes("--country", [country] if country else None, "CM")
    ui.require_codes("--language", [language] if language else None, "fr")
    readable, errors = read_outlets(outlets or ui.outlet_folders())
    selected = [
        outlet
        for outlet in readable
        if (country is None or outlet.country == country.upper())
        and (language is None or language.lower() in outlet.languages)
        and (kind is None or outlet.kind == kind)
        and (status is None or outlet.status == status)
    ]
    if as_json:
        data = [outlet.model_dump(mode="json") for outlet in selected]
        ui.print_json(data, sort_keys=False, ensure_ascii=False)
    else:
        width = None if sys.stdout.isatty() else PIPED_WIDTH
        ui.print_table(outlets_table(selected), width=width)
        ui.note(f"{len(selected)} of {len(readable)} outlets")
        countries = sorted({outlet.country for outlet in readable})
        if country and country.upper() not in countries:
            ui.warn(f"no outlet is of country {country.upper()}; there are: {', '.join(countries)}")
    for error in errors:
        ui.note(str(error))
    if errors:
        raise typer.Exit(ui.FAILED)


@ui.app.command("list")
def list_ids(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also shipped outlets that the project does not crawl.")
    ] = False,
    as_json: ui.AsJson = False,
) -> None:
    """List the ids of the outlets, or of those that belong to the project.

    `newscrawl outlets` shows more about each. Exit code 1: a file is broken.
    """
    folders = ui.outlet_folders()
    outlets, errors = read_outlets(folders)
    ids = [outlet.id for outlet in (outlets if everything else select_own(outlets, folders))]
    if as_json:
        ui.print_json(ids)
    else:
        for name in ids:
            ui.print_line(name)
    for error in errors:
        ui.note(str(error))
    if errors:
        raise typer.Exit(ui.FAILED)


@app.command("check")
def check_files(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Outlet files or folders. Default: all.", exists=True)
    ] = None,
    outlets: Folders = None,
    as_json: ui.AsJson = False,
) -> None:
    """Check outlet files before a crawl uses them: a line for each problem.

    Exit code 1: there is a problem.
    """
    problems = find_problems(files or outlets or ui.outlet_folders())
    if as_json:
        ui.print_json([asdict(problem) for problem in problems], sort_keys=False, ensure_ascii=False)
    else:
        for problem in problems:
            ui.print_line(str(problem))
    if problems:
        raise typer.Exit(ui.FAILED)


@app.command("new")
def draft_file(
    url: Annotated[str, typer.Argument(help="Address of any page of the site, with or without https://.")],
    *,
    out: Annotated[Path | None, typer.Option(help="File to write. Default: standard output.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    contact: Annotated[
        str | None,
        typer.Option(help="Mail address or URL for the User-Agent. Default: NEWSCRAWL_CONTACT."),
    ] = None,
    pause: Annotated[float, typer.Option(min=0.0, help="Least number of seconds between requests.")] = 1.0,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing: what nobody knows is left out, for scripts.")
    ] = False,
    outlets: Folders = None,
) -> None:
    """Draft the file of a new outlet from its home page, robots.txt and feeds, and try it on some stories.

    Review the draft before you crawl: it marks what is guessed, and is refused while something is missing.
    """
    from newscrawl.cli.probe import complete_url, probe_site
    from newscrawl.discovery.drafting import format_draft

    if out is not None:
        _check_target(out, force=force)
    host = url_host(complete_url(url))
    for outlet in read_outlets(outlets or ui.outlet_folders())[0]:
        if url_host(outlet.home) == host:
            ui.note(f"there is already an outlet on {host}: {outlet.id}")
    draft, trials = probe_site(
        url, settings.NEWSCRAWL_CONTACT if contact is None else contact, pause, ui.note
    )
    _show_trials(trials)
    if not yes and sys.stdin.isatty():
        draft = _ask_for_missing(draft)
    if out is None:
        ui.print_data(format_draft(draft), end="")
        ui.note(f"a name for the file: {draft.name}.toml")
    else:
        _write_draft(out, escape_data(format_draft(draft)))


@dataclass(frozen=True, kw_only=True, slots=True)
class OutletProblem:
    """A mistake in an outlet file."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.message}"


def find_outlet_files(places: Iterable[Path]) -> list[Path]:
    """The files themselves, and every TOML file below the folders; sorted, without repeats."""
    files = {file for place in places for file in (place.rglob("*.toml") if place.is_dir() else (place,))}
    if len(files) > MAX_FILES:
        raise NewscrawlError(f"{len(files)} outlet files, more than {MAX_FILES}: is this the right folder?")
    return sorted(files)


def read_outlets(
    places: Iterable[Path], read: Callable[[Path], Outlet] = read_outlet
) -> tuple[list[Outlet], list[OutletError]]:
    """Every outlet that can be read, sorted by id, and an error for each file that cannot.

    A file replaces those of the same name in later folders.
    """
    outlets: dict[str, Outlet] = {}
    first_files: dict[str, Path] = {}
    errors: list[OutletError] = []
    for files in _files_by_place(places):
        replaced = {path.stem for path in files} & {*first_files}
        for path in files:
            if path.stem in replaced:
                continue
            first = first_files.setdefault(path.stem, path)
            try:
                if first != path:
                    raise OutletError(path, [f"file name: id {path.stem!r} is also that of {first}"])
                outlets[path.stem] = read(path)
            except OutletError as error:
                errors.append(error)
    return [outlets[name] for name in sorted(outlets)], errors


def _files_by_place(places: Iterable[Path]) -> list[list[Path]]:
    """The outlet files of each folder, and those that were named, which are a place together."""
    places = list(places)
    named = [place for place in places if not place.is_dir()]
    groups = [[place] for place in places if place.is_dir()]
    return [find_outlet_files(group) for group in (named, *groups)]


def configured_folders(settings: Mapping[str, object]) -> list[Path]:
    """The folders of outlet files by the settings of the crawls."""
    names = settings.get("NEWSCRAWL_OUTLETS")
    # Split as Scrapy splits a list that is given with -s.
    return ui.outlet_folders() if names is None else [Path(name) for name in str(names).split(",")]


def select_own(outlets: Iterable[Outlet], folders: Iterable[Path]) -> list[Outlet]:
    """Those of the outlets that belong to the project: its own, and the shipped ones that its file chooses.

    NewscrawlError if the file names a shipped outlet that does not exist.
    """
    project = settings.project
    if project.file is None:
        return list(outlets)
    shipped = outlet_files([settings.shipped_outlets])
    for name in sorted(project.shipped - {*shipped}):
        near = find_near(name, shipped)
        raise NewscrawlError(f"{project.file}: outlets.shipped: no outlet is named {name!r}{near}")
    files = outlet_files(folders)
    return [
        outlet
        for outlet in outlets
        if outlet.id not in shipped
        or files.get(outlet.id) != shipped[outlet.id]
        or project.chooses(outlet.id, outlet.country, outlet.languages)
    ]


def check_contact(outlets: Iterable[Outlet], values: Mapping[str, object]) -> None:
    """NewscrawlError if outlets need the contact that neither these settings nor the project gives."""
    if values.get("NEWSCRAWL_CONTACT", settings.NEWSCRAWL_CONTACT):
        return
    names = [outlet.id for outlet in outlets if not is_loopback(url_host(outlet.home))]
    if names:
        count = names[0] if len(names) == 1 else f"{len(names)} outlets"
        raise NewscrawlError(
            f"{count} cannot be crawled without a contact: set `contact` in {PROJECT_FILE}, or "
            "NEWSCRAWL_CONTACT, to a mail address or URL where sites reach you: it goes into the User-Agent"
        )


def outlets_table(outlets: Iterable[Outlet]) -> Table:
    names = ("title", "country", "languages", "kind", "status")
    columns = (ui.line_column("id"), *names, ui.number_column("sources"))
    table = Table(*columns, box=None, pad_edge=False)
    for outlet in outlets:
        languages = " ".join(outlet.languages)
        cells = (outlet.id, outlet.title, outlet.country, languages, outlet.kind, outlet.status)
        sources = len(outlet.feeds) + len(outlet.sitemaps) + len(outlet.sections)
        table.add_row(*map(escape, cells), str(sources))
    return table


def find_problems(places: Iterable[Path]) -> list[OutletProblem]:
    """What is wrong in outlet files: what keeps them from loading, and what would make them useless."""
    places = list(places)
    outlets, errors = read_outlets(places)
    files: dict[str, Path] = {}
    for path in (path for group in _files_by_place(places) for path in group):
        files.setdefault(path.stem, path)
    problems = [(error.path, *_split_problem(text)) for error in errors for text in error.problems]
    for outlet in outlets:
        path = files[outlet.id]
        problems += [(path, *mistake) for mistake in find_mistakes(outlet, path)]
    every = (OutletProblem(file=str(path), key=key, message=message) for path, key, message in problems)
    return sorted(every, key=lambda problem: problem.file)


def _split_problem(text: str) -> tuple[str, str]:
    """Key and message; TOML that cannot be parsed has no keys yet."""
    key, colon, message = text.partition(": ")
    return (key, message) if colon and _KEY.match(key) else ("file", text)


def find_mistakes(outlet: Outlet, path: Path) -> Iterator[tuple[str, str]]:
    """Key and message of everything that loads but cannot be meant."""
    if outlet.country == "ZZ":
        yield "country", "ZZ stands for no country"
    if "und" in outlet.languages:
        yield "languages", "und stands for no language"
    folder = path.parent.name
    if len(folder) == 2 and folder != outlet.country.lower():
        yield "country", f"is {outlet.country}, but the file stands in folder {folder}"
    sources = [*outlet.feeds, *outlet.sitemaps, *outlet.sections]
    for url in sorted({url for url in sources if sources.count(url) > 1}):
        yield "feeds", f"{url} is listed twice"
    for key, patterns in (("article_urls", outlet.article_urls), ("exclude_urls", outlet.exclude_urls)):
        for number, pattern in enumerate(patterns):
            if is_unbounded(pattern):
                yield f"{key}.{number}", "repeats without a bound: write {0,N} or {1,N} for * or +"
    yield from _find_unused_rules(outlet.rules)


def is_unbounded(pattern: str) -> bool:
    """Whether a regular expression repeats something any number of times."""
    return bool(_UNBOUNDED.search(_NOT_SYNTAX.sub("x", pattern)))


def _find_unused_rules(rules: list[Rule]) -> Iterator[tuple[str, str]]:
    for number, rule in enumerate(rules):
        before = rules[number - 1] if number else None
        if before and (
            before.valid_until is None
            or (rule.valid_until is not None and rule.valid_until <= before.valid_until)
        ):
            yield f"rules.{number}", "is never used: the rule before it holds for the same days"


def _show_trials(trials: Iterable[Trial]) -> None:
    """What became of each story, on stderr: enough to see whether the site needs rules of its own."""
    for trial in trials:
        result = trial.result
        if not isinstance(result, Article):
            reason = f"{result.reason} ({result.detail})" if result else trial.problem
            ui.warn(f"no story: {trial.url}: {reason}")
            continue
        left_out = Counter(removed.reason for removed in result.removed)
        facts = {
            "title": result.title,
            "published": result.published,
            "authors": ", ".join(author.name for author in result.authors),
            "language": result.lang,
            "begins": result.text.splitlines()[0][:TRIAL_CHARS],
            "ends": result.text.splitlines()[-1][:TRIAL_CHARS],
            "text": f"{result.word_count} words"
            + (" from data of the page's scripts" if "script_body" in result.quality.flags else ""),
            "left out": ", ".join(f"{reason} {count}" for reason, count in left_out.most_common(5)),
        }
        ui.note(f"a story: {trial.url}", "bold")
        for name, value in facts.items():
            ui.note(f"  {name:<10}{value or '?'}", None if value else "yellow")


def _ask_for_missing(draft: Draft) -> Draft:
    """Ask for what nothing shows; an empty answer leaves it missing."""
    if not draft.country:
        draft = replace(draft, country=_ask("country, two capitals such as CM", "[A-Z]{2}"))
    if not draft.languages:
        answer = _ask("languages, such as fr,en, the main language first", "[a-z]{2,3}(,[a-z]{2,3}){0,5}")
        draft = replace(draft, languages=tuple(answer.split(",")) if answer else ())
    return draft


def _ask(what: str, pattern: str) -> str | None:
    while answer := str(typer.prompt(what, default="", show_default=False, err=True)).replace(" ", ""):
        if re.fullmatch(pattern, answer):
            return answer
    return None


def _check_target(out: Path, *, force: bool) -> None:
    if out.suffix != ".toml" or not NAME.match(out.stem):
        raise NewscrawlError(f"{out}: an outlet file is called <id>.toml, its id of a-z, 0-9, _ and -")
    if out.exists() and not force:
        raise NewscrawlError(f"{out} exists; --force replaces it")


def _write_draft(out: Path, text: str) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise NewscrawlError(f"{out}: cannot be written: {error.strerror}") from error
    ui.note(f"written: {out}")
    for problem in find_problems([out]):
        ui.note(f"still to do: {problem}")
