"""`newscrawl explain`: the blocks of a page, and why each is in the story or not."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any
from zipfile import BadZipFile, is_zipfile

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from newscrawl import settings
from newscrawl.archive.memory_files import newest_memory
from newscrawl.archive.reextract import explained_page, memory_at
from newscrawl.cli.freeze import Archived, Saved, page_named
from newscrawl.cli.html import page_of, safe
from newscrawl.cli.languages import colour, printable
from newscrawl.errors import NewscrawlError
from newscrawl.extraction.boilerplate import Memory
from newscrawl.extraction.classifier.model import Judge, judge_in
from newscrawl.extraction.explain import Audit, Line, audit_of, tallies_of
from newscrawl.extraction.extract import Explained, explained
from newscrawl.items import Article
from newscrawl.outlet import Outlet, find_outlet, outlet_files
from newscrawl.warc.index_entries import moment_of

COLOURS = {
    "outlet": "bright_magenta",
    "platform": "magenta",
    "memory": "cyan",
    "judge": "red",
    "opinion": "bright_red",
    "lines": "yellow",
    "notices": "bright_yellow",
}
KEPT, FAINT = "green", "bright_black"
FOLDED = 3
"So many neighbours dropped for one reason are shown, where they are folded."
PIPED_WIDTH = 160
"Columns of a line where the output is no terminal."
NOBODY, UNJUDGED = "–", "not judged"


def show(audit: Audit, console: Console, *, whole: bool) -> None:
    """The page's facts, its blocks and the sum of the verdicts; `whole`: every block, with all its text."""
    for fact in facts(audit):
        console.print(fact, soft_wrap=True)
    console.print()
    width = console.width if console.is_terminal else PIPED_WIDTH
    for drawn in line_texts(audit.lines, folded=not whole):
        if not whole:
            drawn.truncate(width, overflow="ellipsis")
        console.print(drawn, soft_wrap=True)
    for removed in audit.taken:
        console.print(Text(f"taken out of a block ({removed.reason}): {printable(removed.sample)}", FAINT))
    if audit.lines:
        console.print()
        console.print(summary(audit))


def facts(audit: Audit) -> Iterator[Text]:
    """What is known of the page as a whole."""
    result = audit.result
    yield Text(printable(result.url), "bold")
    if audit.outcome == "article":
        yield Text("article", KEPT).append(
            f"  {printable(getattr(result, 'title', None) or '(no title)')}", "bold"
        )
    else:
        detail = printable(getattr(result, "detail", None) or "")
        yield Text(f"rejected: {audit.outcome}", "red").append(f"  {detail}", FAINT)
    told = [f"platforms: {', '.join(audit.platforms) or 'none known'}", f"memory: {audit.memory or 'none'}"]
    if audit.confidence is not None:
        told.append(f"expected F1 {audit.confidence:.2f}")
        told.append("second opinion heard" if audit.asked else "no second opinion")
    yield Text("  ".join(told), FAINT)


def line_texts(lines: Sequence[Line], *, folded: bool) -> Iterator[Text]:
    """A line a block; `folded`, of many neighbours dropped for one reason the first and the last alone."""
    for (kept, *_), run in groupby(lines, key=lambda line: (line.kept, line.verdict, line.decided_by)):
        rows = list(run)
        left_out = 0 if kept or not folded else max(0, len(rows) - FOLDED)
        if left_out < 2:
            yield from map(line_text, rows)
            continue
        yield from map(line_text, rows[: FOLDED - 1])
        yield Text(f"  … {left_out} more: {rows[0].verdict or UNJUDGED}", _colour(rows[0]))
        yield line_text(rows[-1])


def line_text(line: Line) -> Text:
    """Verdict, kind, likelihood, language, reason and text of a block."""
    likely = NOBODY if line.likely is None else f"{line.likely:.2f}"
    kind = f"h{line.level}" if line.level else line.kind
    drawn = Text(f"{'+' if line.kept else '-'} ", KEPT if line.kept else _colour(line))
    drawn.append(f"{kind:<8}{likely:>4} ", FAINT)
    drawn.append(f"{line.lang or NOBODY:<6}", colour(line.lang or "und"))
    if line.kept:
        return drawn.append(printable(line.kept_text or ""))
    drawn.append(f"{line.decided_by or NOBODY}: {line.verdict or line.mark or UNJUDGED}  ", _colour(line))
    return drawn.append(printable(line.text), FAINT)


