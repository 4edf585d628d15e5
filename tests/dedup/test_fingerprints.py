"""Texts that read the same have the same tokens, and shared passages share fingerprints."""

from __future__ import annotations

import random

import numpy as np
from dedup.planted import drawn

from newscrawl.dedup.fingerprints import (
    FINGERPRINT_BITS,
    MAX_TOKENS,
    SHINGLE_TOKENS,
    TOKEN_FIGURE,
    TOKEN_NAME,
    WINNOW_WINDOW,
    hash_shingles,
    pack_tokens,
    tokenize,
    unpack_tokens,
    winnow,
)


def plain(text: str) -> list[int]:
    return (tokenize(text) >> 2).tolist()


def test_case_and_punctuation_make_no_difference() -> None:
    assert plain("L’Écho, « du » fleuve") == plain("L'ÉCHO du Fleuve.")
    assert plain("the river") != plain("river the")


def test_figures_and_names_are_marked() -> None:
    flags = (tokenize("In 2026 Yaoundé had 4x more rain") & (TOKEN_FIGURE | TOKEN_NAME)).tolist()
    assert flags == [0, TOKEN_FIGURE, TOKEN_NAME, 0, TOKEN_FIGURE, 0, 0]


def test_tokens_are_stored_as_two_bytes_and_no_text_is_too_long() -> None:
    words = tokenize("one two three " * MAX_TOKENS)
    assert len(pack_tokens(words)) == 2 * MAX_TOKENS
    assert unpack_tokens(pack_tokens(words)).tolist() == words.tolist()
    assert len(tokenize("")) == len(tokenize("… — !")) == 0


def test_different_rows_of_words_are_different_shingles() -> None:
    dice = random.Random(1)
    words = np.array([dice.randrange(0, 1 << 16) for _ in range(3000)], np.uint16)
    for size in (4, 5):
        rows = {tuple((words[at : at + size] >> 2).tolist()) for at in range(len(words) - size + 1)}
        assert len(set(hash_shingles(words, size).tolist())) == len(rows)
    assert not len(hash_shingles(words[:3], 4))


def test_lone_surrogates_are_no_error() -> None:
    assert len(tokenize("a\ud800b c")) >= 2


def test_texts_that_share_a_passage_share_a_fingerprint_however_long_they_are() -> None:
    dice = random.Random(3)
    for _ in range(300):
        passage = drawn(dice, WINNOW_WINDOW + SHINGLE_TOKENS - 1)
        texts = [
            " ".join((drawn(dice, dice.randint(0, 900)), passage, drawn(dice, dice.randint(0, 900))))
            for _ in range(2)
        ]
        first, second = (set(winnow(tokenize(text)).tolist()) for text in texts)
        assert first & second


def test_there_is_a_fingerprint_for_some_eight_words_and_they_fit_their_bits() -> None:
    fingerprints = winnow(tokenize(drawn(random.Random(4), 1000)))
    assert 1000 / 12 < len(fingerprints) < 1000 / 6
    assert int(fingerprints.max()) < 1 << FINGERPRINT_BITS
    assert fingerprints.tolist() == sorted(set(fingerprints.tolist()))


def test_short_texts_have_a_fingerprint_and_the_shortest_none() -> None:
    assert len(winnow(tokenize("one two three four five six"))) == 1
    assert not len(winnow(tokenize("one two three four")))
