"""What a checkout installs and runs; tests/users/ has the wheel and its pins alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_lxml_html_clean_is_pinned_by_name() -> None:
    assert re.search(r"^lxml-html-clean==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)


def test_a_crawl_installs_what_it_needs_to_run_and_says_so() -> None:
    dry = ["make", "--dry-run", "--always-make", "crawl", "PYTHON=python3"]
    steps = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"-r (\S+)", steps) == ["requirements.txt"]
    assert [line[6] for line in steps.splitlines() if line.startswith('echo "')] == ["1", "2", "3", "C"]


def test_every_task_is_in_the_help() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tasks = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert tasks
    assert not [task for task in tasks if not re.search(rf"^\s+{task}\s", listed, re.MULTILINE)]


def test_continuous_integration_runs_make_test_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["exec make test"]


def test_the_package_runs_outside_a_checkout(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("newscrawl")
    done = subprocess.run([command, "--version"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", done.stdout), done.stderr
