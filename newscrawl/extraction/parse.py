"""Bytes of a page -> its tree, once: encoding, limits, and why some bytes are no page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from newscrawl.extraction.blocks import text_of

MAX_BYTES = 4 * 1024 * 1024
MAX_ELEMENTS = 100_000
"Ten times what long live blogs have; beyond it a page is broken, or made to waste time."
MAX_ATTRIBUTES = 5_000
"Of one element: libxml2 compares each with all before it."
_PRESCAN = 4096
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([a-z0-9_.:-]{2,40})", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([a-z0-9_.:-]{2,40})", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([a-z0-9_.:-]{2,40})", re.IGNORECASE)
_TAG = re.compile(
    rb"<\s*(!doctype\s+html|html|head|body|article|main|div|p|h1|table|title|frameset)\b", re.IGNORECASE
)
_FEED = re.compile(
    rb"^\s*(<\?xml[^>]{0,300}>\s*)?(<!--.{0,2000}?-->\s*)?<(rss|feed|urlset|sitemapindex|rdf:rdf)\b",
    re.I | re.S,
)
# Only encodings of text that the web uses: Python also knows codecs such as base64 or punycode.
_KNOWN = re.compile(
    r"^(utf-?8|utf-?16(-?[lb]e)?|iso-?8859-([2-9]|1[0-6])|windows-?12\d\d|cp12\d\d|"
    r"koi8-[ru]|euc-jp|iso-2022-jp|gb18030|big5-hkscs|macintosh)$"
)
# What the web means by these names is more than what they say: a page of `gb2312` may use all of GB 18030.
# The names are those of the Encoding Standard (encoding.spec.whatwg.org, "names and labels").
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
_LATIN = frozenset({"iso-8859-1", "iso8859-1", "latin1", "latin-1", "l1", "ascii", "us-ascii", "cp819"})
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_PLAIN = etree.ElementDefaultClassLookup(element=HtmlElement)
"One class for all elements: lxml.html's own look-up asks Python for the class of each."
_WIDE = (b"\xff\xfe", b"\xfe\xff")
"Byte order marks of UTF-16, in which every other byte may be zero."
_MAGIC = (
    (b"%PDF-", "PDF"), (b"\x89PNG", "PNG"), (b"GIF8", "GIF"), (b"\xff\xd8\xff", "JPEG"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"), (b"RIFF", "RIFF"), (b"\x00\x00\x00\x18ftyp", "MP4"), (b"ID3", "MP3"),
    (b"OggS", "Ogg"),
    (b"wOFF", "font"), (b"wOF2", "font"), (b"Rar!", "RAR"), (b"\x7fELF", "ELF"), (b"7z\xbc\xaf", "7z"),
)  # fmt: skip
_HTML_TYPES = frozenset(
    {"", "text/html", "application/xhtml+xml", "application/octet-stream", "text/plain", "unknown/unknown"}
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
# The search for long tags passes over a page of 200 KB in 0.3 ms; only those it finds are read closely.
_LONG_TAG = re.compile(r"<[a-zA-Z][a-zA-Z0-9:-]{0,60}[\s/][^<]{16384}")
_VALUE = re.compile(r"""=\s*+(?:"[^"]*+"|'[^']*+')""")
_WHOLE_TAG = re.compile(rf"<(?:[^>=]++|{_VALUE.pattern}|=)*+")
_ATTRIBUTE = re.compile(r"[^\s=/]+")
_CONTROL_SHARE = 0.05
"Above this share of control bytes it is no text; broken pages stay far below."


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    tree: HtmlElement
    charset: str
    guessed: bool
    "True when neither a byte order mark nor a declaration that fits named the encoding."
    cut: bool = False
    "True when elements are nested so deep that the parser left off: what comes after is not in the tree."


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Why there is no story here: becomes the rejection's reason and detail."""

    reason: str
    detail: str


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A response header, whatever the case of its name."""
    return next((value for key, value in headers.items() if key.lower() == name), None)


def parse(html: bytes, headers: Mapping[str, str]) -> Parsed | Fault:
    """The page's tree, or why it has none."""
    content_type = (header(headers, "content-type") or "").partition(";")[0].strip().lower()
    if fault := _fault_of(html, content_type):
        return fault
    text, charset, guessed = decode(html, header(headers, "content-type"))
    text = text.replace("\x00", "")
    if (attributes := most_attributes(text)) > MAX_ATTRIBUTES:
        return Fault(reason="too_large", detail=f"a tag of {attributes} attributes")
    tree, cut = _tree(text)
    if cut and (tree is None or not text_of(tree)):
        return Fault(reason="too_deep", detail="elements nested too deep, and no text before them")
    if tree is None:
        return Fault(reason="empty", detail="nothing in it that could be parsed")
    if tree.xpath("count(//*)") > MAX_ELEMENTS:
        return Fault(reason="too_large", detail=f"more than {MAX_ELEMENTS} elements")
    return Parsed(tree=tree, charset=charset, guessed=guessed, cut=cut)


