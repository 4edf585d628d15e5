"""Answers with something wrong in them, the same ones for the same dice."""

from __future__ import annotations

import random
import re

from wire.server import ANSWERS

SEEDS = [raw for answer in ANSWERS.values() if 0 < len(raw := b"".join(answer.pieces)) < 20_000]
ODD = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b":",
    b" ",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"\xff",
]
ODD += [
    b"HTTP/1.1 ",
    b"HTTP/1.1 100 \r\n\r\n",
    b"WARC/1.1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"\x1f\x8b",
]
ODD += [b"Content-Encoding: gzip\r\n", b"Content-Encoding: br\r\n", b"Content-Encoding: zstd\r\n"]


def mutate(raw: bytes, dice: random.Random) -> bytes:
    """`raw` with up to four things done to it."""
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(min(len(raw), 400) + 1)
        end = at + dice.choice((0, 1, 1, 5, 60))
        what = dice.randrange(4)
        if what == 0:
            raw = raw[:at] + dice.choice(ODD) + raw[end:]
        elif what == 1:
            raw = raw[:at] + dice.randbytes(end - at) + raw[end:]
        elif what == 2:
            raw = raw[:at] + raw[at:end] * 3 + raw[end:]
        else:
            raw = raw[: dice.randrange(len(raw) + 1)]
    return raw


ODD_STARTS = [
    b"HTTP/1.1 ",
    b"HTTP/1.1 200",
    b"HTTP/1.1  200 OK",
    b"HTTP/1.1 2000 OK",
    b"HTTP/1.1 -20 OK",
    b"HTTP/1.1 20x OK",
    b"HTTP/1.1 099 OK",
    b"HTTP/1.1 999 ",
    b"HTTP/1.1\t200 OK",
    b"HTTP/1.1 204 OK",
    b"HTTP/1.1 304 OK",
    b"HTTP/1.1 101 Switching Protocols",
    b"HTTP/1.1 100 Continue",
    b"HTTP/2 200",
    b"HTTP/0.9 200 OK",
    b"HTTP/11 200 OK",
    b"http/1.1 200 OK",
    b"HTTP/1.1 200 caf\xe9 \x00",
    b"ICY 200 OK",
    b"\r\nHTTP/1.1 200 OK",
    b"<html>",
]
INTERIM = [
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n",
    b"HTTP/1.1 199\r\n\r\n",
    b"HTTP/1.0 102 Processing\nX: y\n\n",
]
ODD_SIZES = [
    b"",
    b"-1",
    b"0x5",
    b"5;",
    b"5 ; a=b",
    b"ffffffffffffffffff",
    b"1e",
    b"\xff",
    b"00000000",
    b" 5",
    b"+5",
]
_CHUNK_LINE = re.compile(rb"(?<=\r\n)[0-9A-Fa-f]{1,6}(?=[;\r])")


def mutate_message(raw: bytes, dice: random.Random) -> bytes:
    """`raw` as `mutated` would have it, or with a fault of the kind that servers make."""
    for _ in range(dice.randint(1, 3)):
        raw = dice.choice(_MUTATIONS)(raw, dice)
    return raw


def _one_bit_other(raw: bytes, dice: random.Random) -> bytes:
    if not raw:
        return raw
    at = dice.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << dice.randrange(8)]) + raw[at + 1 :]


def _cut(raw: bytes, dice: random.Random) -> bytes:
    return raw[: dice.randrange(len(raw) + 1)]


def _header_twice(raw: bytes, dice: random.Random) -> bytes:
    head, blank, body = raw.partition(b"\r\n\r\n")
    start, *lines = head.split(b"\r\n")
    if lines:
        again = dice.choice(lines)
        lines.insert(dice.randrange(len(lines) + 1), again + dice.choice((b"", b"", b"1", b" ", b", 2")))
    return b"\r\n".join([start, *lines]) + blank + body


def _odd_start(raw: bytes, dice: random.Random) -> bytes:
    _, end, rest = raw.partition(b"\r\n")
    return dice.choice(ODD_STARTS) + end + rest


def _interim_before(raw: bytes, dice: random.Random) -> bytes:
    return b"".join(dice.choices(INTERIM, k=dice.randint(1, 3))) + raw


def _odd_chunk_size(raw: bytes, dice: random.Random) -> bytes:
    places = list(_CHUNK_LINE.finditer(raw))
    if not places:
        return raw
    place = dice.choice(places)
    return raw[: place.start()] + dice.choice(ODD_SIZES) + raw[place.end() :]


def _other_framing(raw: bytes, dice: random.Random) -> bytes:
    start, end, rest = raw.partition(b"\r\n")
    added = dice.choice(
        (
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: identity",
            b"Content-Length: 3",
            b"Content-Length: 99999999999",
            b"Content-Length: 1, 1",
            b"Content-Encoding: gzip, br",
            b"Connection: close",
            b"Upgrade: h2c",
        )
    )
    return start + end + added + end + rest


def _more_behind(raw: bytes, dice: random.Random) -> bytes:
    return raw + dice.choice((b"\r\n", b"x" * 5000, dice.choice(SEEDS)))


_MUTATIONS = (
    mutate,
    _one_bit_other,
    _cut,
    _header_twice,
    _odd_start,
    _interim_before,
    _odd_chunk_size,
    _other_framing,
    _more_behind,
)
