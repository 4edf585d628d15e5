"""What the checker says of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FileCode = Literal[
    "file_unreadable",  # the system does not let it be read
    "file_empty",
    "file_given_up",  # too much of it is broken
    "not_a_warc",
    "garbage_at_start",
    "garbage_between_members",
    "garbage_at_end",
    "member_truncated",  # the last gzip member is cut off
    "member_torn",  # cut off in the middle of the file, good data goes on
    "member_corrupt",  # cannot be unpacked
    "member_checksum",  # unpacks to something else than was packed
    "member_without_record",
    "member_holds_many_records",  # such as a whole file in one gzip member
    "versions_mixed",
    "warcinfo_not_first",
    "filename_differs",  # WARC-Filename is not the file's name
]
RecordCode = Literal[
    "bytes_between_records",
    "record_end_missing",  # no CRLFCRLF, or more than that
    "version_unknown",
    "header_unfinished",
    "header_syntax",
    "header_line_end",  # a bare CR or LF
    "header_not_utf8",
    "header_unknown",  # neither WARC-* nor Content-*: how a line break in a value shows
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
    "digest_missing",  # neither of block nor of payload, where there is a payload
    "digest_form",
    "digest_algorithm_unknown",
    "block_digest_mismatch",
    "payload_digest_mismatch",
    "payload_digest_over_framing",  # made of the chunked body instead of the entity
    "interim_in_block",  # a 1xx answer before the final one
    "http_start_line",
    "http_head_unfinished",
    "http_head_too_long",
    "http_length_mismatch",
    "http_body_missing",  # the headers tell of one, and no HEAD request asked
    "http_not_chunked",
    "http_chunks_broken",
    "http_chunks_incomplete",
    "http_bytes_after_body",
    "http_not_encoded",  # Content-Encoding names a coding that the body does not have
]
IndexCode = Literal[
    "index_unreadable",
    "index_file_missing",  # a WARC file of the folder that it does not know
    "index_file_gone",  # one it knows that is not there
    "index_file_changed",  # another size than when it was indexed
    "index_entry_missing",  # a record without its entry
    "index_entry_unfounded",  # an entry that leads to no record
    "index_entry_differs",  # one that says something else than the record does
]
Code = FileCode | RecordCode | BlockCode | IndexCode
Fault = tuple[Code, str]
"A problem's code and message, before it is known where."


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong in a WARC file, or in the index of a folder."""

    file: str
    "Path as given."
    offset: int
    "First byte of the gzip member, or of the record in a file that is not compressed."
    record_id: str | None
    "WARC-Record-ID as it stands there; None where no record could be read."
    code: Code
    "Kind of problem, in snake_case."
    message: str
    "One sentence with the values at fault."


def shown(value: str, limit: int = 120) -> str:
    """A value from a file, fit for a message: escaped and cut."""
    return ascii(value if len(value) <= limit else value[:limit] + "…")
