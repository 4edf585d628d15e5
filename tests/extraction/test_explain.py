"""Explanation of a page: which step decided on each block."""

from dataclasses import replace

from newscrawl.extraction.body import STORY
from newscrawl.extraction.explain import Explanation, build_explanation, count_decisions
from newscrawl.extraction.extract import ExtractionTrace, trace_extraction

URL = "https://echo.example/2026/04/le-moulin"
PARAGRAPHS = [
    f"Le moulin numéro {number} a tourné toute la nuit, et le meunier de {place} n’a pas dormi, dit-il."
    for number, place in enumerate(("Valmer", "Sombreval", "Ronquières", "Bellefosse"), 1)
]
PAGE = (
    "<html lang=fr><head><title>Les moulins tournent la nuit</title></head><body>"
    "<div id='top links' class='a b c'><a href=/>Accueil de notre site</a></div>"
    "<article><h1>Les moulins tournent la nuit</h1>"
    f"{''.join(f'<p>{text}</p>' for text in PARAGRAPHS)}</article>"
    "</body></html>"
)


def trace() -> ExtractionTrace:
    return trace_extraction(PAGE.encode(), URL)


def decider(explanation: Explanation, text: str) -> str | None:
    return next(block.decided_by for block in explanation.decisions if block.text == text)


def test_trafilatura_decides_where_its_selection_replaced_the_classifiers() -> None:
    found = trace()
    assert found.body
    selection = replace(found.body.selection, replaced_by_trafilatura=True)
    explanation = build_explanation(replace(found, body=replace(found.body, selection=selection)))
    assert {decider(explanation, text) for text in PARAGRAPHS} == {"opinion"}
    assert {decider(build_explanation(found), text) for text in PARAGRAPHS} == {"judge"}


def test_a_place_is_written_like_a_selector() -> None:
    where = {block.text: block.where for block in build_explanation(trace()).decisions}
    assert where["Accueil de notre site"] == "div#top.a.b"
    assert where[PARAGRAPHS[0]] == "article > p"


def test_blocks_of_a_rejected_page_have_no_verdict() -> None:
    explanation = build_explanation(replace(trace(), body=None))
    assert {
        (block.verdict, block.decided_by, block.likely, block.is_in_story) for block in explanation.decisions
    } == {(None, None, None, False)}


def test_counts_cover_every_block_and_begin_with_the_story() -> None:
    explanation = build_explanation(trace())
    counts = count_decisions(explanation.decisions)
    assert counts[0].verdict == STORY
    assert counts[0].chars == sum(map(len, PARAGRAPHS))
    assert sum(count.blocks for count in counts) == len(explanation.decisions)
