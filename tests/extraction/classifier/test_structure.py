"""How a judgement is spread over the structure of a page."""

import numpy as np
from lxml.html import document_fromstring

from newscrawl.extraction.blocks import build_outline
from newscrawl.extraction.classifier.outline import Outline
from newscrawl.extraction.classifier.structure import structure_features

STORY = "Le pont de la ville a rouvert mardi, après des travaux de deux ans que le maire a salués."
PAGE = (
    "<html><body><nav><p>Accueil</p></nav><main><div class=text>"
    f"<p>{STORY}</p><p>{STORY}</p><p>{STORY}</p></div>"
    f"<div class=more><p class=card>{STORY}</p><p class=card>{STORY}</p></div></main></body></html>"
)
PEERS, CONTAINERS, RUN, SURE = 0, 10, 21, 26
"Where the columns begin."


def features(probabilities: list[float], html: str = PAGE) -> np.ndarray:  # type: ignore[type-arg]
    blocks, frames = build_outline(document_fromstring(html))
    mass = np.array([len(block.text) for block in blocks], np.float64)
    return structure_features(np.array(probabilities), mass, Outline(blocks, frames))


JUDGED = [0.0, 1.0, 0.2, 1.0, 0.1, 0.0]


def test_a_block_is_described_by_the_others_at_its_place_and_not_by_itself() -> None:
    found = features(JUDGED)
    parent = found[:, PEERS + 2]
    assert np.allclose(parent, [-1.0, 0.6, 1.0, 0.6, 0.0, 0.1])


def test_the_best_container_is_the_smallest_with_most_of_the_story() -> None:
    inside = features(JUDGED)[:, CONTAINERS + 8]
    assert inside.tolist() == [0, 1, 1, 1, 0, 0]


def test_the_run_of_likely_blocks_goes_over_an_unlikely_one() -> None:
    found = features(JUDGED)
    assert found[:, RUN].tolist() == [0, 1, 1, 1, 0, 0]
    assert found[:, RUN + 1].tolist() == [-1, 0, 1, 2, 3, 4]
    assert found[:, RUN + 2].tolist() == [3, 2, 1, 0, -1, -2]


def test_text_up_to_the_nearest_sure_block_is_counted() -> None:
    found = features(JUDGED)
    before, after = found[:, SURE], found[:, SURE + 1]
    assert before[:2].tolist() == [-1.0, -1.0]
    assert before[5] == np.float64(0.9 * len(STORY))
    assert after[4:].tolist() == [-1.0, -1.0]
    assert (features([0.5] * 6)[:, SURE : SURE + 6] == -1).all()


def test_nothing_grows_without_bound_on_a_long_page() -> None:
    lines = f"<p>{STORY}</p>" * 3000
    found = features([0.95] * 3000, f"<html><body><article>{lines}</article></body></html>")
    assert np.isfinite(found).all()
    assert found.max() <= 20_000


def test_a_block_alone_on_its_page_has_a_row() -> None:
    assert np.isfinite(features([1.0], f"<p>{STORY}</p>")).all()
