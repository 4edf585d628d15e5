"""The exports that a project's file asks for, made by `newscrawl export` after crawls with articles."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from newscrawl import settings
from newscrawl.cli import ui
from newscrawl.cli.processes import CrawlResult
from newscrawl.errors import NewscrawlError, find_near

EVERY_SECONDS = 600.0
"A crawler that stays makes exports at most so often."
_PROGRAM = "from newscrawl.cli import main; main()"


class ProjectExports:
    """Makes the project's exports, each as a command of its own, whose memory is gone when it ends."""

    def __init__(self, archives: Path) -> None:
        """NewscrawlError if an option is none of `newscrawl export`: known before anything is crawled."""
        project = settings.project
        switches = _list_switches() if project.exports else {}
        self._commands = [
            [*_to_words(f"{project.file}: export.{number}", options, switches), "--archives", str(archives)]
            for number, options in enumerate(project.exports)
        ]
        self._lock = threading.Lock()
        self._again = 0.0

    def make_after(self, results: Iterable[CrawlResult]) -> bool:
        """Make them if these crawls brought articles; False if one failed, whose message was printed."""
        return self.make() if any(result.report and result.report.articles for result in results) else True

    def make(self) -> bool:
        """Make all of them and say so; False if one failed, whose message was printed."""
        return all([self._make_one(words) for words in self._commands])  # noqa: C419 # one after a failure too

    def make_sometimes(self) -> None:
        """The same, unless they were made a moment ago or another thread is making them."""
        if self._commands and self._lock.acquire(blocking=False):
            try:
                if time.monotonic() >= self._again:
                    self.make()
                    self._again = time.monotonic() + EVERY_SECONDS
            finally:
                self._lock.release()

    def _make_one(self, words: list[str]) -> bool:
        done = subprocess.run(  # noqa: S603 # our own command, no shell
            [sys.executable, "-c", _PROGRAM, "export", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        out = words[words.index("--out") + 1]
        if done.returncode == 0:
            ui.note(f"exported: {out}")
            return True
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        ui.error(f"the export to {out} failed: {lines[-1]}")
        return False


def _list_switches() -> dict[str, str]:
    """Key of the file to option of `newscrawl export`; the opposite of a switch is its value `false`."""
    from newscrawl.cli import load_command

    options = (
        parameter for parameter in load_command("export").params if parameter.param_type_name == "option"
    )
    names = (max(parameter.opts, key=len) for parameter in options)
    return {
        name.removeprefix("--"): name for name in names if name not in ("--archives", "--state", "--help")
    }


def _to_words(where: str, options: Mapping[str, Any], switches: Mapping[str, str]) -> list[str]:
    """An export's table as words of the command line."""
    words: list[str] = []
    for key, value in options.items():
        switch = switches.get(key.replace("_", "-"))
        if switch is None and key != "outlets":
            raise NewscrawlError(
                f"{where}.{key}: there is no such key{find_near(key, [*switches, 'outlets'])}"
            )
        words += _texts(value) if switch is None else _option_words(switch, value)
    return words


def _option_words(switch: str, value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield switch if value else f"--no-{switch.removeprefix('--')}"
        return
    for text in _texts(value):
        yield from (switch, text)


def _texts(value: object) -> Iterable[str]:
    return map(str, value) if isinstance(value, list) else [str(value)]
