"""Rendered pages in an archive, made without a browser: found, read, replayed, explained, taken down."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner
from wire.archived import STARTED, answer, story, unopened_run

from newscrawl.archive.linked_records import iter_pages
from newscrawl.archive.pages import find_archive_files
from newscrawl.archive.reextract import extract_at
from newscrawl.archive.replay import read_captures, request_key
from newscrawl.archive.run_files import new_run
from newscrawl.cli import app
from newscrawl.items import Article, Rejection, WarcPointer
from newscrawl.warc.reader import iter_records, read_page
from newscrawl.warc.records import HttpExchange, OriginalResponse
from newscrawl.warc.renderings import (
    HEAD_FIELD,
    MISSING_FIELD,
    RENDERED,
    RENDERING_FIELD,
    SHARED_FIELD,
    SUBRESOURCE_FIELD,
    RenderedPage,
    head_notes,
    rendered_message,
)

URL = "http://example.org/story/pier?id=7"
API = "http://example.org/api/pier.json"
SHELL = b"<html><head><title>Post</title></head><body><div id=app>Wait.</div><script src=/a.js></script>"
HEAD = (
    b"HTTP/1.1 200\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
    b"Content-Encoding: gzip\r\nX-Kept: yes\r\n\r\n"
)
DISCOVERY = ("discovery", json.dumps({"url": URL, "via": "list"}))


def archive(folder: Path, html: bytes | None, *notes: tuple[str, str]) -> tuple[Path, WarcPointer]:
    """A run of one page with a request of its own and its rendering, and where the rendering is."""
    run = unopened_run(folder, "post")
    run.open()
    sent = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"

    def write(url: str, received: bytes, *fields: tuple[str, str]) -> WarcPointer:
        metadata = (("outcome", "ok"), *fields)
        return run.write_exchange(
            HttpExchange(url=url, started=STARTED, sent=sent, received=received, metadata=metadata)
        )

    page = write(URL, answer(SHELL), DISCOVERY, (RENDERING_FIELD, "follows"))
    data = json.dumps({"text": "The pier is closed."}).encode()
    write(API, answer(data, kind="application/json"), (SUBRESOURCE_FIELD, URL))
    outcome = "ok" if html is not None else "BrowserTimeout: it was not done after 20 s"
    pointer = run.write_rendering(
        RenderedPage(
            url=URL,
            date=STARTED,
            response_id=page.record_id,
            html=html,
            metadata=(("outcome", outcome), DISCOVERY, *head_notes(HEAD, None), *notes),
        )
    )
    run.close()
    return run.folder, pointer


@pytest.fixture
def rendered(tmp_path: Path) -> tuple[Path, WarcPointer]:
    return archive(tmp_path, story("pier"))


def test_the_page_is_the_rendering_and_not_the_response(rendered: tuple[Path, WarcPointer]) -> None:
    folder, pointer = rendered
    files = find_archive_files([folder])
    (found,) = iter_pages(files)
    assert (found.url, found.pointer) == (URL, pointer)
    assert files[0].skipped == {"rendered_apart": 1, "no_page": 1}
    article = extract_at(folder, pointer, None)
    assert isinstance(article, Article)
    assert article.title == "News of the pier"
    assert (article.url, article.warc) == (URL, pointer)


def test_a_rendering_is_read_as_a_response_with_its_own_coding(rendered: tuple[Path, WarcPointer]) -> None:
    folder, pointer = rendered
    page = read_page(folder, pointer)
    message = page.message
    assert page.response.url == URL
    assert message.status == 200
    assert message.header("x-kept") == "yes"
    assert message.header("content-type") == "text/html; charset=utf-8"
    assert message.header("content-encoding") is None
    assert message.entity == story("pier")


@pytest.mark.parametrize("head", ["", "no head", "b'SSH-2.0'", "[" * 3000, "b'HTTP/1.1 200"])
def test_a_head_that_cannot_be_read_costs_the_head_alone(tmp_path: Path, head: str) -> None:
    folder, pointer = archive(tmp_path, story("pier"))
    page = read_page(folder, pointer)
    message = rendered_message(page.response.block, {HEAD_FIELD: head})
    assert message.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/html")


def test_a_page_that_the_browser_failed_on_is_no_page(tmp_path: Path) -> None:
    folder, pointer = archive(tmp_path, None)
    files = find_archive_files([folder])
    assert list(iter_pages(files)) == []
    table = read_captures(folder, "post")
    page = table.captures(request_key("GET", URL))[0]
    recorded = table.rendering(page.pointer.record_id)
    assert recorded
    assert (recorded.digest, recorded.pointer) == ("", pointer)
    assert recorded.outcome.startswith("BrowserTimeout: ")


def test_a_replay_finds_the_rendering_and_the_requests_of_a_page(rendered: tuple[Path, WarcPointer]) -> None:
    folder, pointer = rendered
    table = read_captures(folder, "post")
    (page,) = table.captures(request_key("GET", URL))
    (data,) = table.captures(request_key("GET", API))
    assert (page.page, data.page) == (URL, URL)
    recorded = table.rendering(page.pointer.record_id)
    assert recorded
    assert (recorded.pointer, recorded.digest, recorded.outcome) == (pointer, pointer.payload_digest, "ok")
    assert table.rendering(data.pointer.record_id) is None


def test_a_page_without_a_story_and_without_all_its_answers_is_incomplete(tmp_path: Path) -> None:
    folder, pointer = archive(tmp_path, SHELL, (MISSING_FIELD, f"timeout {API}"))
    result = extract_at(folder, pointer, None)
    assert isinstance(result, Rejection)
    assert (result.reason, result.detail) == ("browser_incomplete", f"script_only; timeout {API}")
    folder, pointer = archive(tmp_path / "whole", SHELL)
    result = extract_at(folder, pointer, None)
    assert isinstance(result, Rejection)
    assert result.reason == "script_only"


@pytest.mark.parametrize("target", [URL, "id", "place"])
def test_a_rendered_page_is_explained_however_it_is_named(
    rendered: tuple[Path, WarcPointer], target: str
) -> None:
    folder, pointer = rendered
    assert CliRunner().invoke(app, ["index", "build", str(folder)]).exit_code == 0
    named = {"id": pointer.record_id, "place": f"{folder / pointer.file}:{pointer.offset}"}.get(
        target, target
    )
    done = CliRunner().invoke(app, ["explain", named, "--archives", str(folder.parent)])
    assert done.exit_code == 0, done.output
    assert "News of the pier" in done.output


def test_a_takedown_erases_the_rendering_and_what_the_page_asked_for(
    rendered: tuple[Path, WarcPointer],
) -> None:
    folder, _ = rendered
    words = ["takedown", URL, "--archives", str(folder.parent), "--outlet", "post", "--erase"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    (warc,) = folder.glob("*.warc.gz")
    records = list(iter_records(warc))
    assert not any(b"pier" in record.block.lower() for record in records if record.kind != "warcinfo")
    assert not [record for record in records if record.url.startswith(RENDERED)]


LIBRARY, OWN_DATA = "http://example.org/lib.js", "http://example.org/api/quay.json"
OTHER = "http://example.org/story/quay"


def archive_two(folder: Path, *notes: tuple[str, str]) -> Path:
    """Two rendered pages of a run, and a request of the second in a later run.

    The first asked for the library, which the second was given.
    """
    serial = itertools.count()
    sent = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"

    def write(url: str, body: bytes, *fields: tuple[str, str], **more: OriginalResponse) -> WarcPointer:
        received, metadata = answer(body, kind="text/javascript"), (("outcome", "ok"), *fields)
        return run.write_exchange(
            HttpExchange(url=url, started=STARTED, sent=sent, received=received, metadata=metadata, **more)
        )

    def render(url: str, name: str, *more: tuple[str, str]) -> None:
        found = ("discovery", json.dumps({"url": url, "via": "list"}))
        page = write(url, SHELL, found, (RENDERING_FIELD, "follows"))
        run.write_rendering(
            RenderedPage(
                url=url,
                date=STARTED,
                response_id=page.record_id,
                html=story(name),
                metadata=(("outcome", "ok"), found, *head_notes(HEAD, None), *more),
            )
        )

    for pid in (7, 8):
        run = new_run(
            outlet="post",
            archives=folder,
            started=STARTED,
            pid=pid,
            host="testhost",
            info=(("software", "newscrawl/0 Scrapy/0"),),
            now=lambda: STARTED,
            new_id=lambda: f"<urn:uuid:00000000-0000-4000-8000-{next(serial):012d}>",
        )
        run.open()
        if pid == 7:
            write(LIBRARY, b"show()", (SUBRESOURCE_FIELD, URL))
            data = write(API, b'{"text": "The pier is closed."}', (SUBRESOURCE_FIELD, URL))
            common = write(COMMON, b"{}", (SUBRESOURCE_FIELD, URL))
            assert data
            render(URL, "pier")
            write(OWN_DATA, b'{"text": "The quay is open."}', (SUBRESOURCE_FIELD, OTHER))
            render(OTHER, "quay", *notes)
        else:
            same = OriginalResponse(pointer=common, url=COMMON, date=STARTED)
            write(COMMON, b"{}", (SUBRESOURCE_FIELD, OTHER), original=same)
        run.close()
    return run.folder


COMMON = "http://example.org/site.json"


def targets(folder: Path) -> list[str]:
    """The URLs of all responses and renderings in the order of the archive."""
    return [
        record.url.removeprefix(RENDERED)
        for path in sorted(folder.glob("*.warc.gz"))
        for record in iter_records(path)
        if record.kind in {"response", "revisit", "resource"}
    ]


@pytest.mark.parametrize(
    ("urls", "left"),
    [
        ([URL], [LIBRARY, COMMON, OWN_DATA, OTHER, OTHER, COMMON]),
        ([OTHER], [LIBRARY, API, COMMON, URL, URL]),
        ([URL, OTHER], []),
    ],
)
def test_a_takedown_leaves_what_other_pages_were_rendered_with(
    tmp_path: Path, urls: list[str], left: list[str]
) -> None:
    folder = archive_two(tmp_path, (SHARED_FIELD, LIBRARY))
    for url in urls:
        words = ["takedown", url, "--archives", str(folder.parent), "--outlet", "post", "--erase"]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    assert targets(folder) == left
    assert CliRunner().invoke(app, ["verify", "--strict", str(folder)]).exit_code == 0


def test_what_only_the_page_asked_for_goes_with_it(tmp_path: Path) -> None:
    """No rendering says that it was given the library, as in archives that do not note it."""
    folder = archive_two(tmp_path)
    words = ["takedown", URL, "--archives", str(folder.parent), "--outlet", "post", "--erase"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert targets(folder) == [COMMON, OWN_DATA, OTHER, OTHER, COMMON]


def test_the_archive_is_sound(rendered: tuple[Path, WarcPointer]) -> None:
    done = CliRunner().invoke(app, ["verify", "--strict", str(rendered[0])])
    assert done.exit_code == 0, done.output
