"""WET files: conversion records that refer to responses and stay out of replay."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator
from wire.archived import answer, archived_run, story

from newscrawl.archive.finished_runs import FinishedRun, read_run_articles
from newscrawl.errors import ArchiveError
from newscrawl.items import Article
from newscrawl.warc.reader import WarcRecord, iter_records
from newscrawl.warc.wet import article_plain_text, conversion_record, write_wet

MADE = datetime(2026, 3, 1, 13, tzinfo=UTC)


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    pages = {
        "http://example.org/pier": answer(story("pier")),
        "http://example.org/caf\u00e9?a=b c": answer(story("caf\u00e9")),
    }
    return archived_run(tmp_path / "archives", "echo", pages)


def records(path: Path) -> list[WarcRecord]:
    with path.open("rb") as stream:
        return list(iter_records(stream))


def lines(run: FinishedRun) -> list[Article]:
    return list(read_run_articles([run]))


def test_every_article_is_a_record_that_refers_to_its_response(run: FinishedRun, tmp_path: Path) -> None:
    wet = tmp_path / "x.warc.wet.gz"
    assert write_wet(wet, lines(run), made=MADE, runs=[run.report.run]) == 2
    info, *made = records(wet)
    responses = {record.record_id: record for record in records(run.warcs[0]) if record.kind == "response"}
    assert (info.kind, info.headers["warc-filename"]) == ("warcinfo", "x.warc.wet.gz")
    assert f"isPartOf: {run.report.run}".encode() in info.block
    for record, article in zip(made, lines(run), strict=True):
        response = responses[record.headers["warc-refers-to"]]
        assert record.kind == "conversion"
        assert record.headers["warc-target-uri"] == response.url
        assert record.headers["warc-refers-to-target-uri"] == response.url
        assert record.headers["warc-refers-to-date"] == response.headers["warc-date"]
        assert record.headers["warc-warcinfo-id"] == info.record_id
        assert record.block.decode() == article_plain_text(article)
        assert record.block.decode().startswith("News of the ")
    assert len({record.record_id for record in [info, *made]} | responses.keys()) == 3 + len(responses)


def test_other_readers_take_it_and_find_its_digests_right(run: FinishedRun, tmp_path: Path) -> None:
    wet = tmp_path / "x.warc.wet.gz"
    write_wet(wet, lines(run), made=MADE, runs=[])
    with wet.open("rb") as stream:
        texts = []
        for record in ArchiveIterator(stream, check_digests=True):
            if record.rec_type == "conversion":
                assert record.content_type.startswith("text/plain")
                texts.append(record.content_stream().read().decode())
            else:
                record.raw_stream.read()
            assert not record.digest_checker.problems
    assert texts == [article_plain_text(article) for article in lines(run)]
    assert gzip.decompress(wet.read_bytes()).count(b"WARC/1.1\r\n") == 3


def test_the_same_run_gives_the_same_bytes(run: FinishedRun, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_wet(tmp_path / folder / "x.warc.wet.gz", lines(run), made=MADE, runs=["r"])
    assert (tmp_path / "a/x.warc.wet.gz").read_bytes() == (tmp_path / "b/x.warc.wet.gz").read_bytes()


def test_a_name_that_a_replay_would_take_up_is_refused(run: FinishedRun, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"must end with \.warc\.wet\.gz"):
        write_wet(tmp_path / "x.warc.gz", lines(run), made=MADE, runs=[])
    assert not list(tmp_path.glob("x.*"))


def test_what_fails_on_the_way_leaves_no_file(run: FinishedRun, tmp_path: Path) -> None:
    run.lines.write_bytes(run.lines.read_bytes() + b'{"cut')
    with pytest.raises(ArchiveError, match="line 3: "):
        write_wet(tmp_path / "x.warc.wet.gz", read_run_articles([run]), made=MADE, runs=[])
    assert not list(tmp_path.glob("x.*"))


def test_an_article_without_a_record_is_named(run: FinishedRun) -> None:
    homeless = lines(run)[0].model_copy(update={"warc": None})
    with pytest.raises(ArchiveError, match=r"http://example\.org/pier: "):
        conversion_record(homeless, "<urn:uuid:1>")


def test_a_line_cannot_put_headers_into_a_record(run: FinishedRun) -> None:
    line = json.loads(run.lines.read_text().splitlines()[0])
    line["fetched"] = "2026\r\nWARC-Type: response"
    with pytest.raises(ArchiveError, match="WARC-Date holds CR, LF or NUL"):
        conversion_record(Article.model_validate(line), "<urn:uuid:1>")
