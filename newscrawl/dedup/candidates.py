"""Which documents of a rebuild may be copies of each other: those that share fingerprints.

The fingerprints of all documents are divided into shards; pairs of documents are counted in each shard and
added up. So the result is that of one sort over all fingerprints, whatever the number of shards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from newscrawl.dedup.clusters import MAX_CANDIDATES
from newscrawl.dedup.fingerprints import MIN_SHARED_FINGERPRINTS, Fingerprints
from newscrawl.dedup.shuffle import Rows

HOLDER = np.dtype([("fingerprint", "<u8"), ("number", "<i8")])
"A fingerprint, and the number of a document that has it."
PAIR = np.dtype([("later", "<i8"), ("earlier", "<i8"), ("shared", "<u4")])
"Two documents, and how many fingerprints they share."


def list_holders(fingerprints: Sequence[Fingerprints], first: int) -> Rows:
    """The fingerprints of consecutive documents, each with the number of its document; `first` begins."""
    lengths = list(map(len, fingerprints))
    rows = np.empty(sum(lengths), HOLDER)
    rows["fingerprint"] = np.concatenate([np.empty(0, np.uint64), *fingerprints])
    rows["number"] = np.repeat(np.arange(first, first + len(lengths)), lengths)
    return rows


def pair_documents(holders: Rows) -> Rows:
    """Pair each document that has a fingerprint with the previous and the first that have it.

    All pairs of a phrase that thousands share would be too many, and copies share other fingerprints too.
    `holders` of a fingerprint are in ascending order.
    """
    order = np.argsort(holders["fingerprint"], kind="stable")
    fingerprints, numbers = holders["fingerprint"][order], holders["number"][order]
    del order
    is_same = np.concatenate(([False], fingerprints[1:] == fingerprints[:-1]))[: len(fingerprints)]
    here = np.flatnonzero(is_same)
    first = np.maximum.accumulate(np.where(is_same, 0, np.arange(len(numbers))))[here]
    is_third = first < here - 1
    later = np.concatenate((numbers[here], numbers[here][is_third]))
    earlier = np.concatenate((numbers[here - 1], numbers[first[is_third]]))
    return add_pairs(later, earlier, np.ones(len(later), np.uint32))


def add_pairs(later: NDArray[np.int64], earlier: NDArray[np.int64], shared: NDArray[np.uint32]) -> Rows:
    """Every pair once, with the sum of what it shares, in ascending order."""
    order = np.lexsort((earlier, later))
    later, earlier, shared = later[order], earlier[order], shared[order]
    is_new = np.ones(len(later), bool)
    is_new[1:] = (later[1:] != later[:-1]) | (earlier[1:] != earlier[:-1])
    starts = np.flatnonzero(is_new)
    pairs = np.empty(len(starts), PAIR)
    pairs["later"], pairs["earlier"] = later[starts], earlier[starts]
    pairs["shared"] = np.add.reduceat(shared, starts) if len(starts) else 0
    return pairs


def iter_candidates(pairs: Rows, fingerprints: NDArray[np.uint8]) -> Iterator[tuple[int, list[int]]]:
    """Documents in ascending order, each with earlier ones that share fingerprints, the most shared first.

    `fingerprints`: how many each document has; more than MIN_SHARED_FINGERPRINTS make no difference.
    """
    pairs = add_pairs(pairs["later"], pairs["earlier"], pairs["shared"])
    fewer = np.minimum(fingerprints[pairs["later"]], fingerprints[pairs["earlier"]])
    pairs = pairs[pairs["shared"] >= np.minimum(MIN_SHARED_FINGERPRINTS, fewer)]
    pairs = pairs[np.lexsort((pairs["earlier"], -pairs["shared"].astype(np.int64), pairs["later"]))]
    later, earlier = pairs["later"], pairs["earlier"]
    starts = np.flatnonzero(np.diff(later, prepend=-1))
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(later)], strict=False):
        yield int(later[start]), earlier[start : min(end, start + MAX_CANDIDATES)].tolist()
