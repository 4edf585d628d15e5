"""Digests of WARC headers: `algorithm:value`, the value in Base32, hex or Base64."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Protocol

from newscrawl.archive.verify.problem import Fault, shown

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
