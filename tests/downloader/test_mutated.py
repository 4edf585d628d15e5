"""Thousands of wrong answers through Twisted's parser: what was fed stands in the archive, to the byte."""

from __future__ import annotations

import ast
import base64
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from wire.crawl import ROOT, environment

from newscrawl.warc.http import Message, is_response, split_message
from newscrawl.warc.reader import WarcRecord, iter_records, parse_warc_fields
from newscrawl.warc.verify.files import verify_warcs

pytestmark = pytest.mark.slow

ROUNDS, PROOF_ROUNDS, SEED = 2_000, 10_000, 20260305
_LAST_CHUNK = re.compile(rb"(?:^|\r\n)0+[^\n]*\r\n(?:[^\n]+\r\n)*\r\n$")
_INTERIM = re.compile(r"^interim: (.*)\r$", re.MULTILINE)


@dataclass
class Fed:
    """What one request was answered with, what became of it, and what the archive holds."""

    method: str
    fed: bytes
    status: int
    body: bytes | None
    error: str | None
    records: dict[str, WarcRecord]

    @property
    def block(self) -> bytes | None:
        return self.records["response"].block if "response" in self.records else None

    @property
    def metadata(self) -> dict[str, str]:
        return parse_warc_fields(self.records["metadata"].block)

    @property
    def interim(self) -> bytes:
        noted = _INTERIM.findall(self.records["metadata"].block.decode())
        return b"".join(ast.literal_eval(value) for value in noted)

    @property
    def truncated(self) -> str | None:
        return self.records["response"].headers.get("warc-truncated")


@pytest.fixture(scope="module", params=[ROUNDS, pytest.param(PROOF_ROUNDS, marks=pytest.mark.proof)])
def fed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Fed], list[Path]]:
    folder = tmp_path_factory.mktemp("archives")
    done = subprocess.run(
        [sys.executable, "-m", "wire.fed_handler", str(folder), str(SEED), str(request.param)],
        cwd=ROOT,
        env={**environment(), "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    found: list[dict[str, WarcRecord]] = [{} for _ in lines]
    paths = sorted(folder.glob("*/*.warc.gz"))
    for path in paths:
        with path.open("rb") as stream:
            for record in iter_records(stream):
                if record.kind != "warcinfo":
                    found[int(record.url.rpartition("/")[2])][record.kind] = record
    return [_fed(line, records) for line, records in zip(lines, found, strict=True)], paths


def _fed(line: dict[str, Any], records: dict[str, WarcRecord]) -> Fed:
    return Fed(
        method=line["method"],
        fed=base64.b64decode(line["fed"]),
        status=line.get("status", 0),
        body=base64.b64decode(line["body"]) if "body" in line else None,
        error=line.get("error"),
        records=records,
    )


def test_every_exchange_is_there(fed: tuple[list[Fed], list[Path]]) -> None:
    assert len(fed[0]) >= ROUNDS
    assert all({"request", "metadata"} <= set(one.records) for one in fed[0])


def test_blocks_are_the_bytes_that_were_fed(fed: tuple[list[Fed], list[Path]]) -> None:
    for one in fed[0]:
        if one.block is None:
            assert not is_response(one.fed.removeprefix(one.interim)), one
        else:
            assert one.fed.startswith(one.interim + one.block), one


def test_bytes_are_left_out_only_behind_the_end_of_a_message(fed: tuple[list[Fed], list[Path]]) -> None:
    shortened = [one for one in fed[0] if one.block is not None and one.fed != one.interim + one.block]
    assert len(shortened) > ROUNDS // 10
    for one in shortened:
        assert one.block
        assert one.truncated is None, one
        assert is_at_its_end(split_message(one.block), one.method), one


def is_at_its_end(message: Message, method: str) -> bool:
    """Whether a body ends where its head says that it does."""
    if method == "HEAD" or message.status in (204, 304):
        return not message.body
    if message.is_chunked:
        return bool(_LAST_CHUNK.search(message.body))
    lengths = (message.header("content-length") or "").split(",")
    return {len(message.body)} == {int(length) for length in lengths}


def test_failures_are_recorded_as_failures(fed: tuple[list[Fed], list[Path]]) -> None:
    for one in fed[0]:
        assert one.metadata["outcome"].partition(":")[0] == (one.error or "ok"), one


def test_readers_see_what_the_parser_saw(fed: tuple[list[Fed], list[Path]]) -> None:
    answered = [one for one in fed[0] if one.error is None]
    assert len(answered) > ROUNDS // 4
    for one in answered:
        assert one.block is not None, one
        message = split_message(one.block)
        if 0 <= one.status <= 999:
            assert message.status == one.status, one
        if one.method != "HEAD":
            assert message.entity == one.body, one


def test_what_was_cut_is_marked(fed: tuple[list[Fed], list[Path]]) -> None:
    marks = {"ResponseDataLossError": "disconnect", "DownloadCancelledError": "length"}
    for error, mark in marks.items():
        cut = [one for one in fed[0] if one.error == error and one.block is not None]
        assert mark in {one.truncated for one in cut}
        # A message that ends with its connection may be too large and whole all the same.
        assert all(one.truncated == mark or one.fed == one.interim + (one.block or b"") for one in cut)


def test_the_archive_is_as_sound_as_what_was_fed(fed: tuple[list[Fed], list[Path]]) -> None:
    problems = list(verify_warcs(fed[1]))
    assert "http_start_line" in {problem.code for problem in problems}
    assert not [one for one in problems if not one.code.startswith("http_")]
