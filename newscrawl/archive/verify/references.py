"""What records say of each other: ids that come twice, references that lead nowhere, answers to HEAD."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from newscrawl.archive.verify.headers import RecordHead
from newscrawl.archive.verify.problem import Code, Fault, Problem, shown

MAX_WAITING = 200_000
"References (and answers) that are remembered until what they need turns up."
_FIELDS: dict[str, Code] = {
    "warc-concurrent-to": "concurrent_to_unresolved",
    "warc-warcinfo-id": "warcinfo_id_unresolved",
    "warc-refers-to": "refers_to_unresolved",
}
_Key = bytes


@dataclass
class References:
    """Of a whole set of files; an id costs 16 bytes and their place in a set."""

    _seen: set[_Key] = field(default_factory=set)
    _revisits: set[_Key] = field(default_factory=set)
    _waiting: dict[_Key, list[Problem]] = field(default_factory=dict)
    _count: int = 0
    _asked_by_head: set[_Key] = field(default_factory=set)
    _bodiless: dict[_Key, tuple[Problem, tuple[_Key, ...]]] = field(default_factory=dict)

    def faults(self, head: RecordHead) -> Iterator[Fault]:
        """What is wrong with a record in the light of those before it."""
        record_id = head.record_id
        if not record_id:
            return
        key = _key(record_id)
        if key in self._seen:
            yield "record_id_repeated", f"{shown(record_id)} names an earlier record too"
        if head.kind == "revisit":
            self._revisits.add(key)
            target = head.one("warc-refers-to")
            if target and _key(target) in self._revisits:
                yield "refers_to_revisit", f"{shown(target)} is itself a revisit"
        self._seen.add(key)
        self._count -= len(self._waiting.pop(key, ()))

    def follow(self, head: RecordHead, file: str, offset: int) -> None:
        """Remember the references of a record that lead to nothing seen so far."""
        for name, code in _FIELDS.items():
            for target in head.fields.get(name, ()):
                key = _key(target)
                if key in self._seen or self._count >= MAX_WAITING:
                    continue
                text = f"{name} {shown(target)} leads to no record of these files"
                found = Problem(file=file, offset=offset, record_id=head.record_id, code=code, message=text)
                self._waiting.setdefault(key, []).append(found)
                self._count += 1

    def asked_by_head(self, head: RecordHead) -> None:
        """Note a HEAD request, whose answer has no body."""
        self._asked_by_head.update(_exchange_keys(head))

    def without_body(self, head: RecordHead, file: str, offset: int) -> None:
        """Note a response that promises a body and has none, until its request is known."""
        keys = _exchange_keys(head)
        if keys and len(self._bodiless) < MAX_WAITING and self._asked_by_head.isdisjoint(keys):
            found = Problem(
                file=file,
                offset=offset,
                record_id=head.record_id,
                code="http_body_missing",
                message="the HTTP headers tell of a body, none is there, and no HEAD request asked",
            )
            self._bodiless[keys[0]] = found, keys

    def unresolved(self) -> Iterator[Problem]:
        """What is still open when all files have been read."""
        for problems in self._waiting.values():
            yield from problems
        for problem, keys in self._bodiless.values():
            if self._asked_by_head.isdisjoint(keys):
                yield problem


def _exchange_keys(head: RecordHead) -> tuple[_Key, ...]:
    """The record itself and those it says it belongs with."""
    names = ([head.record_id] if head.record_id else []) + head.fields.get("warc-concurrent-to", [])
    return tuple(map(_key, names))


def _key(record_id: str) -> _Key:
    # Brackets are left out by some writers in references alone; that is told where the id itself stands.
    bare = record_id.strip("<>").encode("utf-8", "surrogatepass")
    return hashlib.blake2b(bare, digest_size=16).digest()
