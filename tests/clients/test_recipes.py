"""Every recipe of docs/recipes.md runs, and gives what the archive holds."""

from __future__ import annotations

import json
import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from clients.recipes import Kitchen, recipes
from wire.programs import program
from wire.s3 import BUCKET, bucket

from newscrawl.archive.manifest import MANIFEST, read_manifest
from newscrawl.warc.http import split_message
from newscrawl.warc.reader import iter_records

pytestmark = pytest.mark.slow

FIRST = "What the others start from"
NOT_RUN = {("Elasticsearch and OpenSearch", 1): "it sends to a search engine, and none is installed here"}
"By heading and place of the block."


@pytest.fixture(scope="module")
def kitchen(demo_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kitchen]:
    for name in ("curl", "jq", "wayback", "datasette"):
        program(name)
    found = Kitchen(tmp_path_factory.mktemp("recipes"))
    (found.folder / "archives").symlink_to(demo_archive)
    with pytest.MonkeyPatch.context() as patched, bucket(patched):
        cook(found, FIRST)
        yield found


def cook(kitchen: Kitchen, name: str) -> None:
    for place, (language, script) in enumerate(recipes()[name]):
        if (name, place) not in NOT_RUN:
            kitchen.run(name, language, script)


def exports(kitchen: Kitchen) -> None:
    assert len(kitchen.exported) == len(kitchen.articles) >= 60
    assert sum(row["duplicate_of"] is not None for row in kitchen.exported) >= 5


def pandas(kitchen: Kitchen) -> None:
    words: dict[tuple[str, str], list[int]] = {}
    for row in kitchen.exported:
        words.setdefault((row["source"], row["lang"]), []).append(row["word_count"])
    _, *found = kitchen.table("pandas", ",")
    told = {(outlet, lang): (int(count), float(median)) for outlet, lang, count, median in found}
    assert told == {key: (len(counts), statistics.median(counts)) for key, counts in words.items()}


def polars(kitchen: Kitchen) -> None:
    tags = Counter(tag for row in kitchen.exported for tag in row["tags"])
    _, *found = kitchen.printed["polars"].strip().splitlines()
    assert len(found) == len(tags)
    assert sum(int(line.rsplit(",", 2)[1]) for line in found) == tags.total()


def duckdb_parquet(kitchen: Kitchen) -> None:
    found = kitchen.table("DuckDB over Parquet")
    days = Counter((row["source"], (row["published"] or "no date")[:10]) for row in kitchen.exported)
    assert sum(int(stories) for _, _, stories, _ in found) == days.total()
    assert {(outlet, day[:10]) for outlet, day, _, _ in found} == set(days) | {
        (outlet, "no date") for outlet, day in days if day == "no date"
    }
    agencies = sum(row["syndication"]["agency"] is not None for row in kitchen.exported)
    assert sum(int(one[3]) for one in found) == agencies > 0


def duckdb_lines(kitchen: Kitchen) -> None:
    chars: Counter[tuple[str, str]] = Counter()
    for row in kitchen.articles:
        for part in row["removed"]:
            chars[row["source"], part["reason"]] += part["chars"]
    found = kitchen.table("DuckDB over the lines")
    assert {(outlet, reason): int(count) for outlet, reason, count in found} == dict(chars)


def datasets(kitchen: Kitchen) -> None:
    rows, lines, *french = kitchen.printed["Hugging Face datasets"].split()
    assert (int(rows), int(lines)) == (len(kitchen.exported), len(kitchen.articles))
    assert sorted(french) == sorted(row["id"] for row in kitchen.exported if row["lang"] == "fr")


def datatrove(kitchen: Kitchen) -> None:
    found = [
        json.loads(line)
        for path in kitchen.folder.glob("french/*.jsonl")
        for line in path.read_bytes().splitlines()
    ]
    french = {row["id"]: row["text"] for row in kitchen.articles if row["lang"] == "fr"}
    assert {one["id"]: one["text"] for one in found} == french
    assert len(found) == len(french) > 10


def datatrove_warc(kitchen: Kitchen) -> None:
    found = kitchen.table("datatrove over WARC")
    assert sorted(one[0] for one in found) == sorted(row["id"] for row in kitchen.articles)
    assert all(int(html) > int(text) for _, html, text in found)


def datasette(kitchen: Kitchen) -> None:
    found = [row["title"] for row in json.loads(kitchen.printed["Datasette"])]
    assert sorted(found) == told_of_economy(kitchen) != []


def sqlite(kitchen: Kitchen) -> None:
    found = kitchen.table("SQLite")
    assert sorted(title for _, title, _ in found) == told_of_economy(kitchen)
    assert all("[" in snippet for _, _, snippet in found)


