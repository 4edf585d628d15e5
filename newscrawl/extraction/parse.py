"""HTML bytes -> tree: encoding, limits, and the reasons why some responses are not pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from newscrawl.charsets import (
    bom_charset,
    decode_utf8,
    detect_charset,
    may_be_double_utf8,
    mend_double_utf8,
    resolve_charset,
)
from newscrawl.extraction.blocks import inner_text
from newscrawl.extraction.tree_repair import end_head, reveal_raw_markup, reveal_text

MAX_BYTES = 4 * 1024 * 1024
MAX_ELEMENTS = 100_000
"Ten times as many as long live blogs have; a page with more is broken, or made to waste time."
MAX_TAGS = 300_000
"Start and end tags: a page of 4 MB can have a million, whose tree fills the memory of a worker."
MAX_ATTRIBUTES = 5_000
"Attributes of a single element: libxml2 compares each with all before it."
_PRESCAN_BYTES = 4096
"Bytes searched for signs of other formats."
_BLANK_BYTES = b"\x00 \t\r\n\xef\xbb\xbf"
_HEAD_BYTES = 256 * 1024
"Bytes searched for a declared encoding: themes print scripts and styles before it."
_MAX_DECLARATIONS = 5
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([a-z0-9_.:-]{2,40})", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta\b[^>]{0,300}?charset\s*=\s*[\"']?\s*([a-z0-9_.:-]{2,40})", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([a-z0-9_.:-]{2,40})", re.IGNORECASE)
_HTML_LANG = re.compile(rb"<html\b[^>]{0,500}?\slang\s*=\s*[\"']?\s*([a-z-]{2,20})", re.IGNORECASE)
_HTML_TAG = re.compile(
    rb"<\s*(!doctype\s+html|html|head|body|article|main|div|p|h1|table|title|frameset)\b", re.IGNORECASE
)
_FEED = re.compile(
    rb"^\s*(<\?xml[^>]{0,300}>\s*)?(<!--.{0,2000}?-->\s*)?<(rss|feed|urlset|sitemapindex|rdf:rdf)\b",
    re.I | re.S,
)
_CLASS_LOOKUP = etree.ElementDefaultClassLookup(element=HtmlElement)
"The same class for all elements: the look-up of lxml.html calls Python for each of them."
_MAGIC_NUMBERS = (
    (b"%PDF-", "PDF"), (b"\x89PNG", "PNG"), (b"GIF8", "GIF"), (b"\xff\xd8\xff", "JPEG"),
    (b"PK\x03\x04", "ZIP"), (b"\x1f\x8b", "gzip"), (b"RIFF", "RIFF"), (b"\x00\x00\x00\x18ftyp", "MP4"),
    (b"ID3", "MP3"), (b"OggS", "Ogg"), (b"wOFF", "font"), (b"wOF2", "font"), (b"Rar!", "RAR"),
    (b"\x7fELF", "ELF"), (b"7z\xbc\xaf", "7z"),
)  # fmt: skip
_HTML_TYPES = frozenset(
    {"", "text/html", "application/xhtml+xml", "application/octet-stream", "text/plain", "unknown/unknown"}
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_LONG_TAG_CHARS = 16384
_LONG_TAG = re.compile(rf"<[a-zA-Z][a-zA-Z0-9:-]{{0,60}}[\s/][^<]{{{_LONG_TAG_CHARS}}}")
"Only tags so long are read closely."
_VALUE = re.compile(r"""=\s*+(?:"[^"]*+"|'[^']*+')""")
_WHOLE_TAG = re.compile(rf"<(?:[^>=]++|{_VALUE.pattern}|=)*+")
_ATTRIBUTE = re.compile(r"[^\s=/]+")
_ROOT_END = re.compile(r"</html\s{0,20}>", re.IGNORECASE)
"""Browsers show what follows it, as on pages put together from files that are pages themselves; libxml2 puts
it outside the tree."""
_ROOT_END_NAME = re.compile(rb"</html", re.IGNORECASE)
_RAW_END = re.compile(r"</(?:script|style)\b", re.IGNORECASE)
"What follows a comment that is part of a script or style sheet."
# Its letters come first, which are searched for faster than what must not stand before them.
_LOOSE_COMMENT_END = re.compile(r"-- >(?<![\w)\]]-- >)")
"Ended a comment when it was written; today's parsers drop everything up to the next comment's end."
_MAX_CONTROL_SHARE = 0.05
"A larger share of control bytes means binary data; broken pages stay far below."


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedPage:
    tree: HtmlElement
    charset: str
    is_guess: bool
    "Whether neither a byte order mark nor a plausible declaration named the encoding."
    is_truncated: bool = False
    "Whether the parser stopped at elements nested too deep: what follows is not in the tree."


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectReason:
    """Why a page gives no article: the reason and detail of its rejection."""

    reason: str
    detail: str


