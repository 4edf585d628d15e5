"""A page's account as one HTML file: it needs nothing else, runs nothing and asks no server for anything.

What it shows came from the web: every word of it is escaped, and should something slip through, the
file's own policy forbids scripts, images, forms and any style but its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from newscrawl.commands.safe_html import page_of, safe
from newscrawl.items import Article
from newscrawl.text.audit import Audit, Line, tallies_of

TEMPLATE = "explained.html"
FOLDED = 3
"So many neighbours dropped for one reason are shown as one line that opens."
NOBODY, UNJUDGED = "nobody", "not judged"
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
    NOBODY: "refused before it was judged",
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
        verdict, by = tally.verdict or UNJUDGED, _WHO[tally.decided_by or NOBODY]
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
        if kept or len(rows) < FOLDED:
            yield from map(_row, rows)
            continue
        chars = sum(len(line.text) for line in rows)
        start = " · ".join(line.text for line in rows[:FOLDED])
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
    return line.verdict or UNJUDGED


def _by(line: Line) -> str:
    return line.decided_by or NOBODY
