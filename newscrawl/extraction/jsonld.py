"""JSON-LD: reading the scripts of a page, even broken ones, and finding the node that is the story."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from html import unescape

from lxml import etree
from lxml.html import HtmlElement, document_fromstring

from newscrawl.extraction.blocks import inner_text
from newscrawl.extraction.normalize import normalize_spaces, resolve_entities
from newscrawl.extraction.parse import MAX_ATTRIBUTES, count_attributes
from newscrawl.urls import absolute_url, normalize_url

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
Node = dict[str, Json]

MAX_SCRIPTS = 20
MAX_SCRIPT_CHARS = 512 * 1024
MAX_CHARS = 1024 * 1024
"Characters of all scripts of a page: broken scripts take a thousand times as long to read as valid ones."
MAX_NODES = 300
MAX_DEPTH = 8
_STORY_TYPES = frozenset({
    "article", "newsarticle", "reportagenewsarticle", "analysisnewsarticle", "opinionnewsarticle",
    "backgroundnewsarticle", "reviewnewsarticle", "asknewsarticle", "askpublicnewsarticle",
    "advertisercontentarticle", "blogposting", "liveblogposting", "socialmediaposting", "report",
    "scholarlyarticle", "techarticle", "satiricalarticle", "review", "recipe", "videoobject",
})  # fmt: skip
_FALLBACK_TYPES = frozenset({"videoobject", "review", "recipe"})
"Types that are the story only if nothing else is."
_COMMENT_MARKS = re.compile(
    r"^(?:<!--|//\s{0,20}<!\[CDATA\[|/\*\s{0,20}<!\[CDATA\[\s{0,20}\*/|<!\[CDATA\[)|"
    r"(?:-->|//\s{0,20}\]\]>|/\*\s{0,20}\]\]>\s{0,20}\*/|\]\]>)$"
)
_COMMENTS = re.compile(r"(?:\s*(?:<!--[^{\[]{0,2000}?-->|/\*[^{\[]{0,2000}?\*/|//[^{\[\n]{0,2000}\n))+")
"Comments before the first value."
_MARKUP = re.compile(r"</?[a-z][^<>]{0,200}>", re.IGNORECASE)

# Lenient JSON
_MAX_LENIENT_DEPTH = 40
_MAX_BARE_CHARS = 5_000
_SPACE = re.compile(r"[\s\u00a0\ufeff]*")
_COMMENT = re.compile(r"(?:[\s\u00a0\ufeff]|/\*[^*]{0,500}\*/|//[^\n]{0,500}\n)*")
# White space is bounded where it is matched from many positions, or time would grow with its square.
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,3})?(?=\s{0,200}[,}\]])")
_LITERAL = re.compile(r"(true|false|null)(?=\s{0,200}[,}\]])")
_LITERALS: dict[str, Json] = {"true": True, "false": False, "null": None}
# A quote closes a string only if what follows may follow a string.
_STRING_END = re.compile(r'(?<!\\)(?:\\\\)*"(?=\s*(?:[:}\]]|,\s*(?:["{\[\d\-tfn}\]]|/[/*])|$))')
_KEY_END = re.compile(r'"\s*:')
_KEY_START = re.compile(r'\s*"')
# A bare value runs to the next key, or to the brace that closes its object: before another or at a line end.
_BARE_END = re.compile(r',\s{0,200}"[@\w:.-]{1,60}"\s{0,200}:|[}\]]\s{0,200}(?:[,}\]]|$)|\}\s{0,200}\n')
_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])')
_ESCAPED = {'"': '"', "\\": "\\", "/": "/", "b": " ", "f": " ", "n": "\n", "r": "\n", "t": "\t"}
_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE_SURROGATE = re.compile(f"{_HIGH}(?!{_LOW})|(?<!{_HIGH}){_LOW}")
"Escaped halves of surrogate pairs, which UTF-8 cannot encode."


def read_nodes(scripts: Sequence[HtmlElement]) -> list[Node]:
    """All nodes of JSON-LD scripts in order, graphs and lists flattened; unreadable scripts are skipped."""
    nodes: list[Node] = []
    chars = 0
    for script in scripts[:MAX_SCRIPTS]:
        text = _strip_comment_marks(script.text or "")
        if not text or len(text) > MAX_SCRIPT_CHARS or chars + len(text) > MAX_CHARS:
            continue
        chars += len(text)
        try:
            nodes.extend(_iter_nodes(parse_lenient_json(text), 0))
        except UnreadableJsonError:
            continue
    return nodes[:MAX_NODES]


def _strip_comment_marks(text: str) -> str:
    """A script without the comment or CDATA marks around it."""
    text = text.strip().rstrip(";").rstrip()
    if comments := _COMMENTS.match(text):
        text = text[comments.end() :].lstrip()
    return _COMMENT_MARKS.sub("", text).strip().rstrip(";")


def _iter_nodes(value: Json, depth: int) -> Iterator[Node]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        for part in value[:MAX_NODES]:
            yield from _iter_nodes(part, depth + 1)
    elif isinstance(value, dict):
        yield value
        for name in ("@graph", "mainEntity", "mainEntityOfPage", "itemReviewed"):
            if isinstance(value.get(name), list | dict):
                yield from _iter_nodes(value[name], depth + 1)


def node_types(node: Node) -> set[str]:
    """The types of a node in lower case, without the address of the vocabulary."""
    return {name.rpartition("/")[2].lower() for name in string_values(node.get("@type"))}


def find_story_node(nodes: Iterable[Node], url: str) -> Node | None:
    """The node about the story: nodes with the URL of the page come first, and articles before videos."""
    stories = [node for node in nodes if node_types(node) & _STORY_TYPES]
    page = normalize_url(url)
    return min(
        stories,
        key=lambda node: (not _has_url(node, page), node_types(node) <= _FALLBACK_TYPES),
        default=None,
    )


def _has_url(node: Node, page: str) -> bool:
    main = node.get("mainEntityOfPage")
    addresses = [*string_values(node.get("url")), *string_values(main), *string_values(node.get("@id"))]
    if isinstance(main, dict):
        addresses += [*string_values(main.get("@id")), *string_values(main.get("url"))]
    urls = (absolute_url(address, page) for address in addresses)
    return any(url is not None and normalize_url(url) == page for url in urls)


def string_values(value: Json) -> list[str]:
    """The strings of a value that may be a string or a list."""
    parts = value[:MAX_NODES] if isinstance(value, list) else [value]
    return [part for part in parts if isinstance(part, str)]


def first_text(value: Json) -> str | None:
    """The first string of a value as plain text: HTML entities and markup inside JSON are resolved."""
    first = next(iter(string_values(value)), None)
    if first is None:
        return None
    text = resolve_entities(unescape(first))
    return normalize_spaces(_strip_markup(text) if _MARKUP.search(text) else text) or None


def _strip_markup(text: str) -> str:
    """The text inside markup; empty for markup that is made to waste time."""
    markup = text[:MAX_SCRIPT_CHARS].replace("\x00", "")
    if count_attributes(markup) > MAX_ATTRIBUTES:
        return ""
    # An element goes around the markup, since it may hold html, body or frameset, which a tree has only once.
    try:
        return inner_text(document_fromstring(f"<div>{markup}</div>"))
    except (etree.ParserError, AssertionError):
        return ""


def resolve_nodes(nodes: Iterable[Node], value: Json) -> list[Node]:
    """The nodes that a value holds or refers to by `@id`."""
    by_id = {node["@id"]: node for node in nodes if isinstance(node.get("@id"), str) and len(node) > 1}
    parts = value[:MAX_NODES] if isinstance(value, list) else [value]
    return [
        by_id.get(part["@id"], part) if isinstance(part.get("@id"), str) and "name" not in part else part
        for part in parts
        if isinstance(part, dict)
    ]


def is_free(node: Node) -> bool | None:
    """Whether a node declares what it describes as readable without paying; None if it does not say."""
    value = node.get("isAccessibleForFree")
    word = value if isinstance(value, bool) else next(iter(string_values(value)), "").strip().lower()
    return {True: True, False: False, "true": True, "false": False}.get(word)


class UnreadableJsonError(ValueError):
    """Not even the lenient reader finds a value."""


def parse_lenient_json(text: str) -> Json:
    """The value of a JSON text, read strictly if possible; UnreadableJsonError if there is none."""
    if "\\ud" in text or "\\uD" in text:
        text = _LONE_SURROGATE.sub("", text)
    try:
        return json.loads(text, strict=False)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        return _LenientReader(text).read_values()


class _LenientReader:
    """A cursor over broken JSON. Every step moves it forward, so reading always ends."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def read_values(self) -> Json:
        """The value of the text; a list where a script holds several objects, one after the other."""
        values = [self.read_value(0)]
        while len(values) < MAX_NODES:
            while self.accept(",") or self.accept(";"):
                pass
            if self.text[self.at : self.at + 1] not in {"{", "["}:
                break
            try:
                values.append(self.read_value(0))
            except UnreadableJsonError:
                break
        return values if len(values) > 1 else values[0]

    def read_value(self, depth: int) -> Json:
        if depth > _MAX_LENIENT_DEPTH:
            raise UnreadableJsonError("nested too deep")
        self.skip_space()
        char = self.text[self.at : self.at + 1]
        if char == "{":
            return self.read_object(depth)
        if char == "[":
            return self.read_array(depth)
        if char == '"':
            return self.read_string()
        return self.read_scalar()

    def skip_space(self) -> None:
        space = _SPACE.match(self.text, self.at)
        if space and self.text.startswith("/", space.end()):
            space = _COMMENT.match(self.text, self.at)
        self.at = space.end() if space else self.at

    def accept(self, char: str) -> bool:
        """Move past the character if it comes next."""
        self.skip_space()
        if self.text.startswith(char, self.at):
            self.at += 1
            return True
        return False

    def read_object(self, depth: int) -> Json:
        self.at += 1
        members: dict[str, Json] = {}
        while self.at < len(self.text) and not self.accept("}"):
            if self.accept(","):
                continue
            if not _KEY_START.match(self.text, self.at):
                break
            name = self.read_key()
            if not self.accept(":"):
                break
            members.setdefault(name, self.read_value(depth + 1))
        return members

    def read_array(self, depth: int) -> Json:
        self.at += 1
        values: list[Json] = []
        while self.at < len(self.text) and not self.accept("]"):
            if self.accept(","):
                continue
            before = self.at
            values.append(self.read_value(depth + 1))
            if self.at == before:
                break
        return values

    def read_key(self) -> str:
        self.skip_space()
        self.at += 1
        end = _KEY_END.search(self.text, self.at, self.at + 200)
        if end is None:
            raise UnreadableJsonError("a key that does not end")
        key = self.text[self.at : end.start()]
        self.at = end.start() + 1
        return key

    def read_string(self) -> str:
        self.at += 1
        closing = _STRING_END.search(self.text, self.at)
        end = closing.end() - 1 if closing else len(self.text)
        raw = self.text[self.at : end]
        self.at = end + 1
        return _unescape_json(raw)

    def read_scalar(self) -> Json:
        if literal := _LITERAL.match(self.text, self.at):
            self.at = literal.end()
            return _LITERALS[literal.group(1)]
        if number := _NUMBER.match(self.text, self.at):
            self.at = number.end()
            return float(number.group())
        return self.read_bare_text()

    def read_bare_text(self) -> str | None:
        """A value without quotes: the text up to the next key."""
        end = _BARE_END.search(self.text, self.at, self.at + _MAX_BARE_CHARS)
        stop = end.start() if end else min(len(self.text), self.at + _MAX_BARE_CHARS)
        raw = self.text[self.at : stop].strip().strip('"')
        self.at = stop
        return _unescape_json(raw) or None


def _unescape_json(raw: str) -> str:
    """The text with JSON's escapes resolved; surrogate pairs are joined, lone surrogates replaced."""
    text = _ESCAPE.sub(
        lambda match: chr(int(match[1][1:], 16)) if match[1][0] == "u" else _ESCAPED[match[1]], raw
    )
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
