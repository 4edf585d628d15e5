"""The agencies known by name: every spelling, and the short name it stands for."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from newscrawl.text.folding import key

DATA = "agencies.toml"


@cache
def _short_names() -> dict[str, str]:
    data = tomllib.loads(files("newscrawl.text").joinpath(DATA).read_text(encoding="utf-8"))
    return {key(name): short for short, names in data.items() for name in (short, *names)}


def agency_named(name: str) -> str | None:
    """The short name of the agency that goes by `name`; None when we know of none."""
    return _short_names().get(key(name))
