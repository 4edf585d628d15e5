"""The `newscrawl` command: all but the crawl of an outlet, which is `scrapy crawl <outlet>`.

The module of a command, which has the same name but for those in MODULES, adds it to `ui.app`. Only the
module of the command that runs is imported: `newscrawl --help` shows the lines below instead.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from newscrawl import __version__, settings
from newscrawl.cli import ui
from newscrawl.errors import NewscrawlError
from newscrawl.logs import escape_controls, escape_default_log

PANELS = {
    "Project": {
        "init": "Make the folder of a project: settings, outlet files and archives in one place.",
        "config": "Show the settings that hold here, and where each comes from.",
        "list": "List the ids of the outlets, or of those that belong to the project.",
    },
    "Crawling": {
        "crawl": "Crawl the outlets that you name, now.",
        "run": "Crawl the outlets that are due, and show a table of the runs.",
        "outlets": "List the outlets, check their files, or draft the file of a new outlet.",
        "schedule": "Print the files that let systemd, cron or Kubernetes start `newscrawl run --due`.",
        "demo": "Serve or crawl a newsroom of invented outlets on this machine.",
    },
    "Monitoring": {
        "status": "Show how each outlet is doing: last and next run, articles, failures, alarms.",
        "runs": "Show the last run of each outlet: pages, articles, rejections, languages, bytes.",
        "stats": "Count the articles, languages, lengths and failures of each outlet by day.",
        "view": "Show the archive in a browser: search, articles beside their originals, outlets.",
        "grafana": "Write a Grafana board over the figures of the runs, with the files that provision it.",
    },
    "Articles": {
        "get": "Print the story of a single page as text, Markdown or JSON.",
        "explain": "Show every block of a page and why it is part of the article or not.",
        "extract": "Extract the articles of archived pages again, without a crawl.",
        "export": "Write articles as Parquet, CSV, SQLite, JSON lines, text or WET.",
        "dedup": "Find near-duplicate articles among outlets, or show who published a story.",
        "languages": "Label which parts of a text are French and which are English.",
        "memory": "Find the boilerplate of an outlet's site again, which crawls remove from articles.",
        "fixture": "Save a page as a test case: its WARC file and a draft of the expected article.",
        "bench": "Measure the extracted text on annotated pages, side by side with trafilatura.",
        "train": "Label archived pages by their feeds and APIs, to fit a classifier to your own outlets.",
        "schema": "Print the JSON Schema of an article's line.",
    },
    "Archives": {
        "index": "Find the captures of a URL in the archives, or export the index as CDXJ.",
        "verify": "Check WARC files: syntax, lengths, digests, HTTP framing, references. "
        "ARC and WACZ files too.",
        "replay": "Repeat a finished run from its archive and compare the lines byte by byte.",
        "wacz": "Pack runs into a WACZ file for replayweb.page and other replay tools.",
        "wet": "Write the text of every article of some runs as WET records.",
        "sync": "Copy finished files to an object store or another folder, each of them once.",
        "takedown": "Remove articles from lines and state, block their replay, never fetch them again.",
    },
    "Maintenance": {
        "check": "Compare the state database with lines and archives, and fix what differs.",
        "repair": "Close the files that killed crawls left open and complete the manifests.",
        "state": "Copy the state database, for example from SQLite to PostgreSQL.",
        "cluster": "Start workers, on this machine or several, that other commands use with --on.",
    },
}
"The commands as `newscrawl --help` lists them: a panel, names, the first line of each command's own help."
COMMANDS = {name: line for panel in PANELS.values() for name, line in panel.items()}
OUTLET_COMMANDS = frozenset({"check", "crawl", "export", "runs", "stats", "status"})
"Commands whose arguments are ids of outlets, which a shell completes without their modules."
MODULES = {"list": "outlets", "runs": "status", "wacz": "pack", "wet": "pack"}
"Modules that hold several commands."

RENAMED_COMMANDS = {
    "doctor": "check",
    "freeze": "fixture",
    "learn": "memory build",
    "report": "runs",
}
"Old names, which work until 0.3, and what to write now."
REUSED_COMMANDS = {"cluster": ("dedup", frozenset({"start", "join", "--help"}))}
"Old names that other commands have now: what they were, unless one of these words follows; until 0.3."
RENAMED_OPTIONS = {
    "check": {"--mend": "--fix"},
    "crawl": {"--set": "--setting"},
    "dedup": {"--show": "show"},
    "explain": {"--judge": "--model", "--whole": "--full"},
    "extract": {"--against": "--compare"},
    "replay": {"--set": "--setting"},
    "run": {"--for": "--max-time", "--set": "--setting"},
}
"The same for options, by command. An option can also have become a command below the command."


_RUN_MODES = frozenset({"--due", "--forever", "--help"})
"With none of these `newscrawl run` once crawled the outlets that it was given, as `newscrawl crawl` does."


def modernize(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The command line in the current spelling, and each old spelling in it with what replaces it."""
    if not words:
        return [], {}
    command, *arguments = words
    name = RENAMED_COMMANDS.get(command, command)
    old_meaning, own_words = REUSED_COMMANDS.get(command, (command, frozenset(arguments)))
    if arguments and arguments[0] not in own_words:
        name = old_meaning
    if name == "run" and arguments and _RUN_MODES.isdisjoint(arguments):
        name = "crawl"
    renamed = {} if name == command else {f"newscrawl {command}": f"newscrawl {name}"}
    options = RENAMED_OPTIONS.get(name, {})
    end = arguments.index("--") if "--" in arguments else len(arguments)
    subcommand: list[str] = []
    modern: list[str] = []
    for word in arguments[:end]:
        option, equals, value = word.partition("=")
        new = options.get(option)
        if new is None:
            modern.append(word)
        elif new.startswith("-"):
            modern.append(f"{new}{equals}{value}")
            renamed[option] = new
        else:
            subcommand = [new]
            modern += [value] if equals else []
            renamed[f"newscrawl {name} {option}"] = f"newscrawl {name} {new}"
    return [*name.split(), *subcommand, *modern, *arguments[end:]], renamed


