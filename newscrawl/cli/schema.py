"""`newscrawl schema`: the form of the lines, as JSON Schema or as a page for people."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from newscrawl.cli import ui
from newscrawl.items import Article, Rejection
from newscrawl.schema import line_json_schema, render_schema_page


@ui.app.command("schema")
def print_schema(
    rejection: Annotated[
        bool, typer.Option("--rejection", help="Print the schema of pages that became no article.")
    ] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print docs/item.md, which explains both kinds of lines.")
    ] = False,
) -> None:
    """Print the JSON Schema of an article's line.

    Use it (draft 2020-12) to validate lines in other programs, or to generate code that reads them.
    """
    if as_markdown:
        sys.stdout.write(render_schema_page())
    else:
        schema = line_json_schema(Rejection if rejection else Article)
        ui.print_json(schema, sort_keys=False, ensure_ascii=False, indent=2)
