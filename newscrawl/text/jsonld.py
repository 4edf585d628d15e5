"""What a page says of itself in JSON-LD: every node found, and the one that is the story."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import unescape

from lxml.html import HtmlElement, fragment_fromstring

from newscrawl.text.elements import text_of
from newscrawl.text.folding import tidy
from newscrawl.text.tolerant import Json, Unreadable, read_json
from newscrawl.urls import absolute, normal_url

Node = dict[str, Json]

MAX_SCRIPTS = 20
MAX_SCRIPT_CHARS = 512 * 1024
MAX_NODES = 300
MAX_DEPTH = 8
_WRAPPING = re.compile(
    r"^\s*(?:<!--|//\s*<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[)|(?:-->|//\s*\]\]>|/\*\s*\]\]>\s*\*/|\]\]>)\s*;?\s*$"
)
_STORIES = frozenset(
    [
        "article",
        "newsarticle",
        "reportagenewsarticle",
        "analysisnewsarticle",
        "opinionnewsarticle",
        "backgroundnewsarticle",
        "reviewnewsarticle",
        "asknewsarticle",
        "askpublicnewsarticle",
        "advertisercontentarticle",
        "blogposting",
        "liveblogposting",
        "socialmediaposting",
        "report",
        "scholarlyarticle",
        "techarticle",
        "satiricalarticle",
        "review",
        "recipe",
        "videoobject",
    ]
)
_WEAK = frozenset({"videoobject", "review", "recipe"})
"Types that are the story only when nothing else is."
_MARKUP = re.compile(r"</?[a-z][^<>]{0,200}>", re.IGNORECASE)


def nodes_of(scripts: Sequence[HtmlElement]) -> list[Node]:
    """All nodes of JSON-LD scripts in order, graphs and lists opened; unreadable scripts are left out."""
    found: list[Node] = []
    for script in scripts[:MAX_SCRIPTS]:
        text = _WRAPPING.sub("", script.text or "").strip().rstrip(";")
        if not text or len(text) > MAX_SCRIPT_CHARS:
            continue
        try:
            found.extend(_opened(read_json(text), 0))
        except Unreadable:
            continue
    return found[:MAX_NODES]


def _opened(value: Json, depth: int) -> Iterator[Node]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        for part in value[:MAX_NODES]:
            yield from _opened(part, depth + 1)
    elif isinstance(value, dict):
        yield value
        for name in ("@graph", "mainEntity", "mainEntityOfPage", "itemReviewed"):
            if isinstance(value.get(name), list | dict):
                yield from _opened(value[name], depth + 1)


def types_of(node: Node) -> set[str]:
    """Its types, lower-case, without the vocabulary's address."""
    return {name.rpartition("/")[2].lower() for name in strings(node.get("@type"))}


def story_of(nodes: Iterable[Node], url: str) -> Node | None:
    """The node about the story: one that names the page's URL before others, articles before videos."""
    stories = [node for node in nodes if types_of(node) & _STORIES]
    here = normal_url(url)
    return min(stories, key=lambda node: (not _names(node, here), types_of(node) <= _WEAK), default=None)


def _names(node: Node, here: str) -> bool:
    main = node.get("mainEntityOfPage")
    addresses = [*strings(node.get("url")), *strings(main), *strings(node.get("@id"))]
    if isinstance(main, dict):
        addresses += [*strings(main.get("@id")), *strings(main.get("url"))]
    full = (absolute(address, here) for address in addresses)
    return any(address is not None and normal_url(address) == here for address in full)


def strings(value: Json) -> list[str]:
    """The strings of a value that may be one or a list of them."""
    parts = value[:MAX_NODES] if isinstance(value, list) else [value]
    return [part for part in parts if isinstance(part, str)]


def text(value: Json) -> str | None:
    """The first string in `value` as plain text: entities and markup that were put into JSON are resolved."""
    first = next(iter(strings(value)), None)
    if first is None:
        return None
    plain = unescape(first)
    if _MARKUP.search(plain):
        plain = text_of(
            fragment_fromstring(plain[:MAX_SCRIPT_CHARS].replace("\x00", ""), create_parent="div")
        )
    return tidy(plain) or None


def linked(nodes: Iterable[Node], value: Json) -> list[Node]:
    """The nodes a value holds or points at by `@id`."""
    by_id = {node["@id"]: node for node in nodes if isinstance(node.get("@id"), str) and len(node) > 1}
    parts = value[:MAX_NODES] if isinstance(value, list) else [value]
    return [_resolved(part, by_id) for part in parts if isinstance(part, dict)]


def _resolved(part: Node, by_id: dict[Json, Node]) -> Node:
    return by_id.get(part["@id"], part) if isinstance(part.get("@id"), str) and "name" not in part else part


def is_free(node: Node) -> bool | None:
    """Whether a node says that what it describes is readable without paying."""
    said = node.get("isAccessibleForFree")
    word = said if isinstance(said, bool) else next(iter(strings(said)), "").strip().lower()
    return {True: True, False: False, "true": True, "false": False}.get(word)
