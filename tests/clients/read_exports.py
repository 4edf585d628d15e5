"""Reads exports with the programs of others, in their own environment; a line of JSON for each."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Told = dict[str, Any]


def told(texts: Iterable[str], **more: Any) -> Told:
    """How many texts there are, and a digest of all of them, whatever their order."""
    digests = sorted(hashlib.sha256(text.encode()).hexdigest() for text in texts)
    return {"rows": len(digests), "texts": hashlib.sha256("".join(digests).encode()).hexdigest(), **more}


def pandas_parquet(folder: Path) -> Told:
    import pandas as pd

    frame = pd.read_parquet(folder / "parquet")
    kinds = {name: str(frame[name].dtype) for name in ("word_count", "is_mixed", "published_at")}
    return told(frame["text"], kinds=kinds, outlets=sorted(set(map(str, frame["outlet"]))))


def pandas_csv(folder: Path) -> Told:
    import pandas as pd

    frame = pd.read_csv(folder / "a.csv", keep_default_na=False)
    return told(frame["text"], kinds={"is_mixed": str(frame["is_mixed"].dtype)})


def polars_parquet(folder: Path) -> Told:
    import polars as pl

    frame = pl.scan_parquet(f"{folder}/parquet/**/*.parquet", hive_partitioning=True).collect()
    kinds = {name: str(frame.schema[name]) for name in ("word_count", "tags", "published_at")}
    return told(frame["text"].to_list(), kinds=kinds, outlets=frame["outlet"].unique().sort().to_list())


def polars_jsonl(folder: Path) -> Told:
    import polars as pl

    typed = pl.scan_parquet(f"{folder}/parquet/**/*.parquet", hive_partitioning=False).collect_schema()
    schema = {name: typed[name] for name in typed.names() if not name.endswith(("_at", "published_on"))}
    frame = pl.scan_ndjson(folder / "a.jsonl.gz", schema=schema).collect()
    return told(
        frame["text"].to_list(), kinds={name: str(frame.schema[name]) for name in ("word_count", "tags")}
    )


def duckdb_parquet(folder: Path) -> Told:
    import duckdb

    source = f"read_parquet('{folder}/parquet/**/*.parquet', hive_partitioning = true)"
    texts = [row[0] for row in duckdb.sql(f"SELECT text FROM {source}").fetchall()]
    asked = "SELECT DISTINCT typeof(published_at), typeof(tags), typeof(authors[1].name) FROM"
    return told(texts, kinds=duckdb.sql(f"{asked} {source}").fetchall())


def duckdb_jsonl(folder: Path) -> Told:
    import duckdb

    source = f"read_json('{folder}/a.jsonl.gz', maximum_object_size = 67108864)"
    found = duckdb.sql(f"SELECT text, word_count, is_mixed, tags, authors[1].name FROM {source}")
    return told([row[0] for row in found.fetchall()], kinds=[str(kind) for kind in found.types])


def duckdb_zstd(folder: Path) -> Told:
    import duckdb

    found = duckdb.sql(f"SELECT text FROM read_json('{folder}/a.jsonl.zst', maximum_object_size = 67108864)")
    return told([row[0] for row in found.fetchall()])


def duckdb_csv(folder: Path) -> Told:
    import duckdb

    found = duckdb.sql(f"SELECT text, is_mixed FROM read_csv('{folder}/a.csv', max_line_size = 67108864)")
    return told([row[0] for row in found.fetchall()], kinds=[str(kind) for kind in found.types])


def datasets_parquet(folder: Path) -> Told:
    from datasets import load_dataset

    rows = load_dataset("parquet", data_files=f"{folder}/parquet/**/*.parquet", split="train")
    kinds = {
        "word_count": rows.features["word_count"].dtype,
        "published_at": rows.features["published_at"].dtype,
    }
    return told(rows["text"], kinds=kinds)


def datasets_jsonl(folder: Path) -> Told:
    from datasets import load_dataset

    typed = load_dataset("parquet", data_files=f"{folder}/flat_parquet/**/*.parquet", split="train").features
    rows = load_dataset("json", data_files=f"{folder}/flat/**/*.jsonl", split="train", features=typed)
    assert rows.features == typed
    return told(rows["text"], kinds={name: str(typed[name].dtype) for name in ("word_count", "agency")})


def datasets_folder(folder: Path) -> Told:
    """The folders as they are: a split a day, all rows in one split, and the same features in every file."""
    from datasets import load_dataset

    texts, splits = [], {}
    for name in ("flat", "flat_parquet"):
        days = load_dataset(str(folder / name))
        rows = load_dataset(str(folder / name), "all", split="train")
        assert all(one.features == rows.features for one in days.values())
        assert sorted(rows["id"]) == sorted(id_ for one in days.values() for id_ in one["id"])
        texts.append(list(rows["text"]))
        splits[name] = {day: one.num_rows for day, one in days.items()}
    assert sorted(texts[0]) == sorted(texts[1])
    return told(texts[1], splits=splits)


def datasets_own_lines(folder: Path) -> Told:
    """The lines of each outlet alone and of all: with the features of Parquet they are the same."""
    from datasets import load_dataset

    typed = load_dataset("parquet", data_files=f"{folder}/parquet/**/*.parquet", split="train").features
    outlets = [
        str(path) for path in sorted((folder / "archives").glob("*/")) if list(path.glob("*[0-9].jsonl"))
    ]
    sources = [f"{folder}/archives/*/*[0-9].jsonl", *(f"{outlet}/*[0-9].jsonl" for outlet in outlets)]
    rows = [load_dataset("json", data_files=one, split="train", features=typed) for one in sources]
    assert len(rows) > 2
    assert all(one.features == typed for one in rows)
    assert sum(map(len, rows[1:])) == len(rows[0])
    return told(rows[0]["text"])


def datatrove_jsonl(folder: Path) -> Told:
    from datatrove.pipeline.readers import JsonlReader

    made = list(JsonlReader(str(folder / "datatrove"), glob_pattern="**/*.jsonl").run())
    kinds = {name: type(made[0].metadata[name]).__name__ for name in ("word_count", "is_mixed", "tags")}
    return told((document.text for document in made), keys=sorted(made[0].metadata), kinds=kinds)


def datatrove_parquet(folder: Path) -> Told:
    from datatrove.pipeline.readers import ParquetReader

    made = list(ParquetReader(str(folder / "parquet"), glob_pattern="**/*.parquet").run())
    return told((document.text for document in made), ids=sorted(document.id for document in made)[:1])


def datatrove_own_lines(folder: Path) -> Told:
    from datatrove.pipeline.readers import JsonlReader

    made = list(JsonlReader(str(folder), glob_pattern="a.jsonl.gz").run())
    return told(document.text for document in made)


def datatrove_warc(folder: Path) -> Told:
    import pylibmagic  # noqa: F401 # the library that datatrove asks for, where the system has none
    from datatrove.pipeline.readers import WarcReader

    made = list(WarcReader(str(folder / "archives"), glob_pattern="*/*.warc.gz").run())
    return {"ids": sorted(document.id for document in made)}


def zyte_items(folder: Path) -> Told:
    from zyte_common_items import Article

    lines = [line for path in folder.glob("zyte/**/*.jsonl") for line in path.read_bytes().splitlines()]
    made = [Article.from_dict(json.loads(line)) for line in lines]
    assert all(type(item).__name__ == "Article" and not item._unknown_fields_dict for item in made)
    return told((item.articleBody for item in made), author=made[0].authors[0].name)


def datasette(folder: Path) -> Told:
    from datasette.app import Datasette

    async def asked() -> Told:
        served = Datasette([str(folder / "a.db")], settings={"max_returned_rows": 2000})
        await served.invoke_startup()
        rows = (await served.client.get("/a/articles.json?_size=max&_shape=array&_nl=on")).text.splitlines()
        found = (await served.client.get("/a/articles.json?_search=economie&_shape=array")).json()
        texts = [json.loads(row)["text"] for row in rows]
        return told(texts, found=[row["title"] for row in found])

    return asyncio.run(asked())


READERS: tuple[Callable[[Path], Told], ...] = (
    pandas_parquet,
    pandas_csv,
    polars_parquet,
    polars_jsonl,
    duckdb_parquet,
    duckdb_jsonl,
    duckdb_zstd,
    duckdb_csv,
    datasets_parquet,
    datasets_jsonl,
    datasets_folder,
    datasets_own_lines,
    datatrove_jsonl,
    datatrove_parquet,
    datatrove_own_lines,
    datatrove_warc,
    zyte_items,
    datasette,
)


def main() -> None:
    folder = Path(sys.argv[1])
    os.environ |= {"HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    for reader in READERS:
        try:
            found = reader(folder)
        except Exception as error:  # noqa: BLE001 # whatever befalls one reader is told, and the next one reads
            found = {"error": f"{type(error).__name__}: {error}"[:2000]}
        print(json.dumps({"reader": reader.__name__} | found, default=str), flush=True)


if __name__ == "__main__":
    main()
