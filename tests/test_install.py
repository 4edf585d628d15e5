"""A fresh machine: the pins alone, installed by the pip that came with Python, import."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
IMPORTS = (
    "scrapy, trafilatura, itemadapter, warcio, langdetect, lxml_html_clean, lxml.html, feedparser, pydantic, "
    "pebble, typer, rich, brotli, newscrawl.extraction, newscrawl.cli, newscrawl.spiders.loader, "
    "newscrawl.pipelines.extract, newscrawl.downloader.capture"
)


@pytest.mark.slow
def test_the_pins_work_from_a_clean_environment_with_the_stock_pip(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-r", ROOT / "requirements.txt"], check=True, timeout=900)
    code = f"import {IMPORTS}; trafilatura.extract('<html><body><p>ok</p></body></html>'); print('imported')"
    done = subprocess.run(
        [python, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.strip() == "imported", done.stderr
    assert subprocess.run([python, "-m", "pip", "check"], check=False, timeout=120).returncode == 0


def test_lxml_html_clean_is_pinned_by_name() -> None:
    assert re.search(r"^lxml_html_clean==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)


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
