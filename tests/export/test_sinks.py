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
        # Each test has a server of its own, and fsspec remembers the last one's address.
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        yield f"{url}/news"


def exported(tmp_path: Path, url: str, form: str, shape: str | None = None) -> ExportCounts:
    staging = tmp_path / "staging"
    sink = sink_for(url, form, shape=shape, compression=None, selection=Selection(), staging=staging)
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


def test_the_card_of_a_data_set_is_uploaded_and_keeps_what_people_wrote(tmp_path: Path, place: str) -> None:
    write_run(tmp_path / "archives", [article(1)])
    exported(tmp_path, place, "parquet", "huggingface")
    assert names(place) == [
        "README.md",
        "_export.json",
        "data/outlet=example/date=2026-03-04/articles.parquet",
    ]
    with fsspec.open(f"{place}/README.md") as stream:
        card = stream.read()
    with fsspec.open(f"{place}/README.md", "wb") as stream:
        stream.write(card + b"Thanks.")
    write_run(tmp_path / "archives", [article(2)], day="20260305")
    assert exported(tmp_path, place, "parquet", "huggingface").skipped_partitions == 1
    with fsspec.open(f"{place}/README.md") as stream:
        card = stream.read()
    assert b"day_2026_03_05" in card
    assert card.endswith(b"Thanks.")
