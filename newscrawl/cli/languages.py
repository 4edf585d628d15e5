"""`newscrawl languages`: the languages of texts, for programs line by line, for people in colours."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.text import Text

from newscrawl.errors import NewscrawlError
from newscrawl.languages import Languages, Span, label

COLOURS = {"fr": "bright_blue", "en": "green", "und": "bright_black"}
GUEST = "yellow"
UNSURE = 0.6
"Blocks less sure than this have a question mark."
BAR = 60
"Columns of the bar of shares."


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A text somebody asks for, and what to call it."""

    id: str
    text: str
    heading: str


def languages(
    file: Annotated[
        Path | None, typer.Argument(help="A text, or JSON lines of articles.", exists=True, dir_okay=False)
    ] = None,
    article: Annotated[
        str | None, typer.Option(help="Of the JSON lines, the article with this id or URL.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines for a file too.")] = False,
) -> None:
    """Tell the languages of a file in colours, or of JSON lines (`id`, `text`) from standard input."""
    found = written_in(sys.stdin.buffer, "standard input") if file is None else texts_of(file, article)
    if file is None or as_json:
        for text in found:
            print(prediction(text.id, label(text.text)))
        return
    console = Console(highlight=False)
    texts = list(found)
    for text in texts:
        show(console, text, label(text.text))
    if not texts:
        raise NewscrawlError(f"{file}: no article {article}" if article else f"{file}: no text in it")


def texts_of(file: Path, article: str | None) -> Iterator[Written]:
    """What the file holds: one text, or the texts of JSON lines."""
    with file.open("rb") as stream:
        if file.suffix in {".jsonl", ".ndjson"} or article:
            found = written_in(stream, str(file))
            yield from (text for text in found if article in {None, text.id, text.heading})
        else:
            text = stream.read().decode("utf-8", errors="replace")
            yield Written(id=file.name, text=text, heading=str(file))


def written_in(lines: IO[bytes] | Iterable[bytes], name: str) -> Iterator[Written]:
    """The texts of JSON lines; lines of articles are such lines."""
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            told = json.loads(line)
            text = told["text"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise NewscrawlError(f"{name}, line {number}: no JSON object with a `text`") from error
        if not isinstance(text, str):
            raise NewscrawlError(f"{name}, line {number}: its `text` is no string")
        given = told.get("id")
        yield Written(id=given, text=text, heading=str(told.get("url") or given))


def prediction(text_id: str, found: Languages) -> str:
    """One line of JSON; offsets are code points."""
    return json.dumps(
        {
            "id": text_id,
            "doc": found.label,
            "score": found.score,
            "share": found.shares,
            "blocks": [{**_place(block), "confidence": block.confidence} for block in found.blocks],
            "spans": [_place(span) for span in found.spans],
        }
    )


def _place(span: Span) -> dict[str, int | str]:
    return {"start": span.start, "end": span.end, "lang": span.lang}


def show(console: Console, written: Written, found: Languages) -> None:
    """The text with each run in its language's colour, under a bar of the shares."""
    console.print(f"{printable(written.heading)}: {found.lang}", style="bold", markup=False)
    console.print(bar(found), legend(found), sep="\n")
    spans = iter(found.spans)
    for block in found.blocks:
        line = Text(f"{block.lang:>5}{'?' if 0 < block.confidence < UNSURE else ' '} ", COLOURS["und"])
        end = block.start
        while end < block.end:
            span = next(spans)
            line.append(printable(written.text[span.start : span.end]), colour(span.lang))
            end = span.end
        console.print(line, soft_wrap=True)
    console.print()


def bar(found: Languages) -> Text:
    """The shares side by side."""
    drawn = Text()
    for part in found.mix:
        drawn.append("█" * round(part.share * BAR), colour(part.lang))
    return drawn


def legend(found: Languages) -> Text:
    """The shares in figures, and how sure the whole is."""
    told = Text()
    for part in found.mix:
        told.append(f"{part.lang} {part.share:.1%}  ", colour(part.lang))
    return told.append(f"sure {found.score:.2f}" if found.mix else "no language", COLOURS["und"])


def colour(code: str) -> str:
    return COLOURS.get(code, GUEST)


def printable(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "·" for letter in text)