def told_of_economy(kitchen: Kitchen) -> list[str]:
    """Titles of articles in which a word begins so, whatever its case and accents."""
    parts = ((row["title"], f"{row['title']} {row['lede']} {row['text']}") for row in kitchen.exported)
    return sorted(title for title, words in parts if re.search(r"\beconom", plain(words)))


def plain(words: str) -> str:
    apart = unicodedata.normalize("NFD", words.lower())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def bulk(kitchen: Kitchen) -> None:
    lines = (kitchen.folder / "bulk.ndjson").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    actions = [json.loads(line)["index"] for line in lines[::2]]
    documents = [json.loads(line) for line in lines[1::2]]
    assert len(actions) == len(documents) == len({action["_id"] for action in actions})
    assert [one["text"] for one in documents] == [row["text"] for row in kitchen.exported]
    cook(kitchen, "Elasticsearch and OpenSearch")
    assert (kitchen.folder / "bulk.ndjson").read_text(encoding="utf-8").splitlines()[::2] == lines[::2]


def jq(kitchen: Kitchen) -> None:
    mixed = [row["title"] for row in kitchen.articles if row["is_mixed"]]
    found = kitchen.table("jq")
    assert [one[1] for one in found if len(one) == 2] == mixed != []
    counts = [one[0].split() for one in found if len(one) == 1]
    assert {reason: int(count) for count, reason in counts} == dict(kitchen.rejected)


def warcio(kitchen: Kitchen) -> None:
    found = kitchen.table("warcio")
    assert [one[0] for one in found] == [row["id"] for row in kitchen.articles]
    assert {one[1] for one in found} == {"200"}
    assert all(
        int(size) > row["char_count"] for (_, _, size), row in zip(found, kitchen.articles, strict=True)
    )


def wet(kitchen: Kitchen) -> None:
    found = {record: int(size) for record, size in kitchen.table("WET")}
    records = {row["warc"]["record_id"]: row["char_count"] for row in kitchen.exported}
    assert found.keys() == records.keys()
    assert all(found[record] >= size for record, size in records.items())


def pywb(kitchen: Kitchen) -> None:
    page = kitchen.articles[0]
    served = (kitchen.folder / "page.html").read_bytes()
    assert served in payloads(kitchen, page["url"])


def payloads(kitchen: Kitchen, url: str) -> list[bytes]:
    """What the server sent for a page, each time it was asked."""
    found = []
    for path in kitchen.folder.glob("archives/*/*.warc.gz"):
        with path.open("rb") as stream:
            found += [
                split_message(one.block).content
                for one in iter_records(stream)
                if one.kind == "response" and one.url == url
            ]
    return found


def copies(kitchen: Kitchen) -> None:
    clusters = Counter(row["cluster"] for row in kitchen.exported if row["cluster"])
    shown = json.loads(kitchen.printed["Copies of a story"])
    assert len(shown["members"]) == max(clusters.values()) > 1
    assert clusters[shown["cluster"]] == len(shown["members"])


def object_store(kitchen: Kitchen) -> None:
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    there = {one["Key"]: one["Size"] for one in listed}
    for manifest in kitchen.folder.glob(f"archives/*/{MANIFEST}"):
        for name in read_manifest(manifest.parent):
            assert there[f"crawls/{manifest.parent.name}/{name}"] == (manifest.parent / name).stat().st_size
    assert sum(name.endswith(".parquet") for name in there) == len(list(kitchen.folder.glob("news/*/*/*")))


CHECKS: dict[str, Callable[[Kitchen], None]] = {
    FIRST: exports,
    "pandas": pandas,
    "polars": polars,
    "DuckDB over Parquet": duckdb_parquet,
    "DuckDB over the lines": duckdb_lines,
    "Hugging Face datasets": datasets,
    "datatrove": datatrove,
    "datatrove over WARC": datatrove_warc,
    "Datasette": datasette,
    "SQLite": sqlite,
    "Elasticsearch and OpenSearch": bulk,
    "jq": jq,
    "warcio": warcio,
    "WET": wet,
    "pywb": pywb,
    "Copies of a story": copies,
    "An object store": object_store,
}


def test_every_recipe_is_checked() -> None:
    assert list(recipes()) == list(CHECKS)
    assert all(recipes().values())
    assert all(len(recipes()[name]) > place for name, place in NOT_RUN)


@pytest.mark.parametrize("name", CHECKS)
def test_a_recipe_gives_what_the_archive_holds(kitchen: Kitchen, name: str) -> None:
    if name != FIRST:
        cook(kitchen, name)
    CHECKS[name](kitchen)
