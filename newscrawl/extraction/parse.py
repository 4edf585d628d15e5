"""HTML bytes -> tree: encoding, limits, and the reasons why some responses are not pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from newscrawl.extraction.blocks import inner_text

MAX_BYTES = 4 * 1024 * 1024
MAX_ELEMENTS = 100_000
"Ten times as many as long live blogs have; a page with more is broken, or made to waste time."
MAX_ATTRIBUTES = 5_000
"Attributes of a single element: libxml2 compares each with all before it."
_PRESCAN_BYTES = 4096
"Bytes searched for a declared encoding and for signs of other formats."
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([a-z0-9_.:-]{2,40})", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([a-z0-9_.:-]{2,40})", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([a-z0-9_.:-]{2,40})", re.IGNORECASE)
_HTML_TAG = re.compile(
    rb"<\s*(!doctype\s+html|html|head|body|article|main|div|p|h1|table|title|frameset)\b", re.IGNORECASE
)
_FEED = re.compile(
    rb"^\s*(<\?xml[^>]{0,300}>\s*)?(<!--.{0,2000}?-->\s*)?<(rss|feed|urlset|sitemapindex|rdf:rdf)\b",
    re.I | re.S,
)
# Only text encodings in use on the web: Python also has codecs such as base64 and punycode.
_WEB_ENCODING = re.compile(
    r"^(utf-?8|utf-?16(-?[lb]e)?|iso-?8859-([2-9]|1[0-6])|windows-?12\d\d|cp12\d\d|"
    r"koi8-[ru]|euc-jp|iso-2022-jp|gb18030|big5-hkscs|macintosh)$"
)
# On the web these labels mean more than their names suggest: a page in `gb2312` may use all of GB 18030.
# The labels are those of the Encoding Standard (encoding.spec.whatwg.org, "names and labels").
_WEB_CODECS = {
    "gb2312": "gb18030", "gb_2312-80": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "ksc5601": "cp949", "windows-949": "cp949",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "ms_kanji": "cp932",
    "windows-31j": "cp932",
    "big5": "big5hkscs", "x-x-big5": "big5hkscs", "x-euc-jp": "euc-jp",
    "iso-8859-9": "windows-1254", "iso8859-9": "windows-1254", "latin5": "windows-1254",
    "iso-8859-11": "cp874", "iso8859-11": "cp874", "tis-620": "cp874", "windows-874": "cp874",
    "dos-874": "cp874",
}  # fmt: skip
_LATIN_LABELS = frozenset(
    {"iso-8859-1", "iso8859-1", "latin1", "latin-1", "l1", "ascii", "us-ascii", "cp819"}
)
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
"In UTF-16 every other byte may be zero."
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
# Searching a page of 200 KB for long tags takes 0.3 ms; only the tags it finds are read closely.
_LONG_TAG = re.compile(r"<[a-zA-Z][a-zA-Z0-9:-]{0,60}[\s/][^<]{16384}")
_VALUE = re.compile(r"""=\s*+(?:"[^"]*+"|'[^']*+')""")
_WHOLE_TAG = re.compile(rf"<(?:[^>=]++|{_VALUE.pattern}|=)*+")
_ATTRIBUTE = re.compile(r"[^\s=/]+")
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
    text = text.replace("\x00", "")
    if (attributes := count_attributes(text)) > MAX_ATTRIBUTES:
        return RejectReason(reason="too_large", detail=f"a tag of {attributes} attributes")
    tree, is_truncated = _build_tree(text)
    if is_truncated and (tree is None or not inner_text(tree)):
        return RejectReason(reason="too_deep", detail="elements nested too deep, and no text before them")
    if tree is None:
        return RejectReason(reason="empty", detail="nothing in it that could be parsed")
    if tree.xpath("count(//*)") > MAX_ELEMENTS:
        return RejectReason(reason="too_large", detail=f"more than {MAX_ELEMENTS} elements")
    return ParsedPage(tree=tree, charset=charset, is_guess=guessed, is_truncated=is_truncated)


def _reject_response(html: bytes, content_type: str) -> RejectReason | None:
    head = html[:_PRESCAN_BYTES]
    if not html.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        return RejectReason(reason="empty", detail="no bytes but white space")
    if len(html) > MAX_BYTES:
        return RejectReason(reason="too_large", detail=f"{len(html)} bytes, the limit is {MAX_BYTES}")
    if content_type not in _HTML_TYPES and not (content_type.startswith("text/") and _HTML_TAG.search(head)):
        return RejectReason(reason="not_html", detail=f"content type {content_type[:80]}")
    return _reject_bytes(html, head)


