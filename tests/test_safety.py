"""What the crawler must never do, whatever a site, a file or a name says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from scrapy.settings import Settings

from newscrawl import settings
from newscrawl.errors import OutletError, RefusedOutlet
from newscrawl.outlet import read_outlet
from newscrawl.spiders.base import check_allowed
from newscrawl.state.refetch_policy import next_fetch

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "newscrawl").rglob("*.py"))
UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
"Modules that run what they read."
PICKLES = {"engine/cluster.py": {"pickle"}, "dedup/documents.py": {"pickle"}}
"""Tasks go to a cluster as Dask sends them: whoever may connect may run code there (docs/scale.md). A
document comes from a worker of the crawl, as everything does that workers answer, and is stored nowhere."""
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_read_that_could_run(path: Path) -> None:
    """Tasks cross to our own workers, which pickles them; nothing that is stored or fetched is."""
    unsafe = UNSAFE - PICKLES.get(str(path.relative_to(ROOT / "newscrawl")), set())
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not {alias.name.partition(".")[0] for alias in node.names} & unsafe
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] not in unsafe
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in UNSAFE_CALLS, f"line {node.lineno}"
        elif isinstance(node, ast.keyword):
            shell = node.arg == "shell" and not (
                isinstance(node.value, ast.Constant) and node.value.value is False
            )
            assert not shell, f"line {node.value.lineno}"
            entities = node.arg == "resolve_entities" and ast.unparse(node.value) != "False"
            assert not entities, f"line {node.value.lineno}"


def test_no_regular_expression_repeats_a_repetition() -> None:
    """`(a+)+` and the like take exponential time on text that almost matches."""
    nested = re.compile(r"(?<!\\)\((?:\?:)?[^()\[\]]*[^\\][+*]\)[+*]")
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_pattern(node.value):
                assert not nested.search(node.value), f"{path}: line {node.lineno}"


def _is_pattern(text: str) -> bool:
    return "(?:" in text or "\\" in text


def test_nobody_can_talk_to_a_running_crawl() -> None:
    assert settings.TELNETCONSOLE_ENABLED is False
    assert settings.REMOTE_CONTROL_ENABLED is False


def test_pages_come_over_http_alone() -> None:
    assert {scheme for scheme, path in settings.DOWNLOAD_HANDLERS.items() if path} == {"http", "https"}
    assert {"file", "data", "ftp", "s3"} <= set(settings.DOWNLOAD_HANDLERS)
    assert settings.METAREFRESH_ENABLED is False


@pytest.mark.parametrize("name", ["..", "a b", "-x", "Énoncé", ".hidden", "a.b", "x" * 200, "con\n", "a\\b"])
def test_an_outlets_name_cannot_lead_out_of_the_archives(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutletError, match="file name"):
        read_outlet(tmp_path / f"{name}.toml")


def test_an_allowance_that_cannot_be_read_allows_nothing() -> None:
    wrong = Settings({"NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": "127.0.0.1:http"})
    with pytest.raises(RefusedOutlet, match=r"127\.0\.0\.1:http"):
        check_allowed(wrong, ["http://127.0.0.1/"])


@pytest.mark.parametrize(
    "reason", ["private_address", "forbidden_port", "bad_redirect", "bad_scheme", "too_large"]
)
def test_what_was_refused_is_not_asked_for_again(reason: str) -> None:
    fetch = next_fetch(reason, now=1_700_000_000, first=1_700_000_000, failures=0)
    assert fetch.status == "rejected"
    assert fetch.next_due is None
