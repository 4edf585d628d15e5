"""`newscrawl check` says which loops run in Python because their compiled form cannot be loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from compilers import can_compile
from typer.testing import CliRunner

from newscrawl.cli import app
from newscrawl.cli.compiled_forms import COMPILED_MODULES, find_uncompiled

PACKAGE = Path(__file__).parents[2]


def test_each_module_has_its_source() -> None:
    sources = {path.relative_to(PACKAGE) for path in (PACKAGE / "newscrawl").rglob("*.pyx")}
    assert sources == {Path(*name.split(".")).with_suffix(".pyx") for name in COMPILED_MODULES}


@pytest.mark.skipif(not can_compile(), reason="this machine has no C compiler with Python's headers")
def test_a_machine_with_a_compiler_has_all_of_them() -> None:
    assert find_uncompiled() == {}


@pytest.mark.parametrize("name", COMPILED_MODULES)
def test_what_is_missing_is_named_and_harms_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_spec(name) is not None:
        monkeypatch.setitem(sys.modules, name, None)
    shown = CliRunner().invoke(app, ["check", "--archives", str(tmp_path)])
    assert shown.exit_code == 0
    assert "runs in Python here" in shown.stdout
    assert f"{name}: " in shown.stdout
    found = CliRunner().invoke(app, ["check", "--archives", str(tmp_path), "--json"])
    assert name in json.loads(found.stdout)["uncompiled"]


OTHER_LXML = """
import sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "newscrawl.extraction.compiled_walk":
            raise {error}("lxml.etree._Element has changed")

sys.meta_path.insert(0, Finder())
from newscrawl.cli.compiled_forms import find_uncompiled
from newscrawl.extraction import blocks, extract
assert blocks.walk_outline is blocks.walk_outline_in_python
print(find_uncompiled()["newscrawl.extraction.compiled_walk"])
"""


@pytest.mark.parametrize("error", ["ImportError", "TypeError", "ValueError"])
def test_an_lxml_of_another_form_is_named_and_harms_nothing(error: str) -> None:
    """As Cython finds it: a function or a size that is not what it was compiled for."""
    code = OTHER_LXML.replace("{error}", error)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "lxml.etree._Element has changed\n"
