"""WARC files have whole records and unique names, are rolled over, and other readers get the same bytes."""

import errno
import gzip
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator

from newscrawl import storage as storage_module
from newscrawl.errors import ArchiveError
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.reader import iter_records, open_warc, parse_warc_fields, read_page
from newscrawl.warc.records import HttpExchange, OriginalResponse
from newscrawl.warc.writer import OPEN_SUFFIX, WarcWriter

START = datetime(2026, 3, 4, 5, 6, 7, 891234, tzinfo=UTC)
NAMES = WarcNameTemplate(prefix="echo", host="news host", pid=42)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


def a_writer(folder: Path, **more: object) -> WarcWriter:
    numbers = count(1)
    options = {"now": Clock(), "new_id": lambda: f"<urn:uuid:{next(numbers):032x}>", **more}
    return WarcWriter(folder=folder, names=NAMES, info=(("software", "newscrawl"),), **options)  # type: ignore[arg-type]


def an_exchange(path: str = "/a", body: bytes = b"story") -> HttpExchange:
    return HttpExchange(
        url=f"http://example.org{path}",
        started=START,
        sent=b"GET %s HTTP/1.1\r\nHost: example.org\r\n\r\n" % path.encode(),
        received=b"HTTP/1.1 200 OK\r\nX: caf\xe9\r\n folded\r\nContent-Length: %d\r\n\r\n%s"
        % (len(body), body),
        metadata=(("outcome", "ok"), ("via", "http://example.org/feed")),
    )


def test_a_file_is_open_while_written_and_named_when_closed(tmp_path: Path) -> None:
    writer = a_writer(tmp_path)
    pointer = writer.write(an_exchange())
    assert pointer.file == "echo-20260304050607891-00000-news_host-42.warc.gz"
    assert [path.name for path in tmp_path.iterdir()] == [pointer.file + OPEN_SUFFIX]
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == [pointer.file]
    writer.close()


def test_a_writer_closes_its_last_file_when_its_block_ends(tmp_path: Path) -> None:
    with a_writer(tmp_path / "new") as writer:
        pointers = [writer.write(an_exchange(f"/{n}")) for n in range(2)]
    (path,) = (tmp_path / "new").iterdir()
    assert path.name == pointers[0].file
    info, *records = iter_records(path)
    assert info.kind == "warcinfo"
    assert [record.kind for record in records] == ["response", "request", "metadata"] * 2
    responses = [record for record in records if record.kind == "response"]
    assert [(r.offset, r.length, r.record_id) for r in responses] == [
        (pointer.offset, pointer.length, pointer.record_id) for pointer in pointers
    ]
    assert len({record.record_id for record in (info, *records)}) == 7


def test_a_pointer_leads_to_its_record_open_or_closed(tmp_path: Path) -> None:
    writer = a_writer(tmp_path)
    pointers = [writer.write(an_exchange(f"/{n}", b"story %d" % n)) for n in range(5)]
    for closed in (False, True):
        if closed:
            writer.close()
        for n, pointer in enumerate(pointers):
            page = read_page(tmp_path, pointer)
            assert page.response.block == an_exchange(f"/{n}", b"story %d" % n).received
            assert page.response.url == f"http://example.org/{n}"
            assert page.response.date == START
            assert page.metadata == {"outcome": "ok", "via": "http://example.org/feed"}
            assert page.message.content == b"story %d" % n


def test_a_member_stands_alone_at_its_offset(tmp_path: Path) -> None:
    writer = a_writer(tmp_path)
    writer.write(an_exchange())
    pointer = writer.write(an_exchange("/b"))
    writer.close()
    raw = (tmp_path / pointer.file).read_bytes()[pointer.offset : pointer.offset + pointer.length]
    assert gzip.decompress(raw).partition(b"\r\n\r\n")[2] == an_exchange("/b").received + b"\r\n\r\n"


def test_warcio_and_fastwarc_read_every_block_back(tmp_path: Path) -> None:
    writer = a_writer(tmp_path)
    exchanges = [an_exchange(f"/{n}", os.urandom(3000)) for n in range(4)]
    for exchange in exchanges:
        writer.write(exchange)
    writer.close()
    expected = [block for e in exchanges for block in (e.received, e.sent)]
    path = tmp_path / writer.files[0].name
    with path.open("rb") as stream:
        by_warcio = [
            record.raw_stream.read()
            for record in ArchiveIterator(stream, no_record_parse=True)
            if record.rec_type in ("response", "request")
        ]
    with path.open("rb") as stream:
        by_fastwarc = [
            record.reader.read()
            for record in FastIterator(stream, parse_http=False)
            if record.headers["WARC-Type"] in ("response", "request")
        ]
    assert by_warcio == expected
    assert by_fastwarc == expected


