"""What the line costs, in CPU milliseconds a page, each variant in turn within one run.

Variants: Scrapy as it comes (stock), with newscrawl's settings (bare), with capture, the extractor alone, the
whole line: of this the process that crawls (main) and its workers apart. Starting up is not counted; ratios
are taken round by round, because machines drift.
Linux only: children's CPU time includes that of workers, which are adopted when their parent ends.
"""

from __future__ import annotations

import argparse
import ctypes
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.request import urlopen

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from newscrawl.demo.catalogue import demo_sites, expected_pages, write_outlets
from newscrawl.demo.http import Request, Response
from newscrawl.demo.saved_pages import PagesSite, page_sites
from newscrawl.demo.server import Newsroom, serve_in_thread

HERE = Path(__file__).parent
OUTLET = "pages_1"
PR_SET_CHILD_SUBREAPER = 36
QUICK = {
    "NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": 1,
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": 0,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
    "LOG_LEVEL": "WARNING",
    "NEWSCRAWL_BODY_MIN_CHARS": 0,
}
FETCHES = 4
"Times that each page is fetched where nothing is extracted: single fetches are too short to compare."
CRAWLS = ("stock", "bare", "capture")
VARIANTS = (*CRAWLS, "extractor", "main", "workers", "parse", "beyond")
"What is measured: each a figure a round."
CAPTURE_AT_MOST, LINE_AT_MOST = 1.15, 1.30
MAIN_GOAL, BEYOND_GOAL_MS, PARSES_GOAL = 1.5, 1.5, 7
"Goals: the process that crawls in captures, a worker beyond extraction, the whole line in parses."


@dataclass(frozen=True)
class Bench:
    """Where the pages are and where they are served."""

    folder: Path
    base: str
    paths: list[str]
    outlets: Path
    scratch: Path

    def command(self, variant: str, pages: int) -> list[str]:
        if variant in ("extractor", "worker"):
            mode = ["worker"] if variant == "worker" else []
            return [sys.executable, str(HERE / "extractor.py"), str(self.folder), str(pages), *mode]
        if variant in CRAWLS:
            listed = self.scratch / f"{pages}.txt"
            urls = [f"{self.base}{path}?{n}" for n in range(FETCHES) for path in self.paths[:pages]]
            listed.write_text("\n".join(urls), encoding="utf-8")
            return [sys.executable, str(HERE / "spiders.py"), variant, str(listed)]
        given = {
            **QUICK,
            "NEWSCRAWL_OUTLETS": self.outlets,
            "NEWSCRAWL_PAGES_MAX": pages,
            "NEWSCRAWL_ARCHIVES": tempfile.mkdtemp(dir=self.scratch),
        }
        return [sys.executable, str(HERE / "spiders.py"), "line", OUTLET, *map("=".join, texts(given))]


def texts(given: dict[str, object]) -> Iterator[tuple[str, str]]:
    return ((name, str(value)) for name, value in given.items())


