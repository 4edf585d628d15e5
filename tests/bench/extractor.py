"""What workers do with saved pages, each mode in a process of its own.

`extractor.py PAGES LIMIT`: the extractor alone. `extractor.py PAGES LIMIT worker`: what a worker does with
each archived page, for which it prints two CPU milliseconds a page: a parse of the page by lxml, and all that
the worker does beyond extraction: reading, noting for the site memory, packing the answer.
"""

from __future__ import annotations

import gc
import pickle
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lxml.html
from archive import write_archive

from newscrawl.archive import reextract
from newscrawl.archive.pages import PageLocation, find_archive_files
from newscrawl.demo.saved_pages import saved_pages
from newscrawl.extraction import extract
from newscrawl.pipelines.packed_pages import PackedPage, extract_packed
from newscrawl.workers import GARBAGE_THRESHOLD

FETCHED = datetime(2026, 1, 1, tzinfo=UTC)


def run(folder: Path, limit: int) -> None:
    for page in saved_pages(folder)[:limit]:
        extract(page.read(), page.url, headers={"content-type": "text/html"}, fetched=FETCHED)


def work(place: PageLocation) -> PackedPage:
    return extract_packed(place.folder, place.pointer, None, is_compared=True)


def measure_worker(folder: Path, limit: int) -> tuple[float, float]:
    """CPU seconds of all parses, and of what the worker did beyond extraction."""
    parsing = extracting = working = 0.0
    explain_page = reextract.explain_page

    def explain_timed(*args: Any) -> Any:
        nonlocal extracting
        began = time.process_time()
        try:
            return explain_page(*args)
        finally:
            extracting += time.process_time() - began

    with tempfile.TemporaryDirectory() as made:
        write_archive(folder, Path(made))
        places = [place for file in find_archive_files([Path(made)]) for place in file.pages()][:limit]
        work(places[0])  # loads the models
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD)
        reextract.explain_page = explain_timed
        for place, page in zip(places, saved_pages(folder), strict=False):
            began = time.process_time()
            pickle.dumps(work(place))
            working += time.process_time() - began
            content = page.read()
            began = time.process_time()
            lxml.html.fromstring(content)
            parsing += time.process_time() - began
    return parsing * 1000 / len(places), (working - extracting) * 1000 / len(places)


if __name__ == "__main__":
    given = Path(sys.argv[1]), int(sys.argv[2])
    if sys.argv[3:] == ["worker"]:
        print(*measure_worker(*given))
    else:
        run(*given)
