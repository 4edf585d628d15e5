"""Reads XML from the wild: gzip, encoding, broken ampersands, the root element, and signs of an attack."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from html.entities import name2codepoint
from typing import Literal

from newscrawl.charsets import WESTERN, bom_charset, detect_charset, is_utf8, resolve_charset
from newscrawl.gzip_members import inflate_members

_ROOT = re.compile(r"<([A-Za-z_][\w.-]{0,60}:)?([A-Za-z_][\w.-]{0,60})(?=[\s/>])")
_SPACE = re.compile(r"[\s\ufeff]*")
_DOCTYPE_PART = re.compile(r"\"[^\"]*\"|'[^']*'|<!--[\s\S]{0,2000}?-->|[\[\]>]")
_ENTITY = re.compile(
    r"<!ENTITY\s{1,50}(?:%\s{1,50})?[^\s\"'>]{1,200}\s{1,50}(\"[^\"]*\"|'[^']*')", re.IGNORECASE
)
_REFERENCE = re.compile(r"[&%][A-Za-z_]")
_DOCTYPE_CHARS = 16_384
_ENTITY_CHARS = 1_000
_JUNK_CHARS = 65_536
_PAGE_ROOTS = frozenset({"html", "head", "body"})
_PAGE_PARTS = frozenset({"div", "script", "center", "h1", "p", "title", "meta", "br", "b", "pre", "style"})
ILLEGAL_CHARS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
"Characters that XML does not allow."
_AMPERSAND = re.compile(r"&(?:(#\d{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{0,30});)?")
_XML_NAMES = frozenset({"lt", "gt", "amp", "quot", "apos"})
_DECLARED = re.compile(
    rb"^\s{0,100}<\?xml[^>]{1,200}?encoding\s{0,5}=\s{0,5}[\"']([A-Za-z0-9._:-]{1,40})[\"']"
)
_CHARSET = re.compile(r"charset\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_LANGUAGE = re.compile(
    rb"<(?:dc:)?language>\s{0,20}([A-Za-z]{2})|\sxml:lang\s{0,5}=\s{0,5}[\"']([A-Za-z]{2})", re.IGNORECASE
)
_HEAD_BYTES = 64 * 1024
"Bytes searched for the language of a feed."
Fault = Literal["cut", "too_large", "bomb"]
_GZIP = b"\x1f\x8b"
_BOMB_RATIO = 200
"Real XML compresses ten to fifty times, zeros a thousand times."


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentStart:
    """The root element of a document and where it begins."""

    root: str
    "Local name of the root element in lower case, `html` for any web page; empty if there is none."
    at: int
    "Offset of the root element; a reader that starts here skips all declarations."
    is_bomb: bool = False
    "Whether it declares entities made of other entities, or unusually long ones."
    note: str | None = None


def local_name(tag: object) -> str:
    """A tag's name in lower case without namespace or prefix; empty for comments and instructions."""
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def sniff_root(text: str, wanted: frozenset[str]) -> DocumentStart:
    """The start of a document, whose root should be in `wanted`.

    Text before a wanted root (warnings of a PHP script, blank lines) is skipped, unless it is a web page.
    """
    at, doctype = _skip_prolog(text)
    if _is_bomb(doctype):
        return DocumentStart(root="", at=at, is_bomb=True)
    match = _ROOT.match(text, at)
    name = match[2].lower() if match else ""
    if name in wanted:
        return DocumentStart(root=name, at=at, note=_note_external_entities(doctype))
    if name in _PAGE_ROOTS or doctype[9:].lstrip()[:4].lower() == "html":
        return DocumentStart(root="html", at=at)
    for later in _ROOT.finditer(text, at, at + _JUNK_CHARS):
        if later[2].lower() in wanted:
            return DocumentStart(root=later[2].lower(), at=later.start(), note="junk before the root element")
    return DocumentStart(root="html" if name in _PAGE_PARTS else name, at=at)


def _note_external_entities(doctype: str) -> str | None:
    declares = "<!ENTITY" in doctype and ("SYSTEM" in doctype or "PUBLIC" in doctype)
    return "external entities were left out" if declares else None


def _is_bomb(doctype: str) -> bool:
    if len(doctype) > _DOCTYPE_CHARS:
        return True
    values = [entity[1][1:-1] for entity in _ENTITY.finditer(doctype)]
    return any(len(value) > _ENTITY_CHARS or _REFERENCE.search(value) for value in values)


