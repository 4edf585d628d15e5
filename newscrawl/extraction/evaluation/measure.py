"""Measure a page: its text and its CPU time, by newscrawl and by trafilatura, one after the other."""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from newscrawl.extraction.classifier.model import BlockClassifier, load_model
from newscrawl.extraction.evaluation.scores import Score, Truth, score_text
from newscrawl.extraction.extract import extract
from newscrawl.items import Article
from newscrawl.urls import url_host

logger = logging.getLogger(__name__)

NEWSCRAWL, PRECISION, DEFAULT = "newscrawl", "trafilatura precision", "trafilatura default"
PROGRAMS = (NEWSCRAWL, PRECISION, DEFAULT)
ARTICLE, EXTRACTOR_ERROR, EMPTY_TEXT = "article", "extractor_error", "empty_text"
_PARAGRAPH = (
    "<p>It is read once, before the first page, because programs load much when they first need it.</p>"
)
_WARM_UP = (
    f"<html><body><article><h1>A warm-up</h1>{_PARAGRAPH * 9}</article></body></html>",
    f"<html lang=en><body><div>{_PARAGRAPH}</div></body></html>",
)
"A story, and a text so short that every program tries all it has."


class Output(NamedTuple):
    """What a program made of a page."""

    text: str
    outcome: str
    "`article`, or the reason why there is no text."
    has_second_opinion: bool = False
    "Whether newscrawl has asked trafilatura."


@dataclass(frozen=True, kw_only=True, slots=True)
class PageResult:
    """A measured page."""

    id: str
    url: str
    dataset: str
    site: str
    page_type: str
    truth_chars: int
    "Characters of the whole annotated text; 0 where only segments are annotated."
    outputs: Mapping[str, Output]
    "By program."
    scores: Mapping[str, Score]
    cpu_ms: Mapping[str, float]
    "By program; without one whose text was given."

    @property
    def outcome(self) -> str:
        """What newscrawl made of the page: `article`, or the reason why there is no text."""
        return self.outputs[NEWSCRAWL].outcome


def measure_page(
    html: bytes,
    url: str,
    truth: Truth,
    *,
    page_id: str,
    charset: str | None = None,
    model: Path | None = None,
    prediction: Output | None = None,
) -> PageResult:
    """Extract the page with each program and compare the texts with the annotation.

    `charset` is what the server's header would say; `model` a file with another classifier than the
    package's; `prediction` what newscrawl made of the page before, which then takes no time. A program that
    raises an error has extracted nothing.
    """
    outputs, cpu_ms = {}, {}
    programs = _ready_programs(model)
    # None profits on all pages from what another has left in caches.
    first = zlib.crc32(page_id.encode()) % len(PROGRAMS)
    for name in (*PROGRAMS[first:], *PROGRAMS[:first]):
        if name == NEWSCRAWL and prediction is not None:
            outputs[name] = prediction
            continue
        run = programs[name]
        began = time.process_time()
        try:
            output = run(html, url, charset)
        except Exception:
            logger.exception("%s: %s failed", url, name)
            output = Output("", EXTRACTOR_ERROR)
        cpu_ms[name] = (time.process_time() - began) * 1000
        outputs[name] = output
    return PageResult(
        id=page_id,
        url=url,
        dataset=truth.dataset,
        site=truth.site or url_host(url).removeprefix("www."),
        page_type=truth.page_type or ARTICLE,
        truth_chars=len(next(truth.variants())) if truth.kind == "full" else 0,
        outputs={name: outputs[name] for name in PROGRAMS},
        scores={name: score_text(outputs[name].text, truth) for name in PROGRAMS},
        cpu_ms={name: cpu_ms[name] for name in PROGRAMS if name in cpu_ms},
    )


def drop_texts(result: PageResult) -> PageResult:
    """The result without what the programs extracted."""
    outputs = {name: output._replace(text="") for name, output in result.outputs.items()}
    return replace(result, outputs=outputs)


@cache
def _ready_programs(model: Path | None) -> dict[str, Callable[[bytes, str, str | None], Output]]:
    """The programs by name, each of which has run once."""
    programs: dict[str, Callable[[bytes, str, str | None], Output]] = {
        NEWSCRAWL: partial(_run_newscrawl, load_model(model) if model else None),
        PRECISION: partial(_run_trafilatura, favor_precision=True),
        DEFAULT: partial(_run_trafilatura, favor_precision=False),
    }
    # It warns of each page that it finds empty; here that is a figure.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    for run in programs.values():
        for html in _WARM_UP:
            run(html.encode(), "https://example.org/2026/01/01/warm-up", None)
    return programs


def _run_newscrawl(classifier: BlockClassifier | None, html: bytes, url: str, charset: str | None) -> Output:
    headers = {"content-type": f"text/html; charset={charset}"} if charset else {}
    result = extract(html, url, headers=headers, classifier=classifier)
    if not isinstance(result, Article):
        return Output("", result.reason)
    asked = "second_opinion" in result.quality.flags
    return Output(result.text, ARTICLE if result.text.strip() else EMPTY_TEXT, asked)


def _run_trafilatura(html: bytes, url: str, _charset: str | None, *, favor_precision: bool) -> Output:
    text = trafilatura_text(html, url, favor_precision=favor_precision)
    return Output(text, ARTICLE if text.strip() else EMPTY_TEXT)


def trafilatura_text(html: bytes, url: str, *, favor_precision: bool) -> str:
    """Trafilatura's text, without comments; it reads the metadata too, as newscrawl does."""
    from trafilatura import bare_extraction

    document = bare_extraction(
        html, url=url, favor_precision=favor_precision, include_comments=False, with_metadata=True
    )
    return getattr(document, "text", None) or ""
