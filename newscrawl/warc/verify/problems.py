"""The problems that the checker reports, each with a stable code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FileCode = Literal[
    "file_unreadable",  # the system does not allow reading it
    "file_empty",
    "file_given_up",  # too much of it is damaged
    "not_a_warc",
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
RecordCode = Literal[
    "bytes_between_records",
    "record_end_missing",  # something other than CRLFCRLF
    "version_unknown",
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
    "date_form",
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
ProblemCode = FileCode | RecordCode | BlockCode | IndexCode
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


def locate_fault(
    fault: Fault, file: Path | str, offset: int = 0, record_id: str | None = None
) -> WarcProblem:
    """The problem that a fault is at this place."""
    code, message = fault
    return WarcProblem(file=str(file), offset=offset, record_id=record_id, code=code, message=message)


def quote_value(value: str, limit: int = 120) -> str:
    """A value from a file for use in a message, escaped and truncated."""
    return ascii(value if len(value) <= limit else value[:limit] + "…")