def _colour(line: Line) -> str:
    return COLOURS.get(line.decided_by or "", FAINT)


def summary(audit: Audit) -> Table:
    """Blocks and characters by verdict, those of the story first."""
    table = Table(title="Verdicts", title_justify="left")
    for name in ("verdict", "by"):
        table.add_column(name)
    for name in ("blocks", "characters"):
        table.add_column(name, justify="right")
    for tally in tallies_of(audit.lines):
        table.add_row(
            tally.verdict or UNJUDGED, tally.decided_by or NOBODY, str(tally.blocks), str(tally.chars)
        )
    return table


TEMPLATE = "explained.html"
FOLDED_OF_EXPLAINED_PAGE = 3
"So many neighbours dropped for one reason are shown as one line that opens."
NOBODY_OF_EXPLAINED_PAGE, UNJUDGED_OF_EXPLAINED_PAGE = "nobody", "not judged"
_FIELDS = (
    "title", "title_raw", "lede", "byline_raw", "authors", "published", "published_precision",
    "published_source", "published_raw", "modified", "section", "tags", "dateline_place", "lang",
    "lang_score", "lang_declared", "lang_page", "page_type", "syndication", "access", "url_canonical",
    "http", "fetched", "warc", "extractor",
)  # fmt: skip
"Fields of the article that are shown."
_WHO = {
    "outlet": "the outlet's rule",
    "platform": "a platform's rule",
    "memory": "the site's memory",
    "judge": "the judge",
    "opinion": "the second opinion",
    "lines": "the cleaning of lines",
    "notices": "the lifting of notices",
    NOBODY_OF_EXPLAINED_PAGE: "refused before it was judged",
}


def html_of(audit: Audit) -> str:
    """The whole file."""
    title = getattr(audit.result, "title", None) or audit.result.url
    return page_of(
        TEMPLATE,
        title=safe(f"{title}: {audit.outcome}"),
        heading=safe(title),
        url=safe(audit.result.url),
        facts=_facts(audit),
        fields="".join(_fields(audit)),
        verdicts="".join(_verdicts(audit.lines)),
        taken=_taken(audit),
        blocks="\n".join(_rows(audit.lines)) or "<li>No block of text could be read.</li>",
    )


def _facts(audit: Audit) -> str:
    is_article = audit.outcome == "article"
    told = [] if is_article else [getattr(audit.result, "detail", None) or ""]
    told.append(f"platforms: {', '.join(audit.platforms) or 'none known'}")
    told.append(f"memory: {audit.memory or 'none'}")
    if audit.confidence is not None:
        told.append(f"expected F1: {audit.confidence:.2f}")
        told.append("a second opinion was heard" if audit.asked else "no second opinion was needed")
    badge = f'<span class="outcome{" article" if is_article else ""}">{safe(audit.outcome)}</span>'
    return badge + "".join(f"<span>{safe(one)}</span>" for one in told if one)


def _fields(audit: Audit) -> Iterator[str]:
    shown = _FIELDS if isinstance(audit.result, Article) else tuple(type(audit.result).model_fields)
    said: dict[str, Any] = audit.result.model_dump(mode="json")
    for name in shown:
        value = _value(said[name])
        cell = f'<td dir="auto">{safe(value)}</td>' if value else '<td class="none">–</td>'
        yield f"<tr><th>{safe(name)}</th>{cell}</tr>"


def _value(said: Any) -> str:
    """A field's value in words; empty for nothing."""
    if isinstance(said, dict):
        return ", ".join(f"{name}: {value}" for name, one in said.items() if (value := _value(one)))
    if isinstance(said, list):
        return "; ".join(filter(None, map(_value, said)))
    return "" if said is None else str(said)


