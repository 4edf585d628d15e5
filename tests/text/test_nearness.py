"""Lines by their nearness to the headline."""

from lxml.html import document_fromstring

from newscrawl.text.blocks import blocks_of
from newscrawl.text.nearness import ABOVE, BELOW, MAX_LINES, Near, near_title
from newscrawl.text.signs import signs_of


def near(body: str, title: str = "le titre") -> Near:
    tree = document_fromstring(f"<html><body>{body}</body></html>")
    return near_title(blocks_of(tree), {title}, signs_of(tree))


def test_lines_below_the_headline_come_first_then_those_right_above_it() -> None:
    above = "".join(f"<p>haut {number}</p>" for number in range(ABOVE + 2))
    below = "".join(f"<p>bas {number}</p>" for number in range(BELOW + 2))
    lines = [line.text for line in near(f"{above}<h1>Le titre</h1>{below}").lines]
    assert lines[:2] == ["Le titre", "bas 0"]
    assert lines[BELOW : BELOW + 2] == ["haut 2", "haut 3"]
    assert lines[-2:] == ["haut 0", "haut 1"]
    assert len(lines) == ABOVE + BELOW + 5


def test_a_heading_is_the_headline_before_a_breadcrumb_that_repeats_it() -> None:
    found = near("<ul><li>Le titre</li></ul><p>autre</p><h2>Le titre</h2>")
    assert found.lines[0].kind == "h"


def test_a_page_without_its_headline_is_read_from_the_top() -> None:
    found = near("<p>un</p>" * (MAX_LINES + 5), "rien")
    assert (len(found.lines), found.place, list(found.home)) == (MAX_LINES, 0, [])
