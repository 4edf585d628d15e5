"""CPU time of reading a page's witness in the record of its source: `story_records.py [--rounds N]`.

Each page is read with and without its pointer, in a file that this program writes; printed is the difference.
`alone`: no other page of the same answer was read before, as for news that come one by one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from newscrawl.archive import story_records
from newscrawl.archive.story_records import locate_witness, read_story
from newscrawl.discovery.feeds import read_feed
from newscrawl.discovery.wordpress import posts_url, read_posts
from newscrawl.items import Link, WarcPointer, WitnessSource
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.story_parts import WITNESS_FIELD
from newscrawl.warc.writer import WarcWriter

NOW = datetime(2026, 3, 4, tzinfo=UTC)
PARAGRAPH = "<p>{}</p>".format("The ferry left at dawn, and <a href='/quay'>nobody</a> had expected it. " * 6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    api = posts_url("http://news.test/")
    answers: list[tuple[str, WitnessSource, str, bytes]] = [
        ("feed of 10", "feed", "http://news.test/feed", feed(10)),
        ("feed of 50", "feed", "http://news.test/feed", feed(50)),
        ("API answer of 20", "api", api, posts(20)),
    ]
    for name, source, url, body in answers:
        with tempfile.TemporaryDirectory() as folder:
            alone, together = measure(Path(folder), source, url, body, rounds)
        print(f"{name}, {len(body) >> 10} KiB: {alone:.1f} ms a page alone, {together:.1f} ms together")


def story(number: int) -> str:
    return f"<p>Story {number}.</p>" + PARAGRAPH * 12


def feed(size: int) -> bytes:
    items = "".join(
        f"<item><title>{n}</title><link>http://news.test/{n}</link><guid>http://news.test/?p={n}</guid>"
        f"<content:encoded><![CDATA[{story(n)}]]></content:encoded></item>"
        for n in range(size)
    )
    names = 'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    return f"<rss {names}><channel><title>News</title>{items}</channel></rss>".encode()


def posts(size: int) -> bytes:
    listed = [
        {"id": n, "link": f"http://news.test/{n}", "content": {"rendered": story(n)}} for n in range(size)
    ]
    return json.dumps(listed).encode()


def measure(folder: Path, source: WitnessSource, url: str, body: bytes, rounds: int) -> tuple[float, float]:
    """Milliseconds of processor time a page, the least of the rounds."""
    numbers = count()
    writer = WarcWriter(
        folder=folder,
        names=WarcNameTemplate(prefix="news", host="h", pid=1),
        info=(("software", "newscrawl/bench"),),
        now=lambda: NOW,
        new_id=lambda: f"<urn:uuid:{next(numbers)}>",
    )
    answer = write(writer, url, body)
    links: Sequence[Link] = (read_feed(body, url) if source == "feed" else read_posts(body, url)).links
    bare, pages = [], []
    for link in links:
        witness = locate_witness(link, source, answer)
        assert witness
        bare.append(write(writer, link.url, b"<p>A page</p>"))
        pages.append(write(writer, link.url, b"<p>A page</p>", (WITNESS_FIELD, witness.model_dump_json())))
    plain = min(cpu_ms(folder, bare, is_alone=False) for _ in range(rounds))
    alone = min(cpu_ms(folder, pages, is_alone=True) for _ in range(rounds))
    together = min(cpu_ms(folder, pages, is_alone=False) for _ in range(rounds))
    writer.close()
    return alone - plain, together - plain


def write(writer: WarcWriter, url: str, body: bytes, *notes: tuple[str, str]) -> WarcPointer:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
    sent, metadata = b"GET / HTTP/1.1\r\n\r\n", (("outcome", "ok"), *notes)
    return writer.write(
        HttpExchange(url=url, started=NOW, sent=sent, received=head + body, metadata=metadata)
    )


def cpu_ms(folder: Path, pages: Sequence[WarcPointer], *, is_alone: bool) -> float:
    forget = story_records._read_entries.cache_clear
    forget()
    began = time.process_time()
    for pointer in pages:
        if is_alone:
            forget()
        assert not read_story(folder, pointer).flags
    return (time.process_time() - began) / len(pages) * 1000


if __name__ == "__main__":
    main()
