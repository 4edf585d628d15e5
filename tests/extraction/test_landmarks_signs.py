"""What elements say of themselves, found in one pass."""

import pytest
from lxml.html import HtmlElement, document_fromstring

from newscrawl.extraction.landmarks import MAX_EACH, Signs, is_elsewhere, kinds_of, short_text, signs_of


def signs(body: str) -> Signs:
    return signs_of(document_fromstring(f"<html><head></head><body>{body}</body></html>"))


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
def test_names_tell_what_an_element_holds(names: str, kinds: tuple[str, ...]) -> None:
    assert kinds_of(names) == kinds


def test_an_element_counts_once_for_a_kind_and_keeps_its_place() -> None:
    found = signs('<h1>T</h1><p class="author" itemprop="author">A</p><time>x</time>')
    assert [one.tag for one in found.named["author"]] == ["p"]
    places = [found.place[one] for one in (found.headings[0], found.named["author"][0], found.times[0])]
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
def test_links_to_authors_are_known_by_their_address(href: str, is_author: bool) -> None:
    assert bool(signs(f'<a href="{href}">x</a>').author_links) is is_author


def test_a_page_of_thousands_of_marked_elements_is_cut() -> None:
    assert len(signs('<i class="author">x</i>' * (MAX_EACH + 9)).named["author"]) == MAX_EACH


def test_parts_about_other_stories_are_known_by_tag_or_name() -> None:
    assert is_elsewhere(element("<aside><b>x</b></aside>", "b"))
    assert is_elsewhere(element('<div class="related-posts"><p><b>x</b></p></div>', "b"))
    assert not is_elsewhere(element('<div class="relative flex"><b>x</b></div>', "b"))
    assert not is_elsewhere(element('<div class="elementor-widget-container"><b>x</b></div>', "b"))


def test_what_holds_the_headline_is_about_this_story_whatever_its_name() -> None:
    inside = element('<div class="card"><h1>T</h1><b>x</b></div>', "b")
    assert is_elsewhere(inside)
    assert not is_elsewhere(inside, {inside.getparent()})


def test_little_text_is_read_and_much_is_not() -> None:
    assert short_text(element("<p>Par <b>Awa Ndiaye</b></p>", "p"), 40) == "Par Awa Ndiaye"
    assert short_text(element(f"<p>{'mot ' * 400}</p>", "p"), 40) == ""
    assert short_text(element(f"<p>{'mot ' * 12}</p>", "p"), 40) == ""