def test_size_rolls_over_between_exchanges(tmp_path: Path) -> None:
    writer = a_writer(tmp_path, max_bytes=3000)
    for n in range(6):
        writer.write(an_exchange(f"/{n}", os.urandom(1500)))
    writer.close()
    assert len(writer.files) > 1
    for number, file in enumerate(writer.files):
        with open_warc(tmp_path, file.name) as stream:
            records = list(iter_records(stream))
        assert f"-{number:05d}-" in file.name
        assert records[0].kind == "warcinfo"
        assert records[0].headers["warc-filename"] == file.name
        assert (len(records) - 1) % 3 == 0
        assert len(records) == file.records


def test_age_rolls_over(tmp_path: Path) -> None:
    clock = Clock()
    writer = a_writer(tmp_path, now=clock, max_age=timedelta(hours=24))
    first = writer.write(an_exchange())
    clock.at += timedelta(hours=23)
    assert writer.write(an_exchange()).file == first.file
    clock.at += timedelta(hours=1)
    assert writer.write(an_exchange()).file != first.file
    writer.close()


def test_a_name_that_exists_is_never_written_to(tmp_path: Path) -> None:
    first, second = a_writer(tmp_path), a_writer(tmp_path)
    first.open()
    with pytest.raises(ArchiveError, match="cannot write"):
        second.open()
    first.close()


@pytest.mark.parametrize("allowed", [0, 1, 700])
def test_a_full_disk_leaves_whole_records_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    writer = a_writer(tmp_path)
    pointer = writer.write(an_exchange())
    size = writer.files[0].bytes

    def write_a_little(fd: int, data: bytes | memoryview) -> int:
        room = size + allowed - os.fstat(fd).st_size
        if room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(fd, data[:room])

    real_write = os.write
    monkeypatch.setattr(storage_module.os, "write", write_a_little)
    monkeypatch.setattr(storage_module.os, "writev", lambda fd, pieces: write_a_little(fd, b"".join(pieces)))
    with pytest.raises(ArchiveError, match="No space left on device"):
        writer.write(an_exchange("/b", os.urandom(5000)))
    monkeypatch.undo()
    assert writer.files[0].bytes == size
    writer.close()
    assert (tmp_path / pointer.file).stat().st_size == size
    assert read_page(tmp_path, pointer).message.content == b"story"


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArchiveError, match=r"cannot write .*/file/sub"):
        a_writer(tmp_path / "file" / "sub").open()


def test_every_cut_of_the_last_record_leaves_the_records_before_it(tmp_path: Path) -> None:
    writer = a_writer(tmp_path)
    writer.write(an_exchange())
    whole = writer.files[0].bytes
    writer.write(an_exchange("/b"))
    name = writer.files[0].name
    writer.close()
    raw = (tmp_path / name).read_bytes()
    with (tmp_path / name).open("rb") as stream:
        places = [(r.offset + r.length, (r.kind, r.url)) for r in iter_records(stream)]
    members, expected = [end for end, _ in places], [record for _, record in places]
    assert members[-1] == len(raw)
    assert len(expected) == 7
    cut = tmp_path / "cut.warc.gz"
    for end in range(whole, len(raw)):
        cut.write_bytes(raw[:end])
        with cut.open("rb") as stream:
            kinds = [(record.kind, record.url) for record in iter_records(stream)]
        left = [member for member in members if member <= end]
        assert kinds == expected[: len(left)]


def test_a_wrong_pointer_is_a_clear_error(tmp_path: Path) -> None:
    writer = a_writer(tmp_path)
    pointer = writer.write(an_exchange())
    writer.close()
    with pytest.raises(ArchiveError, match="no record"):
        read_page(tmp_path, pointer.model_copy(update={"offset": 0}))
    with pytest.raises(ArchiveError, match="no such archive file"):
        read_page(tmp_path, pointer.model_copy(update={"file": "other.warc.gz"}))


def test_fields_are_read_back() -> None:
    assert parse_warc_fields(b"a: 1\r\nb: x: y\r\na: 2\r\n") == {"a": "1", "b": "x: y"}


def test_a_revisit_is_read_with_the_body_of_its_original_in_another_file(tmp_path: Path) -> None:
    writer = a_writer(tmp_path, max_bytes=1)
    first = writer.write(an_exchange())
    original = OriginalResponse(pointer=first, url="http://example.org/a", date=START)
    revisit = writer.write(replace(an_exchange(), original=original))
    away = OriginalResponse(
        pointer=first.model_copy(update={"offset": 0}), url="http://example.org/a", date=START
    )
    astray = writer.write(replace(an_exchange(), original=away))
    writer.close()
    assert revisit.file != first.file
    assert revisit.payload_digest == first.payload_digest
    page = read_page(tmp_path, revisit)
    assert page.response.kind == "revisit"
    assert page.message.content == b"story"
    with pytest.raises(ArchiveError, match="no original of"):
        read_page(tmp_path, astray)
