"""Which loops over pages and words run compiled in this installation."""

from __future__ import annotations

from importlib import import_module

COMPILED_MODULES = ("newscrawl.extraction.compiled_walk", "newscrawl.languages.compiled_costs")
"Each does what a module beside it does in Python, with the same result."


def find_uncompiled() -> dict[str, str]:
    """The modules that run in Python alone, and why their compiled form cannot be loaded."""
    reasons: dict[str, str] = {}
    for name in COMPILED_MODULES:
        try:
            import_module(name)
        except (ImportError, TypeError, ValueError) as error:  # the last two for another lxml
            reasons[name] = str(error)
    return reasons
