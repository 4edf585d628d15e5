"""Runs the example project beside this file as its owner would: own spider and settings, Scrapy's command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from wire.archived import answer, story
from wire.crawl import environment
from wire.programs import FOLDER, report_missing
from wire.server import Answer, WireServer, page

from newscrawl.warc.reader import WarcRecord, iter_records

EXAMPLE = Path(__file__).with_name("example")
PATHS = ("/story", "/moved", "/busy", "/nothing", "/chunked-gzip", "/headers", "/hang", "/early-hints")
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"


def make_server() -> WireServer:
    server = WireServer()
    server.answers |= {
        "/story": Answer([answer(story("pier"))]),
        "/form": Answer([page(b"<html>thank you")]),
        "/moved": Answer([b"HTTP/1.1 301 Moved\r\nLocation: /story?moved\r\nContent-Length: 0\r\n\r\n"]),
        "/busy": Answer([BUSY]),
    }
    return server


@dataclass
class ForeignCrawl:
    """How a crawl of the example ended, and what it left in its project."""

    code: int
    output: str
    project: Path

    @property
    def folder(self) -> Path:
        return self.project / "archives" / "harbour"

    def records(self, kind: str) -> list[WarcRecord]:
        found = []
        for path in sorted(self.folder.glob("*.warc.gz")):
            with path.open("rb") as stream:
                found += [record for record in iter_records(stream) if record.kind == kind]
        return found

    def blocks(self, kind: str) -> Counter[bytes]:
        return Counter(record.block for record in self.records(kind))


def crawl_example(
    folder: Path, server: WireServer, *, scrapy: str = "", settings: str = "", paths: tuple[str, ...] = PATHS
) -> ForeignCrawl:
    """`scrapy crawl harbour` in a copy of the example whose settings end with `settings`.

    `scrapy`: a version that `make clients` has put aside; empty for the installed one.
    """
    project = folder / "example"
    shutil.copytree(EXAMPLE, project)
    with (project / "portside" / "settings.py").open("a", encoding="utf-8") as file:
        file.write(settings)
    command = [sys.executable, "-m", "scrapy", "crawl", "harbour", "-a", f"base={server.base}"]
    done = subprocess.run(
        [*command, "-a", f"paths={','.join(paths)}"],
        cwd=project,
        env=environment() | find_scrapy(scrapy),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return ForeignCrawl(done.returncode, done.stdout + done.stderr, project)


def find_scrapy(version: str) -> dict[str, str]:
    """The environment in which another Scrapy comes before the installed one."""
    if not version:
        return {}
    folder = FOLDER / f"scrapy-{version}"
    if not folder.is_dir():
        report_missing(f"Scrapy {version} is not in {folder}: `make clients` puts it there")
    return {"PYTHONPATH": os.fspath(folder)}
