"""Programs of others that read our archives, installed apart: their needs are not ours."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

FOLDER = Path(os.environ.get("NEWSCRAWL_CLIENTS") or Path(sys.prefix) / "clients")
"A virtual environment made from tests/clients/requirements.txt."


def program(name: str) -> Path:
    """Where a program is; without it a test is skipped, or fails where all of them must be there."""
    found = FOLDER / "bin" / name
    if found.exists():
        return found
    return Path(
        shutil.which(name) or report_missing(f"{name} is not installed: see tests/clients/requirements.txt")
    )


def npm_package(name: str) -> Path:
    """The folder of a package that npm put beside the programs."""
    found = FOLDER / "node_modules" / name
    if not found.is_dir():
        report_missing(f"{name} is not installed: see tests/clients/requirements.txt")
    return found


def report_missing(reason: str) -> NoReturn:
    """Skip the test and say why; where CI=true everything must be there, so fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
