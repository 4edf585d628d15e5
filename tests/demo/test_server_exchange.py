"""The log file of the newsroom."""

from __future__ import annotations

from pathlib import Path

from wire.newsroom import read_log

from newscrawl.demo.server import Exchange, line_of

EXCHANGE = Exchange(outlet="a", received=b"GET \x00\xff", sent=b"HTTP\r\n\n", status=200)


def test_a_log_gives_back_the_exact_bytes(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(line_of(EXCHANGE) * 2, encoding="ascii")
    assert read_log(log) == [EXCHANGE, EXCHANGE]
