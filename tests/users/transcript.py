"""Plays the console blocks of a page of the docs, and compares what is printed with what the page says."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```\n", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^(?P<question>country, .*: )(?P<answer>\S+)$")
"A question of a command, and what the user types."
GAP = "…"
TIMEOUT = 300


@dataclass
class Command:
    """A line after `$`, and what the page says it prints."""

    line: str
    printed: list[str] = field(default_factory=list)


def read_blocks(page: Path, heading: str) -> list[tuple[str, str]]:
    """Kind and text of the blocks below a heading."""
    sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (section,) = [section for section in sections if section.startswith(f"{heading}\n")]
    return [(block["kind"], block["text"]) for block in BLOCK.finditer(section)]


def read_commands(block: str) -> list[Command]:
    commands: list[Command] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            commands.append(Command(line[2:]))
        else:
            commands[-1].printed.append(line)
    return commands


def compile_expected(lines: list[str]) -> re.Pattern[str]:
    """What the lines stand for: a gap alone is any number of lines, a gap in a line any characters of it."""
    parts = []
    for line in lines:
        if line == GAP:
            parts.append(r"(?:.*\n)*?")
        elif prompt := PROMPT.match(line):
            # What is typed is not printed, nor is the line's end.
            parts.append(re.escape(prompt["question"]))
        else:
            parts.append(".*".join(map(re.escape, line.split(GAP))) + r" *\n")
    return re.compile("".join(parts))


@dataclass
class Terminal:
    """A user's shell in a folder: commands on a path of its own, nothing else of whoever runs the tests."""

    folder: Path
    programs: Path
    "Folder of the programs of the virtual environment."
    addresses: Mapping[str, str] = field(default_factory=dict)
    "What stands in the page, and where it is in this test."
    shown: list[str] = field(default_factory=list)
    "The transcript so far, as the page would have it."

    def variables(self) -> dict[str, str]:
        home = self.folder.parent / f"{self.folder.name}-home"
        home.mkdir(exist_ok=True)
        return {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "COLUMNS": "100",
        }

    def translate(self, text: str) -> str:
        for address, there in self.addresses.items():
            text = text.replace(address, there)
        return text

    def translate_back(self, text: str) -> str:
        for address, there in self.addresses.items():
            text = text.replace(there, address)
        return text

    def run(self, command: Command) -> str:
        """What the command prints, compared with the page; `cd` stays for the commands after it."""
        if command.line.startswith("cd "):
            self.folder /= command.line.removeprefix("cd ")
            self.shown.append(f"$ {command.line}")
            return ""
        answers = [match["answer"] for line in command.printed if (match := PROMPT.match(line))]
        keyboard, terminal = pty.openpty()
        try:
            os.write(keyboard, "".join(f"{answer}\n" for answer in answers).encode())
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", self.translate(command.line)],
                cwd=self.folder,
                env=self.variables(),
                stdin=terminal,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        finally:
            os.close(keyboard)
            os.close(terminal)
        return self.compare(command, done.stdout, done.returncode)

    def compare(self, command: Command, output: str, code: int) -> str:
        printed = self.translate_back(output)
        self.shown += [f"$ {command.line}", printed.rstrip("\n")]
        assert code == 0, "\n".join(self.shown)
        expected = compile_expected(command.printed)
        assert expected.fullmatch(printed), "\n".join([*self.shown, "--- the page says:", *command.printed])
        return printed

    def play(self, block: str) -> None:
        for command in read_commands(block):
            self.run(command)

    @contextmanager
    def staying(self, block: str, more: str) -> Iterator[str]:
        """The block's only command at work, with further options; its first line of output."""
        (command,) = read_commands(block)
        with subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", f"exec {command.line} {more}"],
            cwd=self.folder,
            env=self.variables(),
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout
                line = process.stdout.readline().strip()
                (promised,) = command.printed
                assert re.fullmatch(re.sub(r"\d+/$", r"\\d+/", promised), line)
                self.shown += [f"$ {command.line}", promised]
                yield line
            finally:
                process.terminate()
            assert process.wait(60) == 0
