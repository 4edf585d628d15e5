"""Record headers: read as they stand, and checked against WARC 1.0 and 1.1."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from newscrawl.warc.verify.problems import Code, Fault, shown

MAX_HEAD = 1 << 20
"A longer record head is not read."
HEAD_END = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(r"\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]{1,1000}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_ID = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]{0,60}:[!-;=?-~]{1,2000}>")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,60}:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DIGITS = re.compile(r"[0-9]{1,18}")
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T([01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d{1,9})?)?Z)?)?)?",
    re.ASCII,
)
_VERSIONS = ("WARC/1.0", "WARC/1.1")
_KINDS = ("warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation")
_WITHOUT_URI = ("warcinfo", "metadata")
_OWN_PREFIXES = ("warc-", "content-")
_ONCE = frozenset(
    {
        *("warc-type", "warc-record-id", "warc-date", "content-length", "content-type", "warc-target-uri"),
        *("warc-ip-address", "warc-block-digest", "warc-payload-digest", "warc-truncated", "warc-profile"),
        *("warc-refers-to", "warc-refers-to-target-uri", "warc-refers-to-date", "warc-warcinfo-id"),
        *("warc-filename", "warc-identified-payload-type", "warc-segment-number"),
        *("warc-segment-origin-id", "warc-segment-total-length"),
    }
)


@dataclass(slots=True)
class RecordHead:
    """The head of one record: values by lower-case name, in order."""

    version: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    "What is wrong with its lines, before any value is looked at."

    def one(self, name: str) -> str | None:
        """The first value of a field, named in lower case."""
        values = self.fields.get(name)
        return values[0] if values else None

    @property
    def kind(self) -> str:
        return (self.one("warc-type") or "").lower()

    @property
    def record_id(self) -> str | None:
        return self.one("warc-record-id")

    @property
    def length(self) -> int | None:
        """Content-Length, None when it is missing or no number."""
        text = self.one("content-length") or ""
        return int(text) if _DIGITS.fullmatch(text) else None

    @property
    def is_segment(self) -> bool:
        """Whether the record is a part of a longer one, whose payload is nowhere whole."""
        return "warc-segment-number" in self.fields


def read_head(raw: bytes) -> RecordHead:
    """The head up to its blank line; whatever is odd about its lines is in `faults`."""
    head = RecordHead()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        head.faults.append(("header_not_utf8", "the record head holds bytes that are not UTF-8"))
        text = raw.decode("latin-1")
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\r\n")
    if any("\n" in line or "\r" in line for line in lines):
        head.faults.append(("header_line_end", "a line of the record head does not end with CRLF alone"))
        lines = _LINE_END.split(text)
    head.version = lines[0]
    before = ""
    for line in lines[1:]:
        if line:
            before = _take_line(head, line, before)
    return head


def _take_line(head: RecordHead, line: str, before: str) -> str:
    """Add a line to the head; the name of the field it belongs to."""
    name, colon, value = line.partition(":")
    key = name.lower()
    if not colon or not _NAME.fullmatch(name):
        head.faults.append(("header_syntax", f"{shown(line)} is no header line"))
        return before
    if not key.startswith(_OWN_PREFIXES):
        text = f"{shown(name)} is no WARC header; a line break inside {before or 'a header'} would look so"
        head.faults.append(("header_unknown", text))
    head.fields.setdefault(key, []).append(value.strip(" \t"))
    return key


def faults_of_head(head: RecordHead) -> Iterator[Fault]:
    """Everything wrong with a record's head on its own."""
    yield from head.faults
    if head.version not in _VERSIONS:
        yield "version_unknown", f"{shown(head.version)} is neither of {', '.join(_VERSIONS)}"
    for name, values in head.fields.items():
        if len(values) > 1 and name in _ONCE:
            yield "header_repeated", f"{name} stands {len(values)} times"
    for name, code, check in _CHECKS:
        value = head.one(name)
        if value:
            yield from check(value)
        elif code:
            yield code, f"{name} is missing"
    yield from _of_kind(head)
    yield from _of_uri(head)


def _of_kind(head: RecordHead) -> Iterator[Fault]:
    kind = head.kind
    if kind in _KINDS and kind not in _WITHOUT_URI and not head.one("warc-target-uri"):
        yield "target_uri_missing", f"a {kind} record names no warc-target-uri"
    if head.length and kind != "continuation" and not head.one("content-type"):
        yield "content_type_missing", "the block is not empty, but nothing says what it is"
    if kind == "continuation" and not (head.is_segment and head.one("warc-segment-origin-id")):
        yield "segment_fields_missing", "a continuation names no segment number or no origin"
    if kind == "revisit":
        yield from _of_revisit(head)
    if kind in ("response", "resource", "conversion") and not (
        head.one("warc-block-digest") or head.one("warc-payload-digest")
    ):
        yield "digest_missing", f"a {kind} record without a digest cannot be checked"


