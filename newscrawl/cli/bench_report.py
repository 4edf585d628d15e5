"""The HTML page of `newscrawl bench text`: figures, and the worst pages with their texts side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import islice

from newscrawl import __version__
from newscrawl.cli import ui
from newscrawl.cli.bench_tables import format_difference, format_score, score_rows
from newscrawl.extraction.evaluation.figures import Figures
from newscrawl.extraction.evaluation.measure import ARTICLE, NEWSCRAWL, PRECISION, PageResult
from newscrawl.extraction.evaluation.scores import Score, TextScore, Truth, compare_parts, text_lacks

MAX_TEXT_CHARS = 40_000
"What the HTML page shows of a text."


def render_worst_pages(groups: Mapping[str, Figures], worst: Sequence[tuple[PageResult, Truth]]) -> str:
    """The HTML page, in which everything from pages and corpora is escaped."""
    return ui.fill_template(
        "bench.html",
        versions=ui.safe_html(f"newscrawl {__version__}, trafilatura {version('trafilatura')}"),
        figures="\n".join(_html_score_rows(groups)),
        differences="\n".join(_html_difference_rows(groups)),
        reasons="\n".join(_html_reason_rows(groups)) or '<tr><td colspan="3">none</td></tr>',
        pages="\n".join(_page_section(result, truth) for result, truth in worst),
    )


def _html_rows(group: str, rows: Iterable[tuple[str, Iterable[str]]], columns: int) -> Iterator[str]:
    """The rows of a table that belong to a group of pages, below its name; nothing without rows."""
    lines = []
    for name, figures in rows:
        cells = "".join(f'<td class="figure">{ui.safe_html(figure)}</td>' for figure in figures)
        lines.append(f"<tr><td>{ui.safe_html(name)}</td>{cells}</tr>")
    if lines:
        yield f'<tr><th colspan="{columns}">{ui.safe_html(group)}</th></tr>'
    yield from lines


def _html_score_rows(groups: Mapping[str, Figures]) -> Iterator[str]:
    for name, figures in groups.items():
        kinds = ((name, figures.texts), (f"{name}: segments", figures.segments))
        for title, programs in kinds:
            yield from _html_rows(title, score_rows(programs), 6)


def _html_difference_rows(groups: Mapping[str, Figures]) -> Iterator[str]:
    for name, figures in groups.items():
        differences = figures.differences.items()
        yield from _html_rows(name, ((program, format_difference(one)) for program, one in differences), 7)


def _html_reason_rows(groups: Mapping[str, Figures]) -> Iterator[str]:
    for name, figures in groups.items():
        wrong = figures.wrongly_rejected
        reasons = figures.rejected.items()
        yield from _html_rows(
            name, ((reason, (str(count), str(wrong.get(reason, 0)))) for reason, count in reasons), 3
        )


def _page_section(result: PageResult, truth: Truth) -> str:
    output, score = result.outputs[NEWSCRAWL], result.scores[NEWSCRAWL]
    scores = ", ".join(f"{name} {format_score(score.f1, 3)}" for name, score in result.scores.items())
    outcome = "" if output.outcome == ARTICLE else f"<b>{ui.safe_html(output.outcome)}</b> "
    annotated = _annotated_text(output.text, truth, score)
    return (
        f'<details class="page" open><summary><b class="f1">{format_score(score.f1, 3)}</b> '
        f"{outcome}<bdi>{ui.safe_html(result.id)}</bdi></summary>\n"
        f'<p class="url">{ui.safe_html(result.url)}</p>\n'
        f'<p class="scores">{ui.safe_html(f"{result.dataset}, {result.page_type}; F1: {scores}")}</p>\n'
        f'<div class="texts"><section><h3>annotated</h3>{annotated}</section>\n'
        f"<section><h3>newscrawl</h3>{_program_text(output.text, truth, score)}</section></div>\n"
        f"<details><summary>{PRECISION}</summary>"
        f"{_program_text(result.outputs[PRECISION].text, truth, result.scores[PRECISION])}</details>\n"
        "</details>"
    )


def _annotated_text(text: str, truth: Truth, score: Score) -> str:
    """The truth; what the text lacks is marked, and so is what it should lack."""
    if isinstance(score, TextScore):
        return _marked_text(_variant(truth, score), text, "missing")
    lacks = text_lacks(text)
    items = [
        *(_segment_item("wanted", segment, "missing" if lacks(segment) else "") for segment in truth.wanted),
        *(_segment_item("unwanted", one, "" if lacks(one) else "extra") for one in truth.unwanted),
    ]
    return f"<ul>{''.join(items)}</ul>"


def _segment_item(kind: str, segment: str, mark: str) -> str:
    text = ui.safe_html(segment)
    return f"<li>{kind}: <bdi>{f'<mark class={mark}>{text}</mark>' if mark else text}</bdi></li>"


def _program_text(text: str, truth: Truth, score: Score) -> str:
    """A program's text; what the truth lacks is marked, where all of it is annotated."""
    if not text.strip():
        return '<p class="none">no text</p>'
    if isinstance(score, TextScore):
        return _marked_text(text, _variant(truth, score), "extra")
    return f'<div class="text">{ui.safe_html(text[:MAX_TEXT_CHARS])}{_rest(len(text))}</div>'


def _variant(truth: Truth, score: TextScore) -> str:
    return next(islice(truth.variants(), score.variant, None))


def _marked_text(text: str, other: str, mark: str) -> str:
    """The text, with marks on what is not in the other text."""
    pieces: list[str] = []
    left = MAX_TEXT_CHARS
    for part in compare_parts(text, other):
        piece = ui.safe_html(part.text[: max(0, left)])
        left -= len(part.text)
        if piece:
            pieces.append(piece if part.is_common else f'<mark class="{mark}">{piece}</mark>')
    return f'<div class="text">{"".join(pieces)}{_rest(MAX_TEXT_CHARS - left)}</div>'


def _rest(chars: int) -> str:
    """A note on what is not shown of so many characters."""
    left_out = chars - MAX_TEXT_CHARS
    return f'\n<span class="none">… {left_out} more characters</span>' if left_out > 0 else ""
