"""An archive of the whole embedded newsroom, crawled once for all programs that read it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from wire.crawl import ROOT, environment


@pytest.fixture(scope="session")
def demo_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the archives; nobody writes into it."""
    archives = tmp_path_factory.mktemp("demo") / "archives"
    command: list[str | Path] = [
        Path(sys.executable).with_name("newscrawl"),
        "demo",
        "run",
        "--archives",
        archives,
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return archives
