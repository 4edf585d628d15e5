"""The form of our lines as a page for people, made from the same classes as the schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from newscrawl.contract.schema import Line, Schema, schema_of
from newscrawl.items import Article, Rejection

EXAMPLE_CHARS = 72
"A longer example is cut, for a table has narrow columns."
HEAD = """# The lines

<!-- Made by `newscrawl schema --markdown` from newscrawl/items.py; a test holds it up to date. -->

An article is one line of `<run>.jsonl`, a page that became none is one line of `<run>.rejected.jsonl`:
JSON in UTF-8, every key present, keys sorted. `newscrawl schema` prints the JSON Schema (2020-12) of the
first, and with `--rejection` that of the second.

## What is promised

The field `schema` names the form. Within `/1` fields are only ever added: none is removed, renamed,
given another type or another meaning, and a value that is always there stays so. Anything else makes it
`/2`. So ignore keys you do not know, take a value you do not know (of `page_type`, `wall`, …) for
"other", and expect a line written before a field was added to lack it; `newscrawl export` fills it in.
Times are RFC 3339, languages BCP 47, texts Unicode without lone surrogates.
"""
SECTIONS: dict[Line, str] = {
    Article: "An article",
    Rejection: "A page that became no article",
}


def markdown() -> str:
    """The whole page."""
    parts = [HEAD]
    for model, title in SECTIONS.items():
        parts.append(f"## {title}\n\n" + "\n".join(_table(model)) + "\n")
    parts.append("## Parts\n\nWhat stands inside the fields above.\n\n" + "\n".join(_part_rows()) + "\n")
    return "\n".join(parts)


def absent_value(field: FieldInfo) -> str:
    """What stands in a line where nothing is known."""
    if field.is_required():
        return "always known"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "its parts' own"
    return f"`{json.dumps(value)}`"


def type_of(field: Schema) -> str:
    """A field's type in a word or two, as a table has room for."""
    if reference := field.get("$ref"):
        return str(reference).rpartition("/")[2]
    if "const" in field:
        return "string"
    if choices := field.get("enum"):
        return ", ".join(f"`{choice}`" for choice in choices)
    if options := field.get("anyOf"):
        return " or ".join(type_of(option) for option in options if option.get("type") != "null")
    if field.get("type") == "array":
        return f"list of {type_of(field['items'])}"
    return str(field.get("type", "any"))


def _table(model: Line) -> Iterator[str]:
    properties = schema_of(model)["properties"]
    yield "| field | type | unknown | what it says | example |"
    yield "|---|---|---|---|---|"
    for name, field in model.model_fields.items():
        known = properties[field.alias or name]
        example = _cell(_shortened(known["examples"][0]))
        yield (
            f"| `{field.alias or name}` | {type_of(known)} | {absent_value(field)} "
            f"| {_cell(known.get('description', ''))} | `{example}` |"
        )


def _part_rows() -> Iterator[str]:
    """The fields of all parts, each part once."""
    yield "| part | field | type | what it says |"
    yield "|---|---|---|---|"
    parts = {name: part for model in SECTIONS for name, part in schema_of(model).get("$defs", {}).items()}
    for name, part in sorted(parts.items()):
        for key, field in part["properties"].items():
            yield f"| {name} | `{key}` | {type_of(field)} | {_cell(field.get('description', ''))} |"


def _shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= EXAMPLE_CHARS else text[: EXAMPLE_CHARS - 1] + "…"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