def _verdicts(lines: Sequence[Line]) -> Iterator[str]:
    for tally in tallies_of(lines):
        verdict, by = (
            tally.verdict or UNJUDGED_OF_EXPLAINED_PAGE,
            _WHO[tally.decided_by or NOBODY_OF_EXPLAINED_PAGE],
        )
        yield (
            f'<tr><td>{safe(verdict)}</td><td>{safe(by)}</td><td class="figure">{tally.blocks}</td>'
            f'<td class="figure">{tally.chars}</td></tr>'
        )


def _taken(audit: Audit) -> str:
    said = "".join(
        f'<li>{safe(one.reason)}: <span dir="auto">{safe(one.sample)}</span></li>' for one in audit.taken
    )
    return f"<p>Taken out of lines:</p><ul>{said}</ul>" if said else ""


def _rows(lines: Iterable[Line]) -> Iterator[str]:
    """Blocks in page order; long runs that were dropped for one reason are folded."""
    for (kept, verdict, by), run in groupby(lines, key=lambda line: (line.kept, _verdict(line), _by(line))):
        rows = list(run)
        if kept or len(rows) < FOLDED_OF_EXPLAINED_PAGE:
            yield from map(_row, rows)
            continue
        chars = sum(len(line.text) for line in rows)
        start = " · ".join(line.text for line in rows[:FOLDED_OF_EXPLAINED_PAGE])
        head = f"<b>{safe(verdict)}</b> by {_WHO[by]}: {len(rows)} blocks, {chars} characters"
        inside = "\n".join(map(_row, rows))
        yield (
            f'<li class="dropped by-{by}"><details class="group"><summary>{head} — '
            f"<bdi>{safe(start[:200])}</bdi></summary>\n<ol>{inside}</ol></details></li>"
        )


def _row(line: Line) -> str:
    kind = f"h{line.level}" if line.level else line.kind
    style = "kept" if line.kept else f"dropped by-{_by(line)}"
    return (
        f'<li class="block {style}"><div class="vote"><b>{safe(_verdict(line))}</b> {safe(kind)}'
        f'{_votes(line)}</div><div class="said"><p class="text {line.kind}" dir="auto">{_text(line)}</p>'
        f'<div class="where">{safe(line.where)}</div></div>'
        f'<div class="lang">{safe(line.lang or "–")}</div></li>'
    )


def _votes(line: Line) -> str:
    """All that was said of a block, whoever had the last word."""
    said = [_WHO[_by(line)]]
    if line.mark:
        said.append(f"rule: {line.mark}")
    said += [
        words
        for holds, words in (
            (line.chosen, "in the outlet's container"),
            (line.recurring, "on other pages too"),
            (line.hidden, "hidden"),
            (line.opinion is True, f"second opinion: kept (judge alone {line.alone or 0:.2f})"),
            (line.opinion is False, f"second opinion: dropped (judge alone {line.alone or 0:.2f})"),
        )
        if holds
    ]
    meter = ""
    if line.likely is not None:
        meter = (
            f'<meter min="0" max="1" low="0.5" high="0.5" optimum="1" value="{line.likely:.3f}"></meter>'
            f" {line.likely:.2f} "
        )
    return "<br>" + meter + "<br>".join(map(safe, said))


def _text(line: Line) -> str:
    """The block's text, with what was cut off its end struck through."""
    if line.kept_text is None or line.kept_text == line.text:
        return safe(line.text)
    return f'{safe(line.kept_text)}<span class="lost">{safe(line.text[len(line.kept_text) :])}</span>'


def _verdict(line: Line) -> str:
    return line.verdict or UNJUDGED_OF_EXPLAINED_PAGE


def _by(line: Line) -> str:
    return line.decided_by or NOBODY_OF_EXPLAINED_PAGE


SCHEMA = "newscrawl.explanation/1"
_UNREADABLE = (OSError, ValueError, EOFError, BadZipFile, zlib.error)
"What reading arrays raises that are cut, damaged, or of another kind."
NO_STORY = 3
"Exit code for a page that was read and holds no story; 1 is for one that could not be read."