def find_header(headers: Mapping[str, str], name: str) -> str | None:
    """A response header by its lower-case name, whatever its case in the response."""
    return next((value for own, value in headers.items() if own.lower() == name), None)


def parse_page(html: bytes, headers: Mapping[str, str]) -> ParsedPage | RejectReason:
    """The tree of a page, or the reason why it cannot have any."""
    content_type = (find_header(headers, "content-type") or "").partition(";")[0].strip().lower()
    if reject := _reject_response(html, content_type):
        return reject
    text, charset, guessed = decode_html(html, find_header(headers, "content-type"))
    # Bytes are searched and changed faster than text, of which most pages' has two bytes a character.
    content = text.encode("utf-8", "replace")
    if b"\x00" in content:
        text, content = text.replace("\x00", ""), content.replace(b"\x00", b"")
    if reject := _reject_markup(text, content):
        return reject
    tree, is_truncated = _build_tree(content)
    if is_truncated and (tree is None or not inner_text(tree)):
        return RejectReason(reason="too_deep", detail="elements nested too deep, and no text before them")
    if tree is None:
        return RejectReason(reason="empty", detail="nothing in it that could be parsed")
    reveal_raw_markup(tree, lambda markup: _build_tree(markup.encode("utf-8", "replace"))[0])
    if tree.xpath("count(//*)") > MAX_ELEMENTS:
        return RejectReason(reason="too_large", detail=f"more than {MAX_ELEMENTS} elements")
    end_head(tree)
    reveal_text(tree)
    return ParsedPage(tree=tree, charset=charset, is_guess=guessed, is_truncated=is_truncated)


def _reject_response(html: bytes, content_type: str) -> RejectReason | None:
    head = html[:_PRESCAN_BYTES]
    if not (head.strip(_BLANK_BYTES) or html.strip(_BLANK_BYTES)):
        return RejectReason(reason="empty", detail="no bytes but white space")
    if len(html) > MAX_BYTES:
        return RejectReason(reason="too_large", detail=f"more than {MAX_BYTES} bytes")
    if content_type not in _HTML_TYPES and not (content_type.startswith("text/") and _HTML_TAG.search(head)):
        return RejectReason(reason="not_html", detail=f"content type {content_type[:80]}")
    return _reject_bytes(html, head)


def _reject_bytes(html: bytes, head: bytes) -> RejectReason | None:
    """What the bytes themselves rule out, whatever the content type."""
    if kind := next((name for magic, name in _MAGIC_NUMBERS if html.startswith(magic)), None):
        return RejectReason(reason="binary", detail=f"the bytes of a {kind} file")
    if _FEED.match(head):
        return RejectReason(reason="not_html", detail="a feed or sitemap")
    is_text = bom_charset(html) or _HTML_TAG.search(head)
    if not is_text and len(_CONTROL.findall(head)) > _MAX_CONTROL_SHARE * len(head):
        return RejectReason(reason="binary", detail="bytes that are no text")
    if b"<" not in html:
        return RejectReason(reason="not_html", detail="no markup in it")
    return None