def cpu_seconds(command: list[str]) -> tuple[list[float], float, float]:
    """The numbers that a command prints, its own CPU, and that of everything it started."""
    with subprocess.Popen(command, cwd=HERE.parents[1], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        printed = process.stdout.read()
        _, status, own = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    others = 0.0
    while True:
        try:
            used = os.wait4(-1, 0)[2]
        except ChildProcessError:
            break
        others += used.ru_utime + used.ru_stime
    return [float(word) for word in printed.split()], own.ru_utime + own.ru_stime, others


def crawl_ms(command: list[str]) -> float:
    """CPU milliseconds a page, as the crawl itself reports them."""
    done = subprocess.run(command, check=True, cwd=HERE.parents[1], stdout=subprocess.PIPE, text=True)
    return float(done.stdout.split()[-1])


def measure_round(bench: Bench) -> Iterator[tuple[str, float]]:
    """CPU milliseconds a page by variant; starting up is left out, or taken off by a run with one page."""
    total = len(bench.paths)
    for variant in CRAWLS:
        yield variant, crawl_ms(bench.command(variant, total))
    one, whole = (cpu_seconds(bench.command("extractor", pages))[1] for pages in (1, total))
    yield "extractor", (whole - one) * 1000 / (total - 1)
    (one_main, _, one_others), (main, _, others) = (
        cpu_seconds(bench.command("line", pages)) for pages in (1, total)
    )
    yield "main", (main[-1] - one_main[-1]) * 1000 / (total - 1)
    yield "workers", (others - one_others) * 1000 / (total - 1)
    parse, beyond = cpu_seconds(bench.command("worker", total))[0]
    yield "parse", parse
    yield "beyond", beyond


def measured(bench: Bench, rounds: int) -> dict[str, list[float]]:
    """CPU milliseconds a page by variant, one figure a round."""
    found: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("measuring", total=rounds * len(VARIANTS))
        for _ in range(rounds):
            for variant, figure in measure_round(bench):
                found[variant].append(figure)
                progress.advance(task)
    return found


def figures(found: dict[str, list[float]]) -> dict[str, float]:
    """Medians, and the ratios that have a bound or a goal."""
    rounds = [dict(zip(VARIANTS, values, strict=True)) for values in zip(*found.values(), strict=True)]

    def ratio(above: str, *below: str) -> float:
        return round(median(one[above] / sum(one[name] for name in below) for one in rounds), 3)

    for one in rounds:
        one["line"] = one["main"] + one["workers"]
    return {
        **{f"{variant}_ms": round(median(one[variant] for one in rounds), 3) for variant in rounds[0]},
        "capture_to_stock": ratio("capture", "stock"),
        "capture_to_bare": ratio("capture", "bare"),
        "line_to_parts": ratio("line", "bare", "extractor"),
        "main_to_capture": ratio("main", "capture"),
        "parses_per_page": ratio("line", "parse"),
        "pages_per_core_second": round(1000 / median(one["line"] for one in rounds), 1),
    }


def saved_newsroom(folder: Path) -> None:
    """The demo newsroom's stories as a folder of saved pages."""
    with (
        serve_in_thread(Newsroom(demo_sites(), remember=False)) as newsroom,
        (folder / "truth.jsonl").open("w", encoding="utf-8") as truth,
    ):
        for outlet, base in newsroom.bases.items():
            stories = [path for path, page in expected_pages(outlet).items() if page.kind == "article"]
            for number, path in enumerate(stories):
                name = f"{outlet}-{number}"
                (folder / f"{name}.html").write_bytes(fetched(base + path))
                truth.write(json.dumps({"id": name, "url": base + path, "html": f"{name}.html"}) + "\n")


def fetched(url: str) -> bytes:
    """A page of the newsroom, asked for again when it is busy at first."""
    from urllib.error import HTTPError

    try:
        with urlopen(url) as answer:
            return bytes(answer.read())
    except HTTPError as error:
        error.close()
        with urlopen(url) as answer:
            return bytes(answer.read())


class Prepared:
    """A site whose pages are packed once, so that serving them disturbs nothing that is measured."""

    def __init__(self, site: PagesSite) -> None:
        self.id = site.id
        self._site = site
        self._pages = {path: self._packed(page.read()) for path, page in site.pages.items()}

    @staticmethod
    def _packed(body: bytes) -> Response:
        return Response(
            body=gzip.compress(body), content_type="text/html", headers=(("Content-Encoding", "gzip"),)
        )

    def respond(self, request: Request) -> Response:
        return self._pages.get(request.path) or self._site.respond(request)


@contextmanager
def serving(pages: Path | None) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        folder = pages or scratch / "pages"
        if not pages:
            folder.mkdir()
            saved_newsroom(folder)
        (site,) = page_sites(folder, outlets=1)
        with serve_in_thread(Newsroom([Prepared(site)], remember=False)) as newsroom:
            write_outlets(newsroom.bases, scratch / "outlets")
            yield Bench(
                folder.resolve(), newsroom.bases[OUTLET], list(site.pages), scratch / "outlets", scratch
            )


def table(result: dict[str, float]) -> Table:
    shown = Table(title="CPU a page", title_justify="left")
    for column in ("variant", "ms", "ratio"):
        shown.add_column(column, justify="right" if column == "ms" else "left")
    shown.add_row("Scrapy as it comes", f"{result['stock_ms']:.2f}", "1")
    shown.add_row("Scrapy with newscrawl's settings", f"{result['bare_ms']:.2f}", "")
    shown.add_row(
        "with capture",
        f"{result['capture_ms']:.2f}",
        f"{result['capture_to_stock']:.3f} of Scrapy as it comes (at most {CAPTURE_AT_MOST})\n"
        f"{result['capture_to_bare']:.3f} of Scrapy with newscrawl's settings",
    )
    shown.add_row("extractor alone", f"{result['extractor_ms']:.2f}", "")
    shown.add_row(
        "the whole line",
        f"{result['line_ms']:.2f}",
        f"{result['line_to_parts']:.3f} of Scrapy so set + extractor (at most {LINE_AT_MOST:.2f})",
    )
    shown.add_row(
        "of it the process that crawls",
        f"{result['main_ms']:.2f}",
        f"{result['main_to_capture']:.2f} of capture alone (goal {MAIN_GOAL})",
    )
    shown.add_row(
        "of it a worker beyond extraction",
        f"{result['beyond_ms']:.2f}",
        f"reading, noting, answering (goal {BEYOND_GOAL_MS} ms where a parse takes 2.9 ms)",
    )
    shown.add_row(
        "a parse by lxml",
        f"{result['parse_ms']:.2f}",
        f"{result['parses_per_page']:.1f} of them are the whole line (goal {PARSES_GOAL})",
    )
    shown.caption = f"{result['pages_per_core_second']:.1f} pages a core-second"
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=Path, help="folder of saved pages with a truth.jsonl")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    with serving(options.pages) as bench:
        result = figures(measured(bench, options.rounds)) | {
            "pages": len(bench.paths),
            "rounds": options.rounds,
        }
    if options.json:
        print(json.dumps(result, sort_keys=True))
    else:
        Console().print(table(result))
    if result["capture_to_stock"] > CAPTURE_AT_MOST or result["line_to_parts"] > LINE_AT_MOST:
        raise SystemExit("a bound is broken")


if __name__ == "__main__":
    main()
