"""`newscrawl explain`: the blocks of a page, and why each is part of the article or not."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any
from zipfile import BadZipFile, is_zipfile

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from newscrawl.archive.form_records import find_form_records
from newscrawl.archive.memory_files import newest_memory
from newscrawl.archive.pages import is_newscrawl_page
from newscrawl.archive.reextract import explain_page, load_memory
from newscrawl.archive.story_records import StoryRecords, complete_story, read_story
from newscrawl.cli import ui
from newscrawl.cli.languages import language_colour, printable
from newscrawl.cli.target import ArchivedTarget, FileTarget, find_outlets, find_page, parse_time
from newscrawl.errors import NewscrawlError
from newscrawl.extraction.classifier.model import BlockClassifier, load_model
from newscrawl.extraction.explain import BlockDecision, Explanation, build_explanation, count_decisions
from newscrawl.extraction.extract import trace_extraction
from newscrawl.items import Article, Quality
from newscrawl.monitoring.agreement import read_agreement
from newscrawl.outlet import Outlet, find_outlet

SCHEMA = "newscrawl.explanation/1"
MAX_UNFOLDED = 3
"From this many neighbours on, blocks that were removed for the same reason are folded."
PIPED_WIDTH = 160
"Columns of a line where the output is no terminal."
NOBODY, UNDECIDED = "nobody", "not judged"
DECIDERS = {
    "outlet": ("bright_magenta", "the outlet's rule"),
    "platform": ("magenta", "a platform's rule"),
    "memory": ("cyan", "the site's memory"),
    "witness": ("bright_cyan", "the feed or API that has the story too"),
    "judge": ("red", "the classifier"),
    "opinion": ("bright_red", "the second opinion"),
    "lines": ("yellow", "the cleaning of lines"),
    "notices": ("bright_yellow", "the extraction of notices"),
    NOBODY: ("bright_black", "rejected before it was judged"),
}
"Who can decide on a block: the colour in the terminal and the words on the page."
STORY_COLOUR, FAINT = "green", "bright_black"
ARTICLE_FIELDS = (
    "title", "title_raw", "lede", "byline_raw", "authors", "published", "published_precision",
    "published_source", "published_raw", "modified", "section", "tags", "dateline_place", "lang",
    "lang_score", "lang_declared", "lang_page", "page_type", "syndication", "access", "url_canonical",
    "http", "fetched", "warc", "extractor",
)  # fmt: skip
"Fields of the article that the page shows."
_UNREADABLE = (OSError, ValueError, EOFError, BadZipFile, zlib.error)
"What reading arrays raises if they are cut, damaged, or of another kind."


@ui.app.command("explain")
def explain_target(  # noqa: PLR0917 # typer hands them in by name
    page: ui.PageName,
    url: ui.FileUrl = None,
    outlet: Annotated[
        str | None,
        typer.Option(help="Use the rules of this outlet. Default: the outlet of the archive's folder."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="Use the capture nearest to this RFC 3339 time. Default: the last capture."),
    ] = None,
    memory: Annotated[
        Path | None,
        typer.Option(
            help="Memory of the site. Default: the newest of the archive's folder.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    model: ui.Model = None,
    html: Annotated[Path | None, typer.Option(help="Write the explanation to this HTML file.")] = None,
    as_json: ui.AsJson = False,
    full: Annotated[bool, typer.Option("--full", help="Show every block, with all its text.")] = False,
    archives: ui.Archives = ui.ARCHIVES,
) -> None:
    """Show every block of a page and why it is part of the article or not.

    Use it when a text lacks a paragraph or has a foreign line in it: it names the rule or the classifier that
    decided. Exit code 3: the page is no article.
    """
    target = find_page(page, url=url, archives=archives, at=parse_time(at) if at else None)
    explanation = trace_target(target, outlet, memory, model)
    if html:
        with ui.open_output(html) as stream:
            stream.write(render_explanation(explanation).encode())
    if as_json:
        ui.print_json(explanation_data(explanation), sort_keys=False, indent=1)
    elif not html:
        show_explanation(explanation, ui.EscapingConsole(highlight=False), full=full)
    if not isinstance(explanation.result, Article):
        raise typer.Exit(ui.NO_ARTICLE)


def trace_target(
    target: ArchivedTarget | FileTarget, outlet: str | None, memory: Path | None, model: Path | None
) -> Explanation:
    """The page as the extractor reads it; rules and memory that are not named are those of the archive."""
    if isinstance(target, FileTarget):
        rules = find_outlet(outlet, ui.outlet_folders()) if outlet else None
    else:
        folder = target.folder.resolve()
        rules = find_outlets([folder], outlet)[folder]
        memory = memory or newest_memory(target.folder)
    classifier = load_classifier(model) if model else None
    site = load_memory(memory) if memory else None
    if isinstance(target, FileTarget):
        trace = trace_extraction(target.html, target.url, outlet=rules, memory=site, classifier=classifier)
    else:
        trace = explain_page(_read_target(target, rules), rules, site, classifier)
        trace = replace(trace, result=trace.result.model_copy(update={"warc": target.page.pointer}))
    return build_explanation(trace, memory=memory.name if memory else None)


def _read_target(target: ArchivedTarget, rules: Outlet | None) -> StoryRecords:
    """The page with its witness, and with another form of its story where the outlet asks for such."""
    if rules is None or not rules.story_forms or not is_newscrawl_page(target.page):
        return complete_story(target.folder, target.page)
    pointer = target.page.pointer
    return read_story(target.folder, pointer, find_form_records(target.folder, pointer))


def load_classifier(path: Path) -> BlockClassifier:
    """The classifier in a file; NewscrawlError says why it is none."""
    # numpy leaves a file open that it finds to be no complete archive.
    if not is_zipfile(path):
        raise NewscrawlError(f"{path} is no model of the classifier: not a complete .npz file")
    try:
        return load_model(path)
    except KeyError as error:
        raise NewscrawlError(f"{path} is no model of the classifier: {error.args[0]}") from error
    except _UNREADABLE as error:
        raise NewscrawlError(f"{path} is no model of the classifier: {error}") from error


def explanation_data(explanation: Explanation) -> dict[str, Any]:
    """The explanation for programs."""
    return {
        "schema": SCHEMA,
        "url": explanation.result.url,
        "outcome": explanation.outcome,
        "confidence": explanation.confidence,
        "second_opinion": explanation.asked_trafilatura,
        "platforms": explanation.platforms,
        "memory": explanation.memory,
        "blocks": [asdict(decision) for decision in explanation.decisions],
        "taken": [removed.model_dump(mode="json") for removed in explanation.removed_parts],
        "result": explanation.result.model_dump(mode="json", by_alias=True),
    }


def _describe_reading(explanation: Explanation) -> list[str]:
    """What the extractor knew of the page, and how sure it is."""
    facts = [
        f"platforms: {', '.join(explanation.platforms) or 'none'}",
        f"memory: {explanation.memory or 'none'}",
    ]
    if explanation.confidence is not None:
        facts.append(f"expected F1: {explanation.confidence:.2f}")
        facts.append("with a second opinion" if explanation.asked_trafilatura else "no second opinion needed")
    if isinstance(explanation.result, Article):
        facts += _describe_witness(explanation.result.quality)
    return facts


def _describe_witness(quality: Quality) -> Iterator[str]:
    """Which source has the story too, and how far the classifier alone agrees with it."""
    agreement = read_agreement(quality)
    if agreement:
        yield f"witness: {quality.witness}, {'whole' if agreement.whole else 'partial'}"
    if agreement and agreement.f1 is not None:
        differences = agreement.describe_differences()
        yield f"the classifier agrees on {agreement.f1:.0%}" + (f" ({differences})" if differences else "")


def _verdict(decision: BlockDecision) -> str:
    return decision.verdict or UNDECIDED


def _decider(decision: BlockDecision) -> str:
    return decision.decided_by or NOBODY


def _kind(decision: BlockDecision) -> str:
    return f"h{decision.level}" if decision.level else decision.kind


def _group_decisions(decisions: Sequence[BlockDecision]) -> Iterator[list[BlockDecision]]:
    """Neighbours that are part of the article, or that were removed for the same reason."""
    for _, group in groupby(
        decisions, key=lambda block: (block.is_in_story, _verdict(block), _decider(block))
    ):
        yield list(group)


def show_explanation(explanation: Explanation, console: Console, *, full: bool) -> None:
    """The page, its blocks and the sum of the decisions; `full`: every block, with all its text."""
    result = explanation.result
    if isinstance(result, Article):
        title = printable(result.title or "(no title)")
        outcome = Text("article", STORY_COLOUR).append(f"  {title}", "bold")
    else:
        detail = printable(result.detail or "")
        outcome = Text(f"rejected: {explanation.outcome}", "red").append(f"  {detail}", FAINT)
    for line in (
        Text(printable(result.url), "bold"),
        outcome,
        Text("  ".join(_describe_reading(explanation)), FAINT),
    ):
        console.print(line, soft_wrap=True)
    console.print()
    width = console.width if console.is_terminal else PIPED_WIDTH
    for line in block_lines(explanation.decisions, is_folded=not full):
        if not full:
            line.truncate(width, overflow="ellipsis")
        console.print(line, soft_wrap=True)
    for removed in explanation.removed_parts:
        console.print(Text(f"removed from a block ({removed.reason}): {printable(removed.sample)}", FAINT))
    if explanation.decisions:
        console.print()
        console.print(decisions_table(explanation))


def block_lines(decisions: Sequence[BlockDecision], *, is_folded: bool) -> Iterator[Text]:
    """A line for each block; `is_folded`: only the first and the last of many with the same reason."""
    for group in _group_decisions(decisions):
        left_out = max(0, len(group) - MAX_UNFOLDED) if is_folded and not group[0].is_in_story else 0
        if left_out < 2:
            yield from map(block_line, group)
            continue
        yield from map(block_line, group[: MAX_UNFOLDED - 1])
        yield Text(f"  … {left_out} more: {_verdict(group[0])}", DECIDERS[_decider(group[0])][0])
        yield block_line(group[-1])


def block_line(decision: BlockDecision) -> Text:
    """Kind, likelihood, language, reason and text of a block."""
    likelihood = "–" if decision.likely is None else f"{decision.likely:.2f}"
    colour = DECIDERS[_decider(decision)][0]
    line = Text("+ ", STORY_COLOUR) if decision.is_in_story else Text("- ", colour)
    line.append(f"{_kind(decision):<8}{likelihood:>4} ", FAINT)
    line.append(f"{decision.lang or '–':<6}", language_colour(decision.lang or "und"))
    if decision.is_in_story:
        return line.append(printable(decision.kept_text or ""))
    reason = decision.verdict or decision.mark or UNDECIDED
    kind = f" ({decision.looks_like})" if decision.looks_like else ""
    line.append(f"{decision.decided_by or '–'}: {reason}{kind}  ", colour)
    return line.append(printable(decision.text), FAINT)


def decisions_table(explanation: Explanation) -> Table:
    """Blocks and characters by verdict, those of the article first."""
    figures = map(ui.number_column, ("blocks", "characters"))
    table = ui.make_table("Verdicts", "verdict", "by", *figures)
    for count in count_decisions(explanation.decisions):
        names = (count.verdict or UNDECIDED, count.decided_by or "–")
        table.add_row(*names, str(count.blocks), str(count.chars))
    return table


def render_explanation(explanation: Explanation) -> str:
    """The HTML page."""
    result = explanation.result
    title = getattr(result, "title", None) or result.url
    is_article = isinstance(result, Article)
    facts = _describe_reading(explanation)
    if not is_article and (detail := getattr(result, "detail", None)):
        facts.insert(0, detail)
    badge = (
        f'<span class="outcome{" article" if is_article else ""}">{ui.safe_html(explanation.outcome)}</span>'
    )
    removed = "".join(
        f'<li>{ui.safe_html(part.reason)}: <span dir="auto">{ui.safe_html(part.sample)}</span></li>'
        for part in explanation.removed_parts
    )
    return ui.fill_template(
        "explain.html",
        title=ui.safe_html(f"{title}: {explanation.outcome}"),
        heading=ui.safe_html(title),
        url=ui.safe_html(result.url),
        facts=badge + "".join(f"<span>{ui.safe_html(fact)}</span>" for fact in facts),
        fields="".join(_result_rows(explanation)),
        verdicts="".join(_verdict_rows(explanation)),
        taken=f"<p>Taken out of lines:</p><ul>{removed}</ul>" if removed else "",
        blocks="\n".join(_block_items(explanation.decisions)) or "<li>No block of text could be read.</li>",
    )


def _result_rows(explanation: Explanation) -> Iterator[str]:
    result = explanation.result
    names = ARTICLE_FIELDS if isinstance(result, Article) else tuple(type(result).model_fields)
    values: dict[str, Any] = result.model_dump(mode="json")
    for name in names:
        text = _value_text(values[name])
        cell = f'<td dir="auto">{ui.safe_html(text)}</td>' if text else '<td class="none">–</td>'
        yield f"<tr><th>{ui.safe_html(name)}</th>{cell}</tr>"


def _value_text(value: Any) -> str:
    """A field's value in words; empty for nothing."""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {text}" for name, part in value.items() if (text := _value_text(part)))
    if isinstance(value, list):
        return "; ".join(filter(None, map(_value_text, value)))
    return "" if value is None else str(value)


