"""The card of a Hugging Face data set says what the files hold, and its head is what `datasets` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from lines_made import article, write_run

from newscrawl.export.card import OWN_TEXT, PartitionFacts
from newscrawl.export.manifest import ExportCounts
from newscrawl.export.partitions import outlets_in
from newscrawl.export.run import Selection, run_export
from newscrawl.export.schemas import COLUMNS
from newscrawl.export.sinks import sink_for
from newscrawl.items import LangShare, Rights

RESERVED = Rights(tdm_reserved=True)


def exported(folder: Path, form: str = "parquet", selection: Selection | None = None) -> ExportCounts:
    selection = selection or Selection()
    sink = sink_for(
        str(folder / "news"),
        form,
        shape="huggingface",
        compression=None,
        selection=selection,
        staging=folder / "staging",
    )
    return run_export(folder / "archives", outlets_in(folder / "archives", ()), selection, sink)


def read_card(folder: Path) -> tuple[dict[str, Any], str]:
    """The head of the card and its text."""
    _, head, text = (folder / "news" / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def write_days(archives: Path) -> None:
    french = [LangShare(lang="fr", share=1.0, chars=90)]
    write_run(archives, [article(n, published=f"2026-03-0{n}") for n in (1, 2)])
    plain = {"lang": "fr-CA", "is_mixed": False, "lang_mix": french}
    write_run(archives, [article(3, **plain), article(4, rights=RESERVED)], outlet="tide", day="20260305")
    write_run(archives, [article(5, rights=RESERVED)], outlet="wave", day="20260306")


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_the_head_names_a_split_for_each_day_and_every_feature(tmp_path: Path, form: str) -> None:
    write_days(tmp_path / "archives")
    assert exported(tmp_path, form).rows == 3
    head, _ = read_card(tmp_path)
    default, everything = head["configs"]
    days = [(split["split"], split["path"]) for split in default["data_files"]]
    assert days == [
        (f"day_2026_03_{day}", f"data/outlet=*/date=2026-03-{day}/articles.{form}") for day in ("04", "05")
    ]
    for path in (*(path for _, path in days), everything["data_files"][0]["path"]):
        assert list((tmp_path / "news").glob(path))
    names = [[feature["name"] for feature in info["features"]] for info in head["dataset_info"]]
    times = ["published_at", "modified_at", "fetched_at", "published_on"] if form == "parquet" else []
    assert names == [[*COLUMNS, *times]] * 2
    assert head["language"] == ["en", "fr"]
    assert head["size_categories"] == ["n<1K"]


def test_the_text_counts_what_is_in_the_files(tmp_path: Path) -> None:
    write_days(tmp_path / "archives")
    counts = exported(tmp_path)
    _, text = read_card(tmp_path)
    sizes = {path.parts[-3]: path.stat().st_size for path in (tmp_path / "news" / "data").rglob("*.parquet")}
    assert f"3 articles of {3 * article().word_count:,} words in {counts.bytes:,} bytes" in text
    for line in (
        "They were published from 2026-03-01 to",
        f"| example | 2 | {sizes['outlet=example']:,} |",
        f"| day_2026_03_05 | 1 | {sizes['outlet=tide']:,} |",
        "| mixed | 2 |",
        "| fr-CA | 1 |",
        "| neither page nor site reserves use by machines | 3 |",
        "| newscrawl 0.1.0, newscrawl.article/1 | 3 |",
        '"reserved": false',
        "| reserved | 2 |",
    ):
        assert line in text, line


def test_reserved_texts_that_are_exported_are_counted_as_such(tmp_path: Path) -> None:
    policy = Rights(tdm_reserved=True, policy="archive")
    write_run(tmp_path / "archives", [article(1), article(2, rights=RESERVED), article(3, rights=policy)])
    exported(tmp_path, selection=Selection(reserved=True))
    _, text = read_card(tmp_path)
    for statement in (
        "neither page nor site reserves use by machines",
        "reserved by page or site, exported by `--include-reserved`",
        "reserved by page or site; the crawl or its outlet chose `archive`",
    ):
        assert f"| {statement} | 1 |" in text


def test_a_later_export_renews_the_card_and_keeps_what_people_wrote(tmp_path: Path) -> None:
    write_days(tmp_path / "archives")
    exported(tmp_path)
    card = tmp_path / "news" / "README.md"
    card.write_text(card.read_text("utf-8") + "\n## Thanks\n\nTo the newsroom.\n", encoding="utf-8")
    write_run(tmp_path / "archives", [article(9)], day="20260307")
    assert exported(tmp_path).skipped_partitions == 3
    head, text = read_card(tmp_path)
    assert [split["split"] for split in head["configs"][0]["data_files"]][-1] == "day_2026_03_07"
    assert "4 articles" in text
    assert text.endswith(f"{OWN_TEXT}\n\n## Thanks\n\nTo the newsroom.\n")
    before = card.read_bytes()
    assert exported(tmp_path).skipped_partitions == 4
    assert card.read_bytes() == before


def test_a_partition_without_facts_is_written_again(tmp_path: Path) -> None:
    """As an export before there were cards left it."""
    write_days(tmp_path / "archives")
    exported(tmp_path)
    manifest = tmp_path / "news" / "_export.json"
    content = json.loads(manifest.read_bytes())
    del content["units"]["outlet=example/date=2026-03-04"]["facts"]
    manifest.write_text(json.dumps(content), encoding="utf-8")
    assert exported(tmp_path).skipped_partitions == 2
    assert "3 articles" in read_card(tmp_path)[1]


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_no_folder_is_empty(tmp_path: Path, form: str) -> None:
    write_days(tmp_path / "archives")
    exported(tmp_path, form)
    write_run(tmp_path / "archives", [article(3, rights=RESERVED)], outlet="tide", day="20260308")
    exported(tmp_path, form)
    folders = [path for path in (tmp_path / "news").rglob("*") if path.is_dir()]
    assert {path.name for path in folders} == {"data", "outlet=example", "date=2026-03-04"}
    assert all(any(path.iterdir()) for path in folders)


def test_a_data_set_without_rows_has_a_card_without_splits(tmp_path: Path) -> None:
    write_run(tmp_path / "archives", [article(5, rights=RESERVED)])
    assert exported(tmp_path).rows == 0
    head, text = read_card(tmp_path)
    assert "configs" not in head
    assert "0 articles of 0 words in 0 bytes" in text


def test_a_name_cannot_change_the_card(tmp_path: Path) -> None:
    name = "A | B\n---\n<script>x</script>"
    write_run(tmp_path / "archives", [article(1, publisher=name)])
    exported(tmp_path)
    _, text = read_card(tmp_path)
    assert "<script" not in text
    assert "| A &#124; B --- &#60;script>x&#60;/script> | 1 |" in text


def test_facts_survive_the_manifest_and_add_up() -> None:
    first, second = PartitionFacts(), PartitionFacts()
    first.add(article(1, published="2026-03-01", fetched="2026-03-09T08:00:00Z"))
    second.add(article(2, published=None, fetched="2026-02-27T08:00:00Z", rights=RESERVED))
    total = PartitionFacts.load(json.loads(json.dumps(first.as_dict())))
    total.merge(PartitionFacts.load(json.loads(json.dumps(second.as_dict()))))
    assert (total.published, total.fetched) == (("2026-03-01", "2026-03-01"), ("2026-02-27", "2026-03-09"))
    assert total.rights == {"free": 1, "reserved": 1}
    assert total.languages.total() == 2
