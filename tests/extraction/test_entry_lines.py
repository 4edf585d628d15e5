"""Lines above the entries of live pages."""

import blocks_made
import pytest
from stories_made import paragraphs

from newscrawl.extraction.cleaning import clean_blocks
from newscrawl.extraction.entry_lines import are_newest_first, read_entry_line

BODY = paragraphs(3_000)


def remaining(*lines: str, live: bool = False) -> list[str]:
    """The lines that are left where each stands above a paragraph of its own, below a first one."""
    made = [BODY[0], *(text for pair in zip(lines, BODY[1:], strict=False) for text in pair), BODY[-1]]
    found = clean_blocks(blocks_made.blocks(made), titles=set(), lede=None, live=live)
    assert set(made) - set(lines) <= {block.text for block in found.blocks}
    return [block.text for block in found.blocks if block.text in lines]


@pytest.mark.parametrize(
    "line",
    [
        "21 mins ago11:48 Ada Brandt",
        "Posté à 14:05",
        "Il y a 2 heures",
        "vor 3 Stunden",
        "hace 20 minutos",
        "för 2 timmar sedan",
        "12 минут назад",
        "11.48 Uhr",
        "09h12",
        "2:05 p.m. Jo Kim",
    ],
)
def test_a_time_alone_or_with_a_name_is_no_line_of_the_story(line: str) -> None:
    assert read_entry_line(line) is not None
    assert remaining(line, live=True) == []


@pytest.mark.parametrize("line", ["21 mins ago11:48 Ada Brandt", "Posté à 14:05", "Il y a 2 heures"])
def test_how_long_ago_it_was_is_no_line_of_any_story(line: str) -> None:
    assert remaining(line) == []


@pytest.mark.parametrize(
    "line",
    [
        "Il y a 3 ans",
        "Il y a 2 heures, le mur est tombé.",
        "11:48 the wall fell",
        "At 11.48 the bell rang.",
        "1920",
        "12 September",
        "MARKETS AT 7:18 a.m.",
    ],
)
def test_a_line_that_says_more_stays(line: str) -> None:
    assert remaining(line) == [line]


CLOCKS = ["09h12", "10h30", "14h45"]


def test_the_hours_of_a_day_that_a_story_tells_stay_and_those_of_a_live_page_go() -> None:
    assert remaining(*CLOCKS) == CLOCKS
    assert remaining(*CLOCKS, live=True) == []


def test_the_address_may_say_that_a_page_is_live() -> None:
    made = blocks_made.blocks([text for pair in zip(CLOCKS, BODY, strict=False) for text in pair])
    for url, rest in (("https://a.example/live/wall", BODY[:3]), ("https://a.example/where-we-live", None)):
        found = clean_blocks(made, titles=set(), lede=None, url=url)
        assert [block.text for block in found.blocks] == (rest or [block.text for block in made])


def test_names_beside_times_go_from_a_live_page_alone() -> None:
    made = [text for at, clock in enumerate(CLOCKS) for text in (clock, "Ada Brandt", BODY[at])]
    for live, rest in ((True, BODY[:3]), (False, made)):
        found = clean_blocks(blocks_made.blocks([*made, BODY[3]]), titles=set(), lede=None, live=live)
        assert [block.text for block in found.blocks] == [*rest, BODY[3]]


def test_signed_entries_are_newest_first_and_the_speakers_of_a_transcript_are_not() -> None:
    entries = ["14h45 Ada Brandt", "10h30 Jo Kim", "09h12 Ada Brandt"]
    assert remaining(*entries) == []
    assert remaining(*reversed(entries)) == entries[::-1]
    lines = [read_entry_line(text) for text in entries]
    assert are_newest_first([line for line in lines if line is not None])


def test_a_programme_in_any_order_stays() -> None:
    programme = ["20h30 Le Journal", "19h00 Sport Plus", "18h15 Terre Natale", "17h00 Ciné Club"]
    made = [BODY[0], *programme, *BODY[1:]]
    found = clean_blocks(blocks_made.blocks(made), titles=set(), lede=None)
    assert [block.text for block in found.blocks] == made
