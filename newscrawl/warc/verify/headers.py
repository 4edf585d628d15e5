"""Parse record headers as they are, and check them against WARC 1.0 and 1.1 (ISO 28500)."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from newscrawl.warc.dates import is_standard_date, parse_warc_date
from newscrawl.warc.verify.problems import Fault, ProblemCode, quote_value

HEAD_END = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(r"\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]{1,1000}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_ID = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]{0,60}:[!-;=?-~]{1,2000}>")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,60}:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DIGITS = re.compile(r"[0-9]{1,18}")
_DIGEST_BYTES = {"md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}
_VERSIONS = ("WARC/1.0", "WARC/1.1")
_DRAFTS = ("WARC/0.17", "WARC/0.18")
"Drafts of the standard that were used widely."
_RECORD_TYPES = (
    "warcinfo",
    "response",
    "resource",
    "request",
    "metadata",
    "revisit",
    "conversion",
    "continuation",
)
_TYPES_WITHOUT_URI = ("warcinfo", "metadata")
_HEADER_PREFIXES = ("warc-", "content-")
_NOT_REPEATABLE = frozenset(
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
    """The head of a record: values by lower-case header name, in order."""

    version: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    "Problems of its lines, before any value is checked."

    def first(self, name: str) -> str | None:
        """The first value of a header, given its lower-case name; None if absent."""
        values = self.fields.get(name)
        return values[0] if values else None

    @property
    def kind(self) -> str:
        return (self.first("warc-type") or "").lower()

    @property
    def record_id(self) -> str | None:
        return self.first("warc-record-id")

    @property
    def length(self) -> int | None:
        """Content-Length; None if it is missing or not a number."""
        text = self.first("content-length") or ""
        return int(text) if _DIGITS.fullmatch(text) else None

    @property
    def is_segment(self) -> bool:
        """Whether this is a segment of a longer record, so that no record has the whole payload."""
        return "warc-segment-number" in self.fields


def parse_head(raw: bytes) -> RecordHead:
    """Parse a head up to its blank line; `faults` has the problems of its lines."""
    head = RecordHead()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        head.faults.append(("header_not_utf8", "the record head contains bytes that are not UTF-8"))
        text = raw.decode("latin-1")
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\r\n")
    if any("\n" in line or "\r" in line for line in lines):
        head.faults.append(("header_line_end", "a line of the record head contains a bare CR or LF"))
        lines = _LINE_END.split(text)
    head.version = lines[0]
    previous = ""
    for line in lines[1:]:
        if line:
            previous = _parse_line(head, line, previous)
    return head


def _parse_line(head: RecordHead, line: str, previous: str) -> str:
    """Add a line to the head; return the name of the header it belongs to."""
    name, colon, value = line.partition(":")
    key = name.lower()
    if not colon or not _NAME.fullmatch(name):
        head.faults.append(("header_syntax", f"{quote_value(line)} is not a header line"))
        return previous
    if not key.startswith(_HEADER_PREFIXES):
        cause = f"perhaps {previous or 'a header'} contains a line break"
        text = f"{quote_value(name)} is not a WARC header; {cause}"
        head.faults.append(("header_unknown", text))
    head.fields.setdefault(key, []).append(value.strip(" \t"))
    return key


def check_head(head: RecordHead) -> Iterator[Fault]:
    """Check a record head on its own."""
    yield from head.faults
    if head.version in _DRAFTS:
        yield "version_draft", f"{quote_value(head.version)} is a draft of the standard"
    elif head.version not in _VERSIONS:
        yield "version_unknown", f"{quote_value(head.version)} is none of {', '.join(_VERSIONS)}"
    for name, values in head.fields.items():
        if len(values) > 1 and name in _NOT_REPEATABLE:
            yield "header_repeated", f"{name} is repeated {len(values)} times"
    for name, code_if_missing, code, accepts, complaint in _CHECKS:
        value = head.first(name)
        if value and not accepts(value):
            yield code, f"{quote_value(value)} {complaint}"
        elif not value and code_if_missing:
            yield code_if_missing, f"{name} is missing"
    date = head.first("warc-date")
    if date and parse_warc_date(date) and not is_standard_date(date):
        yield "date_variant", f"{quote_value(date)} is not written as a UTC time such as 2026-01-31T08:30:00Z"
    yield from _check_by_type(head)
    yield from _check_target_uri(head)


def _check_by_type(head: RecordHead) -> Iterator[Fault]:
    kind = head.kind
    if kind in _RECORD_TYPES and kind not in _TYPES_WITHOUT_URI and not head.first("warc-target-uri"):
        yield "target_uri_missing", f"a {kind} record has no warc-target-uri"
    if head.length and kind != "continuation" and not head.first("content-type"):
        yield "content_type_missing", "the block is not empty, but content-type is missing"
    if kind == "continuation" and not (head.is_segment and head.first("warc-segment-origin-id")):
        yield "segment_fields_missing", "a continuation has no segment number or no origin"
    if kind == "revisit":
        yield from _check_revisit(head)
    if kind in ("response", "resource", "conversion") and not (
        head.first("warc-block-digest") or head.first("warc-payload-digest")
    ):
        yield "digest_missing", f"a {kind} record without a digest cannot be checked"


def _check_revisit(head: RecordHead) -> Iterator[Fault]:
    profile = head.first("warc-profile")
    if not profile:
        yield "revisit_without_profile", "warc-profile is missing"
    elif "identical-payload-digest" in profile and not head.first("warc-payload-digest"):
        text = "the profile is identical-payload-digest, but warc-payload-digest is missing"
        yield "revisit_without_digest", text
    if not head.first("warc-refers-to") and not head.first("warc-refers-to-target-uri"):
        text = "neither warc-refers-to nor warc-refers-to-target-uri names the repeated record"
        yield "revisit_without_refers_to", text


def _check_target_uri(head: RecordHead) -> Iterator[Fault]:
    uri = head.first("warc-target-uri")
    if not uri:
        return
    if uri.startswith("<") and uri.endswith(">"):  # the grammar of WARC 1.0 requires brackets
        uri = uri[1:-1]
    if not uri.isascii():
        yield "target_uri_not_ascii", f"{quote_value(uri)} is not percent-encoded"
    if " " in uri:
        yield "target_uri_with_space", f"{quote_value(uri)} contains a space"
    if _CONTROL.search(uri):
        yield "target_uri_with_control", f"{quote_value(uri)} contains a control character"
    if not _SCHEME.match(uri):
        yield "target_uri_form", f"{quote_value(uri)} is not an absolute URI"


def _is_ip_address(value: str) -> bool:
    with suppress(ValueError):
        return bool(ipaddress.ip_address(value))
    return False


_CHECKS: tuple[tuple[str, ProblemCode | None, ProblemCode, Callable[[str], object], str], ...] = (
    ("warc-type", "type_missing", "type_unknown", _RECORD_TYPES.__contains__, "is not a record type"),
    (
        "warc-record-id",
        "record_id_missing",
        "record_id_form",
        _ID.fullmatch,
        "is not a URI in angle brackets",
    ),
    (
        "warc-date",
        "date_missing",
        "date_form",
        parse_warc_date,
        "is not a UTC time such as 2026-01-31T08:30:00Z",
    ),
    (
        "content-length",
        "content_length_missing",
        "content_length_form",
        _DIGITS.fullmatch,
        "is not a number of bytes",
    ),
    ("warc-ip-address", None, "ip_address_form", _is_ip_address, "is not an IP address"),
)
"Header, the code if it is missing (None if it is optional), then the code, test and message for its value."


@dataclass(kw_only=True, slots=True)
class DigestCheck:
    """A digest as a header declares it, and the digest of the data so far."""

    header: str
    algorithm: str
    declared: str
    "In base32, base64 or hex."
    actual: hashlib._Hash = field(init=False)

    def __post_init__(self) -> None:
        self.actual = hashlib.new(self.algorithm, usedforsecurity=False)

    def update(self, data: bytes) -> None:
        self.actual.update(data)

    @property
    def matches(self) -> bool:
        """Whether the data has the declared digest."""
        bare, digest = self.declared.rstrip("="), self.actual.digest()
        return (
            bare.upper() == _base32(digest)
            or bare.lower() == digest.hex()
            or bare == base64.b64encode(digest).decode("ascii").rstrip("=")
        )

    @property
    def difference(self) -> str:
        """A sentence with the declared and the actual digest."""
        digest = self.actual.digest()
        actual = digest.hex() if len(self.declared) == len(digest) * 2 else _base32(digest)
        expected = quote_value(f"{self.algorithm}:{self.declared}")
        return f"{self.header} is {expected}, but the data has {actual}"


def _base32(digest: bytes) -> str:
    return base64.b32encode(digest).decode("ascii").rstrip("=")


def parse_digest(header: str, text: str) -> DigestCheck | Fault:
    """Parse the digest in a header; a Fault if it cannot be checked."""
    name, colon, value = text.strip().partition(":")
    algorithm = name.lower().replace("-", "")
    if not colon or not value:
        return "digest_form", f"{header} {quote_value(text)} is not of the form algorithm:value"
    if algorithm not in _DIGEST_BYTES:
        return "digest_algorithm_unknown", f"{header}: {quote_value(name)} is not a supported algorithm"
    bits = _DIGEST_BYTES[algorithm] * 8
    if len(value.rstrip("=")) not in {bits // 4, -(-bits // 5), -(-bits // 6)}:
        return "digest_form", f"{header} {quote_value(text)} has the wrong length for {algorithm}"
    return DigestCheck(header=header, algorithm=algorithm, declared=value)
