"""The byline as readers see it."""

from lxml.html import document_fromstring

from newscrawl.text.blocks import blocks_of
from newscrawl.text.bylines import Seen, seen_byline
from newscrawl.text.nearness import near_title
from newscrawl.text.signs import signs_of

HEADLINE = "<h1>Le pont est ouvert</h1>"
STORY = "<p>Le maire a coupé le ruban devant la foule.</p>" * 3


def printed(body: str) -> Seen:
    tree = document_fromstring(f"<html><body>{body}</body></html>")
    signs = signs_of(tree)
    near = near_title(blocks_of(tree), {"le pont est ouvert"}, signs)
    return seen_byline(signs, near, "https://echo.example/a")


def seen(body: str) -> list[str]:
    return [one.name for one in printed(body).authors]


def test_marked_elements_below_the_headline_name_the_authors() -> None:
    line = (
        '<p class="byline">Par <a href="/auteurs/awa">Awa Ndiaye</a> et <a href="/auteurs/p">Paul Eto</a></p>'
    )
    assert set(seen(f"{HEADLINE}{line}{STORY}")) == {"Awa Ndiaye", "Paul Eto"}


def test_authors_of_other_stories_are_left_out() -> None:
    other = '<aside><span class="author">Tom Reed</span></aside>'
    teaser = f'<div class="related-stories">{other}</div>'
    assert seen(f"{other}{HEADLINE}{STORY}{teaser}") == []


def test_a_second_author_far_below_is_of_another_story() -> None:
    author = '<p class="author">{}</p>'
    far = "<p><span>mot</span></p>" * 20
    assert seen(f"{HEADLINE}{author.format('Awa Ndiaye')}{far}{author.format('Tom Reed')}") == ["Awa Ndiaye"]


def test_a_label_names_the_author_without_markup() -> None:
    assert seen(f"{HEADLINE}<p>Par Awa Ndiaye</p>{STORY}") == ["Awa Ndiaye"]
    assert seen(f"{HEADLINE}<p>March 7, 2025 | By Awa Ndiaye</p>{STORY}") == ["Awa Ndiaye"]
    assert seen(f"{HEADLINE}{STORY}<p>Auteur : Awa Ndiaye</p>") == ["Awa Ndiaye"]
    assert seen(f"{HEADLINE}<dl><dt>Auteur</dt><dd>Awa Ndiaye</dd></dl>{STORY}") == ["Awa Ndiaye"]


def test_a_sentence_that_begins_like_a_byline_is_none() -> None:
    assert seen(f"{HEADLINE}<p>Par ailleurs, la route reste fermée jusqu'à lundi.</p>{STORY}") == []


def test_menus_and_biographies_are_no_bylines() -> None:
    menu = "".join(f'<a href="/author/{one}">{one}</a>' for one in ("Termine", "Jobs", "Archiv"))
    assert seen(f"{HEADLINE}<div>{menu}</div>{STORY}") == []
    bio = f'<div class="author-bio">{"Awa Ndiaye couvre la ville depuis dix ans. " * 6}</div>'
    assert seen(f"{HEADLINE}{STORY}{bio}") == []


def test_the_line_is_kept_as_printed() -> None:
    linked = '<p class="meta">Par <a rel="author" href="/auteurs/awa">Awa Ndiaye</a> avec AFP</p>'
    assert printed(f"{HEADLINE}{linked}{STORY}").line == "Par Awa Ndiaye avec AFP"
    assert printed(f"{HEADLINE}<p>Par Awa Ndiaye</p>{STORY}").line == "Par Awa Ndiaye"
    assert printed(f"{HEADLINE}{STORY}").line is None
