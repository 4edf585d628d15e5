"""Copies are looked for among the documents that workers made, or those of the lines: the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lines_made import article
from scrapy.settings import Settings
from scrapy.signalmanager import SignalManager
from wire.archived import unopened_run

from newscrawl.archive.lines import PackedArticle, json_line
from newscrawl.archive.run_files import Run
from newscrawl.dedup.documents import make_document, pack_document
from newscrawl.dedup.fingerprints import Document
from newscrawl.extensions import dedup
from newscrawl.extensions.dedup import DedupExtension
from newscrawl.items import Article, reject_article

ARTICLES = [article(page, text=f"Le conseil {page} s'est réuni.") for page in (30, 4, 200, 17)]
LISTING = article(50, page_type="listing")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = unopened_run(tmp_path, "example")
    made.articles.open()
    made.rejections.open()
    return made


@pytest.fixture
def extension(run: Run) -> DedupExtension:
    spider = SimpleNamespace(name="example", run=run, outlet=None, state=object())
    crawler: Any = SimpleNamespace(
        settings=Settings({"NEWSCRAWL_DEDUP": True}), signals=SignalManager(), spider=spider
    )
    return DedupExtension(crawler)


def write(extension: DedupExtension, items: Sequence[Article]) -> None:
    """Write lines; of every second article a worker has sent the document."""
    run = extension.spider.run
    for number, item in enumerate(items):
        if number % 2:
            run.packed.add(item, PackedArticle(json_line(item), pack_document(make_document(item))))
        run.write_article(item)
        extension.item_scraped(item)


def listed(extension: DedupExtension) -> list[tuple[Any, ...]]:
    found = extension.list_documents(extension.spider)
    return [comparable(document) for document in found if document]


def comparable(document: Document) -> tuple[Any, ...]:
    return document.key, document.article_id, document.fetched_at, document.tokens.tolist()


def expected(items: Sequence[Article]) -> list[tuple[Any, ...]]:
    return [comparable(document) for item in items if (document := make_document(item))]


def refuse_reading(*_: object) -> None:
    raise AssertionError("what was just written is read again")


def test_documents_come_in_the_order_of_the_lines_without_reading_them(
    extension: DedupExtension, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(extension, [*ARTICLES, LISTING])
    withdrawn = ARTICLES[0]
    run.withdraw_article(reject_article(withdrawn, "dedupe", "duplicate"), withdrawn.lang)
    run.close()
    monkeypatch.setattr(dedup, "read_run_lines", refuse_reading)
    by_place = [ARTICLES[1], ARTICLES[3], ARTICLES[2]]
    assert listed(extension) == expected(by_place)


def test_the_lines_are_read_where_documents_are_not_held(
    extension: DedupExtension, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dedup, "MAX_HELD_BYTES", 100)
    write(extension, ARTICLES)
    assert not extension.documents
    run.close()
    assert listed(extension) == expected([ARTICLES[1], ARTICLES[3], ARTICLES[0], ARTICLES[2]])


def test_the_lines_are_read_where_a_pipeline_dropped_an_article_after_its_line(
    extension: DedupExtension, run: Run
) -> None:
    write(extension, ARTICLES[:3])
    run.write_article(ARTICLES[3])
    run.close()
    assert listed(extension) == expected([ARTICLES[1], ARTICLES[3], ARTICLES[0], ARTICLES[2]])
