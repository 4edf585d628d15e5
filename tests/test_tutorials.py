"""docs/tutorial.md and docs/corpus.md do what they say, typed block by block in an empty folder."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.dataset
import pytest
from wire.crawl import ROOT, environment

from newscrawl.archive.report import Report, newest_reports
from newscrawl.demo.catalogue import demo_site
from newscrawl.demo.server import Newsroom, serve_in_thread

pytestmark = pytest.mark.crawl

BLOCK = re.compile(r"^```(sh run|toml (?P<file>\S+))\n(?P<text>.*?)^```\n", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8600/"
"Where the tutorial's reader has the newsroom; in a test it has any free port."


def typed_blocks(name: str) -> Iterator[tuple[str | None, str]]:
    """The blocks a reader types or writes into a file, in the order of the page."""
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    for block in BLOCK.finditer(page):
        yield block["file"], block["text"]


def follow(name: str, folder: Path, address: str = ADDRESS) -> str:
    """What the terminal shows to somebody who does all the page says."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    script = ""
    for file, block in typed_blocks(name):
        text = block.replace(ADDRESS, address)
        script += f"cat > {file} <<'FILE'\n{text}FILE\n" if file else text
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**environment(), "PATH": path, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tutorial_leads_from_a_home_page_to_a_table_of_articles(tmp_path: Path) -> None:
    with serve_in_thread(Newsroom([demo_site("kamer_echo")])) as newsroom:
        shown = follow("tutorial.md", tmp_path, newsroom.bases["kamer_echo"] + "/")
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    promised = re.search(r"│ my_outlet +│ +(\d+) │ +(\d+) │", page)
    assert promised
    second, first = (report for _, report in newest_reports(tmp_path / "archives" / "my_outlet", 3))
    assert isinstance(first, Report)
    assert isinstance(second, Report)
    assert (first.pages, first.articles) == (int(promised[1]), int(promised[2]))
    assert second.articles == 0
    with sqlite3.connect(tmp_path / "news.db") as database:
        titles = [title for (title,) in database.execute("SELECT title FROM articles")]
    assert len(titles) == first.articles
    assert sum(title in shown for title in titles) == 5
    assert "Nkolbong" in (tmp_path / "why.html").read_text(encoding="utf-8")


def test_the_corpus_page_leads_to_parquet_without_duplicates(tmp_path: Path) -> None:
    shown = follow("corpus.md", tmp_path)
    corpus = pyarrow.dataset.dataset(tmp_path / "corpus", partitioning="hive", exclude_invalid_files=True)
    rows = corpus.to_table(columns=["outlet", "lang", "text", "duplicate_of"]).to_pylist()
    assert {row["outlet"] for row in rows} == {"kamer_echo", "deccan_wire", "val_sambre", "fundy_courier"}
    assert {row["lang"] for row in rows} == {"fr", "en", "mixed"}
    assert not [row for row in rows if row["duplicate_of"]]
    assert f"{len(rows)} articles, {sum(len(row['text']) for row in rows)} characters" in shown
    again = (tmp_path / "again.jsonl").read_text(encoding="utf-8").splitlines()
    lines = [json.loads(line) for line in again]
    texts = {row["text"] for row in rows if row["outlet"] == "kamer_echo"}
    assert texts <= {line["text"] for line in lines}
