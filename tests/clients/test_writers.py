"""Files that other programs write are no error to our verifier, and their pages are read."""

from __future__ import annotations

import gzip
import io
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fastwarc.warc import WarcRecord as FastRecord
from fastwarc.warc import WarcRecordType
from typer.testing import CliRunner
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter
from wire.archived import story
from wire.crawl import environment
from wire.programs import npm_package, program
from wire.server import WireServer, serving

from newscrawl.archive.linked_records import iter_pages
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


PATHS = ("/plain", "/plain", "/gzip", "/chunked", "/404")
"Asked for by every crawler; one page comes twice."
PROXY = """
import warcprox.main, warcprox.warcproxy
warcprox.warcproxy.WarcProxyHandler.allow_localhost = True
warcprox.main.main()
"""
"It refuses loopback unless it is told otherwise, for which it has no option."


def crawl_with_wget(folder: Path, urls: Sequence[str], *options: str) -> None:
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
    subprocess.run([*command, *options, *urls], cwd=folder, check=False, timeout=60)


def crawl_with_warcprox(folder: Path, urls: Sequence[str], *options: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    python = program("warcprox").with_name("python")
    command = [python, "-c", PROXY, "-b", "127.0.0.1", "-p", str(port), "-d", "made", *options]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{port}"}))
    output = (folder / "log").open("wb")
    with (
        output,
        subprocess.Popen(command, cwd=folder, env=environment(), stdout=output, stderr=output) as proxy,
    ):
        try:
            wait_for(port, proxy)
            for url in urls:
                try:
                    opener.open(url, timeout=30).read()
                except urllib.error.HTTPError as error:
                    error.close()
        finally:
            # It writes what it has, and gives the file its final name.
            proxy.send_signal(signal.SIGTERM)
            proxy.wait(60)
    for path in (folder / "made").iterdir():
        path.rename(folder / path.name)


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("it does not listen")


def crawl_with_warcio_js(folder: Path, urls: Sequence[str], packing: str, version: str) -> None:
    bundle = npm_package("warcio") / "dist" / "index.all.js"
    script = Path(__file__).with_name("write_warc.mjs")
    out = folder / f"theirs.warc{'.gz' if packing == 'gzip' else ''}"
    subprocess.run([program("node"), script, bundle, out, packing, version, *urls], check=True, timeout=60)


CRAWLERS: dict[str, Callable[[Path, Sequence[str]], None]] = {
    "wget": crawl_with_wget,
    "wget, not compressed": lambda folder, urls: crawl_with_wget(folder, urls, "--no-warc-compression"),
    "wget, no log": lambda folder, urls: crawl_with_wget(folder, urls, "--no-warc-keep-log"),
    "warcprox": crawl_with_warcprox,
    "warcprox, compressed": lambda folder, urls: crawl_with_warcprox(folder, urls, "--gzip", "--base32"),
    "warcio.js": lambda folder, urls: crawl_with_warcio_js(folder, urls, "gzip", "WARC/1.1"),
    "warcio.js, WARC 1.0": lambda folder, urls: crawl_with_warcio_js(folder, urls, "plain", "WARC/1.0"),
}


def crawled(name: str, folder: Path) -> Path:
    """The file that a crawler of others writes of our test server."""
    with serving(WireServer()) as server:
        CRAWLERS[name](folder, [f"http://127.0.0.1:{server.port}{path}" for path in PATHS])
    (path,) = folder.glob("*.warc*")
    return path


@pytest.mark.crawl
@pytest.mark.parametrize("name", CRAWLERS)
def test_a_file_of_another_crawler_is_no_error(tmp_path: Path, name: str) -> None:
    path = crawled(name, tmp_path)
    done = CliRunner().invoke(app, ["verify", str(path)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    files = find_archive_files([path])
    urls = [page.url for page in iter_pages(files)]
    assert {url.rpartition("/")[2] for url in urls} >= {"plain", "gzip"}
    assert not files[0].lost


def split_records(raw: bytes) -> list[bytes]:
    """The records of a file, not compressed."""
    if not raw.startswith(b"\x1f\x8b"):
        return re.split(rb"(?<=\r\n\r\n)(?=WARC/1)", raw)
    records = []
    while raw:
        member = zlib.decompressobj(31)
        records.append(member.decompress(raw))
        raw = member.unused_data
    return records


def change_response(raw: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The file with its first response changed, in the form that it has."""
    records = split_records(raw)
    place = next(n for n, one in enumerate(records) if re.search(rb"(?i)^WARC-Type: response\r$", one, re.M))
    changed = change(records[place])
    assert changed != records[place]
    records[place] = changed
    is_packed = raw.startswith(b"\x1f\x8b")
    return b"".join(gzip.compress(one, mtime=0) if is_packed else one for one in records)


def replace_once(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Changes a line of the record's head, or a byte of its page."""
    return lambda record: re.sub(old, new, record, count=1, flags=re.MULTILINE | re.IGNORECASE)


FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "its end is cut off": lambda raw: raw[:-9],
    "half of it is cut off": lambda raw: raw[: len(raw) // 2],
    "bytes are missing in the middle": lambda raw: raw[: len(raw) // 2] + raw[len(raw) // 2 + 40 :],
    "something else follows": lambda raw: raw + b"<html>no record</html>",
    "a page has changed": lambda raw: change_response(raw, replace_once(rb"<p>", b"<q>")),
    "a page is longer than its record": lambda raw: change_response(raw, replace_once(rb"<p>", b"<p>more")),
    "a length is wrong": lambda raw: change_response(
        raw, replace_once(rb"^Content-Length: \d+", b"Content-Length: 7")
    ),
    "a record has no type": lambda raw: change_response(raw, replace_once(rb"^WARC-Type: response\r\n", b"")),
    "a record has no date": lambda raw: change_response(raw, replace_once(rb"^WARC-Date: \S+\r\n", b"")),
    "a record has no id": lambda raw: change_response(raw, replace_once(rb"^WARC-Record-ID: \S+\r\n", b"")),
    "a record has no URL": lambda raw: change_response(raw, replace_once(rb"^WARC-Target-URI: \S+\r\n", b"")),
    "a date is none": lambda raw: change_response(
        raw, replace_once(rb"^WARC-Date: \S+", b"WARC-Date: today")
    ),
}


def check_faults(path: Path) -> None:
    raw = path.read_bytes()
    for fault, breaks in FAULTS.items():
        path.write_bytes(breaks(raw))
        done = CliRunner().invoke(app, ["verify", str(path)], env={"COLUMNS": "200"})
        assert done.exit_code == 1, f"{fault}: {done.output}"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("name", WRITERS)
def test_each_fault_in_a_file_of_another_writer_is_an_error(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    check_faults(tmp_path / name)


@pytest.mark.crawl
@pytest.mark.parametrize("name", ["wget", "warcprox", "warcprox, compressed", "warcio.js"])
def test_each_fault_in_a_file_of_another_crawler_is_an_error(tmp_path: Path, name: str) -> None:
    check_faults(crawled(name, tmp_path))


@pytest.mark.crawl
def test_a_package_of_the_reference_tool_is_no_error_unless_a_file_in_it_is_broken(tmp_path: Path) -> None:
    path = crawled("warcio.js", tmp_path)
    packer = program("wacz")
    for name, is_broken in (("good", False), ("bad", True)):
        if is_broken:
            path.write_bytes(FAULTS["a page has changed"](path.read_bytes()))
        package = tmp_path / f"{name}.wacz"
        subprocess.run([packer, "create", "-o", package, path], check=True, env=environment(), timeout=120)
        done = CliRunner().invoke(app, ["verify", str(package)], env={"COLUMNS": "200"})
        assert done.exit_code == int(is_broken), done.output
