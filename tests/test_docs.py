"""The docs name what there is, and nothing that is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from newscrawl.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LONGEST = 300


def commands() -> list[str]:
    """`outlets check` and the like, as typed after `newscrawl`."""
    found: list[str] = []

    def walk(command: object, words: list[str]) -> None:
        below = getattr(command, "commands", {})
        if words and (not below or command.invoke_without_command):  # type: ignore[attr-defined]
            found.append(" ".join(words))
        for name, child in below.items():
            walk(child, [*words, name])

    walk(typer.main.get_command(app), [])
    return found


def test_every_command_is_named_in_the_docs() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(commands()) >= 6
    assert not [command for command in commands() if f"newscrawl {command}" not in text]


def test_every_task_named_in_the_docs_exists() -> None:
    tasks = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        named = set(
            re.findall(r"^\s*(?:\S+=\S+ )?make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
        )
        assert named <= tasks, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_short_and_its_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_named_in_the_docs_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:newscrawl|tests|docs)/[\w./-]+\.(?:py|toml|md))`", text):
        if "<" not in name:
            assert (ROOT / name).exists(), name


def test_tests_named_in_the_list_of_checks_exist() -> None:
    text = (ROOT / "docs" / "archive-checks.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^\| \d+ \|", text, re.MULTILINE)) == 42
    for name in re.findall(r"`([\w/]+\.py)`", text):
        assert (ROOT / "tests" / name).exists(), name
