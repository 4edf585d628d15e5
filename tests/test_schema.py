"""The contract: a valid schema, examples that keep it, and a page that is up to date."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from newscrawl.cli import app
from newscrawl.items import Article, Rejection
from newscrawl.schema import DIALECT, Line, example_line, line_json_schema, render_schema_page

ROOT = Path(__file__).parents[1]
MODELS = [Article, Rejection]
VERSION = "newscrawl.article/1"
# What was promised for /1 when it was first published; fields may be added, and what stands here stays.
PROMISED = {
    "schema": "string",
    "id": "string",
    "url": "string",
    "url_norm": "string",
    "source": "string",
    "title": "string",
    "lede": "string",
    "text": "string",
    "blocks": "list of Block",
    "lang": "string",
    "lang_score": "number",
    "lang_mix": "list of LangShare",
    "is_mixed": "boolean",
    "published": "string",
    "fetched": "string",
    "authors": "list of Author",
    "tags": "list of string",
    "images": "list of Image",
    "syndication": "Syndication",
    "rights": "Rights",
    "version": "integer",
    "warc": "WarcPointer",
    "extractor": "Extractor",
    "removed": "list of Removed",
    "quality": "Quality",
}


def validator(model: Line) -> Draft202012Validator:
    return Draft202012Validator(line_json_schema(model))


@pytest.mark.parametrize("model", MODELS)
def test_the_schema_is_one(model: Line) -> None:
    schema = line_json_schema(model)
    Draft202012Validator.check_schema(schema)
    assert (schema["$schema"], schema["title"]) == (DIALECT, model.model_fields["schema_"].default)
    assert schema["$id"].startswith("urn:newscrawl:")
    assert set(schema["required"]) == set(schema["properties"])


@pytest.mark.parametrize("model", MODELS)
def test_the_example_keeps_the_schema_and_says_something_in_every_field(model: Line) -> None:
    example = example_line(model)
    validator(model).validate(example)
    assert not [name for name, value in example.items() if value in (None, [], {}, "")]
    for name, field in line_json_schema(model)["properties"].items():
        Draft202012Validator(field | {"$defs": line_json_schema(model).get("$defs", {})}).validate(
            example[name]
        )


BREACHES: list[dict[str, Any]] = [
    {"text": None},
    {"schema": "newscrawl.article/2"},
    {"page_type": "poem"},
    {"authors": "Aïcha"},
    {"warc": {"file": "a"}},
    {"version": "2"},
]


@pytest.mark.parametrize("breach", BREACHES)
def test_a_line_that_breaks_the_form_is_found(breach: dict[str, Any]) -> None:
    assert not validator(Article).is_valid(example_line(Article) | breach)


def test_a_missing_key_is_found_and_a_key_of_later_days_is_not() -> None:
    example = example_line(Article)
    assert validator(Article).is_valid(example | {"added_later": 1})
    del example["cluster"]
    assert not validator(Article).is_valid(example)


def test_what_was_promised_for_this_version_stays() -> None:
    from newscrawl.schema import type_label

    properties = line_json_schema(Article)["properties"]
    assert properties["schema"]["const"] == VERSION
    assert {name: type_label(properties[name]) for name in PROMISED} == PROMISED


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "item.md").read_text(encoding="utf-8")
    assert page == render_schema_page(), "run: newscrawl schema --markdown > docs/item.md"
    for model in MODELS:
        assert not [name for name in line_json_schema(model)["properties"] if f"| `{name}` |" not in page]


@pytest.mark.parametrize(("flags", "made"), [([], Article), (["--rejection"], Rejection)])
def test_the_command_prints_the_schema(flags: list[str], made: Line) -> None:
    done = CliRunner().invoke(app, ["schema", *flags])
    assert (done.exit_code, json.loads(done.stdout)) == (0, line_json_schema(made))


def test_the_command_prints_the_page() -> None:
    assert CliRunner().invoke(app, ["schema", "--markdown"]).stdout == render_schema_page()