def load_command(name: str) -> Any:
    """The command with all its options; imports its module."""
    import_module(f"newscrawl.cli.{MODULES.get(name, name)}")
    command = typer.main.get_group(ui.app).commands[name]
    command.help = command.help or COMMANDS[name]
    _unwrap_help(command)
    return command


def _unwrap_help(command: Any) -> None:
    """Join the lines of each paragraph, which Typer would break where the docstring does."""
    command.help = "\n\n".join(" ".join(text.split()) for text in (command.help or "").split("\n\n"))
    for child in getattr(command, "commands", {}).values():
        _unwrap_help(child)


class CompletedCommand(TyperCommand):
    """Stands for a command of OUTLET_COMMANDS while a shell completes its arguments."""

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The options, which only the command itself knows."""
        options: list[Any] = load_command(str(self.name)).shell_complete(ctx, incomplete)
        return options


def make_completed_command(name: str) -> Any:
    completed = typer.Typer()

    @completed.command(
        name, cls=CompletedCommand, context_settings={"ignore_unknown_options": True}, add_help_option=False
    )
    def take_ids(outlets: ui.OutletIds = None) -> None:
        """Only for its argument."""

    return typer.main.get_command(completed)


class LazyGroup(TyperGroup):
    """All commands: their names and help lines, which stand for them until they run."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for panel, lines in PANELS.items():
            for name, line in lines.items():
                self.add_command(TyperCommand(name, help=line, rich_help_panel=panel))

    def invoke(self, ctx: Any) -> Any:
        with _escaping_usage_errors():
            return super().invoke(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words, renamed = modernize(args)
        for old, new in renamed.items() if not ctx.resilient_parsing else ():
            ui.warn(f"newscrawl: write `{new}` instead of `{old}`, which works only until 0.3")
        with _escaping_usage_errors():
            return super().parse_args(ctx, words)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if settings.SETTINGS_ERROR and not ctx.resilient_parsing:
            raise NewscrawlError(settings.SETTINGS_ERROR)
        # The value of an option is completed by the command itself.
        if ctx.resilient_parsing and name in OUTLET_COMMANDS and not (rest and rest[-1].startswith("-")):
            return name, make_completed_command(name), rest
        return name, load_command(name) if name else command, rest


_CLICK_EXCEPTION: Any = typer.BadParameter.__mro__[2]
"The base of usage errors, which Typer takes from Click or holds itself, depending on its version."


@contextmanager
def _escaping_usage_errors() -> Iterator[None]:
    """Typer prints such errors itself: they quote the command line, where names of files may stand.

    Some of them are in the words of pydantic, which nobody has to know.
    """
    try:
        yield
    except _CLICK_EXCEPTION as error:
        text = error.message.removeprefix("Value error, ").replace("Input should be", "must be")
        error.message = escape_controls(text)
        raise


app = typer.Typer(
    cls=LazyGroup,
    help="Crawl news outlets: every exchange as WARC, every article as a cleaned JSON line. "
    "To crawl a single outlet, run `scrapy crawl <outlet>`.",
    no_args_is_help=True,
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Options before the command."""


def main() -> None:
    """The console script: an error that the user can correct is a single line and exit code 1."""
    escape_default_log()
    try:
        app()
    except NewscrawlError as error:
        ui.error(f"newscrawl: {error}")
        sys.exit(ui.FAILED)
    except Exception:  # noqa: BLE001 # Python and Typer would print its text as it is
        ui.print_traceback()
        sys.exit(ui.FAILED)
