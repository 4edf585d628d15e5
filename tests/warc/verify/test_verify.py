"""The checker names every kind of damage, and finds no problem in sound files of any writer."""

import base64
import gzip
import hashlib
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.http import dechunk
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.verify import WarcProblem, verify_warc, verify_warcs
from newscrawl.warc.verify import members as members_module
from newscrawl.warc.verify.headers import check_head, parse_head
from newscrawl.warc.verify.messages import Dechunker
from newscrawl.warc.verify.problems import RULES, FormatCode, IndexCode, ProblemCode
from newscrawl.warc.writer import WarcWriter

DATE = "2026-03-04T05:06:07Z"
URI = "http://example.org/a"
INFO, FIRST, SECOND, THIRD = (f"<urn:uuid:00000000-0000-4000-8000-{n:012}>" for n in range(4))
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nstory"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (
    b"2\r\nst\r\n3;name=value\r\nory\r\n0\r\nTrailer: 1\r\n\r\n"
)
NAME = "file.warc.gz"


def sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def body(block: bytes) -> bytes:
    return block.partition(b"\r\n\r\n")[2]


def record(
    kind: str = "response",
    block: bytes = PLAIN,
    *,
    version: str = "WARC/1.1",
    end: bytes = b"\r\n\r\n",
    **fields: object,
) -> bytes:
    """A valid record with changed headers: `None` omits a header, `_` stands for `-`."""
    http = kind in ("response", "request")
    wanted: dict[str, object] = {
        "WARC_Type": kind,
        "WARC_Record_ID": FIRST,
        "WARC_Date": DATE,
        "WARC_Target_URI": URI,
        "Content_Type": f"application/http; msgtype={kind}" if http else "text/plain",
        "WARC_Block_Digest": sha1(block),
        "WARC_Payload_Digest": sha1(body(block)) if kind == "response" else None,
        "Content_Length": len(block),
        **fields,
    }
    lines = [
        f"{name.replace('_', '-')}: {value}\r\n".encode()
        for name, value in wanted.items()
        if value is not None
    ]
    return version.encode() + b"\r\n" + b"".join(lines) + b"\r\n" + block + end


def info(**fields: object) -> bytes:
    block = b"software: a test\r\n"
    given_fields: dict[str, object] = {
        "WARC_Record_ID": INFO,
        "WARC_Target_URI": None,
        "WARC_Filename": NAME,
        "Content_Type": "application/warc-fields",
        **fields,
    }
    return record("warcinfo", block, **given_fields)  # type: ignore[arg-type]


def packed(*records: bytes, level: int = 6) -> bytes:
    return b"".join(gzip.compress(one, level, mtime=0) for one in records)


def problems(tmp_path: Path, content: bytes, name: str = NAME) -> list[WarcProblem]:
    path = tmp_path / name
    path.write_bytes(content)
    return list(verify_warc(path))


def codes(tmp_path: Path, content: bytes, name: str = NAME) -> list[str]:
    return sorted(problem.code for problem in problems(tmp_path, content, name))


REQUEST = b"GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n"
HEAD_REQUEST = REQUEST.replace(b"GET", b"HEAD")
HEAD_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
COMPRESSED = gzip.compress(b"story", mtime=0)
ENCODED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (
    len(COMPRESSED),
    COMPRESSED,
)
REVISIT = {
    "Content_Type": "application/http; msgtype=response",
    "WARC_Profile": "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
    "WARC_Payload_Digest": sha1(b"story"),
    "WARC_Refers_To": FIRST,
    "WARC_Record_ID": SECOND,
}
REVISIT_BLOCK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
TAMPERED = record().replace(b"story", b"stork")

