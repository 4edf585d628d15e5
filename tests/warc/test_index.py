"""The index finds every record, follows changes of the files, and stays fast and small when it is large."""

from __future__ import annotations

import gzip
import itertools
import os
import sqlite3
import statistics
import tempfile
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from crafted import PAGE, http, members, record, urn

from newscrawl.archive.run_files import Run, new_run
from newscrawl.errors import ArchiveError
from newscrawl.warc.dates import parse_warc_date
from newscrawl.warc.index import (
    INDEX_NAME,
    Index,
    IndexEntry,
    add_file,
    open_for_writing,
    request_url,
    transaction,
    update_index,
)
from newscrawl.warc.index_entries import RecordEntry, iter_entries, to_microseconds
from newscrawl.warc.reader import iter_records, read_page
from newscrawl.warc.records import HttpExchange

START = datetime(2026, 5, 1, 10, 0, 0, 123456, tzinfo=UTC)
HOME = "http://example.org/"
NOBODY = 65534


def run_in(archives: Path, started: datetime = START) -> Run:
    numbers = itertools.count(int(started.timestamp()))
    ticks = itertools.count()
    return new_run(
        outlet="demo",
        archives=archives,
        started=started,
        pid=7,
        info=(("software", "newscrawl"),),
        now=lambda: started + timedelta(seconds=next(ticks)),
        new_id=lambda: urn(next(numbers)),
        host="here",
    )


def asked(method: str = "GET", path: str = "/", body: bytes = b"") -> bytes:
    return b"%s %s HTTP/1.1\r\nHost: example.org\r\n\r\n%s" % (method.encode(), path.encode(), body)


def exchange(url: str, received: bytes, sent: bytes = asked(), after: float = 0) -> HttpExchange:
    return HttpExchange(url=url, started=START + timedelta(seconds=after), sent=sent, received=received)


def archived(archives: Path, *exchanges: HttpExchange, started: datetime = START) -> Path:
    run = run_in(archives, started)
    run.open()
    for one in exchanges:
        run.write_exchange(one)
    run.close()
    return run.folder


def captures(
    folder: Path, method: str, url: str, body: bytes = b"", run: str | None = None
) -> list[IndexEntry]:
    with Index.open(folder) as index:
        return list(index.captures(method, url, sha256(body).hexdigest() if body else None, run))


def test_each_record_is_found_where_it_stands(tmp_path: Path) -> None:
    folder = archived(tmp_path, exchange(HOME, http(b"one")), exchange(HOME + "a", http(b"two"), after=1))
    assert update_index(folder).records == 7
    with Index.open(folder) as index:
        for capture in index.by_key():
            stream = (folder / capture.file).open("rb")
            with stream:
                stream.seek(capture.offset)
                found = next(iter_records(stream))
            assert (found.offset, found.length) == (capture.offset, capture.length)
            assert (found.record_id, found.url, found.date) == (capture.record_id, capture.url, capture.date)
        (one,) = index.captures("GET", HOME + "#top")
    assert read_page(folder, one.pointer).message.content == b"one"
    assert (one.status, one.date, one.run) == (200, START, "demo-20260501100000123-7")


def test_captures_of_one_request_come_in_the_order_of_the_archive(tmp_path: Path) -> None:
    busy = http(b"busy", status="HTTP/1.1 503 Busy")
    folder = archived(tmp_path, exchange(HOME, busy), exchange(HOME, http()), exchange(HOME, http(b"3")))
    update_index(folder)
    assert [capture.status for capture in captures(folder, "GET", HOME)] == [503, 200, 200]


