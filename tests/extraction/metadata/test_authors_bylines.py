"""The byline as readers see it."""

import pytest
from blocks_made import blocks_of
from lxml.html import document_fromstring

from newscrawl.extraction.landmarks import near_title, signs_of
from newscrawl.extraction.metadata.authors import Seen, seen_byline

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


@pytest.mark.parametrize(
    ("behind", "names"),
    [
        ("<div><p>Redigé par:</p><p>Awa Ndiaye</p></div>", ["Awa Ndiaye"]),
        ("<div><p>Written by</p><p>Awa Ndiaye</p></div>", ["Awa Ndiaye"]),
        ("<div><p>Redigé par:</p></div><div><p>Awa Ndiaye</p></div>", []),
        ("<div><p>Redigé par:</p></div><div><span>Facebook</span><span>X</span></div>", []),
        ("<div><p>Redigé par:</p><h3>Grand Angle</h3></div>", []),
        ("<div><p>Redigé par:</p><p>Partager</p></div>", []),
    ],
)
@pytest.mark.parametrize("lines", [20, 40])
def test_a_label_alone_below_the_story_names_who_stands_beside_it(
    behind: str, names: list[str], lines: int
) -> None:
    story = "<p>Le maire a coupé le ruban devant la foule.</p>" * lines
    assert seen(f"<main>{HEADLINE}{story}</main>{behind}") == names


def test_an_empty_label_near_the_headline_names_nobody() -> None:
    share = "<div><div><span>Facebook</span><span>X</span></div></div>"
    assert seen(f"{HEADLINE}<p>Court.</p><div><div><p>Redigé par:</p></div></div><div>{share}</div>") == []


def test_who_submitted_a_node_wrote_it() -> None:
    footer = '<article><footer class="node__meta"><div>{} <a>Awa Ndiaye</a> {}</div></footer></article>'
    for words in (("Submitted by", "on May 14, 2025 12:30"), ("Soumis par", "le 20 septembre 2025 à 08h15")):
        assert seen(f"{HEADLINE}{footer.format(*words)}{STORY}") == ["Awa Ndiaye"]


def test_near_the_headline_label_and_name_may_stand_in_boxes_of_their_own() -> None:
    boxes = "<div><div><p>By</p></div><div><p>Awa Ndiaye</p></div></div>"
    assert seen(f"{HEADLINE}{boxes}{STORY}") == ["Awa Ndiaye"]
    assert seen(f"<main>{HEADLINE}{STORY * 9}</main>{boxes}") == []