def _skip_prolog(text: str) -> tuple[int, str]:
    """The offset behind the prolog, and the DOCTYPE in it."""
    at, doctype = 0, ""
    while True:
        match = _SPACE.match(text, at)
        start = match.end() if match else at
        at = _end_of_declaration(text, start)
        if text[start : start + 9].upper() == "<!DOCTYPE":
            doctype = text[start : min(at, start + _DOCTYPE_CHARS + 1)]
        if at == start:
            return at, doctype


def _end_of_declaration(text: str, start: int) -> int:
    """The offset behind the comment, instruction or DOCTYPE at `start`; `start` itself if there is none."""
    if text.startswith("<?", start):
        end = text.find("?>", start)
        return end + 2 if end > 0 else start
    if text.startswith("<!--", start):
        end = text.find("-->", start)
        return end + 3 if end > 0 else start
    if text[start : start + 9].upper() == "<!DOCTYPE":
        return _end_of_doctype(text, start + 9)
    return start


def _end_of_doctype(text: str, start: int) -> int:
    depth = 0
    for part in _DOCTYPE_PART.finditer(text, start, start + _DOCTYPE_CHARS):
        depth += {"[": 1, "]": -1}.get(part[0], 0)
        if part[0] == ">" and depth <= 0:
            return part.end()
    return len(text)


def escape_ampersands(text: str) -> str:
    """Replace named entities by their characters and escape bare ampersands; CDATA stays unchanged."""
    parts: list[str] = []
    at = 0
    while (start := text.find("<![CDATA[", at)) >= 0 and (end := text.find("]]>", start)) >= 0:
        parts += [_AMPERSAND.sub(_escape_ampersand, text[at:start]), text[start : end + 3]]
        at = end + 3
    return "".join([*parts, _AMPERSAND.sub(_escape_ampersand, text[at:])])


def _escape_ampersand(match: re.Match[str]) -> str:
    name = match[1]
    if name is None:
        return "&amp;"
    if name.startswith("#") or name in _XML_NAMES:
        return match[0]
    # The declarations are gone, so an entity that HTML does not know either is plain text.
    return chr(name2codepoint[name]) if name in name2codepoint else f"&amp;{name};"


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoding:
    """An encoding that Python has, and a remark when it is not the declared encoding."""

    name: str
    note: str | None = None


def detect_encoding(body: bytes, content_type: str | None = None) -> Encoding:
    """The encoding of `body`, with a remark where the declaration is wrong or bytes are damaged."""
    declared = _declared_encodings(body, content_type)
    match = _LANGUAGE.search(body, 0, _HEAD_BYTES)
    name = detect_charset(body, declared, (match[1] or match[2]).decode("ascii") if match else None)
    # Pure ASCII is the same in any of them, so the declaration was not wrong.
    if bom_charset(body) == name or body.isascii():
        return Encoding(name=name)
    if name == "utf-8" and not is_utf8(body):
        return Encoding(name=name, note="broken utf-8: what cannot be read was replaced")
    if not declared and name not in ("utf-8", WESTERN):
        return Encoding(name=name, note=f"no encoding declared, read as {name}")
    return Encoding(name=name, note=_note_difference(name, declared))


def _note_difference(name: str, declared: list[str]) -> str | None:
    return f"declared {declared[0]}, read as {name}" if declared and name not in declared else None


def _declared_encodings(body: bytes, content_type: str | None) -> list[str]:
    prolog = _DECLARED.match(body)
    header = _CHARSET.search((content_type or "")[:500])
    labels = [prolog[1].decode("ascii") if prolog else "", header[1] if header else ""]
    return [name for label in labels if (name := resolve_charset(label))]


@dataclass(frozen=True, kw_only=True, slots=True)
class GunzipResult:
    """The decompressed bytes; plain bytes as they were."""

    data: bytes
    fault: Fault | None = None
    "`cut`: the data ends early or is damaged; None when it is complete."


def is_gzip(body: bytes) -> bool:
    """Whether it is gzip data, which may expand enormously."""
    return body.startswith(_GZIP)


def gunzip(body: bytes, limit: int) -> GunzipResult:
    """Decompress `body` if it is gzip data, up to `limit` bytes."""
    if not is_gzip(body):
        return GunzipResult(data=body[:limit], fault="too_large" if len(body) > limit else None)
    try:
        inflated = inflate_members(body, limit + 1)
    except zlib.error:
        return GunzipResult(data=b"", fault="cut")
    if len(inflated.data) > limit:
        is_bomb = limit > inflated.used * _BOMB_RATIO
        return GunzipResult(data=inflated.data[:limit], fault="bomb" if is_bomb else "too_large")
    return GunzipResult(data=inflated.data, fault=None if inflated.is_whole else "cut")
