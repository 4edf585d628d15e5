"""An archive and outlet files that try everything: escapes, bombs, odd dates, unbounded heads and lengths."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from crafted import http, members, record, urn
from lines_made import article, write_run

from newscrawl.archive.report import Report, write_report

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\x85\u202edesrever\u2066\x7f\r\b"
"Clears the screen, sets a title, colours by C1, turns the order of letters, overwrites the line."
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
HEADER = ESCAPES.replace("\r", "")
"For headers, which end at a carriage return."
URL = f"https://presse.example/a {HEADER}b"
STORY = f"<p>{'Le conseil a voté la reconstruction du pont de bois, dit la maire. ' * 4}</p>" * 4
RUN = "presse-20260304050607891-1"
TORN = f"presse-2026{ESCAPES}.warc"
BOMB_BYTES = 320 << 20
"More than a process may have in memory."
HEAD_BYTES = 24 << 20
"Of a head: as many lines as this take more than a process may have, once they are read one by one."
RUN_PAGES = 3
"Pages that the run has too, of those in the other file."
MEMBERS = 20_000
CHUNK = b"1;" + b"x" * 45 + b"\r\na\r\n"
"A byte in a frame of fifty: there is more of the frame than may be read."
Part = tuple[bytes, int]
"Bytes, and how often they come one after the other."


def hostile_page() -> bytes:
    """A response whose head and page are full of escapes."""
    return http(
        f"<html><title>Un pont {ESCAPES}</title>"
        f"<body><h1>Un pont {ESCAPES}</h1>{STORY}</body></html>".encode(),
        f"Content-Type: text/html; x={HEADER}".encode().decode("latin-1"),
    )


def hostile_archives(folder: Path) -> Path:
    """An outlet's folder in which whatever can be text is hostile; the folder of the archives."""
    presse = folder / "archives" / "presse"
    presse.mkdir(parents=True)
    page = hostile_page()
    records = [
        record("response", URL, page, number=1),
        record("response", "https://presse.example/b", page, number=2),
        record("resource", URL, b"text", number=3, content_type=f"a/{HEADER}"),
    ]
    (presse / TORN).write_bytes(b"".join(records) + ESCAPES.encode())
    (presse / "presse.warc.gz").write_bytes(members(records))
    (presse / f"presse-{ESCAPES}.warc.gz").write_bytes(ESCAPES.encode())
    line = article(
        1, f"Le pont {ESCAPES} est fermé.", title=ESCAPES, url=URL, source="presse", byline_raw=ESCAPES
    )
    write_run(folder / "archives", [line, ESCAPES.encode() + b"\n"], outlet="presse")
    values = {"run": RUN, "outlet": f"presse{ESCAPES}", "error": ESCAPES, "reason": ESCAPES, "seconds": 1}
    day = "2026-03-04T05:06:07Z"
    report = Report.model_validate({**values, "started": day, "finished": day, "rejected": {ESCAPES: 1}})
    write_report(presse, report)
    (presse / "manifest.sha256").write_text(f"{'0' * 64}  {RUN}{ESCAPES}.jsonl\n", encoding="utf-8")
    return presse.parent


def hostile_outlets(folder: Path) -> Path:
    """Outlet files with escapes in every place, of which one can be read; their folder."""
    outlets = folder / "outlets" / "cm"
    outlets.mkdir(parents=True)
    title = json.dumps(f"Presse {ESCAPES}")
    text = (
        f'title = {title}\nhome = "https://presse.example/"\ncountry = "CM"\nlanguages = ["fr"]\n'
        f'timezone = "Africa/Douala"\nkind = "national"\n'
    )
    (outlets / "presse.toml").write_text(text, encoding="utf-8")
    key = json.dumps(f"key{ESCAPES}")
    (outlets / "broken.toml").write_text(f"{text}{key} = {title}\n", encoding="utf-8")
    (outlets / "torn.toml").write_text(f"{text}{ESCAPES}\n", encoding="utf-8")
    (outlets / f"un{ESCAPES}.toml").write_text(text, encoding="utf-8")
    return outlets.parent


