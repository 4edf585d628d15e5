"""Landmarks of a page, and the lines near its headline."""

import pytest
from blocks_made import blocks_of
from lxml.html import HtmlElement, document_fromstring

from newscrawl.extraction.landmarks import (
    LINES_ABOVE,
    LINES_BELOW,
    MAX_ELEMENTS_OF_A_KIND,
    MAX_LINES,
    HeadlineContext,
    PageLandmarks,
    find_headline,
    find_landmarks,
    is_about_other_stories,
    landmark_kinds,
    short_text,
)


def landmarks(body: str) -> PageLandmarks:
    return find_landmarks(document_fromstring(f"<html><head></head><body>{body}</body></html>"))


def element(body: str, tag: str) -> HtmlElement:
    return next(document_fromstring(f"<html><body>{body}</body></html>").iter(tag))


@pytest.mark.parametrize(
    ("names", "kinds"),
    [
        ("entry-author vcard", ("author",)),
        ("Post_Auteur", ("author",)),
        ("byline publish-date", ("author", "date")),
        ("c-Pagination__box", ("paging",)),
        ("col-md-8 text-center", ()),
    ],
)
def test_names_give_the_kinds_of_an_element(names: str, kinds: tuple[str, ...]) -> None:
    assert landmark_kinds(names) == kinds


def test_an_element_counts_once_for_a_kind_and_has_a_position() -> None:
    found = landmarks('<h1>T</h1><p class="author" itemprop="author">A</p><time>x</time>')
    assert [element.tag for element in found.by_kind["author"]] == ["p"]
    places = [
        found.positions[element]
        for element in (found.headings[0], found.by_kind["author"][0], found.times[0])
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("href", "is_author"),
    [
        ("/auteurs/awa-ndiaye", True),
        ("/author/awa", True),
        ("/?author=4", True),
        ("/authority/figures", False),
        ("/people/star", False),
    ],
)
def test_links_to_authors_are_recognized_by_their_address(href: str, is_author: bool) -> None:
    assert bool(landmarks(f'<a href="{href}">x</a>').author_links) is is_author


def test_a_page_of_thousands_of_marked_elements_is_cut() -> None:
    assert (
        len(landmarks('<i class="author">x</i>' * (MAX_ELEMENTS_OF_A_KIND + 9)).by_kind["author"])
        == MAX_ELEMENTS_OF_A_KIND
    )


def test_parts_about_other_stories_are_recognized_by_tag_or_name() -> None:
    assert is_about_other_stories(element("<aside><b>x</b></aside>", "b"))
    assert is_about_other_stories(element('<div class="related-posts"><p><b>x</b></p></div>', "b"))
    assert not is_about_other_stories(element('<div class="relative flex"><b>x</b></div>', "b"))
    assert not is_about_other_stories(element('<div class="elementor-widget-container"><b>x</b></div>', "b"))


def test_an_element_around_the_headline_is_about_this_story_whatever_its_name() -> None:
    inside = element('<div class="card"><h1>T</h1><b>x</b></div>', "b")
    assert is_about_other_stories(inside)
    assert not is_about_other_stories(inside, {inside.getparent()})


def test_short_texts_are_read_and_long_texts_are_not() -> None:
    assert short_text(element("<p>Par <b>Awa Ndiaye</b></p>", "p"), 40) == "Par Awa Ndiaye"
    assert short_text(element(f"<p>{'mot ' * 400}</p>", "p"), 40) == ""
    assert short_text(element(f"<p>{'mot ' * 12}</p>", "p"), 40) == ""


def headline_context(body: str, title: str = "le titre") -> HeadlineContext:
    tree = document_fromstring(f"<html><body>{body}</body></html>")
    return find_headline(blocks_of(tree), {title}, find_landmarks(tree))


def test_lines_below_the_headline_come_first_then_those_right_above_it() -> None:
    above = "".join(f"<p>haut {number}</p>" for number in range(LINES_ABOVE + 2))
    below = "".join(f"<p>bas {number}</p>" for number in range(LINES_BELOW + 2))
    lines = [line.text for line in headline_context(f"{above}<h1>Le titre</h1>{below}").lines]
    assert lines[:2] == ["Le titre", "bas 0"]
    assert lines[LINES_BELOW : LINES_BELOW + 2] == ["haut 2", "haut 3"]
    assert lines[-2:] == ["haut 0", "haut 1"]
    assert len(lines) == LINES_ABOVE + LINES_BELOW + 5


def test_a_heading_is_the_headline_before_a_breadcrumb_that_repeats_it() -> None:
    found = headline_context("<ul><li>Le titre</li></ul><p>autre</p><h2>Le titre</h2>")
    assert found.lines[0].kind == "h"


def test_a_page_without_its_headline_is_read_from_the_top() -> None:
    found = headline_context("<p>un</p>" * (MAX_LINES + 5), "rien")
    assert (len(found.lines), found.position, list(found.headline_elements)) == (MAX_LINES, 0, [])


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
    found = find_headline(blocks_of(tree), {"le titre"}, find_landmarks(tree))
    assert found.is_elsewhere(next(tree.iter("b"))) is elsewhere
