"""The features of blocks, and that they are the same in any process."""

import subprocess
import sys

import numpy as np
from lxml.html import document_fromstring

from newscrawl.extraction.blocks import build_outline
from newscrawl.extraction.classifier.features import (
    COUNT_COLUMNS,
    PAGE_COLUMNS,
    block_features,
)
from newscrawl.extraction.classifier.outline import WORD_NAMES, Outline, word_bits
from newscrawl.extraction.classifier.text_features import (
    TEXT_COLUMNS,
    PageHints,
    split_words,
    text_columns,
    unspaced_letters,
)

PAGE = (
    "<html><body><nav><ul><li><a href=/>Accueil</a></li><li><a href=/b>Sports</a></li></ul></nav>"
    "<article class='entry-content'><h1>Le pont rouvre</h1><p>Le pont de la ville a rouvert mardi, après des"
    " travaux de deux ans que le maire a salués.</p><p>Les habitants, eux, attendaient la fin du chantier"
    " depuis longtemps, et ils ont fêté la nouvelle.</p></article></body></html>"
)


def matrix(html: str = PAGE, hints: PageHints | None = None) -> np.ndarray:  # type: ignore[type-arg]
    blocks, frames = build_outline(document_fromstring(html))
    return block_features(blocks, Outline(blocks, frames), hints or PageHints(), frozenset())


def column(name: str, html: str = PAGE, hints: PageHints | None = None) -> list[float]:
    return [float(value) for value in matrix(html, hints)[:, TEXT_COLUMNS.index(name)]]


def test_there_is_a_row_a_block_and_no_number_is_missing() -> None:
    found = matrix()
    assert found.shape[0] == 5
    assert np.isfinite(found).all()


def test_links_and_sentences_have_different_features() -> None:
    assert column("linked") == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert column("sentences") == [0.0, 0.0, 0.0, 1.0, 1.0]
    assert column("is_h") == [0.0, 0.0, 1.0, 0.0, 0.0]


def test_the_title_is_recognised() -> None:
    likeness = column("title_overlap", hints=PageHints(title=frozenset(split_words("Le pont rouvre"))))
    assert likeness.index(max(likeness)) == 2
    assert likeness[2] == 1.0


def test_blocks_of_the_declared_body_are_marked() -> None:
    body = "lepontdelavillearouvertmardiaprèsdestravauxdedeuxansquelemaireasalués"
    assert column("in_body", hints=PageHints(body=body)) == [0.5, 0.5, 0.5, 1.0, 0.0]
    assert set(column("in_body")) == {-1.0}


def test_letters_are_words_where_no_spaces_divide_them() -> None:
    assert split_words("橋が開通") == ["橋", "が", "開", "通"]
    assert split_words("Le pont 橋") == ["le", "pont", "橋"]
    assert unspaced_letters("สะพาน") == 5
    assert unspaced_letters("pont") == 0


def test_a_japanese_paragraph_weighs_as_a_paragraph() -> None:
    text = "新しい橋は火曜日に開通し、市長は二年にわたる工事の完了を祝った。住民は長い間この日を待っていた。"
    (mass,) = column("mass", f"<p>{text}</p>")
    assert mass > 2 * len(text)
    assert column("unspaced", f"<p>{text}</p>") == [1.0]
    assert column("common", f"<p>{text}</p>")[0] > 0.1


def test_names_of_elements_are_families_of_words() -> None:
    bits = word_bits("siteNav top-menu related_posts")
    assert {name for at, name in enumerate(WORD_NAMES) if bits >> at & 1} >= {"nav", "related", "article"}
    assert word_bits("gallery") & word_bits("photo")
    assert word_bits("ads") != word_bits("roads")


def test_text_columns_has_a_number_for_each_column() -> None:
    blocks, _ = build_outline(document_fromstring(PAGE))
    assert text_columns(blocks, PageHints(), ()).shape == (len(blocks), len(TEXT_COLUMNS))


def test_the_matrix_is_the_same_in_any_process() -> None:
    program = (
        "import sys, hashlib; sys.path.insert(0, 'tests/extraction/classifier');"
        "from test_features import matrix;"
        "print(hashlib.sha256(matrix().tobytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_counts_grow_with_the_page_and_other_columns_do_not() -> None:
    line = "<p>Le pont de la ville a rouvert mardi, après des travaux de deux ans.</p>"
    short, long = (
        matrix(f"<html><body><main><article>{line * size}</article></main></body></html>")[size // 2]
        for size in (40, 400)
    )
    growing = {int(at) for at in np.flatnonzero(long > 5 * np.maximum(short, 1))}
    assert set(PAGE_COLUMNS) <= set(COUNT_COLUMNS)
    assert [short[PAGE_COLUMNS[0]], long[PAGE_COLUMNS[0]]] == [40, 400]
    assert growing - {TEXT_COLUMNS.index("seen")} <= set(COUNT_COLUMNS)
    assert set(COUNT_COLUMNS[1:]) - growing <= {COUNT_COLUMNS[3], COUNT_COLUMNS[4]}
