"""Archives of other programs, of any kind and with any date, are read, or named with a reason."""

from __future__ import annotations

import gzip
import json
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crafted import http, members, record
from lines_made import article as run_article
from lines_made import write_run
from typer.testing import CliRunner, Result
from wire.archived import story

from newscrawl.archive.pages import find_archive_files
from newscrawl.cli import app
from newscrawl.errors import NewscrawlError
from newscrawl.warc.reader import iter_records

URL = "http://example.org/ferry"
HTML = story("ferry")
TYPE = "Content-Type: text/html; charset=utf-8"
ANSWER = http(HTML, TYPE)


def invoke(*args: object) -> Result:
    result = CliRunner().invoke(app, [*map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def extract(folder: Path, code: int = 0) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    out = folder / "out.jsonl"
    result = invoke("extract", folder, "-o", out, "--json", "--jobs", 1)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout), [json.loads(line) for line in out.read_text().splitlines()]


def build(folder: Path, code: int = 0) -> dict[str, Any]:
    result = invoke("index", "build", folder, "--json")
    assert result.exit_code == code, result.output
    (row,) = json.loads(result.stdout)
    return row


def arc_line(url: str, kind: str, data: bytes, version: int = 1, date: str = "20240506070809") -> bytes:
    extra = " 200 - - 120 old.arc" if version == 2 else ""
    return f"{url} 192.0.2.7 {date} {kind}{extra} {len(data)}\n".encode() + data + b"\n"


def arc(version: int = 1, length: int | None = None) -> list[bytes]:
    names = "URL IP-address Archive-date Content-type"
    names += " Result-code Checksum Location Offset Filename" if version == 2 else ""
    about = f"{version} 0 Example\n{names} Archive-length\n".encode()
    head = b"filedesc://old.arc 0.0.0.0 20240506070000 text/plain %d\n" % (length or len(about))
    return [
        head + about + b"\n",
        arc_line("dns:example.org", "text/dns", b"20240506070809\nexample.org. 60 IN A 192.0.2.7\n", version),
        arc_line(URL, "text/html", ANSWER, version),
    ]


def wacz(path: Path, method: int) -> None:
    with zipfile.ZipFile(path, "w", method) as package:
        package.writestr("pages/pages.jsonl", "{}\n")
        package.writestr("archive/one.warc.gz", members([record("response", URL, ANSWER)]))
        package.writestr("archive/two.arc.gz", members([arc()[0]]))


def lf_only(raw: bytes) -> bytes:
    head, _, rest = raw.partition(b"\r\n\r\n")
    return head.replace(b"\r\n", b"\n") + b"\n\n" + rest[:-4] + b"\n\n"


FORMS: dict[str, Callable[[Path], object]] = {
    "ARC 1": lambda folder: (folder / "x.arc").write_bytes(b"".join(arc())),
    "ARC 1 whose first length is wrong": lambda folder: (folder / "x.arc").write_bytes(
        b"".join(arc(length=99))
    ),
    "ARC 1 whose first length is wrong, a member a record": lambda folder: (folder / "x.arc.gz").write_bytes(
        members(arc(length=99))
    ),
    "ARC 1, a member a record": lambda folder: (folder / "x.arc.gz").write_bytes(members(arc())),
    "ARC 2": lambda folder: (folder / "x.arc").write_bytes(b"".join(arc(2))),
    "ARC 2, a member a record": lambda folder: (folder / "x.arc.gz").write_bytes(members(arc(2))),
    "ARC in one gzip stream": lambda folder: (folder / "x.arc.gz").write_bytes(
        gzip.compress(b"".join(arc(2)))
    ),
    "ARC, an HTTP/0.9 answer": lambda folder: (folder / "x.arc").write_bytes(
        b"".join([arc()[0], arc_line(URL, "text/html", HTML)])
    ),
    "WACZ": lambda folder: wacz(folder / "x.wacz", zipfile.ZIP_STORED),
    "WACZ, compressed": lambda folder: wacz(folder / "x.wacz", zipfile.ZIP_DEFLATED),
}
RECORDS = {
    "WARC 0.17": record("response", URL, ANSWER, version="0.17"),
    "WARC 0.18": record("response", URL, ANSWER, version="0.18"),
    "WARC 1.0": record("response", URL, ANSWER, version="1.0"),
    "a resource": record("resource", URL, HTML, content_type="text/html; charset=utf-8"),
    "a resource of no type": record("resource", URL, HTML, content_type="application/octet-stream"),
    "a conversion": record("conversion", URL, HTML, content_type="text/html"),
    "HTTP/0.9": record("response", URL, HTML),
    "HTTP/1.0": record("response", URL, http(HTML, TYPE, status="HTTP/1.0 200")),
    "HTTP/2": record("response", URL, http(HTML, TYPE, status="HTTP/2 200")),
    "HTTP/3": record("response", URL, http(HTML, TYPE, status="HTTP/3 200 ")),
    "HTTP/2, pseudo headers": record(
        "response", URL, http(HTML, ":status: 200", TYPE, status="HTTP/2.0 200")
    ),
    "HTTP without a type": record("response", URL, http(HTML)),
    "line feeds in the HTTP head": record("response", URL, ANSWER.replace(b"\r\n", b"\n")),
    "line feeds in the record": lf_only(record("response", URL, ANSWER)),
    "decoded, gzip claimed": record("response", URL, http(HTML, TYPE, "Content-Encoding: gzip")),
    "chunks undone, chunked claimed": record("response", URL, http(HTML, TYPE, "Transfer-Encoding: chunked")),
}


@pytest.mark.parametrize(
    "form", [*FORMS, *(f"{name}, {end}" for name in RECORDS for end in (".warc", ".warc.gz"))]
)
def test_every_form_gives_its_article_and_its_entry(tmp_path: Path, form: str) -> None:
    if form in FORMS:
        FORMS[form](tmp_path)
    else:
        name, _, end = form.rpartition(", ")
        raw = RECORDS[name]
        (tmp_path / f"x{end}").write_bytes(members([raw]) if end == ".warc.gz" else raw)
    summary, (article,) = extract(tmp_path)
    assert (summary["pages"], summary["torn"]) == (1, [])
    assert article["url"] == URL
    assert article["fetched"][:4] in ("2024", "2026")
    assert "ferry" in article["text"]
    made = tmp_path / "made.jsonl"
    counts = export(tmp_path / "out.jsonl", "-f", "jsonl", "-o", made)
    assert (counts["rows"], counts["left_out"]) == (1, {})
    assert json.loads(made.read_text()) == article
    assert not build(tmp_path)["skipped"]
    if "conversion" in form:
        return  # it is no capture of its URL
    found = json.loads(invoke("index", "lookup", URL, tmp_path, "--json").stdout)
    assert [(row["offset"], row["file"]) for row in found] == [
        (article["warc"]["offset"], article["warc"]["file"])
    ]
    assert invoke("verify", tmp_path, "--json").exit_code in (0, 1)


@pytest.mark.parametrize("form", ["ARC 2", "WACZ", "no record id"])
def test_articles_of_foreign_archives_become_wet_files(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    if form in FORMS:
        FORMS[form](folder)
    else:
        bare = re.sub(rb"WARC-Record-ID: [^\r]+\r\n", b"", record("response", URL, ANSWER))
        (folder / "x.warc.gz").write_bytes(members([bare]))
    extract(folder)
    wet = tmp_path / "x.warc.wet.gz"
    assert "1 records" in invoke("wet", folder / "out.jsonl", "-o", wet).stderr
    _, text = iter_records(wet)
    assert text.headers["warc-refers-to-target-uri"] == URL
    assert b"ferry" in text.block
    assert ("warc-refers-to" in text.headers) == (form != "no record id")
    assert invoke("verify", wet).exit_code == 0


EXPORTS = {
    "csv": "x.csv",
    "jsonl": "x.jsonl",
    "parquet": "folder",
    "sqlite": "x.db",
    "text": "folder",
    "wet": "x.warc.wet.gz",
}


def export(lines: Path, *args: object, code: int = 0) -> dict[str, Any]:
    archives = lines.parent / "no archives"
    result = invoke("export", lines, *args, "--archives", archives, "--json")
    assert result.exit_code == code, result.output
    assert not archives.exists()
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", EXPORTS)
def test_foreign_articles_go_into_every_format(tmp_path: Path, name: str) -> None:
    records = [record("response", f"{URL}/{n}", http(story(f"ferry {n}"), TYPE), number=n) for n in range(9)]
    (tmp_path / "x.warc.gz").write_bytes(members(records))
    extract(tmp_path)
    lines, out = tmp_path / "out.jsonl", tmp_path / "made" / EXPORTS[name]
    out.parent.mkdir()
    for skipped in (0, EXPORTS[name] == "folder"):  # a day that is there already is not written again
        counts = export(lines, "-f", name, "-o", out)
        assert (counts["rows"], counts["left_out"], counts["kept_units"]) == (9, {}, skipped)
    if EXPORTS[name] == "folder":
        assert (out / "outlet=out.jsonl" / "date=2026-05-01").is_dir()
    else:
        assert out.is_file()


def test_lines_of_files_are_counted_by_the_same_reasons_as_those_of_runs(tmp_path: Path) -> None:
    reserved = http(story("quay"), TYPE, "X-Robots-Tag: noai", "TDM-Reservation: 1")
    early = record("response", URL, http(story("early ferry"), TYPE), number=4, date="2026-04-01T10:00:00Z")
    records = [early, record("response", URL, ANSWER), record("response", f"{URL}/2", reserved, number=2)]
    (tmp_path / "x.warc.gz").write_bytes(members(records))
    extract(tmp_path)
    lines = tmp_path / "out.jsonl"
    with lines.open("ab") as stream:
        stream.write(b'{"title": "cut\n')
    out = tmp_path / "x.csv"
    counts = export(lines, "-f", "csv", "-o", out, code=1)
    assert (counts["rows"], counts["left_out"]) == (1, {"older_version": 1, "reserved": 1, "unreadable": 1})
    assert counts["unreadable"][0].startswith(f"{lines}, line 4: ")
    # The same lines as those of a run give the same counts.
    run = tmp_path / "archives" / "echo" / "echo-20260501100000000-7.jsonl"
    run.parent.mkdir(parents=True)
    run.write_bytes(lines.read_bytes())
    result = invoke("export", "echo", "-f", "csv", "-o", out, "--archives", tmp_path / "archives", "--json")
    assert result.exit_code == 1
    again = json.loads(result.stdout)
    assert {name: again[name] for name in ("rows", "left_out")} == {
        name: counts[name] for name in ("rows", "left_out")
    }


def test_outlets_and_files_of_lines_are_exported_together(tmp_path: Path) -> None:
    write_run(tmp_path / "archives", [run_article(1)])
    (tmp_path / "x.warc.gz").write_bytes(members([record("response", URL, ANSWER)]))
    extract(tmp_path)
    lines = tmp_path / "example.jsonl"
    (tmp_path / "out.jsonl").rename(lines)
    args = ["example", lines, lines, "-f", "jsonl", "-o", tmp_path / "made"]
    result = invoke("export", *args, "--archives", tmp_path / "archives", "--json")
    assert json.loads(result.stdout)["rows"] == 2
    assert {path.name for path in (tmp_path / "made").glob("outlet=*")} == {
        "outlet=example",
        "outlet=example.jsonl",
    }


def test_a_file_of_lines_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["export", str(tmp_path / "none.jsonl"), "-f", "csv", "-o", str(tmp_path / "x.csv")]
    )
    assert isinstance(result.exception, NewscrawlError)
    assert "none.jsonl" in str(result.exception)


def test_lines_without_an_article_make_no_wet_file(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").touch()
    result = CliRunner().invoke(
        app, ["wet", str(tmp_path / "none.jsonl"), "-o", str(tmp_path / "x.warc.wet.gz")]
    )
    assert isinstance(result.exception, NewscrawlError)
    assert "no article" in str(result.exception)


DATES = {
    "2016-12-31T23:59:60Z": "2016-12-31T23:59:59.000000Z",
    "2016-12-31": "2016-12-31T00:00:00.000000Z",
    "2016-12": "2016-12-01T00:00:00.000000Z",
    "2016": "2016-01-01T00:00:00.000000Z",
    "20161231120000": "2016-12-31T12:00:00.000000Z",
    "2009-03-65T08:43:19-0800": "2009-03-06T16:43:19.000000Z",
    "2016-12-31T12:00Z": "2016-12-31T12:00:00.000000Z",
}


@pytest.mark.parametrize("date", DATES)
def test_a_date_is_the_same_to_index_and_extract(tmp_path: Path, date: str) -> None:
    (tmp_path / "x.warc.gz").write_bytes(members([record("response", URL, ANSWER, date=date)]))
    _, (article,) = extract(tmp_path)
    assert article["fetched"] == DATES[date]
    assert not build(tmp_path)["skipped"]
    (row,) = json.loads(invoke("index", "lookup", URL, tmp_path, "--json").stdout)
    assert row["date"] == DATES[date]


@pytest.mark.parametrize(
    ("date", "reason"), [(None, "date_missing"), ("last week", "date_form"), ("2016-02-30", "date_form")]
)
def test_a_record_lost_to_its_date_is_counted_named_and_an_error(
    tmp_path: Path, date: str | None, reason: str
) -> None:
    records = [record("response", URL, ANSWER, date=date), record("response", f"{URL}/2", ANSWER, number=2)]
    (tmp_path / "x.warc.gz").write_bytes(members(records))
    summary, lines = extract(tmp_path, code=1)
    assert [line["url"] for line in lines] == [f"{URL}/2"]
    assert summary["skipped"] == {reason: 1}
    for _ in range(2):  # a file that was indexed before is still named
        assert build(tmp_path, code=1)["skipped"] == {"x.warc.gz": {reason: 1}}
    result = invoke("index", "build", tmp_path)
    assert f"x.warc.gz: records were lost: 1 {reason}" in result.stderr.replace("\n", "")
    (tmp_path / "x.warc.gz").write_bytes(members(records[1:]))
    assert build(tmp_path)["skipped"] == {}


def test_what_is_no_page_is_counted_by_reason(tmp_path: Path) -> None:
    records = [
        record("response", URL, ANSWER),
        record("response", f"{URL}/gone", http(b"", status="HTTP/1.1 404 Not Found"), number=2),
        record("response", f"{URL}.png", http(b"\x89PNG\r\n\x1a\n", "Content-Type: image/png"), number=3),
        record("resource", "urn:text:ferry", HTML, number=5, content_type="text/html"),
        record("x-future", URL, HTML, number=6),
    ]
    (tmp_path / "x.warc.gz").write_bytes(members(records))
    summary, lines = extract(tmp_path)
    assert len(lines) == 1
    assert summary["skipped"] == {
        "status_404": 1,
        "media_type": 1,
        "no_web_address": 1,
        "type_unknown": 1,
    }


def test_damage_of_each_form_is_named(tmp_path: Path) -> None:
    whole = {
        "a.arc.gz": members([*arc(), arc_line(f"{URL}/2", "text/html", ANSWER)]),
        "b.warc.gz": gzip.compress(record("response", f"{URL}/3", ANSWER) * 3),
        "c.wacz": b"PK\x03\x04 no package",
    }
    for name, raw in whole.items():
        (tmp_path / name).write_bytes(raw[:-12] if name != "c.wacz" else raw)
    summary, lines = extract(tmp_path, code=1)
    assert URL in {line["url"] for line in lines}
    assert {Path(name).name for name in summary["torn"]} == set(whole)
    assert build(tmp_path, code=1)["skipped"] == {name: {"damaged": 1} for name in whole}


def test_a_record_between_damaged_bytes_of_an_arc_is_found(tmp_path: Path) -> None:
    first, _, page = arc()
    broken = arc_line(f"{URL}/2", "text/html", ANSWER).replace(b"%d\n" % len(ANSWER), b"12\n", 1)
    (tmp_path / "x.arc").write_bytes(first + broken + page)
    (file,) = find_archive_files([tmp_path])
    assert [found.url for found in file.pages()][-1:] == [URL]
    assert file.is_torn


@pytest.mark.parametrize(
    "head", [b"X-A: " + b"y" * (1 << 26), b"a: b\r\n" * (1 << 22), b"X-A: z\r\n" + b" z\r\n" * (1 << 22)]
)
def test_a_record_head_without_end_costs_little_memory(tmp_path: Path, head: bytes) -> None:
    start = b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: 5\r\n"
    bomb = gzip.compress(start + head + b"\r\n\r\nstory\r\n\r\n")
    (tmp_path / "x.warc.gz").write_bytes(bomb + members([record("response", URL, ANSWER)]))
    del head
    for command in (lambda: list(find_archive_files([tmp_path])[0].pages()), lambda: build(tmp_path, code=1)):
        tracemalloc.start()
        try:
            command()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 200 << 20
    assert extract(tmp_path, code=1)[0]["pages"] == 1
