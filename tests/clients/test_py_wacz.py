"""The WACZ reference tools find our packages valid, and broken ones not."""

from __future__ import annotations

import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from wire.archived import answer, archived_run, story
from wire.crawl import environment
from wire.programs import program

from newscrawl.archive.finished_runs import read_run_articles
from newscrawl.archive.wacz import write_wacz


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    pages = {f"http://example.org/caf\u00e9/{n}?a=b": answer(story(f"pier {n}")) for n in range(5)}
    runs = [archived_run(tmp_path / "archives", name, pages, pid=ord(name)) for name in "ab"]
    warcs = [warc for run in runs for warc in run.warcs]
    path = tmp_path / "x.wacz"
    assert write_wacz(path, warcs, read_run_articles(runs), title="Caf\u00e9", made=datetime.now(UTC)) == 10
    return path


def validated(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("wacz"), "validate", "-f", path],
        env=environment(),
        cwd=path.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_our_packages_are_valid(packed: Path) -> None:
    done = validated(packed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Version detected as 1.1.1" in done.stdout
    assert "Validation succeeded" in done.stdout


def test_a_changed_page_list_is_noticed(packed: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.wacz"
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(changed, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(
                info, content.replace(b"harbour", b"HARBOUR") if "pages" in info.filename else content
            )
    done = validated(changed)
    assert "Validation failed" in done.stdout
    assert "pages.jsonl" in done.stdout