GOOD: dict[str, bytes] = {
    "packed by record": packed(info(), record()),
    "not packed": info() + record(),
    "WARC 1.0 with brackets": packed(
        info(version="WARC/1.0"), record(version="WARC/1.0", WARC_Target_URI=f"<{URI}>")
    ),
    "chunked with extension and trailer": packed(
        info(), record(block=CHUNKED, WARC_Payload_Digest=sha1(b"story"))
    ),
    "content-encoded": packed(info(), record(block=ENCODED)),
    "a status of too many digits": packed(info(), record(block=PLAIN.replace(b" 200 ", b" 1000 "))),
    "answer to HEAD before its request": packed(
        info(),
        record(block=HEAD_ANSWER),
        record("request", HEAD_REQUEST, WARC_Record_ID=SECOND, WARC_Concurrent_To=FIRST),
    ),
    "answer to HEAD after its request": packed(
        info(),
        record("request", HEAD_REQUEST),
        record(block=HEAD_ANSWER, WARC_Record_ID=SECOND, WARC_Concurrent_To=FIRST),
    ),
    "not modified": packed(info(), record(block=b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")),
    "declared truncated": packed(
        info(),
        record(block=PLAIN[:-2], WARC_Truncated="disconnect"),
        record(
            block=CHUNKED[:-20],
            WARC_Record_ID=SECOND,
            WARC_Truncated="time",
            WARC_Payload_Digest=sha1(dechunk(body(CHUNKED[:-20]))),
        ),
    ),
    "revisit": packed(info(), record(), record("revisit", REVISIT_BLOCK, **REVISIT)),
    "references forward and back": packed(
        info(),
        record("request", REQUEST, WARC_Concurrent_To=SECOND, WARC_Warcinfo_ID=INFO),
        record(WARC_Record_ID=SECOND, WARC_Concurrent_To=FIRST),
    ),
    "other digests": packed(
        info(),
        record(
            WARC_Block_Digest=f"sha256:{hashlib.sha256(PLAIN).hexdigest()}",
            WARC_Payload_Digest=f"md5:{base64.b32encode(hashlib.md5(b'story').digest()).decode()}",
        ),
        record(
            WARC_Record_ID=SECOND,
            WARC_Block_Digest="SHA-1:" + hashlib.sha1(PLAIN).hexdigest().upper(),
            WARC_Payload_Digest=f"sha-512:{base64.b64encode(hashlib.sha512(b'story').digest()).decode()}",
        ),
    ),
    "a resource and its metadata": packed(
        info(),
        record("resource", b"text", WARC_Payload_Digest=sha1(b"text")),
        record("metadata", b"a: b\r\n", WARC_Record_ID=SECOND, WARC_Target_URI=None),
    ),
    "a folded header and a fraction of a second": packed(
        info(), record(WARC_Date="2026-03-04T05:06:07.123456Z", WARC_Type="response\r\n ")
    ),
    "a revisit of what was not modified": packed(
        info(),
        record(),
        record(
            "revisit",
            b"",
            WARC_Record_ID=SECOND,
            Content_Type="application/http; msgtype=response",
            WARC_Profile="http://netpreserve.org/warc/1.1/revisit/server-not-modified",
            WARC_Payload_Digest=sha1(b"story"),
            WARC_Refers_To_Target_URI=URI,
            WARC_Refers_To_Date=DATE,
        ),
    ),
    "a payload in two segments": packed(
        info(),
        record(block=PLAIN[:-2], WARC_Segment_Number=1, WARC_Payload_Digest=sha1(b"story")),
        record(
            "continuation",
            PLAIN[-2:],
            WARC_Record_ID=SECOND,
            WARC_Segment_Number=2,
            WARC_Segment_Origin_ID=FIRST,
            Content_Type=None,
        ),
    ),
    "no reason phrase, no framing": packed(
        info(), record(block=b"HTTP/1.0 200\r\nX: 1\r\n\r\nuntil it closes")
    ),
    "a part of an encoded body": packed(
        info(), record(block=b"HTTP/1.1 206 Partial\r\nContent-Encoding: gzip\r\n\r\nmiddle")
    ),
    "a WARC file as the body": info() + record(block=b"HTTP/1.1 200 OK\r\n\r\n" + record()),
    "an empty block": packed(info(), record("metadata", b"", Content_Type=None)),
    "a DNS answer": packed(
        info(),
        record(
            block=b"20260304050607\nexample.org. 60 IN A 192.0.2.1\n",
            WARC_Target_URI="dns:example.org",
            Content_Type="text/dns",
            WARC_Payload_Digest=None,
        ),
    ),
}

NO_DIGEST = {"WARC_Block_Digest": None, "WARC_Payload_Digest": None}
_STORED = packed(record(), level=0)
_FLIPPED = _STORED[:11] + bytes([_STORED[11] ^ 0xFF]) + _STORED[12:]
"One byte of the length of a stored block is wrong."
TORN = packed(record(WARC_Record_ID=SECOND), level=0)[:-60]
BROKEN: dict[str, tuple[bytes, list[str]]] = {
    # what a comparison of checkers found missed, or alarms that were false
    "chunked, digest of the framing": (
        packed(info(), record(block=CHUNKED)),
        ["payload_digest_over_framing"],
    ),
    "declared chunked, is not": (
        packed(info(), record(block=PLAIN.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked"))),
        ["http_not_chunked"],
    ),
    "declared gzip, is not": (
        packed(info(), record(block=PLAIN.replace(b"Content-Type: text/plain", b"Content-Encoding: gzip"))),
        ["http_not_encoded"],
    ),
    "HTTP length beyond the body": (
        packed(info(), record(block=PLAIN.replace(b": 5", b": 6"))),
        ["http_length_mismatch"],
    ),
    "HTTP length short of the body": (
        packed(info(), record(block=PLAIN.replace(b": 5", b": 4"))),
        ["http_length_mismatch"],
    ),
    "block tampered with": (
        packed(info(), TAMPERED),
        ["block_digest_mismatch", "payload_digest_mismatch"],
    ),
    "payload digest wrong": (
        packed(info(), record(WARC_Payload_Digest=sha1(b"stork"))),
        ["payload_digest_mismatch"],
    ),
    "record length too short": (
        packed(info(), record(Content_Length=len(PLAIN) - 10)),
        ["content_length_too_short"],
    ),
    "record length too long": (
        packed(info(), record(Content_Length=len(PLAIN) + 10)),
        ["content_length_too_long"],
    ),
    "truncated last member": (packed(info(), record())[:-30], ["member_truncated"]),
    "torn member, then good data": (packed(info()) + TORN + packed(record(), level=0), ["member_torn"]),
    "garbage between members": (
        packed(info()) + b"garbage" + packed(record()),
        ["garbage_between_members"],
    ),
    "one gzip member for the whole file": (
        packed(info() + record() + record(WARC_Record_ID=SECOND)),
        ["member_holds_many_records"],
    ),
    "no date": (packed(info(), record(WARC_Date=None)), ["date_missing"]),
    "no record id": (packed(info(), record(WARC_Record_ID=None)), ["record_id_missing"]),
    "a record id twice": (packed(info(), record(), record()), ["record_id_repeated"]),
    "a line break in the URI": (
        packed(info(), record(WARC_Target_URI=f"{URI}\r\nX-Injected: yes")),
        ["header_unknown"],
    ),
    "a line break in the URI that repeats a field": (
        packed(info(), record(WARC_Target_URI=f"{URI}\r\nWARC-Type: request")),
        ["header_repeated"],
    ),
    "a bare line feed in the URI": (
        packed(info(), record(WARC_Target_URI=f"{URI}\nmore")),
        ["header_line_end", "header_syntax"],
    ),
    "a bare carriage return in the URI": (
        packed(info(), record(WARC_Target_URI=f"{URI}\rmore")),
        ["header_line_end", "target_uri_with_control"],
    ),
    "a URI that is not ASCII": (packed(info(), record(WARC_Target_URI=URI + "é")), ["target_uri_not_ascii"]),
    "a URI that is not even UTF-8": (
        packed(info(), record(WARC_Target_URI=URI + "é").replace("é".encode(), b"\xe9")),
        ["header_not_utf8", "target_uri_not_ascii"],
    ),
    "mixed versions": (packed(info(), record(version="WARC/1.0")), ["versions_mixed"]),
    "no CRLFCRLF": (packed(info(), record(end=b"")), ["record_end_missing"]),
    "no CRLFCRLF, another record behind": (
        info() + record(end=b"") + record(WARC_Record_ID=SECOND),
        ["record_end_missing"],
    ),
    "no digests": (packed(info(), record(**NO_DIGEST)), ["digest_missing"]),  # type: ignore[arg-type]
    "a space in the URI": (packed(info(), record(WARC_Target_URI=URI + " b")), ["target_uri_with_space"]),
    "an interim answer in the block": (
        packed(
            info(),
            record(
                block=b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + PLAIN,
                WARC_Payload_Digest=sha1(b"story"),
            ),
        ),
        ["interim_in_block"],
    ),
    # and more
    "nothing at all": (b"", ["file_empty"]),
    "no WARC": (b"<html></html>", ["not_a_warc"]),
    "packed, but no WARC": (packed(b"<html></html>"), ["not_a_warc"]),
    "packed, and nothing that is known": (packed(b"\0\1\2"), ["member_without_record"]),
    "no block, and the digest of another payload": (
        packed(info(), record(block=b"", WARC_Payload_Digest=sha1(b"story"))),
        ["payload_digest_mismatch"],
    ),
    "a draft of the standard": (
        packed(info(version="WARC/0.18"), record(version="WARC/0.18")),
        ["version_draft", "version_draft"],
    ),
    "a date without a zone": (packed(info(), record(WARC_Date="2026-03-04T05:06:07")), ["date_variant"]),
    "the day of the year as that of the month": (
        packed(info(), record(WARC_Date="2009-03-65T08:43:19-0800")),
        ["date_variant"],
    ),
    "a date that is no date": (packed(info(), record(WARC_Date="in spring")), ["date_form"]),
    "garbage at the start": (b"xx" + packed(info(), record()), ["garbage_at_start"]),
    "garbage at the end": (packed(info(), record()) + b"\0" * 40, ["garbage_at_end"]),
    "garbage behind a record": (
        packed(info(), record() + b"garbage"),
        ["bytes_between_records"],
    ),
    "a checksum that is wrong": (
        packed(info(), record())[:-8] + b"\0" * 8,
        ["member_checksum"],
    ),
    "damage in the middle of a member": (
        packed(info()) + _FLIPPED + packed(record(WARC_Record_ID=SECOND)),
        ["member_corrupt"],
    ),
    "damage in the middle of the last member": (packed(info()) + _FLIPPED, ["member_corrupt"]),
    "an empty member": (packed(info(), b"", record()), ["member_without_record"]),
    "a head of HTTP that is endless": (
        packed(
            info(),
            record(block=b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000, WARC_Payload_Digest=None),
        ),
        ["http_head_too_long"],
    ),
    "an unknown version": (packed(info(version="WARC/2.0")), ["version_unknown"]),
    "no type": (packed(info(), record(WARC_Type=None)), ["type_missing"]),
    "an unknown type": (packed(info(), record(WARC_Type="story")), ["type_unknown"]),
    "no length": (packed(info(), record(Content_Length=None)), ["content_length_missing"]),
    "a length that is no number": (packed(info(), record(Content_Length="-1")), ["content_length_form"]),
    "no target": (packed(info(), record(WARC_Target_URI=None)), ["target_uri_missing"]),
    "a relative target": (packed(info(), record(WARC_Target_URI="/a")), ["target_uri_form"]),
    "no content type": (
        packed(info(), record(Content_Type=None)),
        ["content_type_missing"],
    ),
    "a date that never was": (packed(info(), record(WARC_Date="2026-02-30T05:06:07Z")), ["date_form"]),
    "an id without brackets": (packed(info(), record(WARC_Record_ID="urn:uuid:1")), ["record_id_form"]),
    "an address that is none": (packed(info(), record(WARC_IP_Address="example.org")), ["ip_address_form"]),
    "a header without a colon": (packed(info(), record(WARC_Date=f"{DATE}\r\nword")), ["header_syntax"]),
    "a digest that is none": (packed(info(), record(WARC_Block_Digest="abc")), ["digest_form"]),
    "a digest too short": (packed(info(), record(WARC_Block_Digest="sha1:abc")), ["digest_form"]),
    "a digest nobody knows": (
        packed(info(), record(WARC_Block_Digest="crc:abc")),
        ["digest_algorithm_unknown"],
    ),
    "a head without an end": (packed(info(), record()[:40]), ["header_unfinished"]),
    "no warcinfo": (packed(record()), ["warcinfo_not_first"]),
    "another file's name": (packed(info(WARC_Filename="other.warc.gz"), record()), ["filename_differs"]),
    "a length that takes in the record's end": (
        packed(info(), record(Content_Length=len(PLAIN) + 4)),
        ["content_length_too_long"],
    ),
    "a length that runs into the next record": (
        info() + record(Content_Length=len(PLAIN) + 40) + record(WARC_Record_ID=SECOND),
        ["content_length_too_long"],
    ),
    "a length that runs into the next record of one member": (
        packed(info() + record(Content_Length=len(PLAIN) + 40) + record(WARC_Record_ID=SECOND)),
        ["content_length_too_long", "member_holds_many_records"],
    ),
    "a length short of a block that is not packed": (
        info() + record(Content_Length=5) + record(WARC_Record_ID=SECOND),
        ["content_length_too_short"],
    ),
    "a block cut off that is not packed": (
        (info() + record())[:-20],
        ["content_length_too_long"],
    ),
    "a revisit that says nothing": (
        packed(info(), record("revisit", REVISIT_BLOCK)),
        ["revisit_without_profile", "revisit_without_refers_to"],
    ),
    "a revisit without its digest": (
        packed(
            info(), record(), record("revisit", REVISIT_BLOCK, **{**REVISIT, "WARC_Payload_Digest": None})
        ),
        ["revisit_without_digest"],
    ),
    "a revisit of a revisit": (
        packed(
            info(),
            record(),
            record("revisit", REVISIT_BLOCK, **REVISIT),
            record(
                "revisit",
                REVISIT_BLOCK,
                **{**REVISIT, "WARC_Record_ID": THIRD, "WARC_Refers_To": SECOND},
            ),
        ),
        ["refers_to_revisit"],
    ),
    "references that lead nowhere": (
        packed(
            info(),
            record(WARC_Concurrent_To=THIRD, WARC_Warcinfo_ID=THIRD, WARC_Refers_To=THIRD),
        ),
        ["concurrent_to_unresolved", "refers_to_unresolved", "warcinfo_id_unresolved"],
    ),
    "a body that is missing": (
        packed(
            info(),
            record(block=HEAD_ANSWER),
            record("request", REQUEST, WARC_Record_ID=SECOND, WARC_Concurrent_To=FIRST),
        ),
        ["http_body_missing"],
    ),
    "a block that is no HTTP": (
        packed(info(), record(block=b"story\r\n\r\nmore", WARC_Payload_Digest=None)),
        ["http_start_line"],
    ),
    "a head of HTTP without an end": (
        packed(info(), record(block=PLAIN[:30], WARC_Payload_Digest=None)),
        ["http_head_unfinished"],
    ),
    "chunks that break off": (
        packed(info(), record(block=CHUNKED.replace(b"3;", b"x;"), WARC_Payload_Digest=sha1(b"st"))),
        ["http_chunks_broken"],
    ),
    "chunks without a last one": (
        packed(info(), record(block=CHUNKED[:-17], WARC_Payload_Digest=sha1(b"story"))),
        ["http_chunks_incomplete"],
    ),
    "bytes behind the last chunk": (
        packed(info(), record(block=CHUNKED + b"x", WARC_Payload_Digest=sha1(b"story"))),
        ["http_bytes_after_body"],
    ),
    "a continuation of nothing": (
        packed(info(), record("continuation", b"text")),
        ["segment_fields_missing"],
    ),
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_file_has_no_problem(tmp_path: Path, kind: str) -> None:
    assert problems(tmp_path, GOOD[kind]) == []


@pytest.mark.parametrize("kind", BROKEN)
def test_damage_is_named_and_nothing_else_is(tmp_path: Path, kind: str) -> None:
    content, expected = BROKEN[kind]
    assert codes(tmp_path, content) == expected


@pytest.mark.parametrize("kind", ["packed by record", "not packed"])
def test_small_blocks_change_nothing(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of three bytes meet every place where data may be split."""
    monkeypatch.setattr(members_module, "PIECE_BYTES", 3)
    for content in (GOOD[kind], GOOD["chunked with extension and trailer"]):
        assert problems(tmp_path, content) == []


@pytest.mark.parametrize("kind", BROKEN)
def test_damage_is_named_the_same_whatever_the_pieces(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members_module, "PIECE_BYTES", 7)
    monkeypatch.setattr(members_module, "FIRST_STEP", 5)
    monkeypatch.setattr(members_module, "READ_BYTES", 11)
    content, expected = BROKEN[kind]
    assert codes(tmp_path, content) == expected


def test_a_problem_says_where_and_which_record(tmp_path: Path) -> None:
    first = packed(info())
    (found,) = problems(tmp_path, first + packed(record(WARC_Date="today")))
    assert found == WarcProblem(
        file=str(tmp_path / NAME),
        offset=len(first),
        record_id=FIRST,
        code="date_form",
        message="'today' is not a UTC time such as 2026-01-31T08:30:00Z",
    )
    (found,) = problems(tmp_path, info() + record(WARC_Date="today"))
    assert found.offset == len(info())


def test_good_data_behind_every_cut_is_still_checked(tmp_path: Path) -> None:
    """Wherever a member was torn, the record behind it is read: its own defect is found."""
    whole = packed(record())
    behind = packed(record(WARC_Record_ID=SECOND, WARC_Date="today"))
    for cut in range(len(whole)):
        found = problems(tmp_path, packed(info()) + whole[:cut] + behind)
        assert [one.record_id for one in found if one.code == "date_form"] == [SECOND], cut
        breaks = [one.code for one in found if one.code != "date_form"]
        assert breaks == ([] if cut == 0 else ["garbage_between_members"] if cut == 1 else ["member_torn"]), (
            cut
        )


def test_every_cut_of_the_last_member_is_a_problem(tmp_path: Path) -> None:
    first, last = packed(info()), packed(record())
    for cut in range(1, len(last)):
        found = problems(tmp_path, first + last[:cut])
        assert [one.offset for one in found] == [len(first)], cut


def test_a_reference_may_lead_into_another_file_of_the_set(tmp_path: Path) -> None:
    old, new = tmp_path / "old.warc.gz", tmp_path / "new.warc.gz"
    old.write_bytes(packed(info(WARC_Filename=old.name), record()))
    other_info = info(WARC_Filename=new.name, WARC_Record_ID=THIRD)
    new.write_bytes(packed(other_info, record("revisit", REVISIT_BLOCK, **REVISIT)))
    assert [one.code for one in verify_warc(new)] == ["refers_to_unresolved"]
    assert list(verify_warcs([new, old])) == []
    assert [one.code for one in verify_warcs([old, old])] == ["record_id_repeated"] * 2


def test_a_file_that_cannot_be_read_is_a_problem_and_the_next_is_read(tmp_path: Path) -> None:
    fine = tmp_path / NAME
    fine.write_bytes(packed(info(), record(WARC_Date="today")))
    found = list(verify_warcs([tmp_path / "gone.warc.gz", tmp_path, fine]))
    assert [one.code for one in found] == ["file_unreadable", "file_unreadable", "date_form"]


def test_a_file_broken_in_too_many_places_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members_module, "MAX_BROKEN", 3)
    torn = packed(record(), level=0)[:-20]
    found = codes(tmp_path, packed(info()) + torn * 9)
    assert found == ["file_given_up", "member_torn", "member_torn", "member_torn"]


def test_few_places_that_look_like_members_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members_module, "MAX_ATTEMPTS", 3)
    fakes = b"\x1f\x8b\x08\x00 " * 3
    behind = packed(info(), record())
    assert codes(tmp_path, b"x" + fakes[:10] + behind) == ["garbage_at_start"]
    assert codes(tmp_path, b"x" + fakes + behind) == ["not_a_warc"]


def test_noise_is_passed_over_in_one_go(tmp_path: Path) -> None:
    """Were each of these lines taken for a record with a long head, this would take an hour."""
    content = info(WARC_Filename=None) + b"WARC/1.1\r\n" * 500_000
    found = codes(tmp_path, content)
    assert set(found) == {"header_unfinished"}
    behind = record(WARC_Date="today")
    assert "date_form" in codes(tmp_path, content + behind)


def test_every_code_is_shown_by_a_test() -> None:
    elsewhere = {"file_unreadable", "file_given_up", *get_args(IndexCode), *get_args(FormatCode)}
    all_codes = {code for part in get_args(ProblemCode) for code in get_args(part)}
    assert {code for _, found in BROKEN.values() for code in found} | elsewhere == all_codes


def test_every_code_has_a_level_and_a_clause() -> None:
    assert set(RULES) == {code for part in get_args(ProblemCode) for code in get_args(part)}
    assert all(rule.clause for rule in RULES.values())


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("block tampered with", "error"),
        ("payload digest wrong", "error"),
        ("no block, and the digest of another payload", "error"),
        ("truncated last member", "error"),
        ("no date", "error"),
        ("no warcinfo", "warning"),
        ("another file's name", "warning"),
        ("no digests", "warning"),
        ("an unknown type", "warning"),
        ("a draft of the standard", "warning"),
        ("mixed versions", "warning"),
    ],
)
def test_a_recommendation_is_a_warning_and_damage_an_error(tmp_path: Path, kind: str, level: str) -> None:
    assert {problem.level for problem in problems(tmp_path, BROKEN[kind][0])} == {level}


def test_progress_tells_every_byte_once(tmp_path: Path) -> None:
    content = packed(info(), record())[:-9]
    (tmp_path / NAME).write_bytes(content)
    advances: list[int] = []
    list(verify_warcs([tmp_path / NAME], advances.append))
    assert sum(advances) == len(content)


def test_a_block_larger_than_memory_allows_is_streamed(tmp_path: Path) -> None:
    import tracemalloc

    size = 64 << 20
    block = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)
    path = tmp_path / NAME
    path.write_bytes(packed(info()) + packed(record(block=block), level=1))
    del block
    tracemalloc.start()
    try:
        assert list(verify_warc(path)) == []
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def exchange(received: bytes, sent: bytes = REQUEST, **more: object) -> HttpExchange:
    started = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)
    return HttpExchange(url=URI + "é ü", started=started, sent=sent, received=received, **more)  # type: ignore[arg-type]


def test_what_we_write_is_clean(tmp_path: Path) -> None:
    numbers = count(1)
    writer = WarcWriter(
        folder=tmp_path,
        names=WarcNameTemplate(prefix="echo", host="news host", pid=42),
        info=(("software", "newscrawl"),),
        now=lambda: datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
        new_id=lambda: f"<urn:uuid:00000000-0000-4000-8000-{next(numbers):012}>",
        max_bytes=2500,
    )
    for one in (
        exchange(PLAIN, ip="192.0.2.1", tls_version="TLSv1.3", cipher="TLS_AES_128_GCM_SHA256"),
        exchange(CHUNKED),
        exchange(ENCODED),
        exchange(b"HTTP/1.1 103 Early Hints\r\n\r\n" + PLAIN),
        exchange(PLAIN[:-2], truncated="disconnect"),
        exchange(CHUNKED[:-20], truncated="time"),
        exchange(HEAD_ANSWER, HEAD_REQUEST),
        exchange(b"HTTP/1.0 200 Fine, Really\r\nX :1\r\n folded\r\ncaf\xe9: \xff\r\n\r\nuntil it closes"),
        exchange(b"SSH-2.0-OpenSSH\r\n"),
        exchange(b""),
        exchange(b"", b""),
    ):
        writer.write(one)
    writer.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) > 1
    assert list(verify_warcs(files)) == []
    for file in files:
        assert list(verify_warc(file)) == []


RECORDS = (
    info(),
    record(block=CHUNKED, WARC_Payload_Digest=sha1(b"story")),
    record("request", REQUEST, WARC_Record_ID=SECOND, WARC_Concurrent_To=FIRST),
    record("revisit", REVISIT_BLOCK, **{**REVISIT, "WARC_Record_ID": THIRD}),
)
WHOLE, UNPACKED = packed(*RECORDS), b"".join(RECORDS)
MUTATION = st.tuples(st.integers(0, 3), st.integers(0, 5000), st.binary(min_size=1, max_size=12))


def mutated(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for how, place, new in changes:
        at = place % (len(data) + 1)
        if how == 0:
            data = data[:at] + new + data[at + len(new) :]
        elif how == 1:
            data = data[:at] + new + data[at:]
        elif how == 2:
            data = data[:at] + data[at + len(new) * 5 :]
        else:
            data = data[:at] + data[: len(new) * 40] + data[at:]
    return data


BASES = {
    "packed": WHOLE,
    "not packed": UNPACKED,
    "one member": packed(UNPACKED),
}


@pytest.mark.parametrize("base", BASES)
@given(changes=st.lists(MUTATION, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_raise(tmp_path: Path, base: str, changes: list[tuple[int, int, bytes]]) -> None:
    check_any_problems(tmp_path, mutated(BASES[base], changes))


@given(changes=st.lists(MUTATION, min_size=1, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_records_raise_that_are_packed_after_the_damage(
    tmp_path: Path, changes: list[tuple[int, int, bytes]]
) -> None:
    check_any_problems(tmp_path, packed(info(), mutated(UNPACKED, changes)))


def check_any_problems(folder: Path, content: bytes) -> None:
    for problem in problems(folder, content):
        assert problem.code.replace("_", "").isalnum()
        assert 0 <= problem.offset <= len(content)
        assert problem.message.isprintable()


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_no_record_head_raises(raw: bytes) -> None:
    for code, message in check_head(parse_head(b"WARC/1.1\r\n" + raw)):
        assert code
        assert message


CHUNKY = st.lists(
    st.sampled_from(
        [b"0", b"1", b"5", b"a", b";x=y", b"\r\n", b"\n", b"\r", b"hello", b" ", b"T: 1", b"0" * 17]
    ),
    max_size=25,
)


@given(CHUNKY, st.integers(1, 9))
@settings(max_examples=300, deadline=None)
def test_chunks_give_the_same_entity_whatever_the_pieces(parts: list[bytes], step: int) -> None:
    data = b"".join(parts)
    chunks = Dechunker()
    found = [part for at in range(0, len(data), step) for part in chunks.feed(data[at : at + step])]
    assert b"".join(found) == dechunk(data)


@pytest.mark.parametrize("step", [1, 7, 5000])
@pytest.mark.parametrize("zeros", [1, 16, 20, 900])
def test_chunk_sizes_may_be_filled_up_with_zeros(zeros: int, step: int) -> None:
    fill = b"0" * zeros
    data = b"%b5\r\nhello\r\n%b\r\n\r\n" % (fill, fill)
    chunks = Dechunker()
    found = [part for at in range(0, len(data), step) for part in chunks.feed(data[at : at + step])]
    assert b"".join(found) == b"hello"
    assert chunks.has_chunk
    assert chunks.is_complete
    assert not chunks.is_broken
    assert not chunks.has_bytes_after


def test_the_docs_list_every_problem_with_level_and_clause() -> None:
    page = (Path(__file__).parents[3] / "docs" / "archive.md").read_text(encoding="utf-8")
    table = page.partition("<!-- problems -->\n")[2].partition("<!-- /problems -->")[0]
    rows = [f"| `{code}` | {rule.level} | {rule.clause} |" for code, rule in RULES.items()]
    assert table.splitlines() == ["| problem | level | clause |", "|---|---|---|", *rows]
