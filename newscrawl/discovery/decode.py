"""Which encoding the bytes of a feed or sitemap are really in, whatever they declare."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_DECLARED = re.compile(
    rb"^\s{0,100}<\?xml[^>]{1,200}?encoding\s{0,5}=\s{0,5}[\"']([A-Za-z0-9._:-]{1,40})[\"']"
)
_CHARSET = re.compile(r"charset\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
# Only these may be named from outside: Python also knows codecs that run for ever or are no text encodings.
_TEXT_CODEC = re.compile(
    r"^(ascii|utf-(8|16|32)(-[bl]e)?|iso8859-\d{1,2}|cp\d{3,4}|koi8-[rut]|gb\d{4,5}|gbk|big5|euc_(jp|kr)|"
    r"shift_jis|iso2022_jp|mac-roman|tis-620)$"
)
_NON_ASCII = re.compile(r"[^\x00-\x7f]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoding:
    """An encoding Python knows, and a remark when it is not the declared one."""

    name: str
    note: str | None = None


def encoding_of(body: bytes, content_type: str | None = None) -> Encoding:
    """The encoding to read `body` with: mark, then UTF-8 if it holds, then what is declared, then cp1252."""
    wide = marked_encoding(body)
    if wide:
        return Encoding(name=wide)
    declared = _declared(body, content_type)
    if is_utf8(body):
        # ASCII alone is the same under any name, so nothing was declared wrongly.
        return Encoding(name="utf-8") if body.isascii() else _as_declared("utf-8", declared)
    for name in declared:
        if name not in ("utf-8", "ascii") and _decodes(body, name):
            return Encoding(name=name)
    if _mostly_utf8(body):
        return Encoding(name="utf-8", note="broken utf-8: what cannot be read was replaced")
    return _as_declared("cp1252", declared)


def marked_encoding(body: bytes) -> str | None:
    """The encoding that the first bytes give away."""
    return next((name for mark, name in _BOMS if body.startswith(mark)), None)


def _as_declared(name: str, declared: list[str]) -> Encoding:
    known = not declared or name in declared or (name == "utf-8" and "ascii" in declared)
    return Encoding(name=name, note=None if known else f"declared {declared[0]}, read as {name}")


def _declared(body: bytes, content_type: str | None) -> list[str]:
    prolog = _DECLARED.match(body)
    header = _CHARSET.search((content_type or "")[:500])
    names = [prolog[1].decode("ascii") if prolog else "", header[1] if header else ""]
    return [known for name in names if (known := _known(name))]


def _known(name: str) -> str | None:
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    if not _TEXT_CODEC.match(codec):
        return None
    # What calls itself Latin-1 on the web is Windows' superset of it.
    return "cp1252" if codec == "iso8859-1" else codec


def is_utf8(body: bytes) -> bool:
    """Whether it holds as UTF-8; it may end inside a character."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        return False
    return b"\x1b" not in body[:100_000]  # escape sequences: ISO 2022


def _decodes(body: bytes, name: str) -> bool:
    try:
        codecs.getincrementaldecoder(name)().decode(body)
    except UnicodeError:
        return False
    return True


def _mostly_utf8(body: bytes) -> bool:
    text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return len(_NON_ASCII.findall(text)) - broken > broken
