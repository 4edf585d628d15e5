"""Whether this machine can compile what setup.py has, and what tests do where it has not been compiled."""

from __future__ import annotations

import os
import shutil
import sysconfig
from importlib import import_module
from pathlib import Path

import pytest


def can_compile() -> bool:
    """A C compiler alone is not enough: Debian has Python's headers in a package of their own."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    headers = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return shutil.which(compiler.split()[0]) is not None and headers.is_file()


def require_compiled(name: str) -> None:
    """Skip the tests of a module that is not compiled; in continuous integration, fail where it could be."""
    try:
        import_module(name)
    except ImportError as error:
        if os.environ.get("CI") == "true" and can_compile():
            raise
        pytest.skip(f"{name} is not compiled: {error}", allow_module_level=True)
