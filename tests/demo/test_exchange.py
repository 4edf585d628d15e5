"""The log file of the newsroom."""

from __future__ import annotations

from pathlib import Path

import pytest

from newscrawl.demo.exchange import Exchange, line_of, read_log
from newscrawl.errors import NewscrawlError

EXCHANGE = Exchange(outlet="a", received=b"GET \x00\xff", sent=b"HTTP\r\n\n", status=200)


def test_a_log_gives_back_the_exact_bytes(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(line_of(EXCHANGE) * 2, encoding="ascii")
    assert read_log(log) == [EXCHANGE, EXCHANGE]


@pytest.mark.parametrize("line", ["{}", "[]", "nonsense", line_of(EXCHANGE).replace("==", "=!")])
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(line_of(EXCHANGE) + line + "\n", encoding="ascii")
    with pytest.raises(NewscrawlError, match=r"log\.jsonl, line 2"):
        read_log(log)


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NewscrawlError, match="absent"):
        read_log(tmp_path / "absent")