def test_method_body_and_query_tell_requests_apart(tmp_path: Path) -> None:
    folder = archived(
        tmp_path,
        exchange(HOME + "s", http(b"get"), asked(path="/s")),
        exchange(HOME + "s", http(b"x"), asked("POST", "/s", b"q=x")),
        exchange(HOME + "s", http(b"y"), asked("POST", "/s", b"q=y")),
        exchange(HOME + "s?b=1&a=2", http(b"sorted"), asked(path="/s?b=1&a=2")),
    )
    update_index(folder)

    def content(method: str, url: str, body: bytes = b"") -> list[bytes]:
        found = captures(folder, method, url, body)
        return [read_page(folder, capture.pointer).message.body for capture in found]

    assert content("GET", HOME + "s") == [b"get"]
    assert content("post", HOME + "s", b"q=y") == [b"y"]
    assert content("POST", HOME + "s") == []
    assert content("GET", HOME + "s?b=1&a=2") == [b"sorted"]
    assert content("GET", HOME + "s?a=2&b=1") == []


def test_a_request_without_an_answer_is_a_capture(tmp_path: Path) -> None:
    folder = archived(tmp_path, exchange(HOME, b""), exchange(HOME, http()))
    update_index(folder)
    assert [capture.kind for capture in captures(folder, "GET", HOME)] == ["request", "response"]


def test_runs_are_told_apart(tmp_path: Path) -> None:
    archived(tmp_path, exchange(HOME, http(b"old")))
    later = START + timedelta(days=1)
    folder = archived(tmp_path, exchange(HOME, http(b"new"), after=86400), started=later)
    update_index(folder)
    assert len(captures(folder, "GET", HOME)) == 2
    (capture,) = captures(folder, "GET", HOME, run="demo-20260502100000123-7")
    assert read_page(folder, capture.pointer).message.body == b"new"


def test_the_nearest_capture_is_the_closest_in_time(tmp_path: Path) -> None:
    folder = archived(tmp_path, *(exchange(HOME, http(b"%d" % n), after=n * 60.0) for n in range(3)))
    update_index(folder)
    with Index.open(folder) as index:
        seconds = [
            (index.nearest(HOME, START + timedelta(seconds=at)).date - START).total_seconds()  # type: ignore[union-attr]
            for at in (-999, 29, 30, 31, 119, 9999)
        ]
        assert index.nearest(HOME + "other", START) is None
    assert seconds == [0, 0, 0, 60, 120, 120]


def test_a_miss_has_neighbours(tmp_path: Path) -> None:
    urls = [HOME + "2026/story-one", HOME + "2026/story-two", HOME + "about", "http://example.net/2026/story"]
    folder = archived(tmp_path, *(exchange(url, http()) for url in urls))
    update_index(folder)
    with Index.open(folder) as index:
        assert [capture.url for capture in index.near(HOME + "2026/story-on", 2)] == urls[:2]
        assert {capture.url for capture in index.near(HOME + "zzz")} == set(urls[:3])
        assert index.near("http://example.com/") == []


def test_equal_payloads_are_found_by_digest(tmp_path: Path) -> None:
    chunked = http(b"3\r\none\r\n0\r\n\r\n", "Transfer-Encoding: chunked")
    folder = archived(tmp_path, exchange(HOME, http(b"one")), exchange(HOME + "a", chunked))
    update_index(folder)
    with Index.open(folder) as index:
        (first, *_) = index.captures("GET", HOME)
        assert first.payload_digest
        assert [capture.url for capture in index.by_digest(first.payload_digest)] == [HOME, HOME + "a"]


def test_a_build_reads_only_what_is_new_and_forgets_what_is_gone(tmp_path: Path) -> None:
    first = tmp_path / "a.warc.gz"
    first.write_bytes(members([record("response", HOME, http())]))
    (tmp_path / "b.warc").write_bytes(record("response", HOME + "b", http()))
    (tmp_path / "c.warc.gz.open").write_bytes(members([record("response", HOME + "c", http())]))
    (tmp_path / "d.warc.wet.gz").write_bytes(members([record("conversion", HOME, b"text")]))
    assert (update_index(tmp_path).added, update_index(tmp_path).added) == (2, 0)
    first.write_bytes(members([record("response", HOME, http()), record("response", HOME + "n", http())]))
    changed = update_index(tmp_path)
    assert (changed.added, changed.unchanged, changed.removed, changed.records) == (1, 1, 1, 3)
    first.unlink()
    assert update_index(tmp_path).records == 1
    assert captures(tmp_path, "GET", HOME + "c") == captures(tmp_path, "GET", HOME) == []