def _verdict_rows(explanation: Explanation) -> Iterator[str]:
    for count in count_decisions(explanation.decisions):
        decider = DECIDERS[count.decided_by or NOBODY][1]
        yield (
            f"<tr><td>{ui.safe_html(count.verdict or UNDECIDED)}</td><td>{ui.safe_html(decider)}</td>"
            f'<td class="figure">{count.blocks}</td><td class="figure">{count.chars}</td></tr>'
        )


def _block_items(decisions: Sequence[BlockDecision]) -> Iterator[str]:
    """Blocks in page order; many that were removed for the same reason are folded."""
    for group in _group_decisions(decisions):
        first = group[0]
        if first.is_in_story or len(group) < MAX_UNFOLDED:
            yield from map(_block_item, group)
            continue
        chars = sum(len(decision.text) for decision in group)
        sample = " · ".join(decision.text for decision in group[:MAX_UNFOLDED])
        reason = f"<b>{ui.safe_html(_verdict(first))}</b> by {DECIDERS[_decider(first)][1]}"
        items = "\n".join(map(_block_item, group))
        yield (
            f'<li class="dropped by-{_decider(first)}"><details class="group">'
            f"<summary>{reason}: {len(group)} blocks, {chars} characters — "
            f"<bdi>{ui.safe_html(sample[:200])}</bdi></summary>\n<ol>{items}</ol></details></li>"
        )


