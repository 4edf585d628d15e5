"""Lines by their nearness to the headline."""

import pytest
from blocks_made import blocks_of
from lxml.html import document_fromstring

from newscrawl.extraction.landmarks import ABOVE, BELOW, MAX_LINES, Near, near_title, signs_of


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


@pytest.mark.parametrize(
    ("around", "elsewhere"),
    [
        ("<div class='post-footer'>{}</div>", False),
        ("<div class='entry-footer'><div class='post-footer-line'>{}</div></div>", False),
        ("<article><footer>{}</footer></article>", False),
        ("<footer>{}</footer>", True),
        ("<div class='site-footer'>{}</div>", True),
        ("<div class='entry-footer'><ul class='related'><li>{}</li></ul></div>", True),
        ("<div class='related'><article><footer>{}</footer></article></div>", True),
    ],
)
def test_the_footer_of_an_article_is_about_it_and_that_of_the_page_is_not(
    around: str, elsewhere: bool
) -> None:
    tree = document_fromstring(f"<body><h1>Le titre</h1>{around.format('<b>Awa Ndiaye</b>')}</body>")
    found = near_title(blocks_of(tree), {"le titre"}, signs_of(tree))
    assert found.elsewhere(next(tree.iter("b"))) is elsewhere
