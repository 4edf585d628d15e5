"""What commands print: a hostile archive and a hostile outlet file send a terminal nothing that it obeys."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import shlex
import sys
from pathlib import Path

import pytest
from hostile_made import ESCAPES, HEADER, OBEYED, RUN, TORN, URL, hostile_archives, hostile_outlets
from rich.table import Table
from rich.text import Text

from newscrawl.cli import COMMANDS, main, ui
from newscrawl.discovery.drafting import draft_outlet, format_draft
from newscrawl.outlet import read_outlet


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    return hostile_archives(tmp_path)


@pytest.fixture
def outlets(tmp_path: Path) -> Path:
    return hostile_outlets(tmp_path)


class Stream(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("is_terminal", [False, True])
def test_the_console_prints_control_characters_as_text(is_terminal: bool) -> None:
    stream = Stream()
    console = ui.EscapingConsole(
        file=stream, width=400, force_terminal=is_terminal, no_color=True, color_system=None
    )
    table = Table("a", title=ESCAPES)
    table.add_row(ESCAPES)
    table.add_row(Text(ESCAPES))
    for printed in (ESCAPES, Text(ESCAPES), table):
        console.print(printed, markup=False)
    with console.status(ESCAPES) if is_terminal else console:
        pass
    text = (
        re.sub(r"\x1b\[(?:\?25[lh]|2K|1A)|\r(?=\x1b)", "", stream.getvalue())
        if is_terminal
        else stream.getvalue()
    )
    assert not OBEYED.findall(text)
    assert text.count("\\x1b[2J") >= 5
    assert text.count("\\u202e") >= 5


def test_escapes_do_not_shift_a_table() -> None:
    stream = io.StringIO()
    table = Table("first", "second")
    table.add_row("\x1b[2J", "b")
    table.add_row("a", "b")
    ui.EscapingConsole(file=stream, width=60).print(table)
    lines = stream.getvalue().splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "\\x1b[2J" in stream.getvalue()


def test_a_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    ui.print_line("a\nnewscrawl: all is well :smile: [red]b[/red]")
    ui.warn("c\r\nd")
    shown = capsys.readouterr()
    assert shown.out == "a\\nnewscrawl: all is well :smile: [red]b[/red]\n"
    assert shown.err == "c\\r\\nd\n"


def test_json_keeps_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    ui.print_json({"a": f"é{ESCAPES}\n"}, ensure_ascii=False)
    shown = capsys.readouterr().out
    assert "é" in shown
    assert not OBEYED.findall(shown)
    assert json.loads(shown) == {"a": f"é{ESCAPES}\n"}


def test_a_draft_is_shown_and_written_without_what_a_terminal_obeys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    title = f"Presse {HEADER}"
    page = f"<html lang=fr><title>{title}</title>".encode()
    draft = draft_outlet("https://presse.example/", page, b"", [], [])
    ui.print_data(format_draft(draft))
    shown = capsys.readouterr().out
    assert not OBEYED.findall(shown)
    path = tmp_path / "presse.toml"
    path.write_text(re.sub(r"# (country|timezone) = .*", _fill_in, shown), encoding="utf-8")
    assert read_outlet(path).title == draft.title


def _fill_in(line: re.Match[str]) -> str:
    return {"country": 'country = "CM"', "timezone": 'timezone = "Africa/Douala"'}[line[1]]


LINES = (
    "crawl {bad}",
    "run --due",
    "list",
    "list --all --json",
    "get {bad}",
    "get http://127.0.0.1:1/{bad}",
    "init {bad}",
    "config",
    "config {bad}",
    "cluster join {bad}",
    "view --host {bad}",
    "grafana {bad}",
    "outlets --outlets {outlets}",
    "outlets --outlets {outlets} --json",
    "outlets check {outlets}",
    "bench text {file}",
    "outlets check {outlets} --json",
    "outlets new http://127.0.0.1:1/{bad} --contact a@b.example",
    "schedule cron --archives {bad}",
    "demo serve --pages {bad}",
    "status",
    "status --json",
    "runs",
    "runs --json",
    "stats",
    "stats --json",
    "explain {file}:0",
    "explain {file}:0 --json",
    "explain {url}",
    "extract {archives}",
    "extract {archives} --json -o {out}/a.jsonl",
    "export -f csv -o {out}/csv",
    "export -f jsonl -o {out}/j --json",
    "dedup",
    "dedup --json",
    "dedup show {url}",
    "dedup show {url} --json",
    "languages {lines}",
    "languages {text}",
    "languages {text} --json",
    "memory build presse",
    "fixture {file}:0 -o {out}",
    "bench text --witnesses {archives}",
    "bench text --witnesses {archives} --json",
    "train --from {archives} --out {out}/labelled",
    "schema",
    "index build",
    "index build --json",
    "index lookup {url}",
    "index lookup {url} --json",
    "index lookup {bad}",
    "index cdxj",
    "verify {archives}",
    "verify {archives} --json",
    "verify {bad}",
    "replay {run}",
    "wacz {run} -o {out}/a.wacz",
    "wet {run} -o {out}/a.warc.wet.gz",
    "sync {out}/copy",
    "sync {out}/copy --json",
    "takedown {url}",
    "takedown {url} --erase --json",
    "check",
    "check --json",
    "repair",
    "repair --json",
    "state copy --from sqlite:///{out}/{bad}.sqlite --to mysql://{bad}",
    "{bad}",
)


def test_every_command_meets_the_hostile_archive() -> None:
    assert set(COMMANDS) <= {line.split()[0] for line in LINES}


@pytest.mark.parametrize("line", LINES)
def test_no_command_prints_what_a_terminal_obeys(
    line: str,
    archives: Path,
    outlets: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    text = archives.parent / f"text{ESCAPES}.txt"
    text.write_text(f"Le pont {ESCAPES} est fermé.", encoding="utf-8")
    values = {
        "bad": f"no{ESCAPES}",
        "outlets": outlets,
        "archives": archives,
        "file": archives / "presse" / TORN,
        "lines": archives / "presse" / f"{RUN}.jsonl",
        "url": URL,
        "out": archives.parent,
        "text": text,
        "run": RUN,
    }
    words = [word.format(**values) for word in shlex.split(line)]
    monkeypatch.chdir(archives.parent)
    monkeypatch.setattr("newscrawl.settings.NEWSCRAWL_OUTLETS", [str(outlets)])
    monkeypatch.setattr(sys, "argv", ["newscrawl", *words])
    monkeypatch.setattr(logging, "lastResort", logging._StderrHandler(logging.WARNING))  # type: ignore[attr-defined]
    if words[0] == "index" and words[1] != "build":
        monkeypatch.setattr(sys, "argv", ["newscrawl", "index", "build"])
        end_command()
        monkeypatch.setattr(sys, "argv", ["newscrawl", *words])
    end_command()
    shown = capfd.readouterr()
    assert not OBEYED.findall(shown.out)
    assert not OBEYED.findall(shown.err)
    assert "Traceback" not in shown.err


def end_command() -> None:
    with contextlib.suppress(SystemExit):
        main()
