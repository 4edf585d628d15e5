"""A page's account for the terminal: a line a block, in the colour of who decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from newscrawl.commands.languages import colour, printable
from newscrawl.text.audit import Audit, Line, tallies_of

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
