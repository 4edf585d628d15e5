"""Text features find what a plain search finds; hints come from the metadata."""

import json
import re

import pytest
from blocks_made import blocks_of
from lxml.html import document_fromstring

from newscrawl.extraction.classifier.text_features import (
    _BYLINE_STARTS,
    _SIGNS,
    MAX_BODY_CHARS,
    PageHints,
    find_signs,
    read_page_hints,
    split_words,
)
from newscrawl.extraction.head import read_head

LINES = (
    "Read more on this", "LIRE AUSSI : le pont rouvre", "© 2024 Écho", "By Awa Ndiaye", "Le pont a rouvert.",
    "Photo: (AFP", "Read", "more on", "İstanbul'da join us", "À lire", "橋が開通 newsletter", "Topi", "cs",
    "Read more, " * 60,
)  # fmt: skip


def test_signs_of_all_blocks_are_those_of_each() -> None:
    blocks = blocks_of(document_fromstring("".join(f"<p>{line}</p>" for line in LINES)))
    low = [block.text.lower() if len(block.text) < 400 else "" for block in blocks]
    plainly = [
        [*(any(sign in text for sign in signs) for signs in _SIGNS.values()), text.startswith(_BYLINE_STARTS)]
        for text in low
    ]
    assert len(blocks) == len(LINES)
    assert find_signs(blocks).tolist() == plainly
    assert any(map(any, plainly))


def test_no_block_has_no_signs() -> None:
    assert find_signs([]).shape == (0, len(_SIGNS) + 1)


def test_no_sign_goes_over_lines_or_is_in_capitals() -> None:
    assert all("\n" not in sign and sign == sign.lower() for signs in _SIGNS.values() for sign in signs)


@pytest.mark.parametrize("text", ["", "A b-C_d, e9!", "".join(map(chr, range(128))), "x\x1cy\x7fz", "  "])
def test_words_of_ascii_are_those_of_the_pattern(text: str) -> None:
    assert split_words(text) == re.findall(r"\w+", text.lower())


def hints(body: str) -> PageHints:
    story = json.dumps({"@type": "NewsArticle", "articleBody": body})
    script = f'<script type="application/ld+json">{story}</script>'
    tree = document_fromstring(f"<html><head><title>Le pont neuf</title>{script}</head><body>x</body></html>")
    return read_page_hints(read_head(tree, "https://echo.example/a", {}))


def test_the_declared_body_is_letters_without_anything_between() -> None:
    found = hints("Le pont, <b>dit-on</b>, est neuf.")
    assert found.body == "lepontditonestneuf"
    assert found.title == {"le", "pont", "neuf"}


def test_of_a_body_without_end_the_beginning_is_compared() -> None:
    assert len(hints("mot" * (MAX_BODY_CHARS // 2)).body) == MAX_BODY_CHARS
