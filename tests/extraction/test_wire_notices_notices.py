"""Wire notices and datelines."""

from html import escape

import pytest
from blocks_made import blocks_of
from lxml.html import fragment_fromstring

from newscrawl.extraction.blocks import RawBlock
from newscrawl.extraction.wire_notices import hear_around, lift_notices, notices

AUTO = "is auto-generated from a syndicated"
STORY = ["The river rose overnight.", "The bridge held.", "Nobody was hurt."]


def blocks(*texts: str) -> list[RawBlock]:
    return blocks_of(
        fragment_fromstring("".join(f"<p>{escape(text)}</p>" for text in texts), create_parent="body")
    )


@pytest.mark.parametrize(
    ("notice", "ident", "agency"),
    [
        (f"(This story has not been edited by Example staff and {AUTO} feed.)", "unedited-syndicated", None),
        ("(With inputs from agencies.)", "inputs-agencies", None),
        ("(With inputs from PTI)", "inputs-agency", "PTI"),
        ("This report is auto-generated from ANI news service. We only print it.", "news-service", "ANI"),
        ("Avec AFP", "avec-agence", "AFP"),
        ("Source : Xinhua", "source-agency", "Xinhua"),
        ("Source : Voix du Lac / AFP", "source-line", "AFP"),
        ("© 2025 The Associated Press. All rights reserved.", "ap-copyright", "AP"),
        ("(Reporting by Ada Bello; Editing by Tom Reed)", "reuters-desk", "Reuters"),
        ("This story was first published by Voice of the Lake.", "first-published", None),
    ],
)  # fmt: skip
def test_a_notice_leaves_the_text_and_is_kept_verbatim(notice: str, ident: str, agency: str | None) -> None:
    kept, wire, taken = lift_notices(blocks(*STORY, notice))
    assert [block.text for block in kept] == STORY
    assert (taken, wire.evidence, wire.agency) == ([notice], [f"notice:{ident}"], agency)
    assert wire.notice is not None
    assert wire.notice in notice


@pytest.mark.parametrize(("tail", "agency"), [(" (ANI)", "ANI"), (" PTI ABC XYZ", "PTI"), ("(AFP)", "AFP")])
def test_a_tail_is_cut_from_the_last_sentence(tail: str, agency: str) -> None:
    kept, wire, _ = lift_notices(blocks(*STORY[:2], STORY[2] + tail))
    assert [block.text for block in kept] == STORY
    assert (wire.agency, wire.notice) == (agency, tail.strip())


@pytest.mark.parametrize(
    ("start", "place", "agency"),
    [
        ("LAGOS, March 7 (Reuters) - The river rose.", "LAGOS", "Reuters"),
        ("STRASBOURG, France (AP) — The river rose.", "STRASBOURG, France", "AP"),
        ("Paris (AFP) – Le fleuve monte.", "Paris", "AFP"),
        ("Pune [India], March 7 (ANI): The river rose.", "Pune", "ANI"),
        ("Dakar, 7 mars (APS) - Le fleuve monte.", "Dakar", "APS"),
    ],
)
def test_a_dateline_is_heard_and_stays(start: str, place: str, agency: str) -> None:
    kept, wire, taken = lift_notices(blocks(start, *STORY))
    assert kept[0].text == start
    assert (wire.place, wire.agency, wire.notice, taken) == (place, agency, None, [])


@pytest.mark.parametrize(
    "line",
    [
        "The Pakistan movement (PTI) won the seat.",
        "Reporting was late, she said.",
        "Source: les chiffres sont ceux du ministère",
        "The governor of Lagos (APC) said so.",
    ],
)
def test_sentences_that_look_alike_stay(line: str) -> None:
    kept, wire, _ = lift_notices(blocks(*STORY, line))
    assert [block.text for block in kept] == [*STORY, line]
    assert wire.evidence == []


def test_a_notice_far_from_the_end_is_a_sentence() -> None:
    kept, _, _ = lift_notices(blocks("Avec AFP", *STORY, *STORY, *STORY))
    assert kept[0].text == "Avec AFP"


def test_a_line_below_the_story_is_heard() -> None:
    story = blocks(*STORY)
    kept, wire, _ = lift_notices(story)
    hear_around(blocks("Menu", *STORY, "Source : Voix du Lac", "Contact"), kept, wire)
    assert (wire.syndicated, wire.notice) == (True, "Source : Voix du Lac")


def test_nothing_is_heard_of_an_empty_story() -> None:
    kept, wire, taken = lift_notices([])
    hear_around(blocks("Avec AFP"), kept, wire)
    assert (kept, taken, wire.evidence) == ([], [], [])


def test_identifiers_are_unique() -> None:
    idents = [notice.id for notice in notices()]
    assert len(idents) == len(set(idents))
