"""What a page says of itself in JSON-LD: every node found, and the one that is the story."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import unescape

from lxml import etree
from lxml.html import HtmlElement, document_fromstring

from newscrawl.text.elements import text_of
from newscrawl.text.folding import tidy
from newscrawl.text.parse import MAX_ATTRIBUTES, most_attributes
from newscrawl.text.tolerant import Json, Unreadable, read_json
from newscrawl.urls import absolute, normal_url

Node = dict[str, Json]

MAX_SCRIPTS = 20
MAX_SCRIPT_CHARS = 512 * 1024
MAX_CHARS = 1024 * 1024
"Of all scripts of a page; broken ones cost a thousand times what whole ones do."
MAX_NODES = 300
MAX_DEPTH = 8
_WRAPPING = re.compile(
    r"^(?:<!--|//\s{0,20}<!\[CDATA\[|/\*\s{0,20}<!\[CDATA\[\s{0,20}\*/|<!\[CDATA\[)|"
    r"(?:-->|//\s{0,20}\]\]>|/\*\s{0,20}\]\]>\s{0,20}\*/|\]\]>)$"
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
    chars = 0
    for script in scripts[:MAX_SCRIPTS]:
        text = _unwrapped(script.text or "")
        if not text or len(text) > MAX_SCRIPT_CHARS or chars + len(text) > MAX_CHARS:
            continue
        chars += len(text)
        try:
            found.extend(_opened(read_json(text), 0))
        except Unreadable:
            continue
    return found[:MAX_NODES]


def _unwrapped(text: str) -> str:
    """A script without the comment or CDATA marks around it."""
    return _WRAPPING.sub("", text.strip().rstrip(";").rstrip()).strip().rstrip(";")


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
    return tidy(_without_markup(plain) if _MARKUP.search(plain) else plain) or None


def _without_markup(text: str) -> str:
    """The text that markup holds; nothing of markup that is made to waste time."""
    markup = text[:MAX_SCRIPT_CHARS].replace("\x00", "")
    if most_attributes(markup) > MAX_ATTRIBUTES:
        return ""
    # In an element of its own, since markup may hold html, body or frameset, which stand only once in a tree.
    try:
        return text_of(document_fromstring(f"<div>{markup}</div>"))
    except (etree.ParserError, AssertionError):
        return ""


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
