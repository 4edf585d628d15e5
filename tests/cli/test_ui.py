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
from crafted import http, members, record
from lines_made import article, write_run
from rich.table import Table
from rich.text import Text

from newscrawl.archive.report import Report, write_report
from newscrawl.cli import COMMANDS, main, ui
from newscrawl.discovery.drafting import draft_outlet, format_draft
from newscrawl.outlet import read_outlet

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\x85\u202edesrever\u2066\x7f\r\b"
"Clears the screen, sets a title, colours by C1, turns the order of letters, overwrites the line."
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
HEADER = ESCAPES.replace("\r", "")
"For headers, which end at a carriage return."
URL = f"https://presse.example/a {HEADER}b"
STORY = f"<p>{'Le conseil a voté la reconstruction du pont de bois, dit la maire. ' * 4}</p>" * 4
FILE = f"presse-2026{ESCAPES}.warc"
RUN = "presse-20260304050607891-1"


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    """An outlet's folder in which whatever can be text is hostile."""
    folder = tmp_path / "archives" / "presse"
    folder.mkdir(parents=True)
    page = http(
        f"<html><title>Un pont {ESCAPES}</title>"
        f"<body><h1>Un pont {ESCAPES}</h1>{STORY}</body></html>".encode(),
        f"Content-Type: text/html; x={HEADER}".encode().decode("latin-1"),
    )
    records = [
        record("response", URL, page, number=1),
        record("response", "https://presse.example/b", page, number=2),
        record("resource", URL, b"text", number=3, content_type=f"a/{HEADER}"),
    ]
    (folder / FILE).write_bytes(b"".join(records) + ESCAPES.encode())
    (folder / "presse.warc.gz").write_bytes(members(records))
    (folder / f"presse-{ESCAPES}.warc.gz").write_bytes(ESCAPES.encode())
    line = article(
        1, f"Le pont {ESCAPES} est fermé.", title=ESCAPES, url=URL, source="presse", byline_raw=ESCAPES
    )
    write_run(tmp_path / "archives", [line, ESCAPES.encode() + b"\n"], outlet="presse")
    values = {"run": RUN, "outlet": f"presse{ESCAPES}", "error": ESCAPES, "reason": ESCAPES, "seconds": 1}
    day = "2026-03-04T05:06:07Z"
    report = Report.model_validate({**values, "started": day, "finished": day, "rejected": {ESCAPES: 1}})
    write_report(folder, report)
    (folder / "manifest.sha256").write_text(f"{'0' * 64}  {RUN}{ESCAPES}.jsonl\n", encoding="utf-8")
    return folder.parent


@pytest.fixture
def outlets(tmp_path: Path) -> Path:
    folder = tmp_path / "outlets" / "cm"
    folder.mkdir(parents=True)
    title = json.dumps(f"Presse {ESCAPES}")
    text = (
        f'title = {title}\nhome = "https://presse.example/"\ncountry = "CM"\nlanguages = ["fr"]\n'
        f'timezone = "Africa/Douala"\nkind = "national"\n'
    )
    (folder / "presse.toml").write_text(text, encoding="utf-8")
    key = json.dumps(f"key{ESCAPES}")
    (folder / "broken.toml").write_text(f"{text}{key} = {title}\n", encoding="utf-8")
    (folder / "torn.toml").write_text(f"{text}{ESCAPES}\n", encoding="utf-8")
    (folder / f"un{ESCAPES}.toml").write_text(text, encoding="utf-8")
    return folder.parent


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
    path.write_text(shown.replace("ZZ", "CM"), encoding="utf-8")
    assert read_outlet(path).title == draft.title


LINES = (
    "run {bad}",
    "outlets --outlets {outlets}",
    "outlets --outlets {outlets} --json",
    "outlets check {outlets}",
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
        "file": archives / "presse" / FILE,
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
