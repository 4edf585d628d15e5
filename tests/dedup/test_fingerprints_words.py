"""A text as numbers says the same of texts that read the same."""

from __future__ import annotations

import random

import numpy as np

from newscrawl.dedup.fingerprints import FIGURE, MAX_WORDS, NAME, restored, shingles_of, stored, words_of


def plain(text: str) -> list[int]:
    return (words_of(text) >> 2).tolist()


def test_case_and_punctuation_make_no_difference() -> None:
    assert plain("L’Écho, « du » fleuve") == plain("L'ÉCHO du Fleuve.")
    assert plain("the river") != plain("river the")


def test_figures_and_names_are_marked() -> None:
    flags = (words_of("In 2026 Yaoundé had 4x more rain") & (FIGURE | NAME)).tolist()
    assert flags == [0, FIGURE, NAME, 0, FIGURE, 0, 0]


def test_it_is_kept_as_two_bytes_a_word_and_no_text_is_too_long() -> None:
    words = words_of("one two three " * MAX_WORDS)
    assert len(stored(words)) == 2 * MAX_WORDS
    assert restored(stored(words)).tolist() == words.tolist()
    assert len(words_of("")) == len(words_of("… — !")) == 0


def test_different_rows_of_words_are_different_shingles() -> None:
    dice = random.Random(1)
    words = np.array([dice.randrange(0, 1 << 16) for _ in range(3000)], np.uint16)
    for size in (4, 5):
        rows = {tuple((words[at : at + size] >> 2).tolist()) for at in range(len(words) - size + 1)}
        assert len(set(shingles_of(words, size).tolist())) == len(rows)
    assert not len(shingles_of(words[:3], 4))


def test_halves_of_characters_are_no_error() -> None:
    assert len(words_of("a\ud800b c")) >= 2
