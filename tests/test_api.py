"""`import newscrawl`: what outsiders may use works, is documented, and costs nothing until it is used."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import newscrawl

ROOT = Path(__file__).parents[1]
IMPORT_SECONDS = 0.05
HEAVY = ("scrapy", "twisted", "lxml", "numpy", "pydantic", "trafilatura", "sqlalchemy")
REQUEST = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnews"


def test_importing_the_package_is_cheap() -> None:
    code = (
        "import sys, time; start = time.process_time(); import newscrawl; "
        f"print(time.process_time() - start, *[name for name in {HEAVY} if name in sys.modules])"
    )
    best = []
    for _ in range(3):
        shown = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        seconds, *loaded = shown.split()
        assert not loaded
        best.append(float(seconds))
    assert min(best) < IMPORT_SECONDS


@pytest.mark.parametrize("name", newscrawl.__all__)
def test_each_public_name_loads_and_has_a_place_in_the_docs(name: str) -> None:
    assert getattr(newscrawl, name).__doc__
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert re.search(rf"^\.\. auto(function|class):: {name}$", page, re.MULTILINE)


def test_the_docs_document_nothing_that_is_private() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\.\. auto\w+:: (\w+)$", page, re.MULTILINE)) == set(newscrawl.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="crawl_everything"):
        newscrawl.crawl_everything  # noqa: B018
    assert set(newscrawl.__all__) <= set(dir(newscrawl))


def test_a_page_becomes_an_article_or_a_rejection() -> None:
    story = "<p>The council of the port voted on Tuesday to repair the old pier before the rains return.</p>"
    page = f"<html><title>Pier</title><body><article><h1>Pier</h1>{story * 3}</article></body></html>"
    article = newscrawl.extract(page, url="https://example.org/pier")
    assert isinstance(article, newscrawl.Article)
    assert article.lang == "en"
    rejection = newscrawl.extract(b"", url="https://example.org/empty")
    assert isinstance(rejection, newscrawl.Rejection)


def test_languages_of_any_text() -> None:
    languages = newscrawl.detect_languages("Le conseil a voté.\nThe council voted, he said.")
    assert [block.lang for block in languages.blocks] == ["fr", "en"]


def test_what_the_writer_writes_the_reader_reads(tmp_path: Path) -> None:
    moment = datetime(2026, 3, 4, tzinfo=UTC)
    ids = iter(f"<urn:uuid:00000000-0000-4000-8000-{number:012d}>" for number in range(9))
    names = newscrawl.WarcNameTemplate(prefix="mine", host="here", pid=1)
    exchange = newscrawl.HttpExchange(
        url="http://example.org/", started=moment, sent=REQUEST, received=RESPONSE
    )
    with newscrawl.WarcWriter(
        folder=tmp_path, names=names, now=lambda: moment, new_id=lambda: next(ids)
    ) as writer:
        pointer = writer.write(exchange)
    records = list(newscrawl.iter_records(tmp_path / pointer.file))
    assert [record.kind for record in records][:3] == ["warcinfo", "response", "request"]
    assert records[1].offset == pointer.offset
    assert records[1].block == RESPONSE
