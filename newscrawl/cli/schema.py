"""`newscrawl schema`: the form of the lines, as JSON Schema or as a page for people."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from newscrawl.items import Article, Rejection
from newscrawl.schema import markdown, schema_of


def schema(
    rejection: Annotated[bool, typer.Option("--rejection", help="Of pages that became no article.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/item.md: both kinds.")] = False,
) -> None:
    """Print the JSON Schema (2020-12) of an article's line."""
    if as_markdown:
        sys.stdout.write(markdown())
    else:
        print(json.dumps(schema_of(Rejection if rejection else Article), ensure_ascii=False, indent=2))