def _reject_bytes(html: bytes, head: bytes) -> RejectReason | None:
    """What the bytes themselves rule out, whatever the content type."""
    if kind := next((name for magic, name in _MAGIC_NUMBERS if html.startswith(magic)), None):
        return RejectReason(reason="binary", detail=f"the bytes of a {kind} file")
    if _FEED.match(head):
        return RejectReason(reason="not_html", detail="a feed or sitemap")
    is_text = head.startswith(_UTF16_BOMS) or _HTML_TAG.search(head)
    if not is_text and len(_CONTROL.findall(head)) > _MAX_CONTROL_SHARE * len(head):
        return RejectReason(reason="binary", detail="bytes that are no text")
    if b"<" not in html and not html.startswith(_UTF16_BOMS):
        return RejectReason(reason="not_html", detail="no markup in it")
    return None


def decode_html(html: bytes, content_type: str | None = None) -> tuple[str, str, bool]:
    """The text, the encoding used, and whether the encoding is a guess."""
    for bom, name in _BOMS:
        if html.startswith(bom):
            return html[len(bom) :].decode(name, "replace"), name, False
    declared = _declared_encoding(html, content_type)
    # Valid multi-byte UTF-8 does not occur by chance, while servers often send a wrong charset by default.
    is_two_byte = declared is not None and declared.startswith(("utf-16", "iso-2022"))
    if (declared in {None, "utf-8"} or not html.isascii()) and not is_two_byte:
        with suppress(UnicodeDecodeError):
            return html.decode("utf-8"), "utf-8", declared != "utf-8"
    if declared == "utf-8":
        return _decode_broken_utf8(html)
    if declared is not None:
        return html.decode(declared, "replace"), declared, False
    return html.decode("windows-1252", "replace"), "windows-1252", True


def _declared_encoding(html: bytes, content_type: str | None) -> str | None:
    head = html[:_PRESCAN_BYTES]
    in_header = _CHARSET.search(content_type or "")
    if in_header and (name := _resolve_encoding(in_header.group(1))):
        return name
    for pattern in (_META_CHARSET, _XML_CHARSET):
        if (match := pattern.search(head)) and (name := _resolve_encoding(match.group(1).decode("ascii"))):
            # A page whose meta could be read byte by byte is not in UTF-16, whatever the meta says.
            return "utf-8" if name.startswith("utf-16") else name
    return None


def _resolve_encoding(label: str) -> str | None:
    label = label.strip().lower()
    if label in _WEB_CODECS:
        return _WEB_CODECS[label]
    if label in _LATIN_LABELS:
        return "windows-1252"
    if label in {"utf8", "utf-8"}:
        return "utf-8"
    if not _WEB_ENCODING.match(label):
        return None
    try:
        "".encode(label)
    except LookupError:
        return None
    return label


def _decode_broken_utf8(html: bytes) -> tuple[str, str, bool]:
    """Text declared as UTF-8 that is not valid: a few bad bytes are replaced, many mean Windows-1252."""
    text = html.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    if bad * 4 > sum(char > "\x7f" for char in text):
        return html.decode("windows-1252", "replace"), "windows-1252", True
    return text, "utf-8", False


def count_attributes(text: str) -> int:
    """Attributes of the tag that has most; 0 if no tag is long enough to have many."""
    most, at = 0, 0
    while (start := _LONG_TAG.search(text, at)) and (tag := _WHOLE_TAG.match(text, start.start())):
        at = tag.end()
        if at - start.start() > MAX_ATTRIBUTES:
            most = max(most, len(_ATTRIBUTE.findall(_VALUE.sub(" ", tag.group()))) - 1)
    return most


def _build_tree(text: str) -> tuple[HtmlElement | None, bool]:
    """The tree, and whether the parser stopped before the end of the page."""
    # Without huge_tree libxml2 stops silently at 256 levels, which pages with unclosed tags do reach.
    parser = HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    parser.set_element_class_lookup(_CLASS_LOOKUP)
    try:
        tree = document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        tree = None
    error = parser.error_log.last_error
    return tree, error is not None and error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT
