"""Events of checked files come over the way to another process as they were."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from newscrawl.warc.verify.headers import RecordHead
from newscrawl.warc.verify.packed_events import pack_events, unpack_events
from newscrawl.warc.verify.problems import WarcProblem
from newscrawl.warc.verify.references import BodilessResponse, Event, HeadRequest, RecordReferences

HEAD = RecordHead(
    fields={"warc-type": ["revisit"], "warc-record-id": ["<urn:x:é\udcff>"], "warc-refers-to": []}
)
PROBLEM = WarcProblem(
    file="a\udcff.warc.gz", offset=1 << 40, record_id=None, code="date_form", message='"\n\u2028'
)
EVENTS: list[Event] = [
    PROBLEM,
    RecordReferences(HEAD, "a.warc.gz", 0),
    HeadRequest(HEAD, "a.warc.gz", 7),
    BodilessResponse(HEAD, "b.warc.gz", 9),
    "sound",
    "damaged",
]


def test_events_are_equal_afterwards_and_of_the_same_kinds() -> None:
    packed = pack_events(EVENTS, 1 << 20)
    assert packed
    found = list(unpack_events(packed))
    assert found == EVENTS
    assert [type(event) for event in found] == [type(event) for event in EVENTS]


def test_files_that_are_nothing_but_problems_do_not_fill_the_memory() -> None:
    taken = 0

    def endless() -> Iterator[Event]:
        nonlocal taken
        for taken in count():
            yield WarcProblem(
                file="a", offset=taken, record_id=None, code="date_form", message=str(hash((taken,)))
            )

    assert pack_events(endless(), 100_000) is None
    assert 0 < taken < 100_000
