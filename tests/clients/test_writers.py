"""Files that other programs write are no error to our verifier, and their pages are read."""

from __future__ import annotations

import gzip
import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fastwarc.warc import WarcRecord as FastRecord
from fastwarc.warc import WarcRecordType
from typer.testing import CliRunner
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter
from wire.archived import story
from wire.programs import program
from wire.server import WireServer, serving

from newscrawl.archive.pages import find_archive_files
from newscrawl.cli import app

URL = "http://example.org/harbour"
HTML = story("harbour")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(HTML), HTML)
LINES = [("Content-Type", "text/html"), ("Content-Length", str(len(HTML)))]


def write_with_warcio(path: Path, *, is_packed: bool, version: str) -> None:
    with path.open("wb") as stream:
        writer = WARCWriter(stream, gzip=is_packed, warc_version=version)
        writer.write_record(writer.create_warcinfo_record(path.name, {"software": "warcio"}))
        head = StatusAndHeaders("200 OK", LINES, protocol="HTTP/1.1")
        page = writer.create_warc_record(URL, "response", io.BytesIO(HTML), http_headers=head)
        asked = StatusAndHeaders("GET /harbour HTTP/1.1", [("Host", "example.org")], is_http_request=True)
        request = writer.create_warc_record(URL, "request", http_headers=asked)
        writer.write_request_response_pair(request, page)
        again = writer.create_revisit_record(
            URL, page.rec_headers["WARC-Payload-Digest"], URL, "2026-01-01T00:00:00Z"
        )
        writer.write_record(again)


def write_with_fastwarc(path: Path) -> None:
    with path.open("wb") as file:
        info = FastRecord()
        info.init_headers(record_type=WarcRecordType.warcinfo)
        info.set_bytes_content(b"software: FastWARC\r\n")
        page = FastRecord()
        page.init_headers(record_type=WarcRecordType.response)
        page.headers["WARC-Target-URI"] = URL
        page.is_http = True
        page.set_bytes_content(ANSWER)
        for record in (info, page):
            packed = io.BytesIO()
            record.write(packed, checksum_data=True)
            file.write(gzip.compress(packed.getvalue(), mtime=0))


WRITERS: dict[str, Callable[[Path], object]] = {
    "warcio.warc.gz": lambda path: write_with_warcio(path, is_packed=True, version="WARC/1.1"),
    "warcio.warc": lambda path: write_with_warcio(path, is_packed=False, version="WARC/1.0"),
    "fastwarc.warc.gz": write_with_fastwarc,
}


# warcio leaves its temporary files open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("name", WRITERS)
def test_a_file_of_another_writer_is_no_error(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    done = CliRunner().invoke(app, ["verify", str(tmp_path / name)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    (file,) = find_archive_files([tmp_path / name])
    assert [page.url for page in file.pages()] == [URL]
    assert not file.lost


@pytest.mark.crawl
@pytest.mark.parametrize("options", [(), ("--no-warc-compression",), ("--no-warc-keep-log",)])
def test_a_file_of_wget_is_no_error(tmp_path: Path, options: tuple[str, ...]) -> None:
    with serving(WireServer()) as server:
        urls = [f"http://127.0.0.1:{server.port}{path}" for path in ("/plain", "/gzip", "/chunked", "/404")]
        command = [
            program("wget"),
            "-q",
            "--tries=1",
            "-e",
            "robots=off",
            "-O",
            "/dev/null",
            "--warc-file=theirs",
        ]
        subprocess.run([*command, *options, *urls], cwd=tmp_path, check=False)
    (path,) = tmp_path.glob("theirs.warc*")
    done = CliRunner().invoke(app, ["verify", str(path)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
