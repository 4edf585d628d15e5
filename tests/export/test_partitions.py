"""The last line of each page is found, in little memory."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from lines_made import article, write_run

from newscrawl.archive.lines import json_line
from newscrawl.export.partitions import (
    BUCKETS,
    PageSet,
    _bucket_contains,
    _read_page,
    iter_partitions,
    page_digest,
    read_lines,
    scan_partition,
)

TRAPS = [
    'a quote " in it',
    '"url_norm":"http://trap/"',
    "\\",
    "http://example.org/caf\u00e9?a=b",
    "\\" + '"url_norm": "http://trap/"',
]


@pytest.mark.parametrize("text", TRAPS)
def test_a_page_is_identified_by_its_key_alone(text: str) -> None:
    line = json_line(article(7, text, title=text, url_norm=f"http://page/{text}"))
    found = json.loads(b'"' + _read_page(line) + b'"')
    assert found == json.loads(line)["url_norm"] == f"http://page/{text}"


def test_spaces_in_a_line_make_no_difference() -> None:
    line = json.dumps(json.loads(json_line(article(7))), indent=None).encode()
    assert _read_page(line) == _read_page(json_line(article(7)))


def test_a_page_is_new_once() -> None:
    pages = PageSet()
    names = [page_digest(f"http://example.org/{n}".encode()) for n in range(20_000)]
    assert all(pages.add(name) for name in names)
    assert not any(pages.add(name) for name in names)
    assert pages.count == len(names)


def test_a_digest_that_overlaps_two_others_is_not_found() -> None:
    drawer = bytearray(bytes(range(14)) + bytes(range(14, 28)))
    assert _bucket_contains(drawer, bytes(range(14, 28)))
    assert not _bucket_contains(drawer, bytes(range(7, 21)))


def test_pages_take_little_memory() -> None:
    tracemalloc.start()
    pages = PageSet()
    for n in range(5 * BUCKETS):
        pages.add(page_digest(n.to_bytes(8, "big")))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most / pages.count < 60, "a set of such digests takes a hundred bytes and more"


def test_lines_come_in_their_order_and_the_digest_covers_the_selection(tmp_path: Path) -> None:
    write_run(tmp_path, [article(1, "a"), article(2, "b"), article(1, "c"), article(3, "d")])
    (partition,) = iter_partitions(tmp_path, "example")
    every, last = scan_partition(partition, None), scan_partition(partition, PageSet())
    assert [number for _, number, _ in read_lines(every)] == [1, 2, 3, 4]
    assert [number for _, number, _ in read_lines(last)] == [2, 3, 4]
    assert (last.older, last.digest != every.digest) == (1, True)
    assert scan_partition(partition, PageSet()).digest == last.digest


def test_rejections_open_files_and_foreign_files_are_ignored(tmp_path: Path) -> None:
    path = write_run(tmp_path, [article(1)])
    for name in (
        path.name.replace(".jsonl", ".rejected.jsonl"),
        path.name + ".open",
        "notes.jsonl",
        "example-20269904050607891-1.jsonl",
    ):
        (path.parent / name).write_bytes(b"{}\n")
    assert [partition.files for partition in iter_partitions(tmp_path, "example")] == [(path,)]
