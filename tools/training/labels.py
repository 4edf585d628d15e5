"""Blocks -> labels, by laying the known text of the story against them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from newscrawl.extraction.blocks import RawBlock
from newscrawl.extraction.classifier.features import Row
from newscrawl.extraction.classifier.wording import words_of
from tools.training.pages import Page

UNKNOWN = -1.0
_SPACE = re.compile(r"\s+")
_INSIDE = 0.6
"Share of a block's trigrams that the story must hold."
_MOST = 300
"A block's weight among its neighbours ends here."
_SHORT_NEAR = 3
_SHORT_MASS = 100
"Text that must stand near a block of one or two words for its being in the story to be no accident."
_TITLE_LIKENESS = 0.7
_SEGMENT = 25
"A shorter block inside a known segment proves nothing."


def labels_of(page: Page, blocks: Sequence[RawBlock], title: frozenset[str]) -> Row:
    """1 in the story, 0 not, `UNKNOWN` where the annotation does not say."""
    if page.body is None:
        return _by_segments(page, blocks)
    shares = _shares(page.body, blocks)
    _leave_repeats(page.body, blocks, shares)
    _leave_strays(blocks, shares)
    for at, block in enumerate(blocks):
        # Whether the headline counts as text differs from corpus to corpus; a rule decides, not the judge.
        if shares[at] > _INSIDE and len(block.text) < _MOST and _likeness(block, title) > _TITLE_LIKENESS:
            shares[at] = UNKNOWN
    return np.where(shares == UNKNOWN, UNKNOWN, (shares > _INSIDE).astype(np.float64))


def _shares(body: str, blocks: Sequence[RawBlock]) -> Row:
    words = words_of(body)
    trigrams = Counter(zip(words, words[1:], words[2:], strict=False))
    joined = f" {' '.join(words)} "
    return np.array([_share(words_of(block.text), trigrams, joined) for block in blocks], np.float64)


def _share(words: list[str], trigrams: Counter[tuple[str, str, str]], joined: str) -> float:
    if not words:
        return UNKNOWN
    if len(words) < 3:
        return float(f" {' '.join(words)} " in joined)
    own = list(zip(words, words[1:], words[2:], strict=False))
    return sum(one in trigrams for one in own) / len(own)


def _weights(blocks: Sequence[RawBlock], shares: Row) -> Row:
    sizes = np.array([min(len(block.text), _MOST) for block in blocks], np.float64)
    return np.asarray((shares > _INSIDE) * sizes)


def _leave_repeats(body: str, blocks: Sequence[RawBlock], shares: Row) -> None:
    """A text that stands on the page more often than in the story is in it where the story is thickest."""
    joined = f" {' '.join(words_of(body))} "
    weights = _weights(blocks, shares)
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    places: dict[str, list[int]] = defaultdict(list)
    for at, block in enumerate(blocks):
        if shares[at] > _INSIDE:
            places[block.text].append(at)
    for text, found in places.items():
        times = max(1, joined.count(f" {' '.join(words_of(text))} "))
        thickest = sorted(
            found, key=lambda at: weights[at] - (sums[min(len(blocks), at + 9)] - sums[max(0, at - 8)])
        )
        shares[thickest[times:]] = 0.0


def _leave_strays(blocks: Sequence[RawBlock], shares: Row) -> None:
    weights = _weights(blocks, shares)
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    for at, block in enumerate(blocks):
        if shares[at] > _INSIDE and len(words_of(block.text)) < 3:
            near = sums[min(len(blocks), at + _SHORT_NEAR + 1)] - sums[max(0, at - _SHORT_NEAR)]
            if near - weights[at] < _SHORT_MASS:
                shares[at] = 0.0


def _likeness(block: RawBlock, title: frozenset[str]) -> float:
    own = frozenset(words_of(block.text))
    return len(own & title) / (len(own | title) or 1)


def _by_segments(page: Page, blocks: Sequence[RawBlock]) -> Row:
    inside = [_folded(segment) for segment in page.inside]
    outside = [_folded(segment) for segment in page.outside]
    return np.array([_by_segment(_folded(block.text), inside, outside) for block in blocks], np.float64)


def _by_segment(text: str, inside: list[str], outside: list[str]) -> float:
    wanted = any(one in text for one in inside)
    unwanted = any(one in text for one in outside)
    if wanted or unwanted:
        return UNKNOWN if wanted and unwanted else float(wanted)
    return 1.0 if len(text) > _SEGMENT and any(text in one for one in inside) else UNKNOWN


def _folded(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
