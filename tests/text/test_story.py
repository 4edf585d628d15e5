"""Where the story stands."""

from lxml.html import document_fromstring

from newscrawl.text.blocks import blocks_of
from newscrawl.text.prune import select
from newscrawl.text.story import chars_of, container_blocks, found_blocks, linked_keys


def test_several_containers_are_read_in_order_and_nested_ones_once() -> None:
    tree = document_fromstring(
        "<div class=s><p>Un.</p><div class=s><p>Deux.</p></div></div><div class=s><p>Trois.</p></div>"
    )
    assert [block.text for block in container_blocks(select(tree, "div.s"))] == ["Un.", "Deux.", "Trois."]


def test_lines_that_are_links_and_nothing_else_are_known() -> None:
    tree = document_fromstring(
        "<p><a href=/a>Un autre récit du jour</a></p><p>Un mot <a href=/b>avec un lien</a>.</p>"
    )
    lines = blocks_of(tree)
    assert linked_keys(lines, lines) == {"un autre récit du jour"}


def test_the_general_way_finds_a_story_and_leaves_the_tree_alone() -> None:
    story = "".join(
        f"<p>Le paragraphe {number} du récit dit ce qui se passa ensuite au village.</p>"
        for number in range(5)
    )
    tree = document_fromstring(f"<body><nav><a href=/>Accueil</a></nav><article>{story}</article></body>")
    before = tree.text_content()
    assert chars_of(found_blocks(tree, "https://echo.example/a")) > 200
    assert tree.text_content() == before


def test_a_page_without_a_story_gives_next_to_nothing() -> None:
    tree = document_fromstring("<body><nav><a href=/>Accueil</a></nav></body>")
    assert chars_of(found_blocks(tree, "https://echo.example/a")) < 10
