"""Fingerprints of a text: a few numbers, of which two texts that share a passage share some.

Winnowing (Schleimer, Wilkerson and Aiken, 2003): of every `WINDOW` shingles in a row the least is kept. Two
texts with `WINDOW + SHINGLE - 1` words in a row in common therefore share a fingerprint, however much
longer one of them is; a fixed number of MinHashes of whole texts cannot promise that.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from newscrawl.copies.words import Words, shingles_of

Prints = NDArray[np.uint64]

SHINGLE = 5
WINDOW = 16
PRINT_BITS = 40
"Enough for millions of articles: strangers that share one by chance are told apart by their words."
LEAST_PRINTS = 2
"Texts that share one fingerprint are most often strangers with a phrase in common."
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


def prints_of(words: Words) -> Prints:
    """The fingerprints, each once, sorted; none of a text with fewer words than a shingle."""
    mixed = _mixed(shingles_of(words, SHINGLE)) >> np.uint64(64 - PRINT_BITS)
    if len(mixed) <= WINDOW:
        return mixed[:0] if not len(mixed) else np.array([mixed.min()], np.uint64)
    return np.unique(sliding_window_view(mixed, WINDOW).min(axis=1))


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread evenly: which shingle is least must not hang on which words it is made of."""
    spread = (numbers ^ (numbers >> _HALF)) * _MIX
    return (spread ^ (spread >> _HALF)) * _MIX
