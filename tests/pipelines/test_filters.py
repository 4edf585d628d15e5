"""One story is written once, and which of its pages is kept does not depend on which came first."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy.exceptions import DropItem

from newscrawl.archive.lines import LinesFile
from newscrawl.items import Article, Extractor, Rejection, WarcPointer
from newscrawl.pipelines.filters import DuplicatesPipeline
from newscrawl.pipelines.store import StorePipeline
from newscrawl.state.frontier import MemoryFrontier


def an_article(offset: int, **fields: Any) -> Article:
    return Article(
        id="a" * 32,
        url_requested=f"http://example.org/{offset}",
        url="http://example.org/",
        url_norm="http://example.org/",
        text="story",
        text_sha256="0",
        lang="en",
        extractor=Extractor(name="x", version="1"),
        warc=WarcPointer(file="a.warc.gz", offset=offset, length=1, record_id=f"<urn:uuid:{offset}>"),
        **fields,
    )


class Kept:
    """A run that keeps what it is told to withdraw."""

    def __init__(self) -> None:
        self.withdrawn: list[Rejection] = []

    def withdraw_article(self, rejection: Rejection, lang: str | None) -> None:
        assert lang == "en"
        self.withdrawn.append(rejection)


class Stored(Kept):
    """A run that takes every line."""

    def write_article(self, article: Article) -> None: ...

    def write_rejection(self, rejection: Rejection) -> None: ...


class Counts:
    """Stats as far as pipelines use them."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()

    def inc_value(self, name: str, count: int = 1) -> None:
        self.counted[name] += count


@pytest.mark.parametrize("offsets", list(permutations((10, 20, 300))))
def test_the_first_of_the_archive_is_kept(offsets: tuple[int, ...]) -> None:
    run, stats = Kept(), Counts()
    spider = SimpleNamespace(run=run, frontier=MemoryFrontier())
    pipeline = DuplicatesPipeline(SimpleNamespace(spider=spider, stats=stats))  # type: ignore[arg-type]
    results = [pipeline.process_item(an_article(offset)) for offset in offsets]
    refused = [item for item in results if isinstance(item, Rejection)] + run.withdrawn
    kept = [item.warc for item in results if isinstance(item, Article) and item.warc]
    gone = {item.warc.offset for item in run.withdrawn if item.warc}
    assert [pointer.offset for pointer in kept if pointer.offset not in gone] == [10]
    assert sorted(item.url_requested for item in refused) == [
        "http://example.org/20",
        "http://example.org/300",
    ]
    assert {item.reason for item in refused} == {"duplicate"}
    assert stats.counted["newscrawl/dedupe/dropped/duplicate"] == len(run.withdrawn)


@pytest.mark.parametrize("offsets", list(permutations((10, 20, 300))))
def test_fields_are_counted_of_the_lines_that_stay(offsets: tuple[int, ...]) -> None:
    """The first of the archive has a title and no tags, the others tags and no title."""
    stats = Counts()
    stats.counted.update(dict.fromkeys(("newscrawl/filled/title", "newscrawl/filled/tags"), 0))
    spider = SimpleNamespace(run=Stored(), frontier=MemoryFrontier())
    crawler: Any = SimpleNamespace(spider=spider, stats=stats)
    dedupe, store = DuplicatesPipeline(crawler), StorePipeline(crawler)
    for offset in offsets:
        fields = {"title": "One"} if offset == 10 else {"tags": ["harbour"]}
        with suppress(DropItem):
            store.process_item(dedupe.process_item(an_article(offset, **fields)))
    left = {name: count for name, count in stats.counted.items() if count}
    assert left == {
        "newscrawl/filled/title": 1,
        "newscrawl/filled/text": 1,
        "newscrawl/dedupe/dropped/duplicate": 2,
    }


def test_a_line_that_is_withdrawn_is_not_in_the_closed_file(tmp_path: Path) -> None:
    lines = LinesFile(tmp_path / "a.jsonl")
    lines.open()
    first, second = an_article(1).warc, an_article(2).warc
    assert first
    assert second
    lines.withdraw(second)
    for pointer, line in ((second, b"two\n"), (first, b"one\n")):
        lines.add(line, pointer)
    assert lines.count == 1
    lines.close()
    assert (tmp_path / "a.jsonl").read_bytes() == b"one\n"
