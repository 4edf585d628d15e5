"""`newscrawl verify --on`: the same problems in the same order, found on the workers of a cluster.

A unit is a number of files that follow each other, or the index of a folder. A worker answers with what it
found in them. What has to do with all files, their record ids and references, is left to the process that
asked, which takes the answers in the order of the files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from newscrawl.cli import ui
from newscrawl.cli.worker_archives import WorkerArchives
from newscrawl.engine import Engine
from newscrawl.errors import run_or_blame_machine
from newscrawl.warc.index import INDEX_NAME
from newscrawl.warc.verify import WarcProblem, verify_index
from newscrawl.warc.verify.files import iter_events
from newscrawl.warc.verify.packed_events import pack_events, unpack_events
from newscrawl.warc.verify.references import Event, References

UNIT_BYTES = 64 << 20
"Of files that follow each other; a larger file is a unit by itself."
MAX_ANSWER_BYTES = 32 << 20
"""Of what was found in a unit, which takes about a hundredth of its files. Files with a problem every few
bytes are checked by the process that asked, rather than filling its memory."""
_UNREADABLE = ("file_unreadable", "index_unreadable")
"What a worker's machine may be to blame for: the process that asked looks for itself."


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckUnit:
    """Files, or the index of a folder, that a worker checks."""

    number: int
    archives: WorkerArchives
    files: tuple[Path, ...]
    "As they were named; of an index, its folder alone."
    size: int
    is_index: bool = False
    names: frozenset[str] | None = None
    "Of the files whose entries are checked; None: the whole index."
    folder: Path
    "The working folder of the process that asked."
    max_bytes: int
    "Of the answer."

    def find_events(self, locate: Callable[[Path], Path] = lambda path: path) -> Iterator[Event]:
        """What there is to find in the files, which are where `locate` says."""
        if self.is_index:
            return self._check_index(locate(self.files[0]))
        return chain.from_iterable(iter_events(locate(path), path) for path in self.files)

    def _check_index(self, folder: Path) -> Iterator[Event]:
        shown = str(self.files[0] / INDEX_NAME)
        return (replace(problem, file=shown) for problem in verify_index(folder, self.names))


def check_unit(unit: CheckUnit) -> bytes | None:
    """What is found in a unit; None if that is for the process that asked to find. For a worker."""
    return run_or_blame_machine(partial(_check_unit, unit))


def _check_unit(unit: CheckUnit) -> bytes | None:
    paths = {path: unit.folder / path for path in unit.files}
    unit.archives.bring(paths.values())
    events = unit.find_events(lambda path: unit.archives.locate(paths[path]))
    try:
        return pack_events(map(_require_readable, events), unit.max_bytes)
    except _Unreadable:
        return None


class _Unreadable(Exception):
    """A file or an index cannot be read here."""


def _require_readable(event: Event) -> Event:
    if isinstance(event, WarcProblem) and event.code in _UNREADABLE:
        raise _Unreadable
    return event


def verify_on_cluster(
    engine: Engine,
    files: Iterable[Path],
    indexes: Mapping[Path, Collection[str] | None],
    advance: Callable[[int], None],
) -> Iterator[WarcProblem]:
    """The problems of files, then those of indexes, as one process would find them."""
    references = References()
    units = list(_divide_files(files))
    for unit, events in _iter_events_in_order(engine, [*units, *_list_indexes(indexes, len(units))]):
        if unit.number == len(units):
            yield from references.unresolved()
        yield from references.apply(events)
        advance(unit.size)
    if not indexes:
        yield from references.unresolved()


def _divide_files(files: Iterable[Path]) -> Iterator[CheckUnit]:
    """The files in their order, in parts of no more than UNIT_BYTES unless it is a single file."""
    parts: list[tuple[WorkerArchives, list[Path]]] = []
    size = 0
    for path in files:
        added, archives = ui.file_size(path), WorkerArchives.find_around(path)
        if not parts or parts[-1][0] != archives or size + added > UNIT_BYTES:
            parts.append((archives, []))
            size = 0
        parts[-1][1].append(path)
        size += added
    for number, (archives, part) in enumerate(parts):
        yield CheckUnit(
            number=number,
            archives=archives,
            files=tuple(part),
            size=sum(map(ui.file_size, part)),
            folder=Path.cwd(),
            max_bytes=MAX_ANSWER_BYTES,
        )


def _list_indexes(indexes: Mapping[Path, Collection[str] | None], first: int) -> Iterator[CheckUnit]:
    for number, (folder, names) in enumerate(indexes.items(), first):
        yield CheckUnit(
            number=number,
            archives=WorkerArchives.find_around(folder),
            files=(folder,),
            size=0,
            is_index=True,
            names=None if names is None else frozenset(names),
            folder=Path.cwd(),
            max_bytes=MAX_ANSWER_BYTES,
        )


def _iter_events_in_order(
    engine: Engine, units: Sequence[CheckUnit]
) -> Iterator[tuple[CheckUnit, Iterator[Event]]]:
    """Each unit and what was found in it; an error of a unit or a fault of the cluster ends it."""
    # The index of a bucket's files is in the spool of this machine alone.
    is_sent = {unit.number: not (unit.is_index and unit.archives.bucket) for unit in units}
    results = engine.results(check_unit, [unit for unit in units if is_sent[unit.number]])
    answers: dict[int, bytes | None] = {}
    for unit in units:
        while is_sent[unit.number] and unit.number not in answers:
            result = next(results)
            answers[result.unit.number] = result.get()
        packed = answers.pop(unit.number, None)
        yield unit, unit.find_events() if packed is None else unpack_events(packed)
