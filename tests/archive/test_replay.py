"""What a replay finds in an archive: captures by question, in order, by run, by page, by time."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.archive.replay import (
    CaptureTable,
    ReplayIndex,
    as_http1,
    find_recorded_runs,
    iter_captures,
    read_captures,
    read_response,
    request_key,
)
from newscrawl.archive.report import reports_name
from newscrawl.errors import ArchiveError
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.http import split_message
from newscrawl.warc.reader import WarcPart, iter_records
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.writer import WarcWriter

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SITE = "http://example.org"
_numbers = count(1)


def new_id() -> str:
    return f"<urn:uuid:{next(_numbers):032x}>"


def an_exchange(
    path: str = "/a",
    body: bytes = b"story",
    *,
    seconds: int = 0,
    method: bytes = b"GET",
    asked: bytes = b"",
    headers: bytes = b"",
    answered: bytes = b"",
    page: str = "",
    outcome: str = "ok",
) -> HttpExchange:
    found = json.dumps({"url": SITE + page, "via": "list"})
    return HttpExchange(
        url=SITE + path,
        started=START + timedelta(seconds=seconds),
        sent=b"%s %s HTTP/1.1\r\nHost: example.org\r\n%s\r\n%s" % (method, path.encode(), headers, asked),
        received=b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (answered, len(body), body),
        metadata=(("outcome", outcome), *((("discovery", found),) if page else ())),
    )


def an_archive(
    folder: Path, *exchanges: HttpExchange, run: str = "echo-1-1", began: datetime = START
) -> Path:
    """One file of a run; its name sorts by `began`."""
    writer = WarcWriter(
        folder=folder,
        names=WarcNameTemplate(prefix="echo", host="host", pid=1),
        info=(("run", run),) if run else (),
        now=lambda: began,
        new_id=new_id,
    )
    writer.open()
    for exchange in exchanges:
        writer.write(exchange)
    writer.close()
    return folder / writer.files[0].name


def body_of(table: CaptureTable, playback: ReplayIndex, path: str, **more: object) -> bytes | None:
    capture = playback.take(request_key("GET", SITE + path), **more)  # type: ignore[arg-type]
    return split_message(read_response(table, capture).received).entity if capture else None


def test_the_nth_request_gets_the_nth_capture_and_then_none(tmp_path: Path) -> None:
    table = read_captures(an_archive(tmp_path, an_exchange(body=b"one"), an_exchange(body=b"two")), "echo")
    playback = ReplayIndex(table)
    assert [body_of(table, playback, "/a") for _ in range(3)] == [b"one", b"two", None]
    assert (playback.served, playback.missed) == (2, 1)


def test_method_query_order_and_body_make_different_questions(tmp_path: Path) -> None:
    table = read_captures(
        an_archive(
            tmp_path,
            an_exchange("/a?x=1&y=2", b"get"),
            an_exchange("/a?x=1&y=2", b"post one", method=b"POST", asked=b"one"),
            an_exchange("/a?x=1&y=2", b"post two", method=b"POST", asked=b"two"),
        ),
        "echo",
    )
    url = SITE + "/a?x=1&y=2#part"
    asked = [request_key("POST", url, b"two"), request_key("GET", url), request_key("post", url, b"one")]
    found = [table.captures(key)[0] for key in asked]
    bodies = [split_message(read_response(table, capture).received).entity for capture in found]
    assert bodies == [b"post two", b"get", b"post one"]
    assert not table.captures(request_key("GET", SITE + "/a?y=2&x=1"))
    assert not table.captures(request_key("POST", url, b"three"))


def test_attempts_nobody_saw_an_end_of_answer_nothing(tmp_path: Path) -> None:
    table = read_captures(
        an_archive(
            tmp_path,
            an_exchange(outcome="sent again on a new connection"),
            an_exchange(outcome="cancelled"),
            an_exchange(body=b"seen"),
        ),
        "echo",
    )
    playback = ReplayIndex(table)
    assert [body_of(table, playback, "/a") for _ in range(2)] == [b"seen", None]


def test_each_page_gets_the_capture_it_led_to(tmp_path: Path) -> None:
    table = read_captures(
        an_archive(
            tmp_path,
            an_exchange("/target", b"by one", page="/one"),
            an_exchange("/target", b"by two", page="/two"),
            an_exchange("/target", b"by two again", page="/two"),
        ),
        "echo",
    )
    playback = ReplayIndex(table)
    pages = ("/two", "/one", "/three")
    found = [body_of(table, playback, "/target", page=SITE + page, redirected=True) for page in pages]
    assert found == [b"by two", b"by one", b"by two again"]


def test_a_page_found_by_another_spelling_of_its_url_is_the_same_page(tmp_path: Path) -> None:
    table = read_captures(
        an_archive(tmp_path, an_exchange("/a?utm_source=rss", b"story", page="/a?utm_source=rss")), "echo"
    )
    assert body_of(table, ReplayIndex(table), "/a", page=SITE + "/a") == b"story"
    assert body_of(table, ReplayIndex(table), "/a") is None, "without a page there is no identity but the URL"
    assert body_of(table, ReplayIndex(table), "/a", page=SITE + "/a", redirected=True) is None
    assert body_of(table, ReplayIndex(table), "/a?p=1", page=SITE + "/a?p=1") is None


def test_a_page_does_not_take_what_another_page_led_to(tmp_path: Path) -> None:
    table = read_captures(
        an_archive(
            tmp_path,
            an_exchange("/a", b"by b", page="/b"),
            an_exchange("/a?utm_source=rss", b"its own", page="/a?utm_source=rss"),
        ),
        "echo",
    )
    playback = ReplayIndex(table)
    assert body_of(table, playback, "/a", page=SITE + "/a") == b"its own"
    assert body_of(table, playback, "/a", page=SITE + "/b", redirected=True) == b"by b"


def test_the_newest_run_is_replayed_unless_one_is_named(tmp_path: Path) -> None:
    an_archive(tmp_path, an_exchange(body=b"old"), run="echo-1-1")
    an_archive(tmp_path, an_exchange(body=b"new"), run="echo-2-1", began=START + timedelta(hours=1))
    an_archive(tmp_path, an_exchange("/b"), run="echo-2-1", began=START + timedelta(hours=2))
    assert [(files.run, len(files.paths)) for files in find_recorded_runs(tmp_path, "echo")] == [
        ("echo-1-1", 1),
        ("echo-2-1", 2),
    ]
    newest, named = read_captures(tmp_path, "echo"), read_captures(tmp_path, "echo", "echo-1-1")
    assert body_of(newest, ReplayIndex(newest), "/a") == b"new"
    assert body_of(newest, ReplayIndex(newest), "/b") == b"story"
    assert body_of(named, ReplayIndex(named), "/a") == b"old"
    assert read_captures(tmp_path.parent, tmp_path.name).run == "echo-2-1"
    with pytest.raises(ArchiveError, match=r"run 'echo-3' is not recorded .* echo-1-1, echo-2-1"):
        read_captures(tmp_path, "echo", "echo-3")


@pytest.mark.parametrize("reports", [None, b'{"broken":'])
def test_the_runs_of_a_shared_file_stay_apart_whatever_became_of_their_reports(
    tmp_path: Path, reports: bytes | None
) -> None:
    bodies = {"echo-1-1": b"one", "echo-2-1": b"two", "echo-3-1": b"three"}
    shared, *others = (
        an_archive(tmp_path, an_exchange(body=body), run=run, began=START + timedelta(minutes=place))
        for place, (run, body) in enumerate(bodies.items())
    )
    for other in others:
        shared.write_bytes(shared.read_bytes() + other.read_bytes())
        other.unlink()
    if reports:
        (tmp_path / reports_name(shared.name)).write_bytes(reports)
    (tmp_path / "echo-3-1.report.json").write_text("{}")
    assert [files.run for files in find_recorded_runs(tmp_path, "echo")] == list(bodies)
    for run, body in bodies.items():
        table = read_captures(tmp_path, "echo", run)
        assert body_of(table, ReplayIndex(table), "/a") == body
        assert sum(map(len, table.by_key.values())) == 1


def test_by_time_the_nearest_at_or_before_is_taken_as_often_as_it_is_asked_for(tmp_path: Path) -> None:
    an_archive(tmp_path, an_exchange(body=b"at 0"), an_exchange(body=b"at 9", seconds=9), run="echo-1-1")
    an_archive(tmp_path, an_exchange(body=b"at 5", seconds=5), run="echo-2-1", began=START + timedelta(1))
    table = read_captures(tmp_path, "echo", by_time=True)
    for seconds, body in [(-1, None), (0, b"at 0"), (5, b"at 5"), (8, b"at 5"), (99, b"at 9")]:
        playback = ReplayIndex(table, START + timedelta(seconds=seconds))
        assert [body_of(table, playback, "/a") for _ in range(2)] == [body, body]


def test_by_time_a_page_gets_what_its_own_visit_led_to_even_after_that_time(tmp_path: Path) -> None:
    """The scripts of a rendered page ask again at each visit, and often every page asks for the same."""
    visits = [("/one", 0, b"first"), ("/two", 10, b"second"), ("/one", 20, b"third")]
    exchanges = [
        exchange
        for page, seconds, body in visits
        for exchange in (
            an_exchange(page, b"page", seconds=seconds, page=page),
            an_exchange("/data", body, seconds=seconds + 5, page=page),
        )
    ]
    table = read_captures(an_archive(tmp_path, *exchanges), "echo")
    for seconds, found in [(12, [b"first", b"second"]), (99, [b"third", b"second"])]:
        playback = ReplayIndex(table, START + timedelta(seconds=seconds))
        for page, body in zip(("/one", "/two"), found, strict=True):
            assert body_of(table, playback, page, page=SITE + page) == b"page"
            assert body_of(table, playback, "/data", page=SITE + page, redirected=True) == body


def test_what_an_answer_varies_by_decides_only_where_captures_differ(tmp_path: Path) -> None:
    varies = b"Vary: Accept-Language, *\r\n"
    french, english = b"Accept-Language: fr\r\n", b"Accept-Language: en\r\n"
    table = read_captures(
        an_archive(
            tmp_path,
            an_exchange("/", b"bonjour", headers=french, answered=varies),
            an_exchange("/", b"hello", headers=english, answered=varies),
            an_exchange("/one", b"salut", headers=french, answered=varies),
        ),
        "echo",
    )
    playback = ReplayIndex(table)
    asked = {"accept-language": "en"}
    assert body_of(table, playback, "/", headers=asked) == b"hello"
    assert body_of(table, playback, "/one", headers=asked) == b"salut"
    assert body_of(table, playback, "/", headers={"accept-language": "de"}) == b"bonjour"


def test_a_revisit_has_its_own_head_and_the_body_of_another_file(tmp_path: Path) -> None:
    first = an_archive(tmp_path, an_exchange(body=b"the same story"), run="echo-1-1")
    original = next(iter_captures(WarcPart(first), ""))
    revisits = [
        ("/a", b"HTTP/1.1 200 Again\r\nContent-Length: 14\r\n\r\n", original.pointer.record_id),
        ("/b", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", original.pointer.record_id),
        ("/c", b"", original.pointer.record_id),
        ("/d", b"HTTP/1.1 200 OK\r\n\r\n", "<urn:uuid:none>"),
    ]
    with gzip.open(tmp_path / "second.warc.gz", "wb") as out:
        for path, block, refers in revisits:
            out.write(a_record("revisit", SITE + path, block, **{"WARC-Refers-To": refers}))
    table = read_captures(tmp_path, "echo", "")
    answers = {path: table.captures(request_key("GET", SITE + path))[0] for path, _, _ in revisits}
    assert read_response(table, answers["/a"]).received == revisits[0][1] + b"the same story"
    assert (
        read_response(table, answers["/b"]).received == revisits[1][1] + b"E\r\nthe same story\r\n0\r\n\r\n"
    )
    assert read_response(table, answers["/c"]).received == b"HTTP/1.1 304 Not Modified\r\n\r\n"
    with pytest.raises(
        ArchiveError, match=f"of {SITE}/d refers to <urn:uuid:none>, which is not in the archive"
    ):
        read_response(table, answers["/d"])


def a_record(kind: str, url: str, block: bytes, **headers: str) -> bytes:
    """A record as other programs write them: any order, no digests, WARC 1.0 with angle brackets."""
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: {headers.pop('id', new_id())}",
        "WARC-Date: 2027-01-01T00:00:00Z",
        f"WARC-Target-URI: <{url}>",
        "Content-Type: application/http",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(block)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def test_an_archive_of_another_program_is_one_run_without_a_name(tmp_path: Path) -> None:
    """The request first and referring to what follows, bodies decoded, a line of HTTP/2."""
    answer = new_id()
    request = a_record("request", SITE + "/a", b"GET /a HTTP/1.1\r\n\r\n", **{"WARC-Concurrent-To": answer})
    response = a_record(
        "response", SITE + "/a", b"HTTP/2 200\r\nTransfer-Encoding: chunked\r\n\r\n<p>plain", id=answer
    )
    alone = a_record("response", SITE + "/b", b"HTTP/1.0 200 OK\r\n\r\nalone")
    (tmp_path / "other.warc").write_bytes(request + response + alone)
    table = read_captures(tmp_path / "other.warc", "echo")
    assert table.run == ""
    first, second = (table.captures(request_key("GET", SITE + path))[0] for path in ("/a", "/b"))
    assert first.pointer.record_id == answer
    assert read_response(table, first).received == b"HTTP/1.1 200\r\nContent-Length: 8\r\n\r\n<p>plain"
    assert read_response(table, second).received == b"HTTP/1.0 200 OK\r\n\r\nalone"


def test_a_torn_tail_costs_only_itself(tmp_path: Path) -> None:
    path = an_archive(tmp_path, an_exchange("/a"), an_exchange("/b"))
    path.write_bytes(path.read_bytes()[:-700])
    found = [capture.key.url for capture in iter_captures(WarcPart(path), "")]
    assert found[0] == SITE + "/a"


@pytest.mark.parametrize("kind", ["response", "request", "metadata"])
def test_damage_costs_one_exchange_at_most(tmp_path: Path, kind: str) -> None:
    path = an_archive(tmp_path, *(an_exchange(f"/{name}", page=f"/{name}") for name in "abc"))
    with path.open("rb") as stream:
        places = [(record.offset, record.length, record.kind) for record in iter_records(stream)]
    offset, length, _ = [place for place in places if place[2] == kind][1]
    raw = bytearray(path.read_bytes())
    raw[offset : offset + length] = bytes(length)
    path.write_bytes(raw)
    found = list(iter_captures(WarcPart(path), ""))
    assert {capture.kind for capture in found} == {"response"}
    left = "ac" if kind == "response" else "abc"
    assert [capture.key.url for capture in found] == [f"{SITE}/{name}" for name in left]
    table = read_captures(tmp_path, "echo")
    playback = ReplayIndex(table, None)
    assert [body_of(table, playback, f"/{name}") for name in left] == [b"story"] * len(left)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: None, "no WARC file to replay"),
        (lambda folder: folder.rmdir(), "cannot replay .*: No such file or directory"),
        (lambda folder: (folder / "a.warc").mkdir(), "cannot read .*a.warc: Is a directory"),
    ],
)
def test_a_folder_with_nothing_to_replay_is_a_clear_error(
    tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    make(tmp_path)
    with pytest.raises(ArchiveError, match=says):
        read_captures(tmp_path, "echo")


@pytest.mark.parametrize("content", [b"", b"\x00" * 99, b"WARC/1.1\r\n\r\n", b"\x1f\x8b\x08"])
def test_a_file_that_is_no_archive_holds_no_capture(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.warc.gz").write_bytes(content)
    assert not read_captures(tmp_path, "echo").by_key


def test_near_urls_are_those_of_the_host(tmp_path: Path) -> None:
    table = read_captures(an_archive(tmp_path, an_exchange("/story/1"), an_exchange("/zzz")), "echo")
    assert ReplayIndex(table).near(request_key("GET", SITE + "/story/2")) == [SITE + "/story/1"]
    assert ReplayIndex(table).near(request_key("GET", "http://example.com/story/1")) == []


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/2 200\r\nContent-Encoding: gzip\r\n"]),
)
@settings(max_examples=300, deadline=None)
def test_no_block_breaks_a_replay(rest: bytes, start: bytes) -> None:
    assert isinstance(as_http1(start + rest), bytes)
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(rest), rest)
    assert as_http1(whole) == whole
