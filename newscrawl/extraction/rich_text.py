"""Texts in JSON -> HTML: strings, lists of paragraphs, and the documents of editors and content systems.

A document is a tree of objects: a type, and below one of a few keys its text or its parts. The forms of Arc,
Contentful, Draft.js, Editor.js, Lexical, ProseMirror, Sanity, Slate and Strapi are all such trees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape, unescape

from newscrawl.extraction.jsonld import Json
from newscrawl.extraction.normalize import match_key

_MARKUP = re.compile(r"</?[a-z][^<>]{0,500}>", re.IGNORECASE)
_BLOCK_MARKUP = re.compile(r"<(?:p|div|h[1-6]|ul|ol|li|blockquote)\b", re.IGNORECASE)
_LINE_BREAK = re.compile(r"<br\b", re.IGNORECASE)
_ESCAPED_MARKUP = re.compile(r"&lt;(?:p|br|div|h[1-6])\b", re.IGNORECASE)
_TEXT_KEYS = (
    "text", "html", "content", "value", "body", "rendered", "paragraph", "paragraphs", "data", "model",
    "children", "items", "blocks", "content_elements", "elements", "root",
)  # fmt: skip
"Keys under which the parts of a story hold their text or parts, in order of precedence."
_TYPE_KEYS = ("type", "_type", "nodeType", "blockType", "kind", "__typename", "tag")
_STYLE_KEYS = ("style", "listItem", "tag", "subtype")
_SKIPPED = re.compile(
    r"image|video|galler|picture|photo|embed|iframe|advert|related|recommend|interstitial|newsletter|promo|teaser|"
    r"link_?list|social|tweet|poll|correction|divider|separator|caption|button|audio|podcast|player|script|"
    r"read_?(?:more|also)|(?:^|[^a-z])ads?(?:$|[^a-z])",
    re.IGNORECASE,
)
"Types of parts that are no text of the story."
_HEADING = re.compile(r"^h[1-6]$|head(?:er|ing|line)|sub_?(?:title|head)|intertitre", re.IGNORECASE)
_ITEM = re.compile(r"^li$|list_?-?item|^bullet$|^number$|ordered-list-item", re.IGNORECASE)
_QUOTE = re.compile(r"quote", re.IGNORECASE)
_LIST = re.compile(r"^(?:ul|ol|(?:un)?(?:ordered)?_?-?(?:bullet(?:ed)?)?_?-?list)$", re.IGNORECASE)
_LINE = re.compile(r"^p$|para|^block$|^normal$|^unstyled$|^textblock$", re.IGNORECASE)
_SPAN = re.compile(
    r"^(?:text|span|textnode|fragment|mark|link|hyperlink|a|b|i|em|strong|bold|italic|)$", re.IGNORECASE
)
_BREAK = re.compile(r"break$|^br$", re.IGNORECASE)
_ENDS = re.compile(r"[.!?…。！？\"”»:]\s*$")
_MAX_DEPTH = 12
_MAX_PARTS = 200_000
_PART_CHARS = 100
"A text counts as a part for each of so many characters: it may be in thousands of places."
_TITLE_KEYS = ("headline", "title", "heading", "headLine", "pageTitle")
_ADDRESS_KEYS = (
    "url",
    "slug",
    "link",
    "href",
    "permalink",
    "path",
    "canonical_url",
    "canonicalUrl",
    "website_url",
    "uri",
)


@dataclass(kw_only=True, slots=True)
class RichTextReader:
    """Renders the parts of a page's state, up to a number of parts and characters for the whole page."""

    left: int = _MAX_PARTS

    def render(self, value: Json, titles: set[str]) -> str:
        """The HTML of a text: a string, or a list of paragraphs; empty for any other value.

        Items that are stories themselves, with a headline not in `titles` and an address, are left out.
        """
        if isinstance(value, str):
            return mark_paragraphs(value)
        if not isinstance(value, list):
            return ""
        return "".join(self._render_block(item, 0) for item in value if not is_other_story(item, titles))

    def _render_block(self, part: Json, depth: int) -> str:
        """The HTML of a part that stands for itself."""
        self.left -= 1
        if depth > _MAX_DEPTH or self.left < 0:
            return ""
        if isinstance(part, str):
            self.left -= len(part) // _PART_CHARS
            return mark_paragraphs(part) if " " in part or not part.isascii() else ""
        if isinstance(part, list):
            return "".join(self._render_block(inner, depth + 1) for inner in part)
        if not isinstance(part, dict):
            return ""
        kinds = _read_kinds(part)
        if _is_any(_SKIPPED, kinds):
            return ""
        html = (self._render_inner(inner, kinds, depth) for key in _TEXT_KEYS if (inner := part.get(key)))
        return next(filter(None, html), "")

    def _render_inner(self, inner: Json, kinds: list[str], depth: int) -> str:
        """The HTML of what a part of these kinds holds."""
        if isinstance(inner, dict) and depth < _MAX_DEPTH and not _is_any(_SKIPPED, _read_kinds(inner)):
            own, below = [*kinds, *_read_kinds(inner)], depth + 1
            html = (self._render_inner(part, own, below) for key in _TEXT_KEYS if (part := inner.get(key)))
            return next(filter(None, html), "")
        if isinstance(inner, list) and _is_any(_LIST, kinds):
            items = (self._render_line(part, depth + 1) for part in inner)
            return "<ul>" + "".join(f"<li>{item}</li>" for item in items if item) + "</ul>"
        is_line = any(_is_any(pattern, kinds) for pattern in (_LINE, _HEADING, _ITEM))
        if isinstance(inner, list) and not (is_line or _is_split_line(inner)):
            blocks = "".join(self._render_block(part, depth + 1) for part in inner)
            return f"<blockquote>{blocks}</blockquote>" if blocks and _is_any(_QUOTE, kinds) else blocks
        text = self._render_line(inner, depth + 1)
        return text if not text.strip() or _BLOCK_MARKUP.search(text) else _mark_line(text, kinds)

    def _render_line(self, part: Json, depth: int) -> str:
        """The HTML of a part of a line."""
        self.left -= 1
        if depth > _MAX_DEPTH or self.left < 0:
            return ""
        if isinstance(part, str):
            self.left -= len(part) // _PART_CHARS
            return _mark_text(part)
        if isinstance(part, list):
            return "".join(self._render_line(inner, depth + 1) for inner in part)
        if not isinstance(part, dict) or _is_any(_SKIPPED, kinds := _read_kinds(part)):
            return ""
        if _is_any(_BREAK, kinds):
            return "<br>"
        lines = (self._render_line(part[key], depth + 1) for key in _TEXT_KEYS if part.get(key))
        return next(filter(None, lines), "")


