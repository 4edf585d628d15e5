"""Lists of like siblings, and the labels above a part of the page."""

import numpy as np
from lxml.html import document_fromstring

from newscrawl.extraction.blocks import build_outline
from newscrawl.extraction.classifier.features import block_features
from newscrawl.extraction.classifier.groups import label_columns, sibling_columns
from newscrawl.extraction.classifier.outline import Outline
from newscrawl.extraction.classifier.text_features import TEXT_COLUMNS, PageHints

CARD = (
    "<div class=card><h3><a href=/a>Un autre titre du jour</a></h3><p>Un résumé de quelques mots.</p></div>"
)
PAGE = (
    "<html><body><article><p>Le pont de la ville a rouvert mardi, après des travaux de deux ans.</p>"
    f"<p>Lire aussi :</p><section>{CARD * 4}</section>"
    "<p>Les habitants, eux, attendaient la fin du chantier depuis longtemps.</p></article></body></html>"
)


def page(html: str = PAGE) -> tuple[np.ndarray, Outline]:  # type: ignore[type-arg]
    blocks, frames = build_outline(document_fromstring(html))
    outline = Outline(blocks, frames)
    measures = block_features(blocks, outline, PageHints(), frozenset())
    return measures[:, : len(TEXT_COLUMNS)].astype(np.float64), outline


def test_cards_have_siblings_with_headings_and_links() -> None:
    found = sibling_columns(*page())
    first_card = found[3, 7:14]
    assert np.allclose(first_card[0], np.log1p(4))
    assert first_card[1] == 2
    assert first_card[4] == first_card[5] == 1
    paragraph = found[0, 0:7]
    assert paragraph[4] == paragraph[5] == 0


def test_a_label_is_near_what_it_heads_and_far_from_what_follows() -> None:
    words, outline = page()
    odds = np.arange(len(words), dtype=np.float64)
    found = label_columns(words, odds, outline)
    assert found[0, :4].tolist() == [-9, -1, -1, -1]
    label = 1
    assert found[2, 0] == odds[label]
    assert found[2, 1] == 1
    heading = found[-1, 4:8]
    assert heading[1] == 2
    assert heading[2] > found[3, 6]


def test_the_odds_of_lines_around_are_columns() -> None:
    words, outline = page()
    odds = np.arange(len(words), dtype=np.float64)
    assert label_columns(words, odds, outline)[4, -4:].tolist() == [2, 3, 5, 6]


def test_counts_have_a_limit() -> None:
    words, outline = page(
        f"<html><body><article>{'<p>Une ligne de texte.</p>' * 500}</article></body></html>"
    )
    assert sibling_columns(words, outline).max() <= 60
    assert label_columns(words, np.zeros(500), outline).max() <= 40
