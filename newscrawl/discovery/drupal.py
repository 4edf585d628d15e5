"""Reads the story of a page from Drupal's JSON:API: the node at the address that the page itself names."""

from __future__ import annotations

from urllib.parse import urljoin

from newscrawl.discovery.results import link_url
from newscrawl.discovery.text import clean_line, full_content, parse_json, scalar_text
from newscrawl.items import Link

MEDIA_TYPE = "application/vnd.api+json"
"Of JSON:API documents (jsonapi.org, section 4)."
NODE_BYTES = 2 * 1024 * 1024
"A node is a single story."
_NODE = "node--"
"Type of a node's resource object: the entity's type, then the content type, such as `node--article`."


def read_node(body: bytes, url: str) -> Link | None:
    """The node in an answer of JSON:API; None if it is none, is not published or has no formatted body.

    The link's URL is that of the node's alias, or else that of the answer.
    """
    document = parse_json(body) if len(body) <= NODE_BYTES else None
    node = document.get("data") if isinstance(document, dict) else None
    attributes = node.get("attributes") if isinstance(node, dict) else None
    if not isinstance(node, dict) or not isinstance(attributes, dict):
        return None
    text = attributes.get("body")
    if not str(node.get("type")).startswith(_NODE) or attributes.get("status") is False:
        return None
    path = attributes.get("path")
    alias = path.get("alias") if isinstance(path, dict) else None
    return Link(
        url=link_url(alias, urljoin(url, "/")) or url,
        via="list",
        from_url=url,
        guid=clean_line(scalar_text(node.get("id"))),
        title=clean_line(attributes.get("title")),
        published=clean_line(attributes.get("created")),
        # `value` is what an editor typed; only `processed` went through the filters of the text format.
        content=full_content(text.get("processed")) if isinstance(text, dict) else None,
    )