def _mark_line(text: str, kinds: list[str]) -> str:
    """A line as the block that its kinds say."""
    if _is_any(_HEADING, kinds):
        return f"<h2>{text}</h2>"
    if _is_any(_ITEM, kinds):
        return f"<ul><li>{text}</li></ul>"
    return f"<blockquote>{text}</blockquote>" if _is_any(_QUOTE, kinds) else mark_paragraphs(text)


def _is_any(pattern: re.Pattern[str], kinds: list[str]) -> bool:
    return any(pattern.search(kind) for kind in kinds)


def _read_kinds(part: dict[str, Json]) -> list[str]:
    """The type of a part, and what it says about its style."""
    kind = next((value for key in _TYPE_KEYS if isinstance(value := part.get(key), str) and value), "")
    return [kind, *(value for key in _STYLE_KEYS if isinstance(value := part.get(key), str))]


def _is_split_line(parts: list[Json]) -> bool:
    """Whether parts are pieces of a line, as spans are, rather than paragraphs."""
    texts = [part.get("text", part.get("value")) for part in parts if isinstance(part, dict)]
    if len(texts) < len(parts) or not all(isinstance(text, str) for text in texts):
        return False
    is_span = all(_SPAN.match(_read_kinds(part)[0]) for part in parts if isinstance(part, dict))
    return is_span and any(isinstance(text, str) and not _ENDS.search(text) for text in texts[:-1])


def is_other_story(value: Json, titles: set[str]) -> bool:
    """Whether an object is about a story with another headline."""
    if not isinstance(value, dict) or not any(isinstance(value.get(key), str) for key in _ADDRESS_KEYS):
        return False
    own = [text for key in _TITLE_KEYS if isinstance(text := value.get(key), str) and text.strip()]
    return bool(own) and not any(match_key(text) in titles for text in own)


def mark_paragraphs(text: str) -> str:
    """A text as HTML: markup stays, escaped markup is resolved, a line of plain text is a paragraph."""
    if not _MARKUP.search(text) and _ESCAPED_MARKUP.search(text):
        text = unescape(text)
    if _BLOCK_MARKUP.search(text):
        return text
    if _LINE_BREAK.search(text):
        return f"<p>{text}</p>"
    return "".join(f"<p>{line}</p>" for line in _mark_text(text).splitlines() if line.strip())


def _mark_text(text: str) -> str:
    return text if _MARKUP.search(text) else escape(unescape(text))
