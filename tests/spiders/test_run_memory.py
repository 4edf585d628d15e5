"""Which memory a run uses."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from scrapy.settings import Settings
from wire.archived import STARTED

from newscrawl.archive.memory_files import CURRENT, write_memory
from newscrawl.archive.run_files import new_run
from newscrawl.errors import ArchiveError
from newscrawl.extraction.boilerplate import PageRecord, dump_records
from newscrawl.spiders.run_context import choose_memory


def memory(folder: Path, title: str) -> Path:
    note = PageRecord(url="http://a/", day="2026-03-01", title=title, inside={}, outside={})
    return write_memory(folder, dump_records([note]))[0]


def recorded(archives: Path, used: Path | None, began: datetime, pid: int) -> str:
    """A run that archived nothing, and the memory it used."""
    run = new_run(
        outlet="echo",
        archives=archives,
        started=began,
        pid=pid,
        host="h",
        info=(("software", "newscrawl/0"), *((("memory", used.name),) if used else ())),
        now=lambda: began,
        new_id=lambda: f"<urn:uuid:00000000-0000-4000-8000-{pid:012d}>",
    )
    run.open()
    run.close()
    return run.id


def test_a_live_run_uses_the_newest(tmp_path: Path) -> None:
    assert choose_memory("echo", Settings(), tmp_path) is None
    memory(tmp_path, "one")
    newest = memory(tmp_path, "two")
    assert choose_memory("echo", Settings(), tmp_path) == newest


@pytest.mark.parametrize("damage", ["content", "schema", "name"])
def test_a_live_run_goes_without_one_that_cannot_be_read(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = memory(tmp_path, "one")
    if damage == "content":
        path.write_bytes(b"no gzip")
    elif damage == "schema":
        write_memory(tmp_path, b'{"schema":"newscrawl.memory/99"}')
    else:
        (tmp_path / CURRENT).write_text("../memory\n")
    assert choose_memory("echo", Settings(), tmp_path) is None
    assert "crawled without a memory" in caplog.text


def test_a_replay_uses_that_of_its_run_or_of_its_time(tmp_path: Path) -> None:
    folder, later = tmp_path / "echo", STARTED + timedelta(days=1)
    one = memory(folder, "one")
    runs = [recorded(tmp_path, used, when, pid) for used, when, pid in ((None, STARTED, 1), (one, later, 2))]
    memory(folder, "two")

    def used(**settings: str) -> Path | None:
        given = {f"NEWSCRAWL_{name}": value for name, value in settings.items()}
        return choose_memory("echo", Settings({"NEWSCRAWL_REPLAY": str(folder), **given}), tmp_path / "out")

    assert used(REPLAY_RUN=runs[0]) is None
    assert used(REPLAY_RUN=runs[1]) == used() == one
    assert used(REPLAY_AT=(STARTED + timedelta(hours=1)).isoformat()) is None
    assert used(REPLAY_AT=later.isoformat()) == one
    one.unlink()
    with pytest.raises(ArchiveError, match=one.name):
        used(REPLAY_RUN=runs[1])
