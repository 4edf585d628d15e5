"""Fingerprints: few, and never none in common where a passage is."""

from __future__ import annotations

import random

from dedup.planted import drawn

from newscrawl.dedup.fingerprints import PRINT_BITS, SHINGLE, WINDOW, prints_of, words_of


def test_texts_that_share_a_passage_share_a_fingerprint_however_long_they_are() -> None:
    dice = random.Random(3)
    for _ in range(300):
        passage = drawn(dice, WINDOW + SHINGLE - 1)
        texts = [
            " ".join((drawn(dice, dice.randint(0, 900)), passage, drawn(dice, dice.randint(0, 900))))
            for _ in range(2)
        ]
        one, other = (set(prints_of(words_of(text)).tolist()) for text in texts)
        assert one & other


def test_there_is_one_for_some_eight_words_and_they_fit_their_bits() -> None:
    prints = prints_of(words_of(drawn(random.Random(4), 1000)))
    assert 1000 / 12 < len(prints) < 1000 / 6
    assert int(prints.max()) < 1 << PRINT_BITS
    assert prints.tolist() == sorted(set(prints.tolist()))


def test_short_texts_have_one_and_the_shortest_none() -> None:
    assert len(prints_of(words_of("one two three four five six"))) == 1
    assert not len(prints_of(words_of("one two three four")))
