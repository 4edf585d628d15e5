"""The description of the API (OpenAPI 3.1)."""

from __future__ import annotations

from typing import Any

from newscrawl.view.search import MAX_COUNTED, ORDERS

_TEXT = {"type": "string"}
_SEARCH_PARAMETERS = {
    "q": ('Words that must all be there; "phrases", -excluded, beginning*, one OR another.', _TEXT),
    "outlet": ("Outlet id.", _TEXT),
    "language": ("Language of the text as in `lang`, or `mixed`; - for none.", _TEXT),
    "wire": ("Agency; ? for an unnamed publisher, - for none.", _TEXT),
    "section": ("Section; - for none.", _TEXT),
    "from": ("First day of publication (UTC).", {"type": "string", "format": "date"}),
    "to": ("Last day of publication (UTC).", {"type": "string", "format": "date"}),
    "order": ("Order of the hits.", {"type": "string", "enum": list(ORDERS)}),
    "versions": ("`all`: earlier versions of pages too.", {"type": "string", "enum": ["all"]}),
    "page": ("Page of results, from 1.", {"type": "integer", "minimum": 1}),
}
_ID = {"id": ("Id of an article.", _TEXT)}
_PATHS: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "/api/search": (
        f"Search titles and texts. Of more than {MAX_COUNTED} hits the newest are counted and given.",
        {},
        _SEARCH_PARAMETERS,
        "application/json",
    ),
    "/api/articles/{id}": (
        "An article: its line (`newscrawl schema`), versions, copies, exchange.",
        _ID,
        {"explain": ("1: also the decision on each block.", {"type": "string", "enum": ["1"]})},
        "application/json",
    ),
    "/articles/{id}/record": ("The records of its exchange as a WARC file.", _ID, {}, "application/warc"),
    "/api/diff": (
        "What differs between two articles.",
        {},
        {"old": ("Id of the first.", _TEXT), "new": ("Id of the second.", _TEXT)},
        "application/json",
    ),
    "/api/outlets": ("Every outlet and how it is doing.", {}, {}, "application/json"),
    "/api/outlets/{name}": (
        "Runs, figures by day, alarms and sources of an outlet.",
        {"name": ("Outlet id.", _TEXT)},
        {},
        "application/json",
    ),
    "/api/crawls": ("The crawls that run now.", {}, {}, "application/json"),
    "/metrics": ("Figures for Prometheus.", {}, {}, "text/plain"),
}
"Path to its summary, parameters in the path, parameters in the query, and the type of the answer."


def build_openapi(version: str) -> dict[str, Any]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "newscrawl view", "version": version},
        "paths": {path: {"get": _operation(*parts)} for path, parts in _PATHS.items()},
        "components": {
            "schemas": {"Error": {"type": "object", "properties": {"error": _TEXT}, "required": ["error"]}}
        },
    }


def _operation(
    summary: str, in_path: dict[str, Any], in_query: dict[str, Any], media_type: str
) -> dict[str, Any]:
    schema = {"type": "object" if media_type == "application/json" else "string"}
    operation: dict[str, Any] = {
        "summary": summary,
        "parameters": [
            {"name": name, "in": place, "required": place == "path", "description": text, "schema": kind}
            for place, names in (("path", in_path), ("query", in_query))
            for name, (text, kind) in names.items()
        ],
        "responses": {"200": {"description": "The answer.", "content": {media_type: {"schema": schema}}}},
    }
    if in_path or "old" in in_query:
        error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
        operation["responses"]["404"] = {"description": "There is none.", "content": error}
    return operation
