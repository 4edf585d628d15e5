"""The command line as a whole: every command has help and is imported when it runs; old spellings work."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from lines_made import article, write_run
from typer.testing import CliRunner

from newscrawl.archive.compare import ArticleDiff, Comparison
from newscrawl.archive.repair import FileRepair
from newscrawl.archive.site_memory import LearningResult
from newscrawl.cli import (
    COMMANDS,
    MODULES,
    RENAMED_COMMANDS,
    RENAMED_OPTIONS,
    app,
    load_command,
    main,
    modernize,
)
from newscrawl.cli.check import FixCounts
from newscrawl.cli.outlets import OutletProblem
from newscrawl.dedup.similarity import SentencePair
from newscrawl.extraction.explain import BlockDecision
from newscrawl.monitoring.agreement import Agreement
from newscrawl.state.outlet_status import OutletStatus
from newscrawl.state.reconcile import Inconsistency
from newscrawl.warc.index import IndexEntry
from newscrawl.warc.verify import WarcProblem

HELP_SECONDS = 0.3
LIBRARIES_RATIO = 2.5


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_command_itself_says(name: str) -> None:
    command = load_command(name)
    assert command.help.splitlines()[0] == COMMANDS[name]
    shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert COMMANDS[name] in shown.stdout
    assert "--install-completion" not in shown.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_has_help(name: str) -> None:
    def check(command: Any, words: list[str]) -> None:
        for parameter in command.params:
            assert parameter.name == "help" or parameter.help, [*words, parameter.name]
        for child_name, child in getattr(command, "commands", {}).items():
            assert child.help, [*words, child_name]
            check(child, [*words, child_name])

    check(load_command(name), [name])


def test_every_module_of_the_package_is_a_command_or_serves_several() -> None:
    folder = Path(import_module("newscrawl.cli").__file__ or "").parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    commands = {MODULES.get(name, name) for name in COMMANDS}
    assert commands <= modules
    assert modules - commands == {
        "bench_report",
        "bench_tables",
        "bench_witnesses",
        "crawl_places",
        "crawl_progress",
        "due_crawls",
        "due_queue",
        "fork_server",
        "cluster_crawls",
        "compiled_forms",
        "extract_units",
        "extraction_run",
        "extraction_task",
        "forked_crawls",
        "held_lease",
        "probe",
        "processes",
        "project_exports",
        "rebuild_workers",
        "runs_table",
        "stored_files",
        "target",
        "ui",
        "verify_units",
        "worker_archives",
    }


@pytest.mark.parametrize(
    ("printed", "names"),
    [
        (Agreement, "whole partial close common extra missed"),
        (ArticleDiff, "url ratio words_old words_new fields"),
        (
            BlockDecision,
            "kind level text kept_text where hidden mark chosen recurring alone opinion witness likely "
            "verdict decided_by lang looks_like",
        ),
        (Comparison, "same changed new gone fields worst new_urls gone_urls"),
        (FileRepair, "name outcome kept bytes_torn lines_cut lines_dropped reason"),
        (FixCounts, "files set_aside repeated extracted"),
        (
            IndexEntry,
            "kind url method body_digest moment sequence status record_id concurrent_to offset length "
            "payload_digest refers_to refers_to_url refers_to_date run media_type answered file",
        ),
        (Inconsistency, "kind detail"),
        (LearningResult, "memory pages stories recurring"),
        (OutletProblem, "file key message"),
        (
            OutletStatus,
            "outlet last_run last_reason last_error next_due articles_day articles_week waiting failed "
            "feeds_failing runs_failed holder not_before sources_retired alarms",
        ),
        (SentencePair, "original copy"),
        (WarcProblem, "file offset record_id code message"),
    ],
)
def test_what_json_prints_keeps_its_names(printed: Any, names: str) -> None:
    """Programs read them: a field can only be renamed if the command still prints the old name."""
    is_tuple = issubclass(printed, tuple)
    fields = printed._fields if is_tuple else (field.name for field in dataclasses.fields(printed))
    assert list(fields) == names.split()


def test_help_imports_no_command() -> None:
    code = (
        "import sys, time\nfrom typer.testing import CliRunner\nfrom newscrawl.cli import app, COMMANDS\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print([name for name in COMMANDS if 'newscrawl.cli.' + name in sys.modules])\n"
        "heavy = ('scrapy', 'lxml', 'numpy', 'pydantic', 'sqlalchemy')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert run_python(code) == "[]\n[]\n"


EXTRACTOR = ("newscrawl.extraction", "numpy", "trafilatura")
CRAWLER = ("newscrawl.pipelines.extract", "scrapy", "twisted")
LIBRARIES = ("fsspec", "lxml", "pydantic", "sqlalchemy")


@pytest.mark.parametrize(
    ("module", "unused"),
    [
        ("newscrawl.cli.extract", (*EXTRACTOR, *CRAWLER, *LIBRARIES)),
        ("newscrawl.cli.extraction_run", ("trafilatura", "fsspec", *CRAWLER)),
        ("newscrawl.cli.crawl", (*EXTRACTOR, *CRAWLER, *LIBRARIES, "multiprocessing")),
        ("newscrawl.cli.run", (*EXTRACTOR, *CRAWLER, *LIBRARIES, "multiprocessing")),
        # What both do when they run: only what is due is found in the state database.
        ("newscrawl.cli.crawl_progress", (*EXTRACTOR, *CRAWLER, "asyncio", "fsspec", "lxml", "sqlalchemy")),
        ("newscrawl.cli.outlets", (*EXTRACTOR, *CRAWLER, "fsspec", "lxml", "sqlalchemy")),
        ("newscrawl.cli.project_exports", (*EXTRACTOR, *CRAWLER, "fsspec", "lxml", "sqlalchemy")),
        ("newscrawl.spiders.crawl_options", (*EXTRACTOR, *CRAWLER, "fsspec", "lxml", "sqlalchemy")),
        ("newscrawl.cli.due_crawls", (*EXTRACTOR, *CRAWLER, "fsspec", "sqlalchemy.dialects.postgresql")),
        ("newscrawl.cli.get", ("trafilatura", "fsspec", *CRAWLER)),
        # What workers have loaded before their first page.
        ("newscrawl.pipelines.packed_pages", ("trafilatura", "fsspec", "sqlalchemy", *CRAWLER)),
    ],
)
def test_a_command_imports_only_what_it_uses(module: str, unused: tuple[str, ...]) -> None:
    code = f"import sys, {module}\nprint([name for name in {unused!r} if name in sys.modules])"
    assert run_python(code) == "[]\n"


def measure_processor_seconds(*command: str | Path) -> float:
    """Of the fastest of three runs: the first has to read files, and others may use the machine."""
    seconds = []
    for _ in range(3):
        before = os.times()
        subprocess.run(command, capture_output=True, check=True)
        after = os.times()
        seconds.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    return min(seconds)


def test_help_is_fast() -> None:
    """On a slow or busy machine: hardly more than the libraries that print it take by themselves."""
    took = measure_processor_seconds(Path(sys.executable).with_name("newscrawl"), "--help")
    if took >= HELP_SECONDS:
        libraries = "import typer, rich.console, rich.panel, rich.progress, rich.table"
        assert took < LIBRARIES_RATIO * measure_processor_seconds(sys.executable, "-c", libraries)


@pytest.mark.parametrize(
    ("old", "new", "renamed"),
    [
        ("runs echo --json", "runs echo --json", {}),
        ("report echo", "runs echo", {"newscrawl report": "newscrawl runs"}),
        ("learn echo", "memory build echo", {"newscrawl learn": "newscrawl memory build"}),
        ("freeze page.html", "fixture page.html", {"newscrawl freeze": "newscrawl fixture"}),
        ("cluster --rebuild", "dedup --rebuild", {"newscrawl cluster": "newscrawl dedup"}),
        (
            "cluster --archives a --show x --diff",
            "dedup show --archives a x --diff",
            {"newscrawl cluster": "newscrawl dedup", "newscrawl dedup --show": "newscrawl dedup show"},
        ),
        ("cluster start --workers 2", "cluster start --workers 2", {}),
        ("cluster --help", "cluster --help", {}),
        ("dedup --show=x", "dedup show x", {"newscrawl dedup --show": "newscrawl dedup show"}),
        ("doctor --mend", "check --fix", {"newscrawl doctor": "newscrawl check", "--mend": "--fix"}),
        ("run --due --for 600", "run --due --max-time 600", {"--for": "--max-time"}),
        ("run --due --for=600", "run --due --max-time=600", {"--for": "--max-time"}),
        ("run --due --set A=1", "run --due --setting A=1", {"--set": "--setting"}),
        ("run --due --set=A=--set", "run --due --setting=A=--set", {"--set": "--setting"}),
        ("run echo -s A=1", "crawl echo -s A=1", {"newscrawl run": "newscrawl crawl"}),
        ("run", "run", {}),
        ("replay r --set A=1 --set B=2", "replay r --setting A=1 --setting B=2", {"--set": "--setting"}),
        ("explain p --whole", "explain p --full", {"--whole": "--full"}),
        ("explain p --judge m.npz", "explain p --model m.npz", {"--judge": "--model"}),
        ("extract a --against b", "extract a --compare b", {"--against": "--compare"}),
        ("extract --against=b -- --against", "extract --compare=b -- --against", {"--against": "--compare"}),
        ("takedown u --reason --for", "takedown u --reason --for", {}),
        ("", "", {}),
    ],
)
def test_old_spellings_become_new(old: str, new: str, renamed: dict[str, str]) -> None:
    assert modernize(old.split()) == (new.split(), renamed)


def test_an_old_spelling_works_and_says_what_to_write_now(tmp_path: Path) -> None:
    before = CliRunner().invoke(app, ["doctor", "--archives", str(tmp_path), "--json", "--mend"])
    now = CliRunner().invoke(app, ["check", "--archives", str(tmp_path), "--json", "--fix"])
    assert (before.exit_code, before.stdout) == (now.exit_code, now.stdout)
    assert (now.exit_code, json.loads(now.stdout)["disagreements"]) == (0, {})
    assert now.stderr == ""
    assert before.stderr.splitlines() == [
        f"newscrawl: write `{new}` instead of `{old}`, which works only until 0.3"
        for old, new in (("newscrawl doctor", "newscrawl check"), ("--mend", "--fix"))
    ]


def test_old_spellings_lead_to_what_exists_and_are_not_listed() -> None:
    shown = CliRunner().invoke(app, ["--help"]).stdout
    for old, new in RENAMED_COMMANDS.items():
        assert old not in COMMANDS
        assert f"│ {old} " not in shown
        assert CliRunner().invoke(app, [*new.split(), "--help"]).exit_code == 0
    for name, options in RENAMED_OPTIONS.items():
        command = load_command(name)
        for old, new in options.items():
            known = {option for parameter in command.params for option in parameter.opts}
            assert new in known | set(getattr(command, "commands", {}))
            assert old not in known


@pytest.mark.parametrize("word", ["freez", "nonsense", "--nonsense"])
def test_an_unknown_word_is_a_usage_error(word: str) -> None:
    done = CliRunner().invoke(app, [word])
    assert done.exit_code == 2
    assert "No such" in done.stderr


def test_a_typo_is_corrected() -> None:
    assert "Did you mean 'export'" in CliRunner().invoke(app, ["exprot"]).stderr


def test_the_app_completes_names() -> None:
    command = typer.main.get_command(app)
    context = command.make_context("newscrawl", [], resilient_parsing=True)
    assert {"run", "runs"} <= {item.value for item in command.shell_complete(context, "ru")}


def find_state_options(command: Any, words: list[str]) -> list[tuple[list[str], str]]:
    """Each command that takes the URL of a database, with the option."""
    options = [
        option
        for parameter in command.params
        for option in parameter.opts
        if option in {"--state", "--from", "--to"} and "URL" in (parameter.help or "")
    ]
    below = getattr(command, "commands", {}).items()
    found = [(words, option) for option in options]
    return found + [each for name, child in below for each in find_state_options(child, [*words, name])]


ONLY_FOR_BUCKETS = ("sync", "repair")
"They open the database only where the archives are in a bucket."
STATE_OPTIONS = [
    each
    for name in COMMANDS
    if name not in ONLY_FOR_BUCKETS
    for each in find_state_options(load_command(name), [name])
]
ARGUMENTS_OF = {
    "takedown": ["https://example.org/a"],
    "dedup show": ["a"],
    "export": ["-f", "jsonl", "-o", "out"],
    "state copy": ["--from", "sqlite://", "--to", "sqlite://a/"],
}


@pytest.mark.parametrize("url", ["kola-nut", "postgresql://paul:kola-nut@127.0.0.1:x/a"])
@pytest.mark.parametrize(("words", "option"), STATE_OPTIONS)
def test_a_malformed_database_url_is_a_sentence_in_every_command(  # noqa: PLR0917 # pytest hands them in
    words: list[str],
    option: str,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "archives", [article()])
    arguments = ARGUMENTS_OF.get(" ".join(words), [])
    archives = ["--archives", "archives"]
    monkeypatch.setattr(sys, "argv", ["newscrawl", *words, *arguments, option, url, *archives])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "no URL of a database" in shown.err
    assert "kola-nut" not in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("words", [["status"], ["state", "copy"]])
def test_help_shows_no_password_of_the_database(words: list[str]) -> None:
    command = [str(Path(sys.executable).with_name("newscrawl")), *words, "--help"]
    variables = {**os.environ, "NEWSCRAWL_STATE_URL": "postgresql://paul:kola-nut@h/db", "COLUMNS": "200"}
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=variables).stdout
    assert "NEWSCRAWL_STATE_URL" in shown
    assert "kola-nut" not in shown
