"""The recipes of docs/recipes.md taken from the page and run as they stand."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wire.crawl import ROOT, environment
from wire.programs import FOLDER, program

PAGE = ROOT / "docs" / "recipes.md"
SECONDS = 60
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

Block = tuple[str, str]
Line = dict[str, Any]


def recipes() -> dict[str, list[Block]]:
    """Of each heading the blocks below it, as language and script."""
    _, *parts = _HEADING.split(PAGE.read_text(encoding="utf-8"))
    return {name: _BLOCK.findall(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@dataclass
class Kitchen:
    """A folder with an archive in which recipes are run."""

    folder: Path
    printed: dict[str, str] = field(default_factory=dict)

    @property
    def articles(self) -> list[Line]:
        """Lines of the archive itself."""
        paths = sorted(self.folder.glob("archives/*/*[0-9].jsonl"))
        return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]

    @property
    def rejected(self) -> Counter[str]:
        paths = self.folder.glob("archives/*/*.rejected.jsonl")
        return Counter(
            json.loads(line)["reason"] for path in paths for line in path.read_bytes().splitlines()
        )

    @property
    def exported(self) -> list[Line]:
        with gzip.open(self.folder / "news.jsonl.gz", "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def run(self, name: str, language: str, script: str) -> None:
        """Run one block and keep what the last of a recipe prints; whatever it started is ended with it."""
        commands = {
            "python": [str(program("python")), "-c", script],
            "bash": ["bash", "-euo", "pipefail", "-c", script],
        }
        process = subprocess.Popen(
            commands[language],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        assert process.returncode == 0, f"{name}: {errors[-3000:]}"
        self.printed[name] = out

    def table(self, name: str, divided: str = "\t") -> list[list[str]]:
        """What a recipe printed, line by line and in cells."""
        return [line.split(divided) for line in self.printed[name].splitlines() if line]

    def _environment(self) -> dict[str, str]:
        ours = {name: value for name, value in environment().items() if not name.lower().endswith("_proxy")}
        paths = (str(Path(sys.prefix) / "bin"), str(FOLDER / "bin"), os.environ["PATH"])
        return ours | {
            "PATH": os.pathsep.join(paths),
            "PORT": str(free_port()),
            "PYTHONWARNINGS": "ignore",
            "HF_HOME": str(self.folder / "hf-home"),
            "HF_HUB_OFFLINE": "1",
        }
