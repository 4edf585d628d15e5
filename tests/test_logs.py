"""The log tells who reads it what happened, page by page, and nothing a page says can alter its form."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from wire.crawl import FAST, crawl

from newscrawl.cli import app
from newscrawl.cli.processes import LARGE_BYTES, rotate_log
from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.logs import JsonFormatter, TextFormatter, escape_controls

OUTLET = "val_sambre"
TRICKS = "a\x1b[31m\r\n2026 ERROR: forged\x9b\u202e\u2066\u2028\x00\ud800\ttab é ن 漢"
ESCAPED = r"a\x1b[31m\r\n2026 ERROR: forged\x9b\u202e\u2066\u2028\x00\ud800\ttab é ن 漢"


def record(message: str, *args: Any, error: Exception | None = None) -> logging.LogRecord:
    raised = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("x.y", logging.ERROR, __file__, 1, message, args, raised)


def failure(text: str) -> Exception:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_control_characters_are_escaped_and_writing_is_not() -> None:
    assert escape_controls(TRICKS) == ESCAPED
    for code in (
        *range(32),
        *range(127, 160),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        0x2028,
        0x2029,
    ):
        assert escape_controls(chr(code)).isprintable()
        assert escape_controls(chr(code)).isascii()


def test_a_record_is_one_line_whatever_its_message() -> None:
    text = TextFormatter("%(levelname)s %(run)s %(message)s").format(record("%s", TRICKS))
    assert text == f"ERROR - {ESCAPED}"


def test_the_text_of_an_error_cannot_pass_for_a_record() -> None:
    text = TextFormatter("%(message)s").format(record("it failed", error=failure(TRICKS)))
    first, *others = text.splitlines()
    assert first == "it failed"
    assert others
    assert all(line.startswith("  ") and line.isprintable() for line in others)


def test_json_is_one_object_a_line() -> None:
    told = record("%(reason)s %(url)s", {"reason": TRICKS, "url": "http://x/", "chars": 7, "asked": ""})
    (line,) = JsonFormatter().format(told).splitlines()
    data = json.loads(line)
    assert data["message"] == f"{ESCAPED} http://x/"
    assert (data["reason"], data["url"], data["chars"], data["level"]) == (ESCAPED, "http://x/", 7, "ERROR")
    assert set(data) == {"time", "level", "logger", "run", "outlet", "message", "url", "reason", "chars"}
    (line,) = JsonFormatter().format(record("it failed", error=failure(TRICKS))).splitlines()
    assert "forged" in json.loads(line)["traceback"]


def test_a_large_log_makes_way_and_five_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "crawl.log"
    for number in range(8):
        log.write_text(f"{number}" * 20)
        rotate_log(log, max_bytes=10)
        assert not log.exists()
    log.write_text("small")
    rotate_log(log, max_bytes=10)
    names = ["crawl.log", "crawl.log.1", *(f"crawl.log.{number}.gz" for number in range(2, 6))]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert (tmp_path / "crawl.log.1").read_text() == "7" * 20
    assert gzip.decompress((tmp_path / "crawl.log.5.gz").read_bytes()) == b"3" * 20


@pytest.fixture
def outlets(tmp_path: Path) -> Iterator[Path]:
    with serve_in_thread(Newsroom([demo_site(OUTLET)])) as served:
        write_outlets(served.bases, tmp_path / "outlets")
        yield tmp_path / "outlets"


@pytest.mark.crawl
def test_a_crawl_tells_of_each_page_once_as_text_and_as_json(outlets: Path, tmp_path: Path) -> None:
    archives = tmp_path / "a"
    (archives / OUTLET).mkdir(parents=True)
    log = archives / OUTLET / "crawl.log"
    log.write_bytes(b"x" * LARGE_BYTES)
    given = {**FAST, "NEWSCRAWL_OUTLETS": outlets, "NEWSCRAWL_LOG_FORMAT": "json"}
    options = [part for name, value in given.items() for part in ("--setting", f"{name}={value}")]
    ran = CliRunner().invoke(app, ["crawl", OUTLET, "--archives", str(archives), *options])
    assert ran.exit_code == 0, ran.output
    assert (archives / OUTLET / "crawl.log.1").stat().st_size == LARGE_BYTES

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    report = json.loads(next((archives / OUTLET).glob("*.report.json")).read_text())
    pages = [line for line in lines if "url" in line]
    assert len(pages) == report["pages"]
    assert sum("lang" in page for page in pages) == report["articles"] > 0
    assert {page["run"] for page in pages} == {report["run"]}
    assert {line["outlet"] for line in lines} == {OUTLET}
    assert sum("asked for" in page["message"] for page in pages) >= 1, "a redirect"
    reasons = {page["reason"] for page in pages if "reason" in page}
    assert reasons == set(report["rejected"])
    _nothing_of_scrapys_start([line["message"] for line in lines])

    again = crawl(OUTLET, archives=archives, NEWSCRAWL_OUTLETS=outlets)
    assert again.code == 0
    assert all(line.startswith("20") for line in again.output.splitlines())
    _nothing_of_scrapys_start(again.output.splitlines())


def _nothing_of_scrapys_start(messages: list[str]) -> None:
    joined = "\n".join(messages)
    assert len(messages) < 60, joined
    for noise in ("Enabled", "Overridden", "Versions", "started (bot", "Ignoring response"):
        assert noise not in joined, joined