def add_large_files(archives: Path, times: int) -> None:
    """Files whose content is far larger than they are, of the run and of other programs.

    `times`: how much larger than they must be what only takes time is.
    """
    folder = archives / "presse"
    pages = list(_large_pages(times))
    with (folder / "presse-20260304050607891-00000-host-1.warc.gz").open("wb") as stream:
        info = f"software: newscrawl/0\r\nrun: {RUN}\r\nx: {HEADER}\r\n".encode()
        stream.write(members([record("warcinfo", None, info, number=1)]))
        for number, packed in enumerate(pages[:RUN_PAGES], 1):
            stream.write(packed)
            stream.write(members([_notes(number)]))
        small = record("request", "https://presse.example/", b"GET / HTTP/1.1\r\n\r\n", number=9)
        stream.write(members([small]) * MEMBERS * times)
    (folder / "theirs.warc.gz").write_bytes(b"".join(pages) + members(_odd_dates()))
    (folder / "heads.warc.gz").write_bytes(b"".join(_large_heads(times)))
    endless = record("response", URL, hostile_page(), number=70)
    declared = re.sub(rb"(?m)^Content-Length: \d+\r$", b"Content-Length: %d\r" % 10**17, endless, count=1)
    (folder / "declared.warc").write_bytes(endless + declared)


def _notes(number: int) -> bytes:
    """The metadata record of a page, as newscrawl writes it."""
    discovery = json.dumps({"url": f"https://presse.example/{number}", "via": "list"})
    block = f"outcome: ok\r\ndiscovery: {discovery}\r\n{HEADER}: {HEADER}\r\n".encode()
    concurrent = ("WARC-Concurrent-To", urn(number + 10))
    return record("metadata", f"https://presse.example/{number}", block, concurrent, number=number + 30)


def _large_pages(times: int) -> Iterator[bytes]:
    """Gzip members of responses that are small on disk."""
    kind = "Content-Type: text/html"
    plain = http(b"", kind)
    paragraphs = (b"<p>Le pont</p>\n" * 4096, BOMB_BYTES // (15 * 4096))
    bomb = pack([paragraphs])
    blocks: list[list[Part]] = [
        [(hostile_page(), 1)],
        [(http(bomb, kind, "Content-Encoding: gzip"), 1)],
        [(plain, 1), paragraphs],
        [(http(pack([(bomb, 1)]), kind, "Content-Encoding: gzip, gzip"), 1)],
        [(plain[:-2] + b"X-Long: ", 1), (b"y" * 65536, HEAD_BYTES // 65536), (b"\r\n\r\n<p>Le pont</p>", 1)],
        [(plain[:-2], 1), (b"X-Many: y\r\n" * 4096, 50 * times), (b"\r\n<p>Le pont</p>", 1)],
        [
            (http(b"", kind, "Transfer-Encoding: chunked"), 1),
            (CHUNK * 8192, 128 * times),
            (b"0\r\n\r\n", 1),
        ],
    ]
    for number, parts in enumerate(blocks, 1):
        head = record("response", f"https://presse.example/{number}", b"", number=number + 10)
        size = sum(len(piece) * times for piece, times in parts)
        head = head[:-4].replace(b"Content-Length: 0", b"Content-Length: %d" % size)
        yield pack([(head, 1), *parts, (b"\r\n\r\n", 1)])


def pack(parts: Sequence[Part]) -> bytes:
    """A gzip member of these parts (RFC 1952), in the time that it takes to compress each of them once."""
    packed, checksum, size = [b"\x1f\x8b\x08" + bytes(6) + b"\xff"], 0, 0
    for piece, times in parts:
        # A full flush ends a block that depends on nothing before it, so it can stand there many times.
        packer = zlib.compressobj(6, wbits=-15)
        packed.append((packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)) * times)
        for _ in range(times):
            checksum = zlib.crc32(piece, checksum)
        size += len(piece) * times
    end = zlib.compressobj(wbits=-15).flush()
    return b"".join([*packed, end, checksum.to_bytes(4, "little"), (size % (1 << 32)).to_bytes(4, "little")])


def _large_heads(times: int) -> Iterator[bytes]:
    """Record heads of many MB, and a page behind them."""
    start = b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: 5\r\n"
    for lines in (b"X-A: " + b"y" * 65536, b"a: b\r\n" * 8192, b" folded\r\n" * 8192):
        yield pack([(start, 1), (lines, times * HEAD_BYTES // len(lines)), (b"\r\n\r\nstory\r\n\r\n", 1)])
    yield members([record("response", "https://presse.example/behind", hostile_page(), number=60)])


def _odd_dates() -> list[bytes]:
    dates = (
        None,
        "",
        HEADER,
        "9999-99-99T99:99:99Z",
        "2016-12-31T23:59:60Z",
        "20161231120000",
        "1" * 100_000,
    )
    return [
        record("response", f"{URL}{n}", hostile_page(), number=n + 50, date=date)
        for n, date in enumerate(dates)
    ]
