"""One story is written once, and which of its pages is kept does not depend on which came first."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from types import SimpleNamespace

import pytest

from newscrawl.archive.lines import LinesFile
from newscrawl.items import Article, Rejection
from newscrawl.parts import Extractor, WarcPointer
from newscrawl.pipelines.dedupe import DedupePipeline


def an_article(offset: int) -> Article:
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
    )


class Kept:
    """A run that keeps what it is told to withdraw."""

    def __init__(self) -> None:
        self.withdrawn: list[Rejection] = []

    def withdraw_article(self, rejection: Rejection, lang: str | None) -> None:
        assert lang == "en"
        self.withdrawn.append(rejection)


@pytest.mark.parametrize("offsets", list(permutations((10, 20, 300))))
def test_the_first_of_the_archive_is_kept(offsets: tuple[int, ...]) -> None:
    run, counted = Kept(), []
    stats = SimpleNamespace(inc_value=counted.append)
    pipeline = DedupePipeline(SimpleNamespace(spider=SimpleNamespace(run=run), stats=stats))  # type: ignore[arg-type]
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
    assert counted == ["newscrawl/dedupe/dropped/duplicate"] * len(run.withdrawn)


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
