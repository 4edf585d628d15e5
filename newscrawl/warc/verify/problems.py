"""The problems that the checker reports, each with a stable code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

FileCode = Literal[
    "file_unreadable",  # the system does not allow reading it
    "file_empty",
    "file_given_up",  # too much of it is damaged
    "not_a_warc",  # something else, which the message names, or nothing that is known
    "garbage_at_start",
    "garbage_between_members",
    "garbage_at_end",
    "member_truncated",  # the last gzip member is truncated
    "member_torn",  # truncated in the middle of the file; good data follows
    "member_corrupt",  # cannot be decompressed
    "member_checksum",  # its checksum or length is wrong
    "member_without_record",
    "member_holds_many_records",  # such as a whole file in a single gzip member
    "versions_mixed",
    "warcinfo_not_first",
    "filename_differs",  # WARC-Filename is not the file's name
]
FormatCode = Literal[
    "file_is_arc",
    "arc_damaged",  # bytes between the records of an ARC file, or an incomplete record
    "package_damaged",  # a WACZ, or a file in it, that cannot be unpacked
    "package_undescribed",  # a WACZ without a description that can be read
    "package_file_missing",
    "package_file_unlisted",
    "package_file_differs",  # in size or digest from its description
]
RecordCode = Literal[
    "bytes_between_records",
    "record_end_missing",  # something other than CRLFCRLF
    "version_unknown",
    "version_draft",  # 0.17 or 0.18
    "header_unfinished",
    "header_syntax",
    "header_line_end",  # a bare CR or LF
    "header_not_utf8",
    "header_unknown",  # neither WARC-* nor Content-*, as after a line break in a value
    "header_repeated",
    "type_missing",
    "type_unknown",
    "record_id_missing",
    "record_id_form",
    "record_id_repeated",
    "date_missing",
    "date_form",  # no moment of the calendar
    "date_variant",  # read without doubt, but not in the standard's form
    "content_length_missing",
    "content_length_form",
    "content_length_too_short",
    "content_length_too_long",
    "content_type_missing",
    "target_uri_missing",
    "target_uri_form",
    "target_uri_not_ascii",
    "target_uri_with_space",
    "target_uri_with_control",
    "ip_address_form",
    "segment_fields_missing",
    "revisit_without_profile",
    "revisit_without_digest",
    "revisit_without_refers_to",
    "refers_to_revisit",
    "concurrent_to_unresolved",
    "warcinfo_id_unresolved",
    "refers_to_unresolved",
]
BlockCode = Literal[
    "digest_missing",  # of neither block nor payload, although there is a payload
    "digest_form",
    "digest_algorithm_unknown",
    "block_digest_mismatch",
    "payload_digest_mismatch",
    "payload_digest_over_framing",  # computed over the chunked body instead of the entity
    "interim_in_block",  # a 1xx response before the final one
    "http_start_line",
    "http_head_unfinished",
    "http_head_too_long",
    "http_length_mismatch",
    "http_body_missing",  # the headers declare a body, and the request was not HEAD
    "http_not_chunked",
    "http_chunks_broken",
    "http_chunks_incomplete",
    "http_bytes_after_body",
    "http_not_encoded",  # Content-Encoding names a coding that the body does not have
]
IndexCode = Literal[
    "index_unreadable",
    "index_file_missing",  # the index does not have a WARC file of the folder
    "index_file_gone",  # the index has a file that does not exist
    "index_file_changed",  # the size is not the one at indexing
    "index_entry_missing",  # a record has no entry
    "index_entry_unfounded",  # an entry leads to no record
    "index_entry_differs",  # an entry differs from its record
]
ProblemCode = FileCode | FormatCode | RecordCode | BlockCode | IndexCode
Level = Literal["error", "warning"]
"Error: the file cannot be trusted or read there. Warning: the standard recommends otherwise."


class ProblemRule(NamedTuple):
    """How bad a problem is, and what it stands on."""

    level: Level
    clause: str
    "Clause of the standard that is broken or recommends otherwise; `newscrawl` for a rule of our own."


_ISO = "ISO 28500:2017"
_GZIP = "RFC 1952, 2.2"
_CHUNKS = "RFC 9112, 7.1"
_WACZ = "WACZ 1.1.1"
_OURS = "newscrawl"
RULES: dict[ProblemCode, ProblemRule] = {
    "file_unreadable": ProblemRule("error", _OURS),
    "file_empty": ProblemRule("error", f"{_ISO}, 4"),
    "file_given_up": ProblemRule("error", _OURS),
    "not_a_warc": ProblemRule("error", f"{_ISO}, 4"),
    "file_is_arc": ProblemRule("warning", f"{_ISO}, introduction"),
    "arc_damaged": ProblemRule("error", "ARC File Format 1.0"),
    "package_damaged": ProblemRule("error", f"{_WACZ}, 4"),
    "package_undescribed": ProblemRule("error", f"{_WACZ}, 5.1"),
    "package_file_missing": ProblemRule("error", f"{_WACZ}, 5.1"),
    "package_file_unlisted": ProblemRule("warning", f"{_WACZ}, 5.1"),
    "package_file_differs": ProblemRule("error", f"{_WACZ}, 5.1"),
    "garbage_at_start": ProblemRule("error", f"{_ISO}, 4"),
    "garbage_between_members": ProblemRule("error", f"{_ISO}, 4"),
    "garbage_at_end": ProblemRule("error", f"{_ISO}, 4"),
    "member_truncated": ProblemRule("error", _GZIP),
    "member_torn": ProblemRule("error", _GZIP),
    "member_corrupt": ProblemRule("error", _GZIP),
    "member_checksum": ProblemRule("error", _GZIP),
    "member_without_record": ProblemRule("error", f"{_ISO}, annex D.2"),
    "member_holds_many_records": ProblemRule("warning", f"{_ISO}, annex D.2"),
    "versions_mixed": ProblemRule("warning", f"{_ISO}, 4"),
    "warcinfo_not_first": ProblemRule("warning", f"{_ISO}, 6.2"),
    "filename_differs": ProblemRule("warning", f"{_ISO}, 5.17"),
    "bytes_between_records": ProblemRule("error", f"{_ISO}, 4"),
    "record_end_missing": ProblemRule("error", f"{_ISO}, 4"),
    "version_unknown": ProblemRule("error", f"{_ISO}, 4"),
    "version_draft": ProblemRule("warning", f"{_ISO}, 4"),
    "header_unfinished": ProblemRule("error", f"{_ISO}, 4"),
    "header_syntax": ProblemRule("error", f"{_ISO}, 4"),
    "header_line_end": ProblemRule("error", f"{_ISO}, 4"),
    "header_not_utf8": ProblemRule("warning", f"{_ISO}, 4"),
    "header_unknown": ProblemRule("warning", f"{_ISO}, 4"),
    "header_repeated": ProblemRule("error", f"{_ISO}, 5.1"),
    "type_missing": ProblemRule("error", f"{_ISO}, 5.5"),
    "type_unknown": ProblemRule("warning", f"{_ISO}, 6.1"),
    "record_id_missing": ProblemRule("error", f"{_ISO}, 5.2"),
    "record_id_form": ProblemRule("warning", f"{_ISO}, 5.2"),
    "record_id_repeated": ProblemRule("error", f"{_ISO}, 5.2"),
    "date_missing": ProblemRule("error", f"{_ISO}, 5.4"),
    "date_form": ProblemRule("error", f"{_ISO}, 5.4"),
    "date_variant": ProblemRule("warning", f"{_ISO}, 5.4"),
    "content_length_missing": ProblemRule("error", f"{_ISO}, 5.3"),
    "content_length_form": ProblemRule("error", f"{_ISO}, 5.3"),
    "content_length_too_short": ProblemRule("error", f"{_ISO}, 5.3"),
    "content_length_too_long": ProblemRule("error", f"{_ISO}, 5.3"),
    "content_type_missing": ProblemRule("warning", f"{_ISO}, 5.6"),
    "target_uri_missing": ProblemRule("error", f"{_ISO}, 5.14"),
    "target_uri_form": ProblemRule("error", f"{_ISO}, 5.14"),
    "target_uri_not_ascii": ProblemRule("warning", f"{_ISO}, 5.14"),
    "target_uri_with_space": ProblemRule("warning", f"{_ISO}, 5.14"),
    "target_uri_with_control": ProblemRule("error", f"{_ISO}, 5.14"),
    "ip_address_form": ProblemRule("warning", f"{_ISO}, 5.10"),
    "segment_fields_missing": ProblemRule("error", f"{_ISO}, 7"),
    "revisit_without_profile": ProblemRule("error", f"{_ISO}, 5.18"),
    "revisit_without_digest": ProblemRule("error", f"{_ISO}, 6.7.2"),
    "revisit_without_refers_to": ProblemRule("warning", f"{_ISO}, 6.7.2"),
    "refers_to_revisit": ProblemRule("warning", f"{_ISO}, 5.11"),
    "concurrent_to_unresolved": ProblemRule("warning", f"{_ISO}, 5.7"),
    "warcinfo_id_unresolved": ProblemRule("warning", f"{_ISO}, 5.16"),
    "refers_to_unresolved": ProblemRule("warning", f"{_ISO}, 5.11"),
    "digest_missing": ProblemRule("warning", f"{_ISO}, 5.8"),
    "digest_form": ProblemRule("error", f"{_ISO}, 5.8"),
    "digest_algorithm_unknown": ProblemRule("warning", f"{_ISO}, 5.8"),
    "block_digest_mismatch": ProblemRule("error", f"{_ISO}, 5.8"),
    "payload_digest_mismatch": ProblemRule("error", f"{_ISO}, 5.9"),
    "payload_digest_over_framing": ProblemRule("warning", f"{_ISO}, 6.3.2"),
    "interim_in_block": ProblemRule("warning", f"{_ISO}, 6.3.2"),
    "http_start_line": ProblemRule("warning", f"{_ISO}, 6.3.2"),
    "http_head_unfinished": ProblemRule("error", f"{_ISO}, 5.15"),
    "http_head_too_long": ProblemRule("warning", _OURS),
    "http_length_mismatch": ProblemRule("error", "RFC 9112, 6.2"),
    "http_body_missing": ProblemRule("error", f"{_ISO}, 5.15"),
    "http_not_chunked": ProblemRule("warning", f"{_ISO}, 6.3.2"),
    "http_chunks_broken": ProblemRule("error", _CHUNKS),
    "http_chunks_incomplete": ProblemRule("error", _CHUNKS),
    "http_bytes_after_body": ProblemRule("warning", _CHUNKS),
    "http_not_encoded": ProblemRule("warning", "RFC 9110, 8.4"),
    "index_unreadable": ProblemRule("error", _OURS),
    "index_file_missing": ProblemRule("error", _OURS),
    "index_file_gone": ProblemRule("error", _OURS),
    "index_file_changed": ProblemRule("error", _OURS),
    "index_entry_missing": ProblemRule("error", _OURS),
    "index_entry_unfounded": ProblemRule("error", _OURS),
    "index_entry_differs": ProblemRule("error", _OURS),
}
Fault = tuple[ProblemCode, str]
"Code and message of a problem, before its location is known."


@dataclass(frozen=True, kw_only=True, slots=True)
class WarcProblem:
    """A problem in a WARC file, or in the index of a folder."""

    file: str
    "Path as the caller named it."
    offset: int
    "First byte of the gzip member, or of the record in a file without compression."
    record_id: str | None
    "WARC-Record-ID as written in the file; None if no record could be read."
    code: ProblemCode
    "Kind of problem, in snake_case."
    message: str
    "A sentence with the faulty values."

    @property
    def level(self) -> Level:
        return RULES[self.code].level

    @property
    def clause(self) -> str:
        return RULES[self.code].clause


def locate_fault(
    fault: Fault, file: Path | str, offset: int = 0, record_id: str | None = None
) -> WarcProblem:
    """The problem that a fault is at this place."""
    code, message = fault
    return WarcProblem(file=str(file), offset=offset, record_id=record_id, code=code, message=message)


def quote_value(value: str, limit: int = 120) -> str:
    """A value from a file for use in a message, escaped and truncated."""
    return ascii(value if len(value) <= limit else value[:limit] + "…")
