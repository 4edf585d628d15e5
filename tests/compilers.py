"""Whether this machine can compile what setup.py has."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path


def can_compile() -> bool:
    """A C compiler alone is not enough: Debian has Python's headers in a package of their own."""
    headers = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return shutil.which("cc") is not None and headers.is_file()