def test_a_rebuilt_index_says_the_same(tmp_path: Path) -> None:
    folder = archived(tmp_path, exchange(HOME, http()), exchange(HOME + "a", b""))
    update_index(folder)
    with Index.open(folder) as index:
        before = list(index.by_key())
    (folder / INDEX_NAME).write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(ArchiveError, match=r"index\.sqlite"):
        Index.open(folder)
    update_index(folder)
    with Index.open(folder) as index:
        assert list(index.by_key()) == before


def test_an_index_of_another_version_is_made_anew(tmp_path: Path) -> None:
    folder = archived(tmp_path, exchange(HOME, http()))
    update_index(folder)
    with sqlite3.connect(folder / INDEX_NAME) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ArchiveError, match="version 99"):
        Index.open(folder)
    assert update_index(folder).added == 1


def test_an_index_is_read_where_nothing_can_be_written() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "f.warc.gz").write_bytes(members([record("response", HOME, http())]))
        update_index(folder)
        folder.chmod(0o555)
        root = os.geteuid() == 0
        try:
            if root:
                os.seteuid(NOBODY)  # nothing is read-only to root
            assert len(captures(folder, "GET", HOME)) == 1
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)


def test_no_index_and_no_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="newscrawl index build"):
        Index.open(tmp_path)
    with pytest.raises(ArchiveError, match="no such folder"):
        update_index(tmp_path / "none")


@pytest.mark.parametrize("packed", ["members", "plain", "one stream"])
def test_records_are_found_in_any_packing(tmp_path: Path, packed: str) -> None:
    bodies = [b"%d" % n + PAGE * 400 for n in range(4)]
    records = [
        record("response", f"{HOME}{n}", http(body), number=n, version="1.0") for n, body in enumerate(bodies)
    ]
    whole = {
        "members": members(records),
        "plain": b"".join(records),
        "one stream": gzip.compress(b"".join(records), mtime=0),
    }[packed]
    name = "f.warc" if packed == "plain" else "f.warc.gz"
    (tmp_path / name).write_bytes(whole)
    assert update_index(tmp_path).records == 4
    for number, body in enumerate(bodies):
        (capture,) = captures(tmp_path, "GET", f"{HOME}{number}")
        assert read_page(tmp_path, capture.pointer).message.body == body


@pytest.mark.parametrize("order", ["answer first", "request first"])
@pytest.mark.parametrize("tied", ["request to answer", "answer to request", "not at all"])
def test_an_answer_has_the_method_of_its_request(tmp_path: Path, order: str, tied: str) -> None:
    to = [("WARC-Concurrent-To", urn(2 if tied == "answer to request" else 1))]
    answer = record("response", HOME, http(), *(to if tied == "answer to request" else []), number=1)
    post = asked("POST", "/", b"q")
    request = record("request", HOME, post, *(to if tied == "request to answer" else []), number=2)
    other = record("response", HOME, http(b"plain"), number=3)
    pair = [answer, request] if order == "answer first" else [request, answer]
    (tmp_path / "f.warc.gz").write_bytes(members([*pair, other]))
    update_index(tmp_path)
    assert [capture.record_id for capture in captures(tmp_path, "POST", HOME, b"q")] == [urn(1)]
    assert [capture.record_id for capture in captures(tmp_path, "GET", HOME)] == [urn(3)]


