"""CDXJ lines are sorted, there is a line for each record that replay can serve, and it locates the record."""

from __future__ import annotations

import json
from pathlib import Path

from crafted import PAGE, http, members, record

from newscrawl.warc.cdxj import cdxj_lines, merge_cdxj_lines
from newscrawl.warc.index import Index, update_index

URL = "http://www.example.org/Page"


def lines_of(folder: Path, *records: bytes, name: str = "f.warc.gz") -> list[str]:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(members(records))
    update_index(folder)
    with Index.open(folder) as index:
        return list(cdxj_lines(index.by_key()))


def test_a_line_says_what_a_record_is_and_where(tmp_path: Path) -> None:
    answer = record(
        "response",
        URL,
        http(PAGE, "Content-Type: text/html; charset=utf-8"),
        ("WARC-Payload-Digest", "sha1:X"),
    )
    (line,) = lines_of(tmp_path, answer)
    key, when, facts = line.split(" ", 2)
    assert (key, when) == ("org,example)/page", "20260501100000")
    assert list(json.loads(facts).items()) == [
        ("url", URL),
        ("mime", "text/html"),
        ("status", "200"),
        ("digest", "sha1:X"),
        ("length", str(len(members([answer])))),
        ("offset", "0"),
        ("filename", "f.warc.gz"),
    ]


def test_what_a_record_does_not_tell_is_left_out(tmp_path: Path) -> None:
    (line,) = lines_of(tmp_path, record("resource", URL, PAGE, content_type="image/png"))
    facts = json.loads(line.split(" ", 2)[2])
    assert "status" not in facts
    assert facts["mime"] == "image/png"
    assert facts["digest"].startswith("sha1:")


def test_requests_and_notes_are_no_captures(tmp_path: Path) -> None:
    records = [
        record("warcinfo", None, b"software: x\r\n", number=1),
        record("request", URL, b"GET /Page HTTP/1.1\r\n\r\n", number=2),
        record("response", URL, http(), number=3),
        record("revisit", URL, http(b""), number=4),
        record("metadata", URL, b"via: x\r\n", number=5),
        record("metadata", URL, b"{}", number=6, content_type="application/json"),
        record("conversion", URL, b"text", number=7, content_type="text/plain"),
    ]
    kinds = [json.loads(line.split(" ", 2)[2]).get("mime") for line in lines_of(tmp_path, *records)]
    assert sorted(map(str, kinds)) == ["None", "application/json", "warc/revisit"]


def test_lines_are_sorted_by_bytes_also_over_several_indexes(tmp_path: Path) -> None:
    urls = ["http://b.example.org/", "http://example.org/z", "http://example.org/a!", "http://example.org/a"]
    dates = ["2026-05-02T10:00:00.9Z", "2026-05-02T10:00:00.1Z", "2026-05-01T10:00:00Z"]

    def records(host: str) -> list[bytes]:
        return [
            record("response", url.replace("example", host), http(b"%d" % n), date=date)
            for n, date in enumerate(dates)
            for url in urls
        ]

    one = lines_of(tmp_path / "one", *records("example"))
    two = lines_of(tmp_path / "two", *records("sample"), *records("another"))
    assert len(one) == 12
    assert one == sorted(one)
    assert two == sorted(two)
    assert list(merge_cdxj_lines([one, two])) == sorted(one + two)


def test_only_the_files_that_are_wanted_are_listed(tmp_path: Path) -> None:
    lines_of(tmp_path, record("response", URL, http()), name="a.warc.gz")
    assert len(lines_of(tmp_path, record("response", URL, http()), name="b.warc.gz")) == 2
    with Index.open(tmp_path) as index:
        (line,) = cdxj_lines(index.by_key({"b.warc.gz"}))
    assert json.loads(line.split(" ", 2)[2])["filename"] == "b.warc.gz"