def _reject_markup(text: str, content: bytes) -> RejectReason | None:
    """What would take too long or too much memory to parse; `content` is the same in UTF-8."""
    if len(content) > MAX_TAGS and content.count(b"<") > MAX_TAGS:
        return RejectReason(reason="too_large", detail=f"more than {MAX_TAGS} tags")
    if (attributes := count_attributes(text)) > MAX_ATTRIBUTES:
        return RejectReason(reason="too_large", detail=f"a tag of {attributes} attributes")
    return None


def decode_html(html: bytes, content_type: str | None = None) -> tuple[str, str, bool]:
    """The text, the encoding used, and whether the encoding is a guess."""
    declared = _declared_charsets(html, content_type)
    text, name = decode_utf8(html), "utf-8"
    if text is None:
        lang = _HTML_LANG.search(html, 0, _HEAD_BYTES)
        name = detect_charset(html, declared, lang.group(1).decode("ascii") if lang else None)
    if name == "utf-8" and declared and html.isascii():
        name = declared[0]  # ASCII is the same in all of them
    if text is None or name != "utf-8":
        text = html.decode(name, "replace")
    text = text.removeprefix("\ufeff")
    if name == "utf-8" and may_be_double_utf8(html) and (mended := mend_double_utf8(text)):
        return mended, name, True
    return text, name, name not in declared and bom_charset(html) != name


def _declared_charsets(html: bytes, content_type: str | None) -> list[str]:
    """The encodings that the header and the page declare."""
    in_header = _CHARSET.search(content_type or "")
    in_page = [
        match.group(1).decode("ascii")
        for pattern in (_META_CHARSET, _XML_CHARSET)
        for match in islice(pattern.finditer(html, 0, _HEAD_BYTES), _MAX_DECLARATIONS)
    ]
    labels = ([in_header.group(1)] if in_header else []) + in_page
    names = [name for label in labels if (name := resolve_charset(label))]
    # A page whose meta could be read byte by byte is not in UTF-16, whatever the meta says.
    return ["utf-8" if name.startswith(("utf-16", "utf-32")) else name for name in names]


def count_attributes(text: str) -> int:
    """Attributes of the tag that has most; 0 if no tag is long enough to have many."""
    most, at = 0, text.find("<")
    while at >= 0:
        # Of what is before another `<` within so many characters nothing is a long tag.
        if (last := text.rfind("<", at + 1, at + _LONG_TAG_CHARS)) >= 0:
            at = last
            continue
        end = at + 1
        if _LONG_TAG.match(text, at) and (tag := _WHOLE_TAG.match(text, at)):
            end = tag.end()
            if end - at > MAX_ATTRIBUTES:
                most = max(most, len(_ATTRIBUTE.findall(_VALUE.sub(" ", tag.group()))) - 1)
        at = text.find("<", end)
    return most


def _drop_root_ends(content: bytes) -> bytes:
    first = _ROOT_END_NAME.search(content)
    if first is None:
        return content
    return content[: first.start()] + _ROOT_END.sub("", content[first.start() :].decode()).encode()


def _end_comment(content: bytes) -> bytes:
    """End a comment that is never closed at its first `>`, as browsers did, or it takes all that follows."""
    start = content.find(b"<!--", content.rfind(b"-->") + 1)
    if start < 0 or _RAW_END.search(content[start:].decode()):
        return content
    end = content.find(b">", start)
    return content[:start] + (content[end + 1 :] if end >= 0 else b"")


def _build_tree(content: bytes) -> tuple[HtmlElement | None, bool]:
    """The tree of a page in UTF-8, and whether the parser stopped before the end of the page."""
    # Without huge_tree libxml2 stops silently at 256 levels, which pages with unclosed tags do reach.
    parser = HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    parser.set_element_class_lookup(_CLASS_LOOKUP)
    content = _drop_root_ends(content)
    if b"-- >" in content:
        content = _LOOSE_COMMENT_END.sub("-->", content.decode()).encode()
    try:
        tree = document_fromstring(_end_comment(content), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        tree = None
    error = parser.error_log.last_error
    return tree, error is not None and error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT
