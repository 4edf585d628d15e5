"""What a page costs: `speed.py [--pages FOLDER] [--limit N] [--rounds N] [--memory N] [--json]`.

CPU of text, metadata and languages by newscrawl, as ratios to a bare lxml parse, beside programs like it, all
on the same pages in the same run: on each page one program after the other, so that a busy machine slows all.
Each round is a process of its own, since a page costs less when its site has been met; the least of all
rounds counts, page by page. Two orders: by site, as a crawl meets pages, and cold, each page of another site.
Programs that are not installed are named (tests/bench/peers.txt). How good texts are: `newscrawl bench text`.

`--memory N` instead reads N pages of N sites in one process, and prints how large it gets. Without a folder
the pages are those of the embedded newsroom; pages of other sites are made of them by other names and words.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import re
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from itertools import groupby, islice
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import lxml.html
from htmldate.extractors import external_date_parser
from line import saved_newsroom
from rich.console import Console
from rich.table import Table
from trafilatura.external import jt_stoplist_init

from newscrawl.demo.saved_pages import saved_pages
from newscrawl.extraction import extract
from newscrawl.urls import url_host

FETCHED = datetime(2026, 1, 1, tzinfo=UTC)
HTML = {"content-type": "text/html"}
PEERS = Path(__file__).resolve().parents[2] / ".venv" / "peers"
PARSE, NEWSCRAWL = "lxml parse", "newscrawl"
PACKAGES = {"newspaper4k": "newspaper", "readability-lxml": "readability", "resiliparse": "resiliparse"}
"Programs that are not among the requirements, and the package of each."
BY_SITE, COLD = "by site", "cold"
ORDERS = (BY_SITE, COLD)
MEMORY_AT = (1, 10, 100, 1_000, 2_000, 3_000, 5_000, 7_000, 10_000)
MOST_MEGABYTES = 300
"No process that extracts gets larger, for all it remembers has a bound."
_CLASS = re.compile(rb'(class|id)="([^"]{1,200})"')
_WORD = re.compile(r"\b[a-zà-ÿ]{5,12}\b")
_TEXT = re.compile(r"(?<=>)[^<>{}]{20,}(?=<)")
_CONSONANTS, _VOWELS = "bcdfgklmnprstv", "aeiou"
_PARAGRAPH = "<p>It is read before the first page, because programs load much when they first need it.</p>"
WARM_UP = (
    f"<html><body><article><h1>A warm-up</h1>{_PARAGRAPH * 9}</article></body></html>",
    f"<html lang=en><body><div>{_PARAGRAPH}</div></body></html>",
)
"A story, and a text so short that a program tries all it has."
EVERY = 6
"Of so many words one is replaced by an invented one on pages that are made."


class Page(NamedTuple):
    url: str
    html: bytes
    is_first: bool
    "Whether it is the first of its site."


def main() -> int:
    options = _options()
    if PEERS.is_dir():
        sys.path.append(str(PEERS))
    with TemporaryDirectory() as temporary:
        if options.pages is None:
            options.pages = Path(temporary)
            saved_newsroom(options.pages)
            options.made = True
        if options.once:
            print(json.dumps(_measure(_ordered(options))))
            return 0
        if options.memory:
            return _show_memory(options)
        rounds = {order: [_run_once(options, order) for _ in range(options.rounds)] for order in ORDERS}
    figures = {order: _figures(found) for order, found in rounds.items()}
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        for order in ORDERS:
            _show(order, figures[order], options.rounds)
        for name in sorted(set(PACKAGES) - set(_programs())):
            Console().print(f"{name} is missing: pip install --target .venv/peers -r tests/bench/peers.txt")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pages", type=Path, help="folder of saved pages with a truth.jsonl")
    parser.add_argument("--limit", type=int, default=120, help="pages of each order")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, default=0, help="pages to read in one process")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--once", choices=ORDERS, help=argparse.SUPPRESS)
    parser.add_argument("--made", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _run_once(options: argparse.Namespace, order: str) -> list[dict[str, float]]:
    """The CPU milliseconds by program of each page, in a new process."""
    command = [sys.executable, __file__, "--once", order, "--pages", str(options.pages)]
    command += ["--limit", str(options.limit), *(["--made"] if options.made else [])]
    rows: list[dict[str, float]] = json.loads(
        subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    )
    return rows


def _ordered(options: argparse.Namespace) -> list[Page]:
    pages = sorted(saved_pages(options.pages), key=lambda page: (url_host(page.url), page.url))
    sites = [list(site) for _, site in groupby(pages, key=lambda page: url_host(page.url))]
    if options.once == BY_SITE:
        several = [site for site in sites if len(site) > 1]
        chosen = [Page(page.url, page.read(), page is site[0]) for site in several for page in site]
        return chosen[: options.limit]
    if options.made:
        return list(islice(_made_pages(options.pages), options.limit))
    return [Page(site[0].url, site[0].read(), is_first=True) for site in sites[: options.limit]]


def _made_pages(folder: Path) -> Iterator[Page]:
    """Yield pages without end, each of another site: other names of elements, and some invented words."""
    saved = [(page.url, page.read()) for page in saved_pages(folder)]
    number = 0
    while True:
        for url, html in saved:
            number += 1
            path = url.partition("://")[2].partition("/")[2]
            yield Page(f"https://www.site{number}.example/{path}", _vary(html, number), is_first=True)


def _vary(html: bytes, number: int) -> bytes:
    draw = random.Random(number)
    suffix = f"-{number:x}".encode()
    renamed = _CLASS.sub(
        lambda match: b'%s="%s"' % (match[1], match[2].replace(b" ", suffix + b" ") + suffix), html
    )
    text = renamed.decode("utf-8", "replace")
    invent = partial(_invent, draw)
    return _TEXT.sub(lambda match: _WORD.sub(invent, match[0]), text).encode("utf-8", "replace")


def _invent(draw: random.Random, word: re.Match[str]) -> str:
    if draw.randrange(EVERY):
        return word[0]
    return "".join(draw.choice(_CONSONANTS) + draw.choice(_VOWELS) for _ in range(4))


def _measure(pages: list[Page]) -> list[dict[str, float]]:
    programs = list(_programs().items())
    logging.disable(logging.CRITICAL)
    # trafilatura loads these with the first page that needs them: two seconds and more.
    jt_stoplist_init()
    external_date_parser("no date in any language", "%Y-%m-%d")
    for _, run in programs:
        for html in WARM_UP:
            _timed(run, Page("https://example.org/2026/01/01/warm-up", html.encode(), is_first=True))
    rows = []
    for number, page in enumerate(pages):
        # None profits on all pages from what another has left in the processor's caches.
        turn = number % len(programs)
        row = {name: _timed(run, page) for name, run in (*programs[turn:], *programs[:turn])}
        rows.append({**row, "is_first": float(page.is_first)})
    return rows


def _timed(run: Callable[[bytes, str], object], page: Page) -> float:
    began = time.process_time()
    try:
        run(page.html, page.url)
    except Exception as error:  # noqa: BLE001  a program that fails on a page has been measured all the same
        print(f"{page.url}: {error!r}", file=sys.stderr)
    return (time.process_time() - began) * 1000


def _programs() -> dict[str, Callable[[bytes, str], object]]:
    """The programs that are installed, by name."""
    programs: dict[str, Callable[[bytes, str], object]] = {
        PARSE: lambda html, _url: lxml.html.document_fromstring(html),
        NEWSCRAWL: lambda html, url: extract(html, url, headers=HTML, fetched=FETCHED),
        "trafilatura, precision": partial(_trafilatura, precision=True),
        "trafilatura, default": partial(_trafilatura, precision=False),
    }
    others = {"newspaper4k": _newspaper, "readability-lxml": _readability, "resiliparse": _resiliparse}
    return programs | {name: others[name] for name, package in PACKAGES.items() if find_spec(package)}


def _trafilatura(html: bytes, url: str, *, precision: bool) -> object:
    from trafilatura import bare_extraction

    return bare_extraction(
        html, url=url, favor_precision=precision, include_comments=False, with_metadata=True
    )


def _newspaper(html: bytes, url: str) -> object:
    with warnings.catch_warnings(action="ignore"):  # of languages' tools that this needs none of
        from newspaper import Article

    article = Article(url, fetch_images=False)
    article.download(input_html=html.decode("utf-8", "replace"))
    article.parse()
    return article.text


def _readability(html: bytes, url: str) -> object:
    from readability import Document

    document = Document(html.decode("utf-8", "replace"), url=url)
    return document.title(), document.summary()


def _resiliparse(html: bytes, _url: str) -> object:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    return extract_plain_text(HTMLTree.parse_from_bytes(html), main_content=True)


def _figures(rounds: list[list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """By program milliseconds and multiples of a parse; the same of pages that are not a site's first."""
    rows = [{name: min(row[name] for row in page) for name in page[0]} for page in zip(*rounds, strict=True)]
    later = [row for row in rows if not row["is_first"]]
    figures: dict[str, dict[str, float]] = {"pages": {"all": len(rows), "later": len(later)}}
    for name in rows[0]:
        if name != "is_first":
            figures[name] = _shares(rows, name) | {
                f"later_{key}": value for key, value in _shares(later, name).items()
            }
    return figures


def _shares(rows: list[dict[str, float]], name: str) -> dict[str, float]:
    if not rows:
        return {}
    cost = fmean(row[name] for row in rows)
    return {
        "ms": round(cost, 2),
        "parses": round(cost / fmean(row[PARSE] for row in rows), 2),
        "median": round(median(row[name] / row[PARSE] for row in rows), 2),
    }


def _show(order: str, figures: dict[str, dict[str, float]], rounds: int) -> None:
    every, later = figures["pages"]["all"], figures["pages"]["later"]
    heading = {
        BY_SITE: f"By site: {every} pages, {later} of them a site's second or later",
        COLD: f"Cold: {every} pages, each of another site",
    }
    table = Table(title=f"{heading[order]}; least of {rounds} rounds", title_justify="left")
    columns = ["program", "ms", "parses", "median", "pages/s"]
    for column in (*columns, *(["later"] * (order == BY_SITE))):
        table.add_column(column, justify="left" if column == "program" else "right", no_wrap=True)
    for name, found in figures.items():
        if name == "pages":
            continue
        row = [f"{found['ms']:.2f}", f"{found['parses']:.2f}", f"{found['median']:.2f}"]
        row.append(f"{1000 / found['ms']:.0f}")
        if order == BY_SITE:
            row.append(f"{found['later_parses']:.2f}" if later else "")
        table.add_row(name, *row)
    table.caption = (
        "Multiples of the parse: of all pages together, of the median page, of a site's later pages"
    )
    Console().print(table)


def _show_memory(options: argparse.Namespace) -> int:
    """Print the size of this process after so many pages; 1 where it was larger than it may be."""
    began = time.process_time()
    for number, page in enumerate(islice(_made_pages(options.pages), options.memory), 1):
        extract(page.html, page.url, headers=HTML, fetched=FETCHED)
        if number in MEMORY_AT or number == options.memory:
            held = (
                int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
            )
            spent = time.process_time() - began
            print(f"{number:6} pages {held / 2**20:7.1f} MB {spent:7.1f} CPU s", flush=True)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"at most {most:.1f} MB")
    return int(most > MOST_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
