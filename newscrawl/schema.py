"""The JSON Schema (2020-12) of the lines and the page that explains them, made from the classes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from newscrawl.items import (
    Access,
    Article,
    Author,
    Block,
    Discovery,
    Extractor,
    Http,
    Image,
    KindChars,
    LangShare,
    LiveUpdate,
    Quality,
    Rejection,
    Removed,
    Rights,
    StoryPage,
    Syndication,
    WarcPointer,
)

_FRENCH = "Le conseil du port s'est réuni mardi pour parler de la jetée."
_ENGLISH = "Repairs will begin before the autumn storms, the chair of the council said."
_TEXT = f"{_FRENCH}\n\n{_ENGLISH}"
_URL = "https://www.example.org/2026/03/la-jetee"
_FEED = Discovery(
    via="feed",
    from_url="https://www.example.org/feed/",
    guid="https://www.example.org/?p=4711",
    feed_title="La jetée sera réparée",
    feed_published="Tue, 03 Mar 2026 18:05:00 +0100",
)
_WARC = WarcPointer(
    file="example-20260304050607891-00000-host-4242.warc.gz",
    offset=48_213,
    length=9_871,
    record_id="<urn:uuid:6d0b1c5e-0f44-4b0c-9d0e-3a5b8a4d7f21>",
    payload_digest="sha1:3EF2GKQ5TG3YOWQ4SZJ2M7RZCYDVX5PL",
)

ARTICLE = Article(
    id="5f0c9d1b7a3e4c2d8b6f1a0e9c7d5b3a",
    url_requested=f"{_URL}?utm_source=rss",
    url=f"{_URL}?utm_source=rss",
    url_canonical=_URL,
    url_norm=_URL,
    source="example",
    publisher="Example Presse",
    domain="example.org",
    country="CM",
    title="La jetée sera réparée",
    title_raw="La jetée sera réparée - Example Presse",
    lede="Le conseil a voté les travaux mardi soir.",
    text=_TEXT,
    blocks=[
        Block(kind="p", text=_FRENCH, lang="fr"),
        Block(kind="box", text="Repères\n1920 : construction\n1987 : réparations", lang="fr"),
        Block(kind="p", text=_ENGLISH, lang="en"),
    ],
    word_count=25,
    char_count=len(_TEXT),
    lang="mixed",
    lang_score=0.93,
    lang_mix=[LangShare(lang="en", share=0.5636, chars=62), LangShare(lang="fr", share=0.4364, chars=48)],
    is_mixed=True,
    lang_declared="fr-FR",
    lang_page="fr",
    published="2026-03-03T18:05:00+01:00",
    modified="2026-03-04T07:30:00+01:00",
    published_precision="second",
    published_source="jsonld",
    published_raw="2026-03-03T18:05:00+01:00",
    fetched="2026-03-04T05:06:09.120000Z",
    authors=[Author(name="Aïcha Mbarga", url="https://www.example.org/auteurs/aicha-mbarga")],
    byline_raw="Par Aïcha Mbarga avec AFP",
    section="Économie",
    tags=["port", "travaux"],
    dateline_place="Douala",
    images=[
        Image(
            url="https://www.example.org/img/jetee.jpg",
            alt="La jetée",
            caption="La jetée après la tempête",
            credit="A. Mbarga",
            lead=True,
        )
    ],
    syndication=Syndication(is_syndicated=True, agency="AFP", evidence=["byline:AFP"]),
    access=Access(free=True, evidence=["jsonld:isAccessibleForFree"]),
    rights=Rights(tdm_reserved=False, robots_meta=["max-image-preview:large"]),
    page_type="article",
    live_updates=[LiveUpdate(time="2026-03-03T18:20:00+01:00", title="Le vote", text="Le conseil vote.")],
    pages=[StoryPage(url=_URL, warc=_WARC), StoryPage(url=f"{_URL}/2")],
    text_sha256=sha256(_TEXT.encode()).hexdigest(),
    duplicate_of="0c7d5b3a5f0c9d1b7a3e4c2d8b6f1a0e",
    cluster="0c7d5b3a5f0c9d1b7a3e4c2d8b6f1a0e",
    version=2,
    previous_id="8b6f1a0e9c7d5b3a5f0c9d1b7a3e4c2d",
    changed=["text", "title"],
    discovery=_FEED,
    http=Http(
        status=200,
        content_type="text/html; charset=UTF-8",
        charset="utf-8",
        etag='"5e8f-63a1"',
        last_modified="Wed, 04 Mar 2026 06:30:00 GMT",
    ),
    warc=_WARC,
    extractor=Extractor(name="newscrawl", version="0.1.0", rules="current", config_hash="c0ffee12"),
    removed=[
        Removed(reason="related", chars=212, sample="Lire aussi : Le port en chiffres"),
        Removed(reason="unlikely", kind="caption", chars=26, sample="La jetée. Photo A. Mbarga"),
    ],
    quality=Quality(
        score=0.97,
        page_type_score=0.99,
        witness="feed",
        witness_agreement=0.96,
        witness_common_chars=1320,
        witness_extra_chars=[KindChars(kind="p", chars=88)],
        witness_missed_chars=[KindChars(kind="li", chars=22)],
        witness_only_chars=41,
        witness_only_sample="La pluie a retardé le vote d'une semaine.",
        flags=["short_text"],
    ),
)

REJECTION = Rejection(
    url="https://www.example.org/2026/02/disparu",
    url_requested="https://www.example.org/2026/02/disparu",
    source="example",
    step="fetch",
    reason="http_404",
    detail="404 Not Found",
    fetched="2026-03-04T05:06:11.480000Z",
    discovery=_FEED,
    warc=_WARC,
)


Line = type[Article] | type[Rejection]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
EXAMPLES: dict[Line, Article | Rejection] = {Article: ARTICLE, Rejection: REJECTION}
Schema = dict[str, Any]


class _AllKeys(GenerateJsonSchema):
    """For lines as they are written: every key is present."""

    schema_dialect = DIALECT

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        del field, total
        return True


def line_schema_name(model: Line) -> str:
    """`newscrawl.article/1` and the like."""
    return str(model.model_fields["schema_"].default)


def line_json_schema(model: Line) -> Schema:
    """The JSON Schema of a line. It allows further keys, because fields may be added within a version."""
    made = model.model_json_schema(by_alias=True, mode="serialization", schema_generator=_AllKeys)
    for part in (made, *made.get("$defs", {}).values()):
        part.pop("additionalProperties", None)
        for named in (part, *part["properties"].values()):
            named.pop("title", None)
    for name, field in made["properties"].items():
        field["examples"] = [example_line(model)[name]]
    kind, _, number = line_schema_name(model).partition("/")
    head = {
        "$schema": DIALECT,
        "$id": f"urn:{kind.replace('.', ':')}:{number}",
        "title": line_schema_name(model),
    }
    return {**head, **made}


def example_line(model: Line) -> Schema:
    """A line in which every field has a value."""
    return EXAMPLES[model].model_dump(mode="json", by_alias=True)


EXAMPLE_CHARS = 72
"A longer example is cut, because a table has narrow columns."
HEAD = """# The lines

