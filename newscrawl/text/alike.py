"""Which pages tell one story: under another address, another headline, or as a live blog that went on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations

from newscrawl.text.sightings import PageNote

LONG = 40
"Characters from which a text tells one story from another."
_SAME_TEXT = 0.8
"Share of the shorter story that the longer one must hold."
_SAME_TITLE_TEXT = 0.3
"The same where the headlines are alike."
_SAME_TITLE = 0.5
"Share of the words of both headlines that they have in common."


def stories_of(pages: Sequence[PageNote]) -> list[list[PageNote]]:
    """The pages, those of one story together."""
    texts = [_texts(page) for page in pages]
    leader = list(range(len(pages)))
    for (one, other), shared in sorted(_shared(texts).items()):
        least = min(sum(texts[one].values()), sum(texts[other].values()))
        enough = _SAME_TITLE_TEXT if _same_title(pages[one], pages[other]) else _SAME_TEXT
        if shared >= enough * least:
            leader[_first(leader, other)] = _first(leader, one)
    groups: dict[int, list[PageNote]] = defaultdict(list)
    for at, page in enumerate(pages):
        groups[_first(leader, at)].append(page)
    return list(groups.values())


def _texts(page: PageNote) -> dict[str, int]:
    """Digests of the story's longer texts, with their characters."""
    return {seen.mark.words: seen.chars for seen in page.seen if seen.inside and seen.chars >= LONG}


def _shared(texts: Sequence[dict[str, int]]) -> Counter[tuple[int, int]]:
    """Characters that two pages have in common, for all that have any."""
    holders: dict[str, list[int]] = defaultdict(list)
    for at, own in enumerate(texts):
        for words in own:
            holders[words].append(at)
    shared: Counter[tuple[int, int]] = Counter()
    for words, found in holders.items():
        for pair in combinations(found, 2):
            shared[pair] += texts[pair[0]][words]
    return shared


def _same_title(one: PageNote, other: PageNote) -> bool:
    own, others = set(one.title.split()), set(other.title.split())
    return bool(own & others) and len(own & others) >= _SAME_TITLE * len(own | others)


def _first(leader: list[int], at: int) -> int:
    while leader[at] != at:
        leader[at] = leader[leader[at]]
        at = leader[at]
    return at
