"""What a page says of itself in JSON-LD: every node found, and the one that is the story."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from html import unescape

from lxml import etree
from lxml.html import HtmlElement, document_fromstring

from newscrawl.extraction.blocks import text_of
from newscrawl.extraction.normalize import tidy
from newscrawl.extraction.parse import MAX_ATTRIBUTES, most_attributes
from newscrawl.urls import absolute, normal_url

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

MAX_DEPTH_OF_TOLERANT = 40
_SPACE = re.compile(r"[\s\u00a0\ufeff]*")
# White space that is looked over from many places at once is bounded, else time grows with its square.
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,3})?(?=\s{0,200}[,}\]])")
_WORD = re.compile(r"(true|false|null)(?=\s{0,200}[,}\]])")
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}
# A quote closes a string only before what may follow a string.
_CLOSING = re.compile(r'(?<!\\)(?:\\\\)*"(?=\s*(?:[:}\]]|,\s*["{\[\d\-tfn}\]]|$))')
_KEY_CLOSING = re.compile(r'"\s*:')
_KEY_START = re.compile(r'\s*"')
# A bare value runs to the next key, or to the brace that closes its object at a line's end or before another.
_BARE_END = re.compile(r',\s{0,200}"[@\w:.-]{1,60}"\s{0,200}:|[}\]]\s{0,200}(?:[,}\]]|$)|\}\s{0,200}\n')
_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])')
_ESCAPED = {'"': '"', "\\": "\\", "/": "/", "b": " ", "f": " ", "n": "\n", "r": "\n", "t": "\t"}
_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE = re.compile(f"{_HIGH}(?!{_LOW})|(?<!{_HIGH}){_LOW}")
"Halves of surrogate pairs, as escapes: no UTF-8 can hold them."
MAX_BARE = 5_000


class Unreadable(ValueError):
    """Not even tolerance finds a value here."""


def read_json(text: str) -> Json:
    """The value in `text`, strictly where possible; Unreadable when there is none."""
    if "\\ud" in text or "\\uD" in text:
        text = _LONE.sub("", text)
    try:
        return json.loads(text, strict=False)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        return _Reader(text).value(0)


class _Reader:
    """A cursor over broken JSON; every step moves forward, so it ends."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def value(self, depth: int) -> Json:
        if depth > MAX_DEPTH_OF_TOLERANT:
            raise Unreadable("nested too deep")
        self.skip()
        char = self.text[self.at : self.at + 1]
        if char == "{":
            return self.mapping(depth)
        if char == "[":
            return self.sequence(depth)
        if char == '"':
            return self.string()
        return self.scalar()

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def take(self, char: str) -> bool:
        self.skip()
        if self.text.startswith(char, self.at):
            self.at += 1
            return True
        return False

    def mapping(self, depth: int) -> Json:
        self.at += 1
        found: dict[str, Json] = {}
        while self.at < len(self.text) and not self.take("}"):
            if self.take(","):
                continue
            if not _KEY_START.match(self.text, self.at):
                break
            name = self.name()
            if not self.take(":"):
                break
            found.setdefault(name, self.value(depth + 1))
        return found

    def sequence(self, depth: int) -> Json:
        self.at += 1
        found: list[Json] = []
        while self.at < len(self.text) and not self.take("]"):
            if self.take(","):
                continue
            before = self.at
            found.append(self.value(depth + 1))
            if self.at == before:
                break
        return found

    def name(self) -> str:
        self.skip()
        self.at += 1
        closing = _KEY_CLOSING.search(self.text, self.at, self.at + 200)
        if closing is None:
            raise Unreadable("a key that does not end")
        name = self.text[self.at : closing.start()]
        self.at = closing.start() + 1
        return name

    def string(self) -> str:
        self.at += 1
        closing = _CLOSING.search(self.text, self.at)
        end = closing.end() - 1 if closing else len(self.text)
        raw = self.text[self.at : end]
        self.at = end + 1
        return unescaped(raw)

    def scalar(self) -> Json:
        if word := _WORD.match(self.text, self.at):
            self.at = word.end()
            return _WORDS[word.group(1)]
        if number := _NUMBER.match(self.text, self.at):
            self.at = number.end()
            return float(number.group())
        return self.bare()

    def bare(self) -> str | None:
        """What stands where a value should, without quotes: the text up to the next key."""
        end = _BARE_END.search(self.text, self.at, self.at + MAX_BARE)
        stop = end.start() if end else min(len(self.text), self.at + MAX_BARE)
        raw = self.text[self.at : stop].strip().strip('"')
        self.at = stop
        return unescaped(raw) or None


def unescaped(raw: str) -> str:
    """JSON's escapes resolved; pairs of surrogates joined, lone ones left for the reader to drop."""
    text = _ESCAPE.sub(lambda found: _character(found.group(1)), raw)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(escape: str) -> str:
    return chr(int(escape[1:], 16)) if escape[0] == "u" else _ESCAPED[escape]


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
