"""The line that a worker made is the line in the file, unless a pipeline has changed the article."""

from __future__ import annotations

import asyncio
import gc
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lines_made import article
from scrapy.settings import Settings
from wire.archived import answer, archived_run, story, unopened_run

from newscrawl import settings as shipped
from newscrawl.archive.lines import PackedArticle, PackedArticles, json_line
from newscrawl.archive.pages import find_archive_files
from newscrawl.archive.reextract import extract_with_record
from newscrawl.archive.run_files import Run
from newscrawl.dedup.documents import make_document, unpack_document
from newscrawl.items import Article, Link, Page, Rejection
from newscrawl.pipelines.extract import ExtractPipeline
from newscrawl.pipelines.packed_pages import PackedPage, extract_packed
from newscrawl.pipelines.store import StorePipeline
from newscrawl.spiders.base import has_foreign_pipelines
from newscrawl.state.frontier import MemoryFrontier

OWN = shipped.ITEM_PIPELINES
FOREIGN = {**OWN, "paper.pipelines.TagPipeline": 500}
ODD_TEXTS = ("a\ud800b", '\u2028\x00\x7f\x1f"\\/', "😀 é\u0301", "</script>\r\n\t", "NaN")


def a_run(folder: Path) -> Run:
    run = unopened_run(folder, "example")
    run.articles.open()
    return run


class WorkerOf:
    """A pool whose only worker sends the line of an article."""

    def __init__(self, sent: Article) -> None:
        self.sent = PackedArticle(json_line(sent), b"")

    async def run(self, task: Any, seconds: float) -> PackedPage:
        assert task
        assert seconds
        sent: PackedPage = pickle.loads(pickle.dumps(PackedPage(self.sent, None)))
        return sent


def stored_line(
    folder: Path,
    sent: Article,
    *,
    pipelines: dict[str, int] = OWN,
    change: Callable[[Article], Article] = lambda item: item,
) -> bytes:
    """The line in the file of an article that a worker sent, and that a pipeline has changed."""
    run = a_run(folder)
    spider = SimpleNamespace(name="example", run=run, outlet=None, frontier=MemoryFrontier())
    given = {"NEWSCRAWL_EXTRACT_SECONDS": 1, "NEWSCRAWL_EXTRACT_PROCESSES": 1, "ITEM_PIPELINES": pipelines}
    stats = SimpleNamespace(inc_value=lambda *_: None)
    crawler: Any = SimpleNamespace(settings=Settings(given), spider=spider, stats=stats)
    extract, store = ExtractPipeline(crawler), StorePipeline(crawler)
    extract.pool = WorkerOf(sent)  # type: ignore[assignment]
    assert sent.warc
    page = Page(link=Link(url=sent.url, via="list"), url=sent.url, status=200, warc=sent.warc)
    item = asyncio.run(extract.process_item(page))
    assert isinstance(item, Article)
    store.process_item(change(item))
    run.articles.close()
    return (run.folder / f"{run.id}.jsonl").read_bytes()


def test_the_line_of_the_worker_is_the_line_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not made a second time."""
    sent = article(1)
    made = json_line(sent)

    def refuse(_: object) -> bytes:
        raise AssertionError("the line is there already")

    monkeypatch.setattr("newscrawl.archive.run_files.json_line", refuse)
    assert stored_line(tmp_path, sent) == made


def test_an_article_that_a_pipeline_puts_in_its_place_is_written(tmp_path: Path) -> None:
    sent = article(1, tags=["harbour"])
    line = stored_line(tmp_path, sent, change=lambda item: item.model_copy(update={"title": "Another"}))
    assert line == json_line(sent.model_copy(update={"title": "Another"}))


def test_a_list_that_a_projects_pipeline_changes_is_written_as_it_is_then(tmp_path: Path) -> None:
    def add_tag(item: Article) -> Article:
        item.tags.append("quay")
        return item

    sent = article(1, tags=["harbour"])
    line = stored_line(tmp_path, sent, pipelines=FOREIGN, change=add_tag)
    assert line == json_line(sent.model_copy(update={"tags": ["harbour", "quay"]}))


@pytest.mark.parametrize("text", ODD_TEXTS, ids=ascii)
@pytest.mark.parametrize("pipelines", [OWN, FOREIGN], ids=["own", "foreign"])
def test_an_odd_text_gives_the_same_line_on_both_ways(
    tmp_path: Path, text: str, pipelines: dict[str, int]
) -> None:
    sent = article(1, text=text, title=text, lang_score=1e-07)
    assert stored_line(tmp_path, sent, pipelines=pipelines) == json_line(sent)


@pytest.mark.parametrize(
    ("pipelines", "is_foreign"),
    [
        (OWN, False),
        ({**OWN, "paper.pipelines.TagPipeline": None}, False),
        (FOREIGN, True),
        ({WorkerOf: 500}, True),
    ],
)
def test_pipelines_of_a_project_are_told_from_our_own(pipelines: dict[Any, Any], is_foreign: bool) -> None:
    assert has_foreign_pipelines(Settings({"ITEM_PIPELINES": pipelines})) is is_foreign


def test_what_a_worker_sent_is_forgotten_with_its_article() -> None:
    packed, sent = PackedArticles(), PackedArticle(b"line\n", b"")
    first, copy = article(1), article(1)
    packed.add(first, sent)
    assert packed.get(first) is sent
    assert packed.get(copy) is None
    assert packed.get(first.model_copy()) is None
    del first
    gc.collect()
    assert not packed._packed


def packed_items(folder: Path, *, is_compared: bool) -> Iterable[tuple[Article | Rejection, PackedPage]]:
    """What is extracted from the pages of an archive, with and without packing."""
    for file in find_archive_files([folder]):
        for page in file.pages():
            plain = extract_with_record(page.folder, page.pointer, None)
            packed = extract_packed(page.folder, page.pointer, None, is_compared=is_compared)
            assert packed[1:] == plain[1:]
            yield plain.item, packed


def test_a_worker_packs_articles_and_sends_rejections_as_they_are(tmp_path: Path) -> None:
    pages = {f"http://example.org/{n}": answer(story(f"pier number {n}")) for n in range(2)}
    pages["http://example.org/picture"] = answer(b"\x89PNG\r\n\x1a\n" + bytes(500), kind="image/png")
    folder = archived_run(tmp_path, "echo", pages).folder
    kinds = []
    for item, page in packed_items(folder, is_compared=True):
        kinds.append(type(page.item))
        if isinstance(item, Article):
            assert isinstance(page.item, PackedArticle)
            assert page.item.line == json_line(item)
            assert Article.model_validate_json(page.item.line) == item
            found, expected = unpack_document(page.item.document), make_document(item)
            assert found
            assert expected
            assert (found.key, found.title, found.published) == (
                expected.key,
                expected.title,
                expected.published,
            )
            assert found.tokens.tolist() == expected.tokens.tolist()
            assert found.names.tolist() == expected.names.tolist()
        else:
            assert page.item == item
    assert kinds == [PackedArticle, PackedArticle, Rejection]
    for _, page in packed_items(folder, is_compared=False):
        assert isinstance(page.item, Rejection) or unpack_document(page.item.document) is None


def test_an_article_of_which_no_document_can_be_made_is_an_article_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OverflowError("no such time")

    monkeypatch.setattr("newscrawl.pipelines.packed_pages.make_document", fail)
    folder = archived_run(tmp_path, "echo", {"http://example.org/1": answer(story("pier"))}).folder
    ((item, page),) = packed_items(folder, is_compared=True)
    assert page.item == PackedArticle(json_line(item), b"")
    assert "http://example.org/1" in caplog.text