<!-- Made by `newscrawl schema --markdown` from newscrawl/items.py; a test holds it up to date. -->

An article is a line of `<run>.jsonl`; a page that is no article is a line of `<run>.rejected.jsonl`. Lines
are JSON in UTF-8 with every key present and keys sorted. `newscrawl schema` prints the JSON Schema (2020-12)
of an article, and with `--rejection` that of a rejection.

## What is promised

The field `schema` names the form. Within `/1` fields are only added: none is removed, renamed or given
another type or meaning, and a value that is always present stays so. Anything else makes it `/2`. So ignore
keys that you do not know, treat an unknown value (of `page_type`, `wall`, …) as "other", and expect that a
line lacks the fields that were added after it was written; `newscrawl export` fills them in. Times are
RFC 3339, languages BCP 47, texts Unicode without lone surrogates.
"""
SECTIONS: dict[Line, str] = {
    Article: "An article",
    Rejection: "A page that is no article",
}


def render_schema_page() -> str:
    """The whole page, docs/item.md."""
    parts = [HEAD]
    for model, title in SECTIONS.items():
        parts.append(f"## {title}\n\n" + "\n".join(_schema_rows(model)) + "\n")
    parts.append("## Parts\n\nThe objects inside the fields above.\n\n" + "\n".join(_part_rows()) + "\n")
    return "\n".join(parts)


def absent_value(field: FieldInfo) -> str:
    """The value of a field that is unknown."""
    if field.is_required():
        return "always set"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "an object of unknowns"
    return f"`{json.dumps(value)}`"


def type_label(field: Schema) -> str:
    """A field's type in a word or two, for a table."""
    if reference := field.get("$ref"):
        return str(reference).rpartition("/")[2]
    if "const" in field:
        return "string"
    if choices := field.get("enum"):
        return ", ".join(f"`{choice}`" for choice in choices)
    if options := field.get("anyOf"):
        return " or ".join(type_label(option) for option in options if option.get("type") != "null")
    if field.get("type") == "array":
        return f"list of {type_label(field['items'])}"
    return str(field.get("type", "any"))


def _schema_rows(model: Line) -> Iterator[str]:
    properties = line_json_schema(model)["properties"]
    yield "| field | type | unknown | what it says | example |"
    yield "|---|---|---|---|---|"
    for name, field in model.model_fields.items():
        described = properties[field.alias or name]
        example = _table_cell(_shorten(described["examples"][0]))
        yield (
            f"| `{field.alias or name}` | {type_label(described)} | {absent_value(field)} "
            f"| {_table_cell(described.get('description', ''))} | `{example}` |"
        )


def _part_rows() -> Iterator[str]:
    """The fields of all parts; each part appears a single time."""
    yield "| part | field | type | what it says |"
    yield "|---|---|---|---|"
    parts = {
        name: part for model in SECTIONS for name, part in line_json_schema(model).get("$defs", {}).items()
    }
    for name, part in sorted(parts.items()):
        for key, field in part["properties"].items():
            yield f"| {name} | `{key}` | {type_label(field)} | {_table_cell(field.get('description', ''))} |"


def _shorten(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= EXAMPLE_CHARS else text[: EXAMPLE_CHARS - 1] + "…"


def _table_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