def _of_revisit(head: RecordHead) -> Iterator[Fault]:
    profile = head.one("warc-profile")
    if not profile:
        yield "revisit_without_profile", "warc-profile is missing"
    elif "identical-payload-digest" in profile and not head.one("warc-payload-digest"):
        yield "revisit_without_digest", "its profile is identical-payload-digest, but it names no digest"
    if not head.one("warc-refers-to") and not head.one("warc-refers-to-target-uri"):
        yield "revisit_without_refers_to", "nothing says which record it repeats"


def _of_uri(head: RecordHead) -> Iterator[Fault]:
    uri = head.one("warc-target-uri")
    if not uri:
        return
    if uri.startswith("<") and uri.endswith(">"):  # the grammar of WARC 1.0 asked for brackets
        uri = uri[1:-1]
    if not uri.isascii():
        yield "target_uri_not_ascii", f"{shown(uri)} is not percent-encoded"
    if " " in uri:
        yield "target_uri_with_space", f"{shown(uri)} holds a space"
    if _CONTROL.search(uri):
        yield "target_uri_with_control", f"{shown(uri)} holds a line break or another control character"
    if not _SCHEME.match(uri):
        yield "target_uri_form", f"{shown(uri)} is no absolute URI"


def _kind(value: str) -> Iterator[Fault]:
    if value not in _KINDS:
        yield "type_unknown", f"{shown(value)} is no record type"


def _id(value: str) -> Iterator[Fault]:
    if not _ID.fullmatch(value):
        yield "record_id_form", f"{shown(value)} is no URI in angle brackets"


def _moment(value: str) -> Iterator[Fault]:
    match = _DATE.fullmatch(value)
    try:
        if match:
            date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        match = None
    if not match:
        yield "date_form", f"{shown(value)} is no moment in UTC such as 2026-01-31T08:30:00Z"


def _length(value: str) -> Iterator[Fault]:
    if not _DIGITS.fullmatch(value):
        yield "content_length_form", f"{shown(value)} is no number of bytes"


def _address(value: str) -> Iterator[Fault]:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        yield "ip_address_form", f"{shown(value)} is no IP address"


_CHECKS: tuple[tuple[str, Code | None, Callable[[str], Iterator[Fault]]], ...] = (
    ("warc-type", "type_missing", _kind),
    ("warc-record-id", "record_id_missing", _id),
    ("warc-date", "date_missing", _moment),
    ("content-length", "content_length_missing", _length),
    ("warc-ip-address", None, _address),
)
"Field, the code for its absence where it is mandatory, and the check of its form."


_ALGORITHMS = {"md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}
"Bytes of a digest."


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


@dataclass(frozen=True)
class Declared:
    """A digest as a header names it."""

    header: str
    algorithm: str
    value: str

    def hashing(self) -> _Hash:
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def is_of(self, digest: bytes) -> bool:
        """Whether the header names this digest, in any of the three spellings."""
        bare = self.value.rstrip("=")
        return (
            bare.upper() == base64.b32encode(digest).decode("ascii").rstrip("=")
            or bare.lower() == digest.hex()
            or bare == base64.b64encode(digest).decode("ascii").rstrip("=")
        )


def declared_digest(header: str, text: str) -> Declared | Fault:
    """The digest a header names, or what is wrong with it."""
    name, colon, value = text.strip().partition(":")
    algorithm = name.lower().replace("-", "")
    if not colon or not value:
        return "digest_form", f"{header} {shown(text)} is not algorithm:value"
    if algorithm not in _ALGORITHMS:
        return "digest_algorithm_unknown", f"{header}: {shown(name)} cannot be checked"
    bits = _ALGORITHMS[algorithm] * 8
    if len(value.rstrip("=")) not in {bits // 4, -(-bits // 5), -(-bits // 6)}:
        return "digest_form", f"{header} {shown(text)} has the wrong length for {algorithm}"
    return Declared(header, algorithm, value)


@dataclass
class Running:
    """A digest that is being made again of what goes by."""

    declared: Declared
    hash: _Hash = field(init=False)

    def __post_init__(self) -> None:
        self.hash = self.declared.hashing()

    def update(self, data: bytes) -> None:
        self.hash.update(data)

    @property
    def agrees(self) -> bool:
        return self.declared.is_of(self.hash.digest())

    @property
    def difference(self) -> str:
        """One sentence: what was declared, and what is."""
        declared, digest = self.declared, self.hash.digest()
        is_hex = len(declared.value) == len(digest) * 2
        found = digest.hex() if is_hex else base64.b32encode(digest).decode("ascii").rstrip("=")
        return f"{declared.header} says {shown(declared.algorithm + ':' + declared.value)}, but it is {found}"
