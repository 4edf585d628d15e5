"""The order in which the files of a folder are sent."""

from __future__ import annotations

from pathlib import Path

from newscrawl.archive.manifest import update_manifest
from newscrawl.archive.memory_files import CURRENT
from newscrawl.archive.sync import finished_files
from newscrawl.archive.takedown import BLOCK_LIST


def test_a_file_follows_those_that_it_names(tmp_path: Path) -> None:
    order = [
        BLOCK_LIST,
        "echo-1.warc.gz",
        "echo-2.warc.gz",
        "echo-1.jsonl",
        "echo-1.rejected.jsonl",
        "echo-1.report.json",
        "echo-1.warc.gz.reports.ndjson",
        CURRENT,
    ]
    for name in order:
        (tmp_path / name).write_text(name)
        if name not in {BLOCK_LIST, CURRENT}:
            update_manifest(tmp_path / name)
    assert [file.path.name for file in finished_files(tmp_path)] == order
