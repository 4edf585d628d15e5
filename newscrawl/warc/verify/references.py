"""What a set of WARC files has in common: record ids, references to them, requests of responses.

A file is checked by itself and becomes events, in the order of its records. Only these are applied to what is
known of the files before it, so that files can be checked at the same time, also on other machines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from newscrawl.warc.verify.headers import RecordHead
from newscrawl.warc.verify.problems import Fault, ProblemCode, WarcProblem, locate_fault, quote_value

MAX_WAITING = 200_000
"References, and responses without a body, that wait for the record that explains them."
MAX_PENDING = 1000
"Problems that wait until it is clear whether their gzip member is sound."
_REFERENCES: dict[str, ProblemCode] = {
    "warc-concurrent-to": "concurrent_to_unresolved",
    "warc-warcinfo-id": "warcinfo_id_unresolved",
    "warc-refers-to": "refers_to_unresolved",
}
_REFERENCE_HEADERS = ("warc-type", "warc-record-id", *_REFERENCES)
_BODY_MISSING: Fault = (
    "http_body_missing",
    "the HTTP headers declare a body, there is none, and the request was not HEAD",
)
_Key = bytes
"Hash of a record id."


@dataclass(frozen=True, slots=True)
class RecordReferences:
    """The id of a record and those that it refers to."""

    head: RecordHead
    "With the headers that matter here alone."
    file: str
    offset: int


class HeadRequest(RecordReferences):
    """A HEAD request, whose response has no body."""

    __slots__ = ()


class BodilessResponse(RecordReferences):
    """A response that declares a body but has none."""

    __slots__ = ()


Verdict = Literal["sound", "damaged"]
"`sound`: the problems so far count. `damaged`: those since the last sound record do not."
Event = WarcProblem | RecordReferences | Verdict


def reduce_head(head: RecordHead) -> RecordHead:
    """The head with nothing but the record's type, its id and its references."""
    return RecordHead(fields={name: head.fields[name] for name in _REFERENCE_HEADERS if name in head.fields})


@dataclass
class References:
    """The record ids of a set of files and the references between them; an id takes 16 bytes in a set."""

    _ids: set[_Key] = field(default_factory=set)
    _revisits: set[_Key] = field(default_factory=set)
    _waiting: dict[_Key, list[WarcProblem]] = field(default_factory=dict)
    _count: int = 0
    _head_requests: set[_Key] = field(default_factory=set)
    _bodiless: dict[_Key, tuple[WarcProblem, tuple[_Key, ...]]] = field(default_factory=dict)

    def apply(self, events: Iterable[Event]) -> Iterator[WarcProblem]:
        """The problems of a file, those in relation to the records before it among them.

        Of a damaged gzip member those after its last whole record do not count.
        """
        pending: list[WarcProblem] = []
        for event in events:
            if event == "sound":
                yield from pending
                pending.clear()
            elif event == "damaged":
                pending.clear()
            else:
                for problem in self._find_problems(event):
                    pending.append(problem)
                    if len(pending) > MAX_PENDING:
                        yield from pending
                        pending.clear()
        yield from pending

    def _find_problems(self, event: WarcProblem | RecordReferences) -> Iterable[WarcProblem]:
        if isinstance(event, WarcProblem):
            return (event,)
        if isinstance(event, HeadRequest):
            self._head_requests.update(_exchange_keys(event.head))
        elif isinstance(event, BodilessResponse):
            self._add_bodiless(event)
        else:
            problems = [
                locate_fault(fault, event.file, event.offset, event.head.record_id)
                for fault in self._faults(event.head)
            ]
            self._follow(event)
            return problems
        return ()

    def _faults(self, head: RecordHead) -> Iterator[Fault]:
        """Problems of a record in relation to those before it."""
        record_id = head.record_id
        if not record_id:
            return
        key = _hash_id(record_id)
        if key in self._ids:
            yield "record_id_repeated", f"{quote_value(record_id)} is the id of an earlier record too"
        if head.kind == "revisit":
            self._revisits.add(key)
            target = head.first("warc-refers-to")
            if target and _hash_id(target) in self._revisits:
                yield "refers_to_revisit", f"{quote_value(target)} is itself a revisit"
        self._ids.add(key)
        self._count -= len(self._waiting.pop(key, ()))

    def _follow(self, record: RecordReferences) -> None:
        """Remember the references of a record that have no target so far."""
        for name, code in _REFERENCES.items():
            for target in record.head.fields.get(name, ()):
                key = _hash_id(target)
                if key in self._ids or self._count >= MAX_WAITING:
                    continue
                fault = code, f"{name} {quote_value(target)} refers to no record in these files"
                problem = locate_fault(fault, record.file, record.offset, record.head.record_id)
                self._waiting.setdefault(key, []).append(problem)
                self._count += 1

    def _add_bodiless(self, response: BodilessResponse) -> None:
        """Note a response without its body until its request is found."""
        keys = _exchange_keys(response.head)
        if keys and len(self._bodiless) < MAX_WAITING and self._head_requests.isdisjoint(keys):
            problem = locate_fault(_BODY_MISSING, response.file, response.offset, response.head.record_id)
            self._bodiless[keys[0]] = problem, keys

    def unresolved(self) -> Iterator[WarcProblem]:
        """The problems that remain when all files have been read."""
        for problems in self._waiting.values():
            yield from problems
        for problem, keys in self._bodiless.values():
            if self._head_requests.isdisjoint(keys):
                yield problem


def _exchange_keys(head: RecordHead) -> tuple[_Key, ...]:
    """Keys of the record and of the records that it refers to as concurrent."""
    ids = ([head.record_id] if head.record_id else []) + head.fields.get("warc-concurrent-to", [])
    return tuple(map(_hash_id, ids))


def _hash_id(record_id: str) -> _Key:
    # Some writers omit the brackets in references only; a missing bracket is reported for the id itself.
    bare = record_id.strip("<>").encode("utf-8", "surrogatepass")
    return hashlib.blake2b(bare, digest_size=16).digest()
