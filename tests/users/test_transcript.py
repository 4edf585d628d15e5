"""What a transcript's gaps stand for, and what they do not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from users.transcript import Command, Terminal, compile_expected, read_commands

PROMPT = "country, two capitals such as CM: "


@pytest.mark.parametrize(
    ("promised", "printed", "is_right"),
    [
        ("a", "a\n", True),
        ("a", "a\nb\n", False),
        ("a", "", False),
        ("…\nb", "a\na\nb\n", True),
        ("…\nb", "b\n", True),
        ("…\nb", "a\n", False),
        ("a … c", "a b c  \n", True),
        ("a … c", "a b d\n", False),
        ("", "a\n", False),
        (f"{PROMPT}CM\nwritten", f"{PROMPT}written\n", True),
        (f"{PROMPT}CM\nwritten", "written\n", False),
    ],
)
def test_gaps(promised: str, printed: str, is_right: bool) -> None:
    assert (compile_expected(promised.splitlines()).fullmatch(printed) is not None) == is_right


def test_a_command_that_fails_or_prints_otherwise_is_noticed(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, Path(sys.executable).parent, {"http://site": "http://127.0.0.1:1"})
    asked = f"{PROMPT}CM"
    command = f"echo http://site; printf '{PROMPT}'; read answer; echo is $answer"
    assert terminal.run(Command(command, ["http://site", asked, "is CM"])).endswith("is CM\n")
    with pytest.raises(AssertionError, match="the page says"):
        terminal.run(Command("echo one", ["two"]))
    with pytest.raises(AssertionError, match="echo one"):
        terminal.run(Command("echo one; false", ["one"]))


def test_commands_are_the_lines_after_a_dollar() -> None:
    commands = read_commands("$ a\none\ntwo\n$ b\n")
    assert [(command.line, command.printed) for command in commands] == [("a", ["one", "two"]), ("b", [])]
