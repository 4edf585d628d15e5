"""`newscrawl memory build`: an outlet's archive shows what recurs on its pages; extraction can use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result
from wire.archived import answer, archived_run, story

from newscrawl.archive.manifest import MANIFEST, read_manifest
from newscrawl.archive.memory_files import CURRENT, newest_memory
from newscrawl.cli import app
from newscrawl.errors import ArchiveError, NewscrawlError

APPEAL = "The readers of this paper pay for it: join them today for one euro in the first month of all."
SUBJECTS = ("harbour", "bridge", "market", "school", "theatre")


def with_appeal(subject: str) -> bytes:
    """A page in whose story a line stands that is on all pages of the site."""
    first, second, rest = story(subject).partition(b"</p>")
    return first + second + f"<p>{APPEAL}</p>".encode() + rest


def urls(count: int) -> dict[str, bytes]:
    return {f"http://example.org/{name}": answer(with_appeal(name)) for name in SUBJECTS[:count]}


def invoked(*args: str | Path) -> Result:
    result = CliRunner().invoke(app, [*map(str, args), "--jobs", "1"])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def told(folder: Path) -> dict[str, object]:
    result = invoked("memory", "build", folder.name, "--archives", folder.parent, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def texts(folder: Path, memory: str) -> list[str]:
    out = folder.parent / "out.jsonl"
    invoked("extract", folder, "--memory", memory, "-o", out)
    return [json.loads(line)["text"] for line in out.read_text(encoding="utf-8").splitlines()]


def test_what_is_on_all_pages_is_learned_and_goes(tmp_path: Path) -> None:
    folder = archived_run(tmp_path, "echo", urls(5)).folder
    assert all(APPEAL in text for text in texts(folder, "newest"))
    said = told(folder)
    assert (said["outlet"], said["pages"], said["stories"]) == ("echo", 5, 5)
    memory = newest_memory(folder)
    assert memory
    assert said["memory"] == memory.name
    assert memory.name in read_manifest(folder)
    for text, subject in zip(texts(folder, "newest"), SUBJECTS, strict=True):
        assert APPEAL not in text
        assert text.count("\n\n") == 3
        assert subject in text
    for choice in ("run", "none"):
        assert all(APPEAL in text for text in texts(folder, choice))


def test_two_pages_teach_nothing(tmp_path: Path) -> None:
    folder = archived_run(tmp_path, "echo", urls(2)).folder
    assert told(folder)["recurring"] == 0
    assert all(APPEAL in text for text in texts(folder, "newest"))


def test_learning_twice_changes_nothing(tmp_path: Path) -> None:
    folder = archived_run(tmp_path, "echo", urls(3)).folder
    first = told(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert told(folder) == first
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert {CURRENT, MANIFEST, first["memory"]} < set(before)


def test_an_archive_without_stories_teaches_nothing(tmp_path: Path) -> None:
    folder = archived_run(tmp_path, "echo", {"http://example.org/": answer(b"<p>Hello.</p>")}).folder
    assert told(folder)["memory"] is None
    assert newest_memory(folder) is None
    result = invoked("memory", "build", "echo", "--archives", tmp_path)
    assert result.stdout == "echo: no page holds a story, nothing was learned\n"


def test_an_outlet_without_an_archive_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NewscrawlError, match="no archive of 'echo'"):
        invoked("memory", "build", "echo", "--archives", tmp_path)


def test_a_memory_that_is_damaged_is_an_error_that_names_it(tmp_path: Path) -> None:
    folder = archived_run(tmp_path, "echo", urls(3)).folder
    told(folder)
    (folder / CURRENT).write_text("memory-0123456789abcdef.json.gz\n")
    with pytest.raises(ArchiveError, match="no such memory"):
        texts(folder, "newest")
