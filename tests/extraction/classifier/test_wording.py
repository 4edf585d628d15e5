"""Short cuts of the judge's columns find what plain search finds."""

import re

import pytest
from blocks_made import blocks_of
from lxml.html import document_fromstring

from newscrawl.extraction.classifier.wording import _BY, _SIGNS, signs_in, words_of

LINES = (
    "Read more on this", "LIRE AUSSI : le pont rouvre", "© 2024 Écho", "By Awa Ndiaye", "Le pont a rouvert.",
    "Photo: (AFP", "Read", "more on", "İstanbul'da join us", "À lire", "橋が開通 newsletter", "Topi", "cs",
    "Read more, " * 60,
)  # fmt: skip


def test_signs_of_all_blocks_are_those_of_each() -> None:
    blocks = blocks_of(document_fromstring("".join(f"<p>{line}</p>" for line in LINES)))
    low = [block.text.lower() if len(block.text) < 400 else "" for block in blocks]
    plainly = [
        [*(any(sign in text for sign in signs) for signs in _SIGNS.values()), text.startswith(_BY)]
        for text in low
    ]
    assert len(blocks) == len(LINES)
    assert signs_in(blocks).tolist() == plainly
    assert any(map(any, plainly))


def test_no_block_has_no_signs() -> None:
    assert signs_in([]).shape == (0, len(_SIGNS) + 1)


def test_no_sign_goes_over_lines_or_is_in_capitals() -> None:
    assert all("\n" not in sign and sign == sign.lower() for signs in _SIGNS.values() for sign in signs)


@pytest.mark.parametrize("text", ["", "A b-C_d, e9!", "".join(map(chr, range(128))), "x\x1cy\x7fz", "  "])
def test_words_of_ascii_are_those_of_the_pattern(text: str) -> None:
    assert words_of(text) == re.findall(r"\w+", text.lower())
