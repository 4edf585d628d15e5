"""Blocks of a page, in page order."""

from blocks_made import blocks_of
from lxml.html import document_fromstring

from newscrawl.extraction.blocks import inner_text


def kinds(html: str) -> list[tuple[str, str]]:
    tree = document_fromstring(f"<html><body>{html}</body></html>")
    return [(block.kind, block.text) for block in blocks_of(tree)]


def test_the_element_gives_the_kind() -> None:
    html = (
        "<h2>Titre</h2><p>Un <b>mot</b>.</p><ul><li>point</li></ul><blockquote><p>Cité.</p></blockquote>"
        "<figure><img src=a><figcaption>Vue</figcaption></figure><pre>a\nb</pre>"
    )
    assert kinds(html) == [
        ("h", "Titre"), ("p", "Un mot."), ("li", "point"),
        ("quote", "Cité."), ("caption", "Vue"), ("pre", "a\nb"),
    ]  # fmt: skip


def test_headings_carry_their_level() -> None:
    tree = document_fromstring("<h3>Trois</h3>")
    assert [block.level for block in blocks_of(tree)] == [3]


def test_text_between_blocks_is_a_paragraph_of_its_own() -> None:
    assert kinds("<div>avant<p>dedans</p>après</div>") == [("p", "avant"), ("p", "dedans"), ("p", "après")]


def test_scripts_styles_and_forms_are_ignored_but_their_tails_are_read() -> None:
    assert kinds("<p>a<script>var x</script>b<style>p{}</style>c<button>ok</button></p>") == [("p", "abc")]


def test_two_breaks_end_a_paragraph() -> None:
    assert kinds("<p>un mot<br><br>deux</p>") == [("p", "un mot"), ("p", "deux")]


def test_a_single_break_ends_a_paragraph_only_after_a_sentence() -> None:
    assert kinds("<p>Fin.<br>Suite<br>du vers</p>") == [("p", "Fin."), ("p", "Suite du vers")]


def test_a_data_table_is_a_single_block_and_a_layout_table_is_its_contents() -> None:
    data = "<table><tr><th>Ville</th><th>Voix</th></tr><tr><td>Douala</td><td>12</td></tr></table>"
    assert kinds(data) == [("table", "Ville | Voix\nDouala | 12")]
    assert kinds("<table><tr><td><p>Un.</p><p>Deux.</p></td></tr></table>") == [("p", "Un."), ("p", "Deux.")]


def test_hidden_parts_are_marked() -> None:
    html = '<p>vu</p><div style="display: NONE"><p>caché</p></div><p hidden>aussi</p>'
    found = blocks_of(document_fromstring(f"<body>{html}</body>"))
    assert [(block.text, block.hidden) for block in found] == [
        ("vu", False),
        ("caché", True),
        ("aussi", True),
    ]


def test_text_for_screen_readers_alone_is_ignored() -> None:
    assert kinds('<p>Un lien<span class="a visually-hidden"> (nouvel onglet)</span>.</p>') == [
        ("p", "Un lien.")
    ]
    clipped = "position:absolute;clip:rect(0 0 0 0)"
    assert kinds(f'<p>Un<span style="{clipped}">, caché</span> lien.</p>') == [("p", "Un lien.")]


def test_a_block_has_its_links_and_its_frame() -> None:
    tree = document_fromstring("<div id=a class=b><p>Un <a href=/>lien</a> et <b>gras</b>.</p></div>")
    (block,) = blocks_of(tree)
    assert (block.linked_chars, block.link_count, block.bold_chars) == (4, 1, 4)
    above = next(block.frame.ancestors())
    assert (above.tag, above.ident, above.classes) == ("div", "a", "b")


def test_inner_text_separates_the_words_of_two_blocks() -> None:
    tree = document_fromstring("<div><p>un</p><p>deux<script>x</script></p></div>")
    assert inner_text(tree) == "un deux"


def test_ten_thousand_nested_lists_are_walked() -> None:
    assert ("p", "haut") in kinds("<p>haut</p>" + "<ul><li>" * 10_000 + "bas")
