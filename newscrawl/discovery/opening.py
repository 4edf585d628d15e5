"""How a document begins: its root element, what stands before it, and whether it means harm."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
_PAGE = frozenset({"html", "head", "body"})
_PAGE_PARTS = frozenset({"div", "script", "center", "h1", "p", "title", "meta", "br", "b", "pre", "style"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """Where the root element of a document begins and what leads to it."""

    root: str
    "Local name of the root element in lower case, `html` for any web page; empty when there is none."
    at: int
    "Offset of the root element; reading from here leaves every declaration behind."
    is_bomb: bool = False
    "It declares entities that are made of others, or uncommonly long ones."
    note: str | None = None


def opening_of(text: str, wanted: frozenset[str]) -> Opening:
    """The opening of a document whose root should be one of `wanted`.

    What stands before a wanted root (warnings of a PHP script, blank lines) is skipped, unless it is a page.
    """
    at, doctype = _past_declarations(text)
    if _is_bomb(doctype):
        return Opening(root="", at=at, is_bomb=True)
    match = _ROOT.match(text, at)
    name = match[2].lower() if match else ""
    if name in wanted:
        return Opening(root=name, at=at, note=_external(doctype))
    if name in _PAGE or doctype[9:].lstrip()[:4].lower() == "html":
        return Opening(root="html", at=at)
    for later in _ROOT.finditer(text, at, at + _JUNK_CHARS):
        if later[2].lower() in wanted:
            return Opening(root=later[2].lower(), at=later.start(), note="junk before the root element")
    return Opening(root="html" if name in _PAGE_PARTS else name, at=at)


def _external(doctype: str) -> str | None:
    declares = "<!ENTITY" in doctype and ("SYSTEM" in doctype or "PUBLIC" in doctype)
    return "external entities were left out" if declares else None


def _is_bomb(doctype: str) -> bool:
    if len(doctype) > _DOCTYPE_CHARS:
        return True
    values = [entity[1][1:-1] for entity in _ENTITY.finditer(doctype)]
    return any(len(value) > _ENTITY_CHARS or _REFERENCE.search(value) for value in values)


def _past_declarations(text: str) -> tuple[int, str]:
    """Offset behind the prolog, and the DOCTYPE that stood in it."""
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
    """Offset behind the comment, instruction or DOCTYPE at `start`; `start` itself when there is none."""
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
