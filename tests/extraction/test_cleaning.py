"""Line rules for the blocks of a story."""

from time import process_time

import blocks_made
import pytest
from blocks_made import Made, blocks_of
from lxml.html import document_fromstring

from newscrawl.extraction.cleaning import CleanedBlocks, clean_blocks, parse_byline_line

BODY = [f"La phrase numéro {number} du récit finit par un point." for number in range(1, 9)]


def cleaned(*texts: Made, lede: str | None = None, authors: tuple[str, ...] = ()) -> CleanedBlocks:
    return clean_blocks(blocks_made.blocks(texts), titles={"le titre"}, lede=lede, authors=authors)


def remaining(*texts: Made, lede: str | None = None, authors: tuple[str, ...] = ()) -> list[str]:
    return [block.text for block in cleaned(*texts, lede=lede, authors=authors).blocks]


def remaining_html(html: str, *, live: bool = False) -> list[str]:
    found = clean_blocks(blocks_of(document_fromstring(html)), titles=set(), lede=None, live=live)
    return [block.text for block in found.blocks]


def test_the_headline_and_the_standfirst_are_not_repeated() -> None:
    assert remaining(("h", "Le titre"), "Le chapô.", *BODY, lede="Le chapô.") == BODY


def test_the_headlines_words_may_return_far_below() -> None:
    assert remaining(*BODY, "Le titre !", "La fin du récit est là.")[-2] == "Le titre !"


def test_captions_and_bare_links_go() -> None:
    assert remaining(*BODY[:2], ("caption", "Le fleuve"), "Le bac (Photo: A. Ndiaye)", BODY[2]) == BODY[:3]
    html = "".join(f"<p>{line}</p>" for line in BODY) + "<p><a href=/a>Un autre récit du jour</a></p>"
    assert remaining_html(html) == BODY


def test_an_address_that_is_spelt_out_stays_although_it_is_a_link() -> None:
    html = "".join(f"<p>{line}</p>" for line in BODY) + "<p><a href=/a>https://echo.example/a</a></p>"
    assert remaining_html(html) == [*BODY, "https://echo.example/a"]


def test_a_page_that_tells_its_story_in_captions_keeps_them() -> None:
    gallery = [("caption", line) for line in BODY]
    assert remaining(*gallery) == BODY  # type: ignore[arg-type]


def test_a_container_of_short_links_goes_whole() -> None:
    teasers = "".join(f"<li><a href=/{n}>Le récit {n} du jour</a> hier</li>" for n in range(4))
    html = "<div>" + "".join(f"<p>{line}</p>" for line in BODY) + f"<ul>{teasers}</ul></div>"
    assert remaining_html(html) == BODY


def test_a_list_of_the_storys_own_points_stays() -> None:
    points = "".join(f"<li>Le point {n} se dit sans lien.</li>" for n in range(4))
    html = "<div>" + "".join(f"<p>{line}</p>" for line in BODY) + f"<ul>{points}</ul></div>"
    assert len(remaining_html(html)) == len(BODY) + 4


def test_a_label_goes_with_the_box_that_it_opens() -> None:
    box = "<aside><h3>À lire aussi</h3><h4>LE FLEUVE</h4><p>Une crue s'annonce</p></aside>"
    html = "".join(f"<p>{line}</p>" for line in BODY[:4]) + box + f"<p>{BODY[4]}</p>"
    assert remaining_html(f"<div>{html}</div>") == BODY[:5]


def test_a_second_article_below_goes_but_not_from_a_live_page() -> None:
    first = "".join(f"<p>{line}</p>" for line in BODY)
    second = "<h2>Un autre récit</h2><p>Il commence.</p>"
    html = f"<main><article>{first}</article><article>{second}</article></main>"
    assert remaining_html(html) == BODY
    assert len(remaining_html(html, live=True)) == len(BODY) + 2


def test_author_boxes_go_from_the_foot() -> None:
    foot = "Awa Ndiaye est journaliste et couvre le fleuve depuis dix ans."
    assert remaining(*BODY, foot, authors=("Awa Ndiaye",)) == BODY
    assert remaining(*BODY, foot) == [*BODY, foot]
    assert remaining(*BODY, "awa@echo.example") == BODY


def test_a_label_goes_with_its_list() -> None:
    tail = ["READ MORE ON:", ("li", "bridge"), ("li", "river"), "ALSO READ", "A ferry sinks", "A road opens"]
    assert remaining(*BODY, *tail) == BODY  # type: ignore[arg-type]


def test_a_label_in_the_middle_stops_at_the_next_paragraph() -> None:
    assert remaining(BODY[0], "À lire aussi", "Le bac coule", *BODY[1:]) == BODY


def test_a_country_list_at_the_head_goes() -> None:
    assert remaining(("li", "Country:"), ("li", "Freedonia"), *BODY) == BODY


def test_a_country_in_the_middle_of_a_list_stays() -> None:
    middle = [*BODY, "Country", *(line.replace("récit", "roman") for line in BODY)]
    assert remaining(*middle) == middle


def test_dates_and_bylines_go_and_the_byline_is_recorded() -> None:
    found = cleaned("Par Awa Ndiaye et AFP", "Publié le 8 mai 2025 à 09h30", *BODY)
    assert [block.text for block in found.blocks] == BODY
    assert found.byline == "Par Awa Ndiaye et AFP"
    assert list(found.dropped.values()) == ["byline", "byline"]


def test_an_empty_byline_goes() -> None:
    found = cleaned(*BODY, "Redigé par:")
    assert [block.text for block in found.blocks] == BODY
    assert found.byline is None