def explain(  # noqa: PLR0917 # typer hands them in by name
    page: Annotated[
        str,
        typer.Argument(help="URL in the archives, FILE.warc.gz:OFFSET, record id, or an HTML file."),
    ],
    url: Annotated[str | None, typer.Option(help="URL of the page, for an HTML file.")] = None,
    outlet: Annotated[
        str | None,
        typer.Option(help="Outlet whose rules hold; else the one the archive's folder is named for."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="Of a URL's captures, the nearest to this RFC 3339 time; else the last."),
    ] = None,
    memory: Annotated[
        Path | None,
        typer.Option(
            help="Memory of the site; else the newest of the archive's folder.", exists=True, dir_okay=False
        ),
    ] = None,
    judge: Annotated[
        Path | None, typer.Option(help="Another model than the shipped one.", exists=True, dir_okay=False)
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the account to this HTML file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Show every block, with all its text.")] = False,
    archives: Annotated[Path, typer.Option(help="Folder of the archives.", show_default=True)] = Path(
        settings.NEWSCRAWL_ARCHIVES
    ),
) -> None:
    """Show a page's blocks with the verdict on each. Exit code 3 when the page holds no story."""
    found = page_named(page, url=url, archives=archives, at=_moment(at))
    rules = outlet_of(found, outlet)
    known = memory or (newest_memory(found.folder) if isinstance(found, Archived) else None)
    told = account(found, rules, memory=memory_at(known) if known else None, judge=_judge(judge))
    audit = audit_of(told, memory=known.name if known else None)
    if html:
        write_page(html, html_of(audit))
    if as_json:
        print(json.dumps(facts_of(audit), indent=1))
    elif not html:
        show(audit, Console(highlight=False), whole=whole)
    if not isinstance(audit.result, Article):
        raise typer.Exit(NO_STORY)


def account(
    found: Archived | Saved, outlet: Outlet | None, *, memory: Memory | None, judge: Judge | None
) -> Explained:
    """The page read as the extractor reads it, with what it thought of each block."""
    if isinstance(found, Saved):
        return explained(found.html, found.url, outlet=outlet, memory=memory, judge=judge)
    told = explained_page(found.page, outlet, memory, judge)
    return replace(told, result=told.result.model_copy(update={"warc": found.page.pointer}))


def outlet_of(found: Archived | Saved, name: str | None) -> Outlet | None:
    """The outlet named, or the one whose name the archive's folder has."""
    places = [Path(folder) for folder in settings.NEWSCRAWL_OUTLETS]
    if name is None and isinstance(found, Archived):
        folder = found.folder.resolve().name
        name = folder if folder in outlet_files(places) else None
    return find_outlet(name, places) if name else None


def facts_of(audit: Audit) -> dict[str, Any]:
    """The account for programs."""
    return {
        "schema": SCHEMA,
        "url": audit.result.url,
        "outcome": audit.outcome,
        "confidence": audit.confidence,
        "second_opinion": audit.asked,
        "platforms": audit.platforms,
        "memory": audit.memory,
        "blocks": [asdict(line) for line in audit.lines],
        "taken": [removed.model_dump(mode="json") for removed in audit.taken],
        "result": audit.result.model_dump(mode="json", by_alias=True),
    }


def write_page(path: Path, text: str) -> None:
    """The file, whole or not at all."""
    draft = path.with_name(path.name + ".tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise NewscrawlError(f"cannot write {path}: {error.strerror}") from error


def _moment(text: str | None) -> datetime | None:
    moment = moment_of(text) if text else None
    if text and moment is None:
        raise NewscrawlError(f"--at {text}: not a time such as 2026-05-01T12:00:00Z")
    return moment


def _judge(path: Path | None) -> Judge | None:
    if path is None:
        return None
    # numpy leaves a file open that it finds to be no whole archive
    if not is_zipfile(path):
        raise NewscrawlError(f"{path} is no model of the judge: not a whole .npz file")
    try:
        return judge_in(path)
    except KeyError as error:
        raise NewscrawlError(f"{path} is no model of the judge: {error.args[0]}") from error
    except _UNREADABLE as error:
        raise NewscrawlError(f"{path} is no model of the judge: {error}") from error
