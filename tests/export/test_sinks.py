"""An object store: partitions are uploaded whole, recorded there, and removed when nothing is exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from lines_made import article, write_run
from wire.s3 import bucket

from newscrawl.export.manifest import ExportCounts
from newscrawl.export.run import Selection, run_export
from newscrawl.export.sinks import sink_for
from newscrawl.items import Rights


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with bucket(monkeypatch) as url:
        yield f"{url}/news"


def exported(tmp_path: Path, url: str, form: str) -> ExportCounts:
    staging = tmp_path / "staging"
    sink = sink_for(url, form, shape=None, compression=None, selection=Selection(), staging=staging)
    try:
        return run_export(tmp_path / "archives", ["example"], Selection(), sink)
    finally:
        assert not staging.exists()


def names(url: str) -> list[str]:
    files, root = fsspec.url_to_fs(url)
    files.invalidate_cache()
    return sorted(name.removeprefix(f"{root}/") for name in files.find(root))


def test_partitions_are_uploaded_once_and_removed_when_empty(tmp_path: Path, place: str) -> None:
    archives = tmp_path / "archives"
    write_run(archives, [article(1)])
    write_run(archives, [article(2)], day="20260305")
    assert exported(tmp_path, place, "parquet").skipped_partitions == 0
    paths = [f"outlet=example/date=2026-03-0{day}/articles.parquet" for day in (4, 5)]
    assert names(place) == ["_export.json", *paths]
    with fsspec.open(f"{place}/_export.json") as stream:
        assert len(json.load(stream)["units"]) == 2
    assert exported(tmp_path, place, "parquet").skipped_partitions == 2
    write_run(archives, [article(1, rights=Rights(policy="no-export"))], day="20260306")
    assert exported(tmp_path, place, "parquet").skipped_partitions == 1
    assert names(place) == ["_export.json", paths[1]]
    exported(tmp_path, f"{place}/texts", "text")
    assert [name.count("/") for name in names(f"{place}/texts")] == [0, 2]
