"""Thousands of answers with something wrong in them: none is lost, none is altered, nothing breaks."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator
from wire.mutations import SEEDS, mutate

from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.http import ContentError, is_response, split_interim, split_message
from newscrawl.warc.reader import iter_records
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.writer import WarcWriter

ROUNDS, PROOF_ROUNDS = 2_000, 10_000
STARTED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def seen_through(raw: bytes) -> None:
    """Everything a reader asks of a message; only broken content may be refused."""
    message = split_message(raw)
    assert message.head + message.body == raw
    assert isinstance(message.by_name, dict)
    try:
        assert isinstance(message.content, bytes)
    except ContentError:
        return


@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(PROOF_ROUNDS, marks=pytest.mark.proof)])
def test_mutated_answers_come_back_to_the_byte(tmp_path: Path, rounds: int) -> None:
    dice, numbers = random.Random(20260304), count()
    writer = WarcWriter(
        folder=tmp_path,
        names=WarcNameTemplate(prefix="mutated", host="h", pid=1),
        info=(),
        now=lambda: STARTED,
        new_id=lambda: f"<urn:uuid:{next(numbers):032x}>",
    )
    expected: list[bytes] = []
    for number in range(rounds):
        received = mutate(dice.choice(SEEDS), dice)
        sent = b"GET /%d HTTP/1.1\r\n\r\n" % number
        final = split_interim(received)[1]
        writer.write(HttpExchange(url=f"http://a/{number}", started=STARTED, sent=sent, received=received))
        expected += [final, sent] if is_response(final) else [sent]
        seen_through(final)
    writer.close()
    (path,) = tmp_path.glob("*.warc.gz")
    kinds = ("response", "request")
    with path.open("rb") as stream:
        assert [record.block for record in iter_records(stream) if record.kind in kinds] == expected
    with path.open("rb") as stream:
        by_warcio = ArchiveIterator(stream, no_record_parse=True)
        assert [r.raw_stream.read() for r in by_warcio if r.rec_type in kinds] == expected
    with path.open("rb") as stream:
        by_fastwarc = FastIterator(stream, parse_http=False)
        assert [r.reader.read() for r in by_fastwarc if r.headers["WARC-Type"] in kinds] == expected