def _block_item(decision: BlockDecision) -> str:
    style = "kept" if decision.is_in_story else f"dropped by-{_decider(decision)}"
    return (
        f'<li class="block {style}"><div class="vote"><b>{ui.safe_html(_verdict(decision))}</b> '
        f'{ui.safe_html(_kind(decision))}{_votes(decision)}</div><div class="said">'
        f'<p class="text {decision.kind}" dir="auto">{_block_text(decision)}</p>'
        f'<div class="where">{ui.safe_html(decision.where)}</div></div>'
        f'<div class="lang">{ui.safe_html(decision.lang or "–")}</div></li>'
    )


def _votes(decision: BlockDecision) -> str:
    """All votes on a block, whoever decided in the end."""
    before = f"classifier alone {decision.alone or 0:.2f}"
    votes = [DECIDERS[_decider(decision)][1]]
    votes += [
        text
        for is_true, text in (
            (decision.mark, f"rule: {decision.mark}"),
            (decision.looks_like, f"looks like {decision.looks_like}"),
            (decision.chosen, "in the outlet's container"),
            (decision.recurring, "on other pages too"),
            (decision.hidden, "hidden"),
            (decision.witness is True, "witness: part of the article"),
            (decision.witness is False, "witness: not part of the article"),
            (decision.opinion is True, f"second opinion: part of the article ({before})"),
            (decision.opinion is False, f"second opinion: not part of the article ({before})"),
        )
        if is_true
    ]
    meter = ""
    if decision.likely is not None:
        meter = (
            f'<meter min="0" max="1" low="0.5" high="0.5" optimum="1" value="{decision.likely:.3f}"></meter>'
            f" {decision.likely:.2f} "
        )
    return "<br>" + meter + "<br>".join(map(ui.safe_html, votes))


def _block_text(decision: BlockDecision) -> str:
    """The block's text, with what was cut off its end struck through."""
    text, story = decision.text, decision.kept_text
    if story is None or story == text:
        return ui.safe_html(text)
    return f'{ui.safe_html(story)}<span class="lost">{ui.safe_html(text[len(story) :])}</span>'
