"""What is noted of a page for the site's memory: each text with the kind of place it stands at.

Of texts only digests are kept. The kind of place is the chain of innermost elements with their classes,
without whatever is particular to a page: ids, classes with digits, classes of the page's outermost elements.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from newscrawl.text.blocks import Frame
from newscrawl.text.folding import cut, key, plain_of, trimmed
from newscrawl.text.view import View

DIGEST_BYTES = 6
"Two texts of one outlet share a digest once in some millions of pages."
MAX_SEEN = 500
"Texts noted of a page; of the longer pages the first ones."
TITLE_CHARS = 200
_LEVELS = 5
_CLASSES = 3
_WHOLE_PAGE = frozenset({"html", "body", "main", "article"})
"Their classes often name the page: its number, its section, its tags."


class Mark(NamedTuple):
    """A text at a kind of place."""

    place: str
    words: str


class Seen(NamedTuple):
    """A text on a page."""

    mark: Mark
    chars: int
    inside: bool
    "Whether it looked like a part of the story, before any memory was asked."


@dataclass(frozen=True, kw_only=True, slots=True)
class PageNote:
    """A page as the memory sees it."""

    url: str
    "The page's identity: a page that is read again replaces its older note."
    day: str
    "ISO date of the capture; empty where it is not known."
    title: str
    "Key of the headline."
    seen: tuple[Seen, ...]


def note_of(view: View, inside: Sequence[bool], *, url: str, day: str, title: str) -> PageNote:
    """The note of a page; `inside` says for each block of the view whether it looked like the story."""
    found: dict[Mark, Seen] = {}
    for mark, block, held in zip(marks_of(view), view.blocks, inside, strict=True):
        if mark is not None and (len(found) < MAX_SEEN or mark in found):
            before = mark in found and found[mark].inside
            found[mark] = Seen(mark, len(block.text), held or before)
    return PageNote(url=url, day=day, title=cut(key(title), TITLE_CHARS), seen=tuple(found.values()))


def marks_of(view: View) -> list[Mark | None]:
    """The mark of each block; None for one without words, or that is hidden."""
    places = _places(view.frames)
    found: list[Mark | None] = []
    for block in view.blocks:
        words = "" if block.hidden else trimmed(plain_of(block.text))
        place = places[block.frame.index]
        found.append(Mark(_digest(f"{place} {block.kind}"), _digest(words)) if words else None)
    return found


def _places(frames: Iterable[Frame]) -> list[str]:
    """For each frame the chain of elements that ends there."""
    chains: list[tuple[str, ...]] = []
    for frame in frames:
        above = chains[frame.parent.index] if frame.parent else ()
        chains.append((*above[1 - _LEVELS :], _called(frame)))
    return ["/".join(chain) for chain in chains]


def _called(frame: Frame) -> str:
    if frame.tag in _WHOLE_PAGE or not frame.classes:
        return frame.tag
    stable = sorted(name for name in frame.classes.split() if not any(map(str.isdigit, name)))
    return ".".join([frame.tag, *stable[:_CLASSES]])


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()