def _fault_of(html: bytes, content_type: str) -> Fault | None:
    head = html[:_PRESCAN]
    if not html.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        return Fault(reason="empty", detail="no bytes but white space")
    if len(html) > MAX_BYTES:
        return Fault(reason="too_large", detail=f"{len(html)} bytes, the limit is {MAX_BYTES}")
    if content_type not in _HTML_TYPES and not (content_type.startswith("text/") and _TAG.search(head)):
        return Fault(reason="not_html", detail=f"content type {content_type[:80]}")
    return _fault_of_bytes(html, head)


def _fault_of_bytes(html: bytes, head: bytes) -> Fault | None:
    """What the bytes themselves tell, whatever they were sent as."""
    if kind := next((name for magic, name in _MAGIC if html.startswith(magic)), None):
        return Fault(reason="binary", detail=f"the bytes of a {kind} file")
    if _FEED.match(head):
        return Fault(reason="not_html", detail="a feed or sitemap")
    if _is_binary(head):
        return Fault(reason="binary", detail="bytes that are no text")
    if b"<" not in html and not html.startswith(_WIDE):
        return Fault(reason="not_html", detail="no markup in it")
    return None


def _is_binary(head: bytes) -> bool:
    if head.startswith(_WIDE) or _TAG.search(head):
        return False
    return len(_CONTROL.findall(head)) > _CONTROL_SHARE * len(head)


def decode(html: bytes, content_type: str | None = None) -> tuple[str, str, bool]:
    """The text, the encoding it was read with, and whether that was a guess."""
    for bom, name in _BOMS:
        if html.startswith(bom):
            return html[len(bom) :].decode(name, "replace"), name, False
    declared = _declared(html, content_type)
    as_utf8 = _strict_utf8(html)
    # Multi-byte UTF-8 does not come about by chance, while servers often send a wrong charset by default.
    if (
        as_utf8 is not None
        and (declared in {None, "utf-8"} or not html.isascii())
        and not _two_byte(declared)
    ):
        return as_utf8, "utf-8", declared != "utf-8"
    if declared == "utf-8":
        return _broken_utf8(html)
    if declared is not None:
        return html.decode(declared, "replace"), declared, False
    return html.decode("windows-1252", "replace"), "windows-1252", True


def _two_byte(declared: str | None) -> bool:
    return declared is not None and declared.startswith(("utf-16", "iso-2022"))


def _declared(html: bytes, content_type: str | None) -> str | None:
    head = html[:_PRESCAN]
    in_header = _CHARSET.search(content_type or "")
    if in_header and (name := _codec(in_header.group(1))):
        return name
    for pattern in (_META_CHARSET, _XML_CHARSET):
        if (found := pattern.search(head)) and (name := _codec(found.group(1).decode("ascii"))):
            # A page whose meta could be read byte by byte is not in UTF-16, whatever the meta says.
            return "utf-8" if name.startswith("utf-16") else name
    return None


def _codec(label: str) -> str | None:
    label = label.strip().lower()
    if label in _WEB_CODECS:
        return _WEB_CODECS[label]
    if label in _LATIN:
        return "windows-1252"
    if not _KNOWN.match(label):
        return None
    if label in {"utf8", "utf-8"}:
        return "utf-8"
    return label if _exists(label) else None


def _exists(label: str) -> bool:
    try:
        "".encode(label)
    except LookupError:
        return False
    return True


def _strict_utf8(html: bytes) -> str | None:
    try:
        return html.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _broken_utf8(html: bytes) -> tuple[str, str, bool]:
    """Declared as UTF-8 and not quite: a few bad bytes are replaced, many mean Windows-1252."""
    text = html.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    if bad * 4 > sum(char > "\x7f" for char in text):
        return html.decode("windows-1252", "replace"), "windows-1252", True
    return text, "utf-8", False


def most_attributes(text: str) -> int:
    """How many attributes the fullest tag of a text has; 0 where no tag is long enough to have many."""
    most, at = 0, 0
    while (long := _LONG_TAG.search(text, at)) and (tag := _WHOLE_TAG.match(text, long.start())):
        at = tag.end()
        if at - long.start() > MAX_ATTRIBUTES:
            most = max(most, len(_ATTRIBUTE.findall(_VALUE.sub(" ", tag.group()))) - 1)
    return most


def _tree(text: str) -> tuple[HtmlElement | None, bool]:
    """The tree, and whether the parser left off before the page's end."""
    # huge_tree: else libxml2 stops silently at 256 levels, which pages with unclosed tags do reach
    parser = HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    parser.set_element_class_lookup(_PLAIN)
    try:
        tree = document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        tree = None
    last = parser.error_log.last_error
    return tree, last is not None and last.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT
