"""Read the data files that come with the package."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


def read_package_text(package: str, *path: str) -> str:
    """The text of a UTF-8 file in the folder of a package."""
    return files(package).joinpath(*path).read_text(encoding="utf-8")


@cache
def read_package_toml(package: str, name: str) -> dict[str, Any]:
    """The tables of a TOML file in the folder of a package, which nobody may change: each is read once."""
    return tomllib.loads(read_package_text(package, name))
