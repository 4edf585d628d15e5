"""cdxj-indexer writes the lines that we write, for our archives and for those of others."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from crafted import PAGE, http, members, record, urn
from wire.programs import program
from wire.server import ANSWERS

from newscrawl.archive.run_files import new_run
from newscrawl.warc.cdxj import cdxj_lines
from newscrawl.warc.index import Index, update_index, warc_files
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.surt import surt

START = datetime(2026, 5, 1, 10, 0, 0, 999999, tzinfo=UTC)
HOME = "http://www.example.org"

SURT = "import sys, surt; print('\\n'.join(map(surt.surt, sys.argv[1:])))"


def said(*command: str | Path) -> list[str]:
    """The lines a program prints, its own warnings aside."""
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=quiet)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def theirs(folder: Path) -> list[str]:
    return said(program("cdxj-indexer"), "--sort", *warc_files(folder))


def ours(folder: Path) -> list[str]:
    update_index(folder)
    with Index.open(folder) as index:
        return list(cdxj_lines(index.by_key()))


def test_the_lines_of_our_own_archive_are_theirs(tmp_path: Path) -> None:
    numbers = iter(range(10_000))
    run = new_run(
        outlet="demo",
        archives=tmp_path,
        started=START,
        pid=7,
        info=(),
        now=lambda: START + timedelta(seconds=next(numbers)),
        new_id=lambda: urn(next(numbers)),
        host="here",
        max_bytes=20_000,
    )
    run.open()
    for number, (path, answer) in enumerate(ANSWERS.items()):
        sent = b"GET %s HTTP/1.1\r\nHost: www.example.org\r\n\r\n" % path.encode()
        received = b"".join(bytes(piece) for piece in answer.pieces)
        for query in ("", "?Utm=é&a=1#top"):
            started = START + timedelta(milliseconds=number)
            url = f"{HOME}{path}{query}"
            run.write_exchange(HttpExchange(url=url, started=started, sent=sent, received=received))
    run.close()
    assert len(warc_files(run.folder)) > 1
    lines = ours(run.folder)
    assert len(lines) > 40
    assert lines == theirs(run.folder)


@pytest.mark.parametrize("packed", [True, False])
def test_the_lines_of_others_archives_are_theirs(tmp_path: Path, packed: bool) -> None:
    chunked = b"5\r\nhello\r\n0\r\n\r\n"
    records = [
        record("warcinfo", None, b"software: x\r\n", number=1, version="1.0"),
        record("request", HOME + "/a", b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", number=2, version="1.0"),
        record("response", HOME + "/a", http(PAGE, "Content-Type: Text/HTML ;q=1"), number=3, version="1.0"),
        record("response", HOME + "/a", http(chunked, "Transfer-Encoding: chunked"), number=4),
        record("response", HOME + "/a", http(PAGE, status="HTTP/2 404 Gone"), number=5),
        record("revisit", HOME + "/a", http(b"", "X: y"), ("WARC-Payload-Digest", "sha1:X"), number=6),
        record("revisit", HOME + "/a", b"", ("WARC-Payload-Digest", "sha1:X"), number=7),
        record("resource", "urn:Screenshot:a", PAGE, number=8, content_type="image/png"),
        record("metadata", HOME + "/a", b"via: x\r\n", number=9),
        record("metadata", HOME + "/a", b"{}", number=10, content_type="application/json"),
        record("conversion", HOME + "/a", b"text", number=11, content_type="text/plain"),
        record("response", "dns:example.org", b"example.org. 1.2.3.4", number=12, content_type="text/dns"),
    ]
    whole = members(records) if packed else b"".join(records)
    (tmp_path / ("f.warc.gz" if packed else "f.warc")).write_bytes(whole)
    assert ours(tmp_path) == theirs(tmp_path)


def test_keys_are_theirs() -> None:
    paths = [
        "/",
        "",
        "/A/../b/./c//d/",
        "/%2541%20x?q=%2526&z=é",
        "/x?b=2&a=1&a",
        "/x?",
        "/..",
        "/a%23b",
        "/caf%E9",
    ]
    paths += [
        f"/x?q=1&jsessionid={'0123456789abcdef' * 2}&z=1",
        "/(S(4hqa0555fwsecu455xqckv45))/a.aspx",
        "/a|b^c",
    ]
    hosts = ["http://www.example.org", "https://user:pw@WWW2.Example.org:443", "http://exämple.org:8080"]
    urls = [host + path for host in hosts for path in paths] + [
        "urn:Foo:Bar",
        "http://3279880203/",
        "http://[::1]:80/",
    ]
    python = program("cdxj-indexer").with_name("python")
    assert [surt(url) for url in urls] == said(python, "-c", SURT, *urls)
