"""Runs crawls as a user would, each in a process of its own, against loopback."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import chdir
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from newscrawl.archive.report import Report, newest_reports
from newscrawl.cli.forked_crawls import CrawlForker
from newscrawl.cli.processes import SCRAPY, crawl_environment
from newscrawl.items import Article, Rejection
from newscrawl.schema import line_json_schema
from newscrawl.spiders.worker_parent import can_fork

ROOT = Path(__file__).parents[2]
FAST = {
    "NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": "1",
    "DOWNLOAD_DELAY": "0",
    "AUTOTHROTTLE_ENABLED": "0",
    "NEWSCRAWL_BACKOFF_SECONDS": "0",
    "NEWSCRAWL_EXTRACT_PROCESSES": "1",
}


def scrapy_command(*args: str, archives: Path | None = None, **settings: object) -> list[str]:
    options = {**FAST, **({"NEWSCRAWL_ARCHIVES": str(archives)} if archives else {}), **settings}
    flags = [part for name, value in options.items() for part in ("-s", f"{name}={value}")]
    return [*SCRAPY, *args, *flags]


def environment() -> dict[str, str]:
    """The caller's, without settings of newscrawl that a developer may have set."""
    others = ("NEWSCRAWL_", "PYTEST_CURRENT_TEST")
    return {name: value for name, value in os.environ.items() if not name.startswith(others)}


ARTICLES, REJECTIONS = (Draft202012Validator(line_json_schema(model)) for model in (Article, Rejection))


def _check_schema(form: Draft202012Validator, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines, every one of which keeps what its schema promises."""
    for line in lines:
        form.validate(line)
    return lines


@dataclass
class Crawl:
    """How a finished crawl ended, and what it left."""

    code: int
    output: str
    folder: Path

    def lines(self, suffix: str) -> list[dict[str, Any]]:
        paths = sorted(
            path for path in self.folder.glob(f"*{suffix}") if path.name.count(".") == suffix.count(".")
        )
        return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]

    @property
    def articles(self) -> list[dict[str, Any]]:
        return _check_schema(ARTICLES, self.lines(".jsonl"))

    @property
    def rejected(self) -> list[dict[str, Any]]:
        return _check_schema(REJECTIONS, self.lines(".rejected.jsonl"))

    @property
    def report(self) -> dict[str, Any]:
        """Of the last run, quiet or not."""
        ((_, report),) = newest_reports(self.folder)
        assert isinstance(report, Report), report
        return report.model_dump(mode="json", by_alias=True)

    @property
    def warcs(self) -> list[Path]:
        return sorted(self.folder.glob("*.warc.gz"))


def crawl(spider: str, *args: str, archives: Path, seconds: int = 120, **settings: object) -> Crawl:
    """The crawl that `newscrawl crawl` makes, from the checkout, waited for: a fork where the system can."""
    command = scrapy_command("crawl", spider, *args, archives=archives, **settings)
    if not can_fork() or environment() != _forker_environment():
        return scrapy_crawl(spider, *args, archives=archives, seconds=seconds, **settings)
    with tempfile.TemporaryFile() as output:
        with chdir(ROOT):  # where the process that forks starts, and with it all its crawls
            process = _forker().start(command[len(SCRAPY) :], output)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert code is not None, "the process that forks crawls has died"
        output.seek(0)
        return Crawl(code, output.read().decode("utf-8", "replace"), archives / spider)


@lru_cache(maxsize=1)
def _forker() -> CrawlForker:
    forker = CrawlForker({**crawl_environment(), **_forker_environment()})
    atexit.register(forker.close)
    return forker


@lru_cache(maxsize=1)
def _forker_environment() -> dict[str, str]:
    """Of all forks. A test that changes it has a crawl that starts from nothing."""
    return environment()


def scrapy_crawl(
    spider: str,
    *args: str,
    archives: Path,
    seconds: int = 120,
    variables: Mapping[str, str] | None = None,
    **settings: object,
) -> Crawl:
    """The same with `scrapy crawl`, a Python that starts from nothing, with more variables for it."""
    done = subprocess.run(
        scrapy_command("crawl", spider, *args, archives=archives, **settings),
        cwd=ROOT,
        env={**environment(), **(variables or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Crawl(done.returncode, done.stdout + done.stderr, archives / spider)


def crawl_urls(urls: Iterable[str], archives: Path, **settings: object) -> Crawl:
    """A crawl of the spider `urls` over these pages."""
    listed = archives / "urls.txt"
    archives.mkdir(parents=True, exist_ok=True)
    listed.write_text("\n".join(urls), encoding="utf-8")
    return crawl("urls", "-a", f"file={listed}", archives=archives, **settings)
