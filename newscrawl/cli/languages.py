"""`newscrawl languages`: labels the languages of texts, for programs line by line, for people in colours."""

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

from newscrawl.cli import ui
from newscrawl.errors import NewscrawlError
from newscrawl.languages import Languages, Span, detect_languages

COLOURS = {"fr": "bright_blue", "en": "green", "und": "bright_black"}
OTHER_COLOUR = "yellow"
UNSURE = 0.6
"Blocks with less confidence have a question mark."
BAR_WIDTH = 60
"Columns of the bar of shares."


@ui.app.command("languages")
def label_texts(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A text, or JSON lines of articles. Default: standard input.", exists=True, dir_okay=False
        ),
    ] = None,
    article: Annotated[
        str | None, typer.Option(help="Only the article with this id or URL, of JSON lines.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines for a file too.")] = False,
) -> None:
    """Label which parts of a text are French and which are English.

    A file is shown in colours, to see how a text was labelled and why. JSON lines with `id` and `text` on
    standard input come out as JSON lines of labels, for programs.
    """
    labelled = parse_lines(sys.stdin.buffer, "standard input") if file is None else read_texts(file, article)
    if file is None or as_json:
        for text in labelled:
            ui.print_data(format_prediction(text.id, detect_languages(text.text)))
        return
    console = ui.EscapingConsole(highlight=False)
    texts = list(labelled)
    for text in texts:
        show_text(console, text, detect_languages(text.text))
    if not texts:
        raise NewscrawlError(f"{file}: no article {article}" if article else f"{file}: no text in it")


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledText:
    """A text, and what to call it."""

    id: str
    text: str
    heading: str


def read_texts(file: Path, article: str | None) -> Iterator[LabelledText]:
    """What the file holds: a text, or the texts of JSON lines."""
    with file.open("rb") as stream:
        if file.suffix in {".jsonl", ".ndjson"} or article:
            texts = parse_lines(stream, str(file))
            yield from (text for text in texts if article in {None, text.id, text.heading})
        else:
            content = stream.read().decode("utf-8", errors="replace")
            yield LabelledText(id=file.name, text=content, heading=str(file))


def parse_lines(lines: IO[bytes] | Iterable[bytes], name: str) -> Iterator[LabelledText]:
    """The texts of JSON lines; lines of articles are such lines."""
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            data = json.loads(line)
            text = data["text"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise NewscrawlError(f"{name}, line {number}: no JSON object with a `text`") from error
        if not isinstance(text, str):
            raise NewscrawlError(f"{name}, line {number}: its `text` is no string")
        text_id = data.get("id")
        yield LabelledText(id=text_id, text=text, heading=str(data.get("url") or text_id))


def format_prediction(text_id: str, languages: Languages) -> str:
    """A line of JSON; offsets are code points."""
    return json.dumps(
        {
            "id": text_id,
            "doc": languages.label,
            "score": languages.score,
            "share": languages.shares,
            "blocks": [{**_span_data(block), "confidence": block.confidence} for block in languages.blocks],
            "spans": [_span_data(span) for span in languages.spans],
        }
    )


def _span_data(span: Span) -> dict[str, int | str]:
    return {"start": span.start, "end": span.end, "lang": span.lang}


def show_text(console: Console, text: LabelledText, languages: Languages) -> None:
    """The text with each span in the colour of its language, under a bar of the shares and their figures."""
    console.print(f"{printable(text.heading)}: {languages.lang}", style="bold", markup=False)
    bar, legend = Text(), Text()
    for part in languages.mix:
        colour = language_colour(part.lang)
        bar.append("█" * round(part.share * BAR_WIDTH), colour)
        legend.append(f"{part.lang} {part.share:.1%}  ", colour)
    legend.append(f"sure {languages.score:.2f}" if languages.mix else "no language", COLOURS["und"])
    console.print(bar, legend, sep="\n")
    spans = iter(languages.spans)
    for block in languages.blocks:
        mark = "?" if 0 < block.confidence < UNSURE else " "
        line = Text(f"{block.lang:>5}{mark} ", COLOURS["und"])
        end = block.start
        while end < block.end:
            span = next(spans)
            line.append(printable(text.text[span.start : span.end]), language_colour(span.lang))
            end = span.end
        console.print(line, soft_wrap=True)
    console.print()


def language_colour(code: str) -> str:
    return COLOURS.get(code, OTHER_COLOUR)


def printable(text: str) -> str:
    """The text without control characters, which a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "·" for letter in text)