def test_records_without_a_date_are_left_out(tmp_path: Path) -> None:
    dates = [None, "yesterday", "2026", "2026-05", "2026-05-01T10:00:00", "0001-01-01T00:00:00+14:00"]
    records = [record("response", HOME, http(), number=n, date=date) for n, date in enumerate(dates)]
    (tmp_path / "f.warc.gz").write_bytes(members(records))
    update_index(tmp_path)
    assert [capture.record_id for capture in captures(tmp_path, "GET", HOME)] == [urn(2), urn(3), urn(4)]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-05", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01T10:00:00.123456789Z", START),
        ("2026-05-01T12:00:00.123456+02:00", START),
        ("", None),
        ("20", None),
    ],
)
def test_a_date_is_read_in_every_form(text: str, moment: datetime | None) -> None:
    assert parse_warc_date(text) == moment


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_a_torn_or_garbled_file_costs_only_its_tail(tmp_path: Path, cut: int) -> None:
    whole = members([record("response", HOME, http(), number=1)])
    torn = members([record("response", HOME + "torn", http(), number=2)])[:-cut]
    (tmp_path / "f.warc.gz").write_bytes(whole + torn)
    (tmp_path / "g.warc.gz").write_bytes(b"\x00" * cut)
    update_index(tmp_path)
    with Index.open(tmp_path) as index:
        assert [capture.record_id for capture in index.by_key()] == [urn(1)]


def test_one_url_is_one_whoever_wrote_it_down() -> None:
    assert request_url("HTTP://Example.org") == "http://example.org/"
    assert request_url("http://example.org/é x#y") == "http://example.org/%C3%A9%20x"
    assert request_url("http://example.org/%C3%A9%20x") == "http://example.org/%C3%A9%20x"


def test_two_builds_at_once_make_one_index(tmp_path: Path) -> None:
    folder = archived(tmp_path, exchange(HOME, http()))
    path = folder / INDEX_NAME
    one, two = open_for_writing(path), open_for_writing(path)
    (name,) = (file.name for file in folder.glob("*.warc.gz"))
    for db in (one, two):
        with (folder / name).open("rb") as stream, transaction(db):
            add_file(db, name, (folder / name).stat().st_size, iter_entries(stream))
    one.close()
    two.close()
    assert len(captures(folder, "GET", HOME)) == 1


def story(n: int) -> RecordEntry:
    return RecordEntry(
        kind="response",
        url=f"https://www.example.org/{n % 28:02d}/a-story-of-some-length-{n // 3}/",
        moment=to_microseconds(START) + n,
        sequence=n,
        status=200,
        record_id=urn(n),
        offset=n * 1000,
        length=1000,
        payload_digest=f"sha1:{n:032d}",
        run="demo-20260501100000123-7",
        media_type="text/html",
    )


@pytest.mark.parametrize("count", [50_000, pytest.param(1_000_000, marks=pytest.mark.proof)])
def test_many_records_are_looked_up_in_a_millisecond_and_little_memory(tmp_path: Path, count: int) -> None:
    wanted, bound = 200, 10 << 20
    db = open_for_writing(tmp_path / INDEX_NAME)
    tracemalloc.start()
    with transaction(db):
        add_file(db, "many.warc.gz", 1, map(story, range(20_000)))
    assert tracemalloc.get_traced_memory()[1] < bound
    tracemalloc.stop()
    with transaction(db):
        add_file(db, "many.warc.gz", 1, map(story, range(count)))
    db.close()
    took: list[float] = []
    tracemalloc.start()
    with Index.open(tmp_path) as index:
        for number in range(0, count, count // wanted):
            entry = story(number)
            before = time.process_time()
            found = list(index.captures("GET", entry.url))
            took.append(time.process_time() - before)
            assert entry.record_id in {capture.record_id for capture in found}
        assert index.near("https://www.example.org/07/a-story-of-some")
    assert tracemalloc.get_traced_memory()[1] < bound
    tracemalloc.stop()
    assert statistics.median(took) < 0.001
