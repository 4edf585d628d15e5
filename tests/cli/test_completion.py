"""A shell completes commands, options and ids of outlets, without waiting for what the command imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from newscrawl.cli import OUTLET_COMMANDS, app, load_command

NEWSCRAWL = Path(sys.executable).with_name("newscrawl")
IMPORTS = "newscrawl.cli.crawl", "newscrawl.cli.status", "scrapy", "sqlalchemy", "numpy"


def complete(line: str, **variables: str) -> list[str]:
    """What bash offers for the last word of a line."""
    words = line.split(" ")
    variables |= {
        "_NEWSCRAWL_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [NEWSCRAWL], capture_output=True, text=True, check=True, env={**os.environ, **variables}
    )
    return done.stdout.split()


def test_ids_of_outlets_are_completed_where_a_command_takes_them(tmp_path: Path) -> None:
    (tmp_path / "fr").mkdir()
    for name in ("fr/echo", "fr/ecran", "wire"):
        (tmp_path / f"{name}.toml").write_text("nothing that loads", encoding="utf-8")
    places = {"NEWSCRAWL_OUTLETS": str(tmp_path)}
    assert complete("newscrawl crawl ec", **places) == ["echo", "ecran"]
    assert complete("newscrawl crawl --jobs 4 echo w", **places) == ["wire"]
    assert complete("newscrawl status --json w", **places) == ["wire"]


def test_options_and_their_values_are_completed_by_the_command() -> None:
    assert "--archives" in complete("newscrawl status --arch")
    assert complete("newscrawl status --archives ") == []
    assert complete("newscrawl sta") == ["status", "stats", "state"]


@pytest.mark.parametrize("name", sorted(OUTLET_COMMANDS))
def test_each_of_these_commands_takes_outlets(name: str) -> None:
    arguments = [
        each for each in load_command(name).params if not each.name.startswith("-") and each.nargs == -1
    ]
    assert [each.name for each in arguments] in (["outlets"], ["names"])


def test_completion_imports_nothing_that_takes_time() -> None:
    code = (
        "import os, sys\n"
        "os.environ |= {'_NEWSCRAWL_COMPLETE': 'complete_bash', 'COMP_WORDS': 'newscrawl crawl came', "
        "'COMP_CWORD': '2'}\n"
        "from newscrawl.cli import app\n"
        "try:\n    app(prog_name='newscrawl')\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {IMPORTS!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *ids, loaded = done.stdout.splitlines()
    assert "camerbe" in ids
    assert loaded == "[]"


def test_an_empty_command_line_still_shows_help() -> None:
    assert "Usage" in CliRunner().invoke(app, ["crawl", "--help"]).stdout
