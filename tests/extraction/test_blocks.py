"""Blocks of a page, in page order."""

from time import process_time

import pytest
from blocks_made import blocks_of
from lxml.html import HTMLParser, document_fromstring

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


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Le <x-term>batardeau</x-term> tient.</p>", "Le batardeau tient."),
        ("<p>Le maire <my-tip><my-word>réélu</my-word></my-tip>, dit-on.</p>", "Le maire réélu, dit-on."),
        ("<div>Prix du <stock-quote>blé</stock-quote> en hausse</div>", "Prix du blé en hausse"),
        ("<p><a-name>Vallon</a-name> gagne.</p>", "Vallon gagne."),
        ("<p>un <button>mot rare</button> du port</p>", "un mot rare du port"),
        ("<p>voir le <button class=term>batardeau</button>.</p>", "voir le batardeau."),
        ("<li>la <button>clé</button>, puis la porte</li>", "la clé, puis la porte"),
    ],
)
def test_a_word_in_an_element_of_its_own_stays_in_its_sentence(html: str, text: str) -> None:
    assert [found for _, found in kinds(html)] == [text]


@pytest.mark.parametrize(
    "html",
    [
        "<p>Le vent.</p><share-bar>Partager</share-bar>",
        "<div><p>Le vent.</p><x-box><p>Partager</p></x-box></div>",
        "<x-story><p>Le vent.</p><p>Partager</p></x-story>",
    ],
)
def test_a_custom_element_between_paragraphs_is_a_block(html: str) -> None:
    assert [found for _, found in kinds(html)] == ["Le vent.", "Partager"]


@pytest.mark.parametrize(
    "html", ["<p>Le vent. <button>Partager</button></p>", "<p>Le vent.<button>+</button> </p>"]
)
def test_a_button_beside_a_sentence_is_ignored(html: str) -> None:
    assert kinds(html) == [("p", "Le vent.")]


@pytest.mark.parametrize(
    "html",
    [
        "<p>Le mur<span role=tooltip>Paroi</span> tient.</p>",
        "<p>Le mur<span hidden>Paroi</span> tient.</p>",
        "<p>Le mur<i style='visibility: hidden'>Paroi</i> tient.</p>",
        "<p>Le mur<span style='display:none'>Paroi</span> tient.</p>",
        "<p>Le <span class=tooltip>mur<span class=tooltip-text>Paroi</span></span> tient.</p>",
        "<p>Le mur<span class=elementor-screen-only>Paroi</span> tient.</p>",
        "<p>Le mur<span class='a11y-hidden'>Paroi</span> tient.</p>",
        "<p>Le mur<span aria-hidden=true>#</span> tient.</p>",
    ],
)
def test_a_hint_amid_a_sentence_is_ignored(html: str) -> None:
    assert kinds(html) == [("p", "Le mur tient.")]


@pytest.mark.parametrize(
    "html",
    [
        "<p>Il part.<span style='display:none'> " + "Puis il revient par la plage. " * 8 + "Fin.</span></p>",
        "<p><span class=sr-only>Fin</span><span aria-hidden=true>Fin.</span></p>",
    ],
)
def test_what_is_more_than_a_hint_is_read(html: str) -> None:
    assert kinds(html)[-1][1].endswith("Fin.")


def test_an_invisible_part_is_marked() -> None:
    found = blocks_of(document_fromstring("<body><div style='visibility:hidden'><p>caché</p></div></body>"))
    assert [block.hidden for block in found] == [True]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p><span class=dropcap>L</span>e vent.</p>", "Le vent."),
        ("<p><span class='has-drop-cap'>L</span> e vent.</p>", "Le vent."),
        ("<p><span class=lettrine>À</span> la mer.</p>", "À la mer."),
        ("<div class=initial>L</div><p>e vent.</p>", "Le vent."),
        ("<h2>«\u00a0L</h2><p>e vent</p>", "« Le vent"),
        ("<p><img alt=L src=l.png>e vent.</p>", "Le vent."),
        ("<p><span aria-hidden=true class=dropcap>L</span>e vent.</p>", "Le vent."),
    ],
)
def test_a_drop_capital_is_part_of_its_word(html: str, text: str) -> None:
    assert [found for _, found in kinds(html)] == [text]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Il dit <q>non</q>.</p>", "Il dit “non”."),
        ("<p>Il dit <q>« non »</q>.</p>", "Il dit « non »."),
        ("<p>Il dit <q><b>non</b></q> et part.</p>", "Il dit “non” et part."),
    ],
)
def test_an_inline_quotation_has_its_marks(html: str, text: str) -> None:
    assert kinds(html) == [("p", text)]


def test_a_paragraph_of_many_short_lines_is_read_in_linear_time() -> None:
    lines = ["word"] * 15_000
    start = process_time()
    assert kinds(f"<div>{'<br>'.join(lines)}</div>") == [("p", " ".join(lines))]
    assert process_time() - start < 1.5


@pytest.mark.parametrize("indent", ["&nbsp;&nbsp;&nbsp;", "&nbsp; &nbsp;", "\u3000\u3000", "\u3000"])
def test_a_break_before_an_indented_line_ends_a_paragraph(indent: str) -> None:
    html = f"<td>{indent}The first paragraph goes on<br>\n{indent}and the second begins</td>"
    assert kinds(html) == [("p", "The first paragraph goes on"), ("p", "and the second begins")]
    assert kinds("<td>One line<br> &nbsp;that goes on</td>") == [("p", "One line that goes on")]


def test_sentences_end_in_any_script() -> None:
    assert kinds("<td>旧桥关闭了。<br>渔民担心。</td>") == [("p", "旧桥关闭了。"), ("p", "渔民担心。")]


@pytest.mark.parametrize("tag", ["xmp", "listing", "plaintext"])
def test_old_elements_for_plain_text_are_preformatted(tag: str) -> None:
    kind, text = kinds(f"<p>before</p><{tag}>one\ntwo")[1]
    assert (kind, text.removesuffix("</body></html>")) == ("pre", "one\ntwo")


def test_a_table_with_a_column_of_bullets_lays_out_the_page() -> None:
    rows = "".join(f"<tr><td><img src=dot.gif></td><td>Point {at} of the plan</td></tr>" for at in range(3))
    assert kinds(f"<table>{rows}</table>") == [("p", f"Point {at} of the plan") for at in range(3)]


def test_a_place_to_jump_to_is_no_link() -> None:
    tree = document_fromstring("<p><a name=top>A place</a></p><p><a href=/b name=b>A link</a> <a>one</a></p>")
    assert [(block.link_count, block.linked_chars) for block in blocks_of(tree)] == [(0, 0), (2, 9)]


@pytest.mark.parametrize("mark", ["class=tooltip-text", "role=tooltip", "class=sr-only"])
def test_hints_inside_each_other_are_read_in_bounded_time(mark: str) -> None:
    lines = "".join(f"<p>The council voted on the wall number {number}.</p>" for number in range(3_000))
    html = f"<html><body>{f'<div {mark}>' * 1_000}{lines}</body></html>"
    tree = document_fromstring(html, HTMLParser(huge_tree=True))
    start = process_time()
    assert len(blocks_of(tree)) == 3_000
    assert process_time() - start < 1.8
