"""Log odds from learnt weights of names and words."""

import numpy as np
from lxml.html import document_fromstring

from newscrawl.extraction.blocks import build_outline
from newscrawl.extraction.classifier.lexicon import (
    NO_WEIGHT,
    TABLE_SIZE,
    WEIGHT_SCALE,
    Lexicon,
    name_hashes,
    word_hashes,
)
from newscrawl.extraction.classifier.outline import Outline

PAGE = (
    "<html><body class=page><div class='promoBox'><p>Lisez aussi nos 12 dossiers</p></div>"
    "<div class=story><p>Le maire a ouvert le pont mardi devant les habitants de la ville.</p>"
    "<p>橋が火曜日に開通した</p></div></body></html>"
)


def empty() -> Lexicon:
    return Lexicon(names=np.zeros(TABLE_SIZE + 1, np.int16), words=np.zeros(TABLE_SIZE + 1, np.int16))


def hashes(html: str) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    blocks, frames = build_outline(document_fromstring(html))
    return name_hashes(frames, Outline(blocks, frames)), word_hashes(blocks)


def test_a_weight_counts_where_its_name_is_around_a_block() -> None:
    lexicon, (names, words) = empty(), hashes(PAGE)
    (only_promo,) = set(names[0]) - set(names[1]) - {NO_WEIGHT, *hashes(PAGE.replace("promo", ""))[0][0]}
    lexicon.names[only_promo] = -2 * WEIGHT_SCALE
    odds = lexicon.look_up(names, words)
    assert odds[:, 0].tolist() == [-2.0, 0.0, 0.0]
    assert odds[:, 1].tolist() == [0.0, 0.0, 0.0]


def test_numbers_are_the_same_word_and_other_words_are_not() -> None:
    first = hashes("<p>Lisez aussi nos 12 dossiers</p>")[1]
    assert (hashes("<p>lisez aussi nos 47 dossiers</p>")[1] == first).all()
    other = hashes("<p>Lisez encore nos 12 dossiers</p>")[1]
    assert 4 <= int((other != first).sum()) <= 6


def test_what_a_short_line_lacks_has_no_weight() -> None:
    lexicon, (names, words) = empty(), hashes("<p>Publicité</p>")
    assert int((words == NO_WEIGHT).sum()) == 8 + 8
    lexicon.words[:TABLE_SIZE] = WEIGHT_SCALE
    assert lexicon.look_up(names, words)[0, 1] == words.shape[1] - 16


def test_a_long_line_is_not_looked_up_as_a_whole() -> None:
    line = "Le maire a ouvert le pont mardi devant les habitants"
    assert (
        hashes(f"<p>{line} réunis</p>")[1][:, -5:-2] == hashes(f"<p>{line} absents</p>")[1][:, -5:-2]
    ).all()


def test_letters_are_words_where_no_spaces_divide_them() -> None:
    assert int((hashes(PAGE)[1][2, :9] != NO_WEIGHT).sum()) == 9


def test_odd_letters_break_nothing() -> None:
    assert hashes("<p>\ufffd \U0001f600 ١٢٣ ǅ</p>")[1].shape[0] == 1


def test_sums_that_are_kept_are_those_of_the_hashes() -> None:
    rng = np.random.default_rng(3)
    weights = rng.integers(-900, 900, (2, TABLE_SIZE + 1), np.int16)
    weights[:, NO_WEIGHT] = 0
    lexicon = Lexicon(*weights)
    deep = f"{'<div class=a><section>' * 5}<p>Le pont</p><li>Le pont<p>{'Le pont de la ville ' * 9}</p>"
    for html in (PAGE, deep, PAGE, "<p>Le pont</p>", deep):
        blocks, frames = build_outline(document_fromstring(html))
        outline = Outline(blocks, frames)
        by_hashes = lexicon.look_up(name_hashes(frames, outline), word_hashes(blocks))
        assert lexicon.odds(blocks, frames, outline).tolist() == by_hashes.tolist()
