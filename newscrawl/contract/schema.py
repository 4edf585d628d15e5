"""The form of our lines as JSON Schema 2020-12, made from the classes."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from newscrawl.contract.example import ARTICLE, REJECTION
from newscrawl.items import Article, Rejection

Line = type[Article] | type[Rejection]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
EXAMPLES: dict[Line, Article | Rejection] = {Article: ARTICLE, Rejection: REJECTION}
Schema = dict[str, Any]


class _AllKeys(GenerateJsonSchema):
    """Of lines as they are written: every key is there."""

    schema_dialect = DIALECT

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        del field, total
        return True


def version_of(model: Line) -> str:
    """`newscrawl.article/1` and the like."""
    return str(model.model_fields["schema_"].default)


def schema_of(model: Line) -> Schema:
    """The JSON Schema of a line. Keys it does not know are allowed: fields are added within a version."""
    made = model.model_json_schema(by_alias=True, mode="serialization", schema_generator=_AllKeys)
    for part in (made, *made.get("$defs", {}).values()):
        part.pop("additionalProperties", None)
        for named in (part, *part["properties"].values()):
            named.pop("title", None)
    for name, field in made["properties"].items():
        field["examples"] = [example_of(model)[name]]
    kind, _, number = version_of(model).partition("/")
    head = {"$schema": DIALECT, "$id": f"urn:{kind.replace('.', ':')}:{number}", "title": version_of(model)}
    return {**head, **made}


def example_of(model: Line) -> Schema:
    """A line in which every field says something."""
    return EXAMPLES[model].model_dump(mode="json", by_alias=True)