def test_a_sentence_is_no_byline() -> None:
    assert parse_byline_line("Par Awa Ndiaye") == "Par Awa Ndiaye"
    assert parse_byline_line("Par chance, personne n’était à bord") is None
    assert parse_byline_line("By Tuesday the river had fallen. Nobody slept") is None


def test_a_heading_with_nothing_under_it_goes() -> None:
    assert remaining(*BODY, ("h", "Suite")) == BODY
    assert remaining(BODY[0], ("h", "Suite"), BODY[1]) == [BODY[0], "Suite", BODY[1]]


def test_every_dropped_block_has_a_reason() -> None:
    made = blocks_made.blocks(["Ajoutez votre titre ici", *BODY, "Laisser un commentaire"])
    found = clean_blocks(made, titles=set(), lede=None)
    assert found.dropped == {id(made[0]): "placeholder", id(made[-1]): "comments_form"}


def test_a_rule_that_would_take_most_of_the_story_takes_nothing() -> None:
    captions = [("p", f"{line} Le marché couvert, au petit matin (Photo : A. Ndiaye)") for line in BODY]
    found = cleaned(*captions, BODY[0])
    assert [block.text for block in found.blocks] == [*(text for _, text in captions), BODY[0]]
    assert remaining(*captions[:2], *BODY) == BODY


def test_a_line_that_returns_is_no_copy_of_the_story() -> None:
    lines = [*BODY[:3], BODY[0], *BODY[3:]]
    assert remaining(*lines) == lines
    assert remaining(*BODY, *BODY) == BODY


_LONG = "La digue de la vallée haute a tenu toute la nuit malgré le vent et la pluie, selon le maire"
_PARAGRAPH = f"« {_LONG} », raconte sa voisine, qui a compté les vagues jusqu'au matin."


@pytest.mark.parametrize(
    "quote",
    [
        f"<blockquote>{_LONG}</blockquote>",
        f"<blockquote><p>«\u00a0{_LONG}\u00a0»</p></blockquote>",
        f"<aside><p>{_LONG}</p></aside>",
        f"<div class='pull-quote'>{_LONG}</div>",
        f"<p class=exergue>{_LONG}.</p>",
    ],
)
def test_a_quote_that_repeats_a_paragraph_goes(quote: str) -> None:
    html = f"<article><p>{BODY[0]}</p>{quote}<p>{_PARAGRAPH}</p><p>{BODY[1]}</p></article>"
    assert remaining_html(html) == [BODY[0], _PARAGRAPH, BODY[1]]


def test_a_quote_of_its_own_stays() -> None:
    quote = "<blockquote>Personne ici ne parle de partir, pas même les enfants.</blockquote>"
    html = f"<article><p>{BODY[0]}</p>{quote}<p>{_PARAGRAPH}</p></article>"
    assert remaining_html(html)[1].startswith("Personne ici")


def test_a_paragraph_stands_once_however_often_it_is_repeated() -> None:
    html = f"<article><p><b>{_LONG}.</b></p><p>{_LONG}.</p><p>{BODY[0]}</p><p>{BODY[1]}</p></article>"
    assert remaining_html(html) == [f"{_LONG}.", BODY[0], BODY[1]]


def test_a_linked_sentence_among_paragraphs_stays_and_a_linked_title_goes() -> None:
    sentence = "La mairie a publié lundi tout le rapport de ses ingénieurs, qui compte quarante pages."
    html = (
        f"<article><p>{BODY[0]}</p><p><a href=/r.pdf>{sentence}</a></p><p>{BODY[1]}</p>"
        f"<p><a href=/s>Le marché couvert du haut de la vallée rouvrira ses portes samedi</a></p>"
        f"<p>{_PARAGRAPH}</p></article>"
    )
    assert remaining_html(html) == [BODY[0], sentence, BODY[1], _PARAGRAPH]


def test_a_table_beside_the_story_is_no_pull_quote() -> None:
    rows = "".join(f"<tr><td>Ville {at}</td><td>{at} 000 habitants</td></tr>" for at in range(4))
    lines = "".join(f"<p>{line}</p>" for line in BODY)
    found = remaining_html(f"<div>{lines}<aside><table>{rows}</table></aside></div>")
    assert [text for text in found if "\n" not in text] == BODY


def test_thousands_of_quotes_cost_no_comparison_of_each_with_every_paragraph() -> None:
    pair = f"<blockquote>Personne ici ne parle de partir.</blockquote><p>{BODY[0]}</p>"
    blocks = blocks_of(document_fromstring(f"<div>{pair * 9_000}</div>"))
    start = process_time()
    clean_blocks(blocks, titles=set(), lede=None)
    assert process_time() - start < 10


def test_a_story_signed_below_by_its_author_loses_the_name_there() -> None:
    first = "Le pont de la ville a rouvert mardi, après des travaux de deux ans."
    last = "La fête a duré toute la nuit dans les rues de la ville."
    found = cleaned(first, last, "AÏCHA MBARGA", authors=("Aïcha Mbarga",))
    assert [block.text for block in found.blocks] == [first, last]
    assert list(found.dropped.values()) == ["byline"]
    assert len(cleaned(first, last, "La place Mbarga", authors=("Aïcha Mbarga",)).blocks) == 3


def test_headings_below_the_story_go_unless_they_are_a_list() -> None:
    story = ["Le pont de la ville a rouvert mardi, après deux ans de travaux.", "Voici ce qui change."]
    items: list[Made] = [
        ("h", f"{number}. La voie {number} est réservée aux vélos") for number in range(1, 6)
    ]
    assert len(cleaned(*story, *items[:2]).blocks) == len(story)
    assert len(cleaned(*story, *items).blocks) == len(story) + len(items)
