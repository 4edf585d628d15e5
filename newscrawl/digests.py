"""Digests of texts and of JSON values, for ids and comparisons."""

from __future__ import annotations

import json
from hashlib import blake2b, sha256

SHORT_DIGITS = 16
"Hex digits that tell a few thousand settings or outlet files apart."


def blake2b_digest(text: str, size: int) -> bytes:
    """`size` bytes; lone surrogates count as question marks."""
    return blake2b(text.encode("utf-8", "replace"), digest_size=size).digest()


def json_digest(data: object, digits: int = 64) -> str:
    """The first hex digits of the SHA-256 of a JSON value, whatever the order of its keys."""
    return sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:digits]
