"""A page measured by the real programs."""

from __future__ import annotations

import pytest

from newscrawl.extraction.evaluation import measure
from newscrawl.extraction.evaluation.measure import (
    DEFAULT,
    EXTRACTOR_ERROR,
    NEWSCRAWL,
    PRECISION,
    PROGRAMS,
    PageResult,
    drop_texts,
    measure_page,
)
from newscrawl.extraction.evaluation.scores import parse_truth

PARAGRAPHS = (
    "The lighthouse at Cape Morrow will be painted again this spring, for the first time since the flood.",
    "Four painters from the valley have agreed to hang from ropes for three weeks, the council said.",
    "We shall not use the old green, said Ines Alder, who keeps the lamp and has opinions about colours.",
    "The village has put aside nine thousand crowns, half of them earned with the sale of smoked eel.",
    "If the wind allows it, the scaffold on the sea side will be taken down before the boats return.",
)
STORY = "\n\n".join(PARAGRAPHS)
HTML = (
    "<html lang=en><head><title>Cape Morrow paints its lighthouse</title></head><body><nav><a href=/>Home</a>"
    "</nav><article><h1>Cape Morrow paints its lighthouse</h1>"
    + "".join(f"<p>{text}</p>" for text in PARAGRAPHS)
    + "</article></body></html>"
)


def measured(
    html: bytes = HTML.encode(), url: str = "https://www.morrow.example/2026/lamp", **truth: object
) -> PageResult:
    record = {"kind": "full", "text": STORY} | truth
    return measure_page(html, url, parse_truth(record), page_id="lamp")


def test_every_program_has_a_text_a_score_and_a_time() -> None:
    result = measured()
    for values in (result.outputs, result.scores, result.cpu_ms):
        assert tuple(values) == PROGRAMS
    assert result.outputs[NEWSCRAWL].text == STORY
    assert result.scores[NEWSCRAWL].f1 == 1
    # Trafilatura has the headline too.
    assert all(0.9 < result.scores[name].f1 < 1 for name in (PRECISION, DEFAULT))
    assert all(time > 0 for time in result.cpu_ms.values())
    assert (result.outcome, result.truth_chars) == ("article", len(STORY))


def test_the_site_is_that_of_the_corpus_or_the_host() -> None:
    assert measured().site == "morrow.example"
    assert measured(site="elsewhere").site == "elsewhere"


def test_a_rejected_page_has_its_reason_and_scores_nothing() -> None:
    result = measured(b"%PDF-1.7 and so on")
    assert result.outcome == "binary"
    assert result.scores[NEWSCRAWL].f1 == 0
    assert not result.outputs[NEWSCRAWL].text


def test_the_charset_of_the_header_is_used() -> None:
    html = HTML.replace("eel", "łosoś").encode("iso-8859-2")
    truth = parse_truth({"kind": "full", "text": STORY.replace("eel", "łosoś")})
    result = measure_page(
        html, "https://morrow.example/2026/lamp", truth, page_id="lamp", charset="iso-8859-2"
    )
    assert "łosoś" in result.outputs[NEWSCRAWL].text


def test_a_program_that_raises_an_error_has_extracted_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(html: bytes, url: str, charset: str | None) -> None:
        raise RecursionError("too deep")

    programs = measure._ready_programs(None)
    monkeypatch.setitem(programs, NEWSCRAWL, fail)
    result = measured()
    assert result.outcome == EXTRACTOR_ERROR
    assert [score.f1 > 0.9 for score in result.scores.values()] == [False, True, True]
    assert "https://www.morrow.example/2026/lamp: newscrawl failed" in caplog.text


def test_a_result_can_do_without_its_texts() -> None:
    bare = drop_texts(measured())
    assert [output.text for output in bare.outputs.values()] == ["", "", ""]
    assert bare.outcome == "article"
    assert bare.scores[NEWSCRAWL].f1 == 1
