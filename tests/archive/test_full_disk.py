"""A file whose first record does not fit on the disk leaves nothing behind, least of all an empty archive."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newscrawl import storage as storage_module
from newscrawl.errors import ArchiveError
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.writer import WarcWriter


def test_a_full_disk_leaves_no_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished: list[Path] = []
    writer = WarcWriter(
        folder=tmp_path,
        names=WarcNameTemplate(prefix="example", host="here", pid=7),
        info=(("software", "newscrawl/0"),),
        now=lambda: datetime(2026, 5, 1, tzinfo=UTC),
        new_id=lambda: "<urn:uuid:00000000-0000-4000-8000-000000000001>",
        on_finished=lambda path, _: finished.append(path),
    )

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage_module.os, "writev", full)
    with pytest.raises(ArchiveError, match="No space left"):
        writer.open()
    monkeypatch.undo()
    writer.close()
    assert list(tmp_path.iterdir()) == []
    assert (finished, writer.files) == ([], [])
