"""Pages that several records of other programs make up: joined where all are there, else named as lost."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crafted import http, members, record, urn
from typer.testing import CliRunner
from wire.archived import story

from newscrawl.archive.linked_records import iter_pages
from newscrawl.archive.pages import find_archive_files
from newscrawl.cli import app

URL = "http://example.org/ferry"
OTHER = "http://example.org/ferry?from=mail"
HTML = story("ferry")
TYPE = "Content-Type: text/html; charset=utf-8"
ANSWER = http(HTML, TYPE)
DIGEST = ("WARC-Payload-Digest", "sha1:FAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKE")
WHEN, LATER = "2026-05-01T10:00:00Z", "2026-06-01T10:00:00Z"
NOT_MODIFIED = http(b"", status="HTTP/1.1 304 Not Modified")


def extract(folder: Path, code: int = 0) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    out = folder.parent / "out.jsonl"
    result = CliRunner().invoke(app, ["extract", str(folder), "-o", str(out), "--json", "--jobs", "1"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return json.loads(result.stdout), [json.loads(line) for line in out.read_text().splitlines()]


def revisit(*extra: tuple[str, str], url: str = OTHER, block: bytes = NOT_MODIFIED, number: int = 9) -> bytes:
    return record("revisit", url, block, *extra, number=number, date=LATER)


LINKS = {
    "URL and date": [("WARC-Refers-To-Target-URI", URL), ("WARC-Refers-To-Date", WHEN)],
    "brackets of WARC 1.0": [("WARC-Refers-To-Target-URI", f"<{URL}>"), ("WARC-Refers-To-Date", WHEN)],
    "URL and id": [("WARC-Refers-To-Target-URI", URL), ("WARC-Refers-To", urn(1))],
    "id alone": [("WARC-Refers-To", urn(1))],
    "digest alone": [DIGEST],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "theirs"
    path.mkdir()
    return path


@pytest.mark.parametrize("end", [".warc.gz", ".warc", "one stream"])
@pytest.mark.parametrize("link", LINKS)
def test_a_revisit_becomes_the_article_of_its_own_url(folder: Path, link: str, end: str) -> None:
    records = [
        record("response", URL + "/other", http(story("quay"), TYPE), number=2),
        record("response", URL, ANSWER, DIGEST),
        revisit(*LINKS[link]),
    ]
    raw = b"".join(records) if end == ".warc" else members(records)
    if end == "one stream":
        raw, end = gzip.compress(b"".join(records)), ".warc.gz"
    (folder / f"x{end}").write_bytes(raw)
    summary, lines = extract(folder)
    assert (summary["pages"], summary["skipped"]) == (3, {})
    assert [line["url"] for line in lines] == [URL + "/other", URL, OTHER][: len(lines)]
    if len(lines) == 3:
        assert lines[2]["text"] == lines[1]["text"]
        assert (lines[2]["fetched"], lines[2]["warc"]["record_id"]) == ("2026-06-01T10:00:00.000000Z", urn(9))
        assert lines[2]["warc"]["file"] == f"x{end}"
    assert not list(folder.glob("index*"))


@pytest.mark.parametrize("first", ["a", "z"])
def test_an_original_is_found_in_another_file(folder: Path, first: str) -> None:
    (folder / f"{first}.warc.gz").write_bytes(members([record("response", URL, ANSWER, DIGEST)]))
    (folder / "deep").mkdir()
    (folder / "deep" / "m.warc.gz").write_bytes(members([revisit(DIGEST, url="http://example.org/copy")]))
    summary, lines = extract(folder)
    assert [line["url"] for line in lines] == [URL, "http://example.org/copy"]
    assert summary["skipped"] == {}


def test_the_head_of_a_revisit_is_its_own(folder: Path) -> None:
    head = http(b"", TYPE, "Last-Modified: Mon, 01 Jun 2026 09:00:00 GMT")
    records = [record("response", URL, ANSWER, DIGEST), revisit(DIGEST, url=URL + "/2", block=head)]
    (folder / "x.warc.gz").write_bytes(members(records))
    files = find_archive_files([folder])
    pages = list(iter_pages(files))
    assert [page.url for page in pages] == [URL, URL + "/2"]
    assert len(extract(folder)[1]) == 2


def test_a_revisit_of_the_same_page_is_a_duplicate(folder: Path) -> None:
    (folder / "x.warc.gz").write_bytes(
        members([record("response", URL, ANSWER, DIGEST), revisit(DIGEST, url=URL)])
    )
    summary, lines = extract(folder)
    assert (len(lines), summary["rejected"]) == (1, {"duplicate": 1})


IMAGE = record("response", URL, http(b"\x89PNG\r\n\x1a\n", "Content-Type: image/png"), DIGEST, number=2)
GONE = http(b"", TYPE, status="HTTP/1.1 404 Not Found")
NO_PAGES: dict[str, tuple[list[bytes], dict[str, int], int]] = {
    "its original is in no file": ([revisit(DIGEST)], {"revisit_unresolved": 1}, 1),
    "it refers to nothing": ([revisit()], {"revisit_unresolved": 1}, 1),
    "it refers to itself": ([revisit(("WARC-Refers-To", urn(9)))], {"revisit_unresolved": 1}, 1),
    "it repeats an image": ([IMAGE, revisit(DIGEST)], {"media_type": 2}, 0),
    "it repeats an error": ([revisit(DIGEST, block=GONE)], {"status_404": 1}, 0),
    "it has no date": (
        [record("revisit", OTHER, NOT_MODIFIED, DIGEST, date=None, number=9)],
        {"date_missing": 1},
        1,
    ),
    "its original is a segment": (
        [record("response", URL, ANSWER, DIGEST, ("WARC-Segment-Number", "1"), number=2), revisit(DIGEST)],
        {"revisit_unresolved": 1, "segment_missing": 1},
        1,
    ),
}


@pytest.mark.parametrize("case", NO_PAGES)
def test_a_revisit_that_is_no_page_is_counted_by_its_reason(folder: Path, case: str) -> None:
    records, skipped, code = NO_PAGES[case]
    page = record("response", "http://example.org/quay", http(story("quay"), TYPE), number=3)
    (folder / "x.warc.gz").write_bytes(members([*records, page]))
    summary, lines = extract(folder, code)
    assert (len(lines), summary["skipped"]) == (1, skipped)


def segments(*cuts: int, block: bytes = ANSWER, url: str = URL, number: int = 20) -> list[bytes]:
    """A response in pieces that end at these places."""
    ends = [*cuts, len(block)]
    made = []
    for place, (start, end) in enumerate(zip([0, *cuts], ends, strict=True), 1):
        links = [("WARC-Segment-Number", str(place))]
        links += [("WARC-Segment-Origin-ID", urn(number))] if place > 1 else []
        links += [("WARC-Segment-Total-Length", str(len(block)))] if place == len(ends) else []
        kind = "response" if place == 1 else "continuation"
        made.append(record(kind, url, block[start:end], *links, number=number + place - 1, version="1.0"))
    return made


ARRANGED: dict[str, Callable[[list[bytes]], list[list[bytes]]]] = {
    "in their order": lambda parts: [parts],
    "backwards": lambda parts: [parts[::-1]],
    "a file each": lambda parts: [[part] for part in parts],
    "a file each, backwards": lambda parts: [[part] for part in reversed(parts)],
    "twice": lambda parts: [parts, parts],
}


@pytest.mark.parametrize("arranged", ARRANGED)
@pytest.mark.parametrize("cuts", [(700,), (10, 20, 700), (len(ANSWER) - 1,)])
def test_segments_are_joined(folder: Path, arranged: str, cuts: tuple[int, ...]) -> None:
    for place, records in enumerate(ARRANGED[arranged](segments(*cuts))):
        (folder / f"{place}.warc.gz").write_bytes(members(records))
    summary, (article,) = extract(folder)
    assert (summary["pages"], summary["skipped"]) == (1, {})
    assert article["warc"]["record_id"] == urn(20)
    assert article["text"].count("ferry") == 4


def test_what_segments_make_is_no_page_is_counted_once(folder: Path) -> None:
    image = http(b"\x89PNG\r\n\x1a\n" + bytes(900), "Content-Type: image/png")
    page = record("response", URL, ANSWER)
    (folder / "x.warc.gz").write_bytes(members([*segments(100, 200, block=image, url=URL + ".png"), page]))
    assert extract(folder)[0]["skipped"] == {"media_type": 1}


BROKEN: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "the first is missing": lambda parts: parts[1:],
    "the middle is missing": lambda parts: [parts[0], parts[2]],
    "the last is missing": lambda parts: parts[:2],
    "the total is wrong": lambda parts: [*parts[:2], parts[2].replace(b"Total-Length: ", b"Total-Length: 1")],
    "a number is none": lambda parts: [
        parts[0],
        parts[1].replace(b"Segment-Number: 2", b"Segment-Number: two"),
        parts[2],
    ],
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_page_whose_segments_are_not_all_there_is_lost(folder: Path, case: str) -> None:
    page = record("response", "http://example.org/quay", http(story("quay"), TYPE), number=3)
    (folder / "x.warc.gz").write_bytes(members([*BROKEN[case](segments(300, 700)), page]))
    summary, lines = extract(folder, 1)
    assert (len(lines), summary["skipped"]) == (1, {"segment_missing": 1})


def test_an_extraction_goes_on_behind_a_revisit(folder: Path) -> None:
    """The pages come in the same order every time, since a command that was killed counts them."""
    records = [revisit(DIGEST, number=n, url=f"{URL}/{n}") for n in range(30, 40)]
    (folder / "x.warc.gz").write_bytes(
        members([*records, *segments(300), record("response", URL, ANSWER, DIGEST)])
    )
    first, second = (list(iter_pages(find_archive_files([folder]))) for _ in range(2))
    assert first == second
    assert [page.url for page in first] == [URL, URL, *(f"{URL}/{n}" for n in range(30, 40))]
