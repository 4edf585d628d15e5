"""Boxes amid a story that are none of it though they read like it: polls, and cards of other stories."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import Frame, TextBlock
from newscrawl.urls import absolute_url, normalize_url, url_host

_MAX_BOX_CHARS = 600
"A longer box is a part of the story."
_MAX_CARDS = 2
"More cards with headings of their own are the story: a list of what happened elsewhere."
_MAX_CARD_BLOCKS = 3
_LEVELS = 5
"Elements around a block among which its box is searched for."
_MIN_CHOICES, _MAX_CHOICES = 2, 500
"Choices that make a poll, and inputs of a page that are looked at."
_LINKED_SHARE = 0.9
_CARD_TAGS = frozenset({"aside", "article"})
_CARD_NAME = re.compile(
    r"(?<![a-z])(?:cards?|teasers?|promos?|embed)(?![a-z])|relat|recommend|recirc|read-?_?(?:more|next|also)|"
    r"internal-?_?link|link-?_?(?:box|card|preview)|lire-?_?aussi|see-?_?also",
    re.I,
)
_COLLECTION = re.compile(
    r"/(?:tags?|topics?|themes?|thema|themen|temas?|dossiers?|series|specials?|special-reports?|categor[a-z]{1,6}|"
    r"rubriques?|sections?|authors?|auteurs?|search|hubs?)/[^/?#]*/?(?:[?#].*)?$",
    re.I,
)
"Addresses of pages that gather stories, so that a heading that leads there is one of the story's own."
_NUMBERED = re.compile(r"\W{0,3}\d{1,3}\s?[.):–-]")
"Headings of lists are numbered."


def find_polls(blocks: Sequence[TextBlock]) -> set[int]:
    """Identities of the blocks in boxes that ask the reader to choose an answer."""
    asking = _elements_with_choices(blocks)
    if not asking:
        return set()
    chars: dict[int, int] = {}
    frames: dict[int, Frame] = {}
    for block in blocks:
        for frame in _around(block):
            frames[frame.index] = frame
            chars[frame.index] = chars.get(frame.index, 0) + len(block.text)
    polls = [frame for frame in frames.values() if frame.element in asking]
    return _blocks_inside(blocks, [frame for frame in polls if chars[frame.index] <= _MAX_BOX_CHARS])


def _elements_with_choices(blocks: Sequence[TextBlock]) -> set[HtmlElement]:
    """The elements close around several choices of a poll."""
    if not blocks:
        return set()
    *_, outermost = (blocks[0].frame, *blocks[0].frame.ancestors())
    counts: dict[HtmlElement, int] = {}
    for choice in islice(outermost.element.iterdescendants("input"), _MAX_CHOICES):
        around = list(islice(choice.iterancestors(), _LEVELS))
        kind = choice.get("type")
        # Recipes have boxes to tick too, but send no form.
        if kind == "radio" or (kind == "checkbox" and any(above.tag == "form" for above in around)):
            for above in around:
                counts[above] = counts.get(above, 0) + 1
    return {element for element, count in counts.items() if count >= _MIN_CHOICES}


def find_story_cards(blocks: Sequence[TextBlock], url: str) -> set[int]:
    """Identities of the blocks in boxes that begin with a heading which leads to another story of the site.

    A link alone shows nothing, since sections of a story have headings that are links too. A card is one by
    its tag or name, or has a picture. `url` is the address of the page.
    """
    # The first and the last block have no story around them.
    headings = [
        at
        for at, block in enumerate(blocks)
        if block.kind == "h" and 0 < at < len(blocks) - 1 and _opens_card(block, blocks[at + 1], url)
    ]
    if len(headings) > _MAX_CARDS:
        return set()
    cards = [card for at in headings if (card := _card_around(blocks, at)) is not None]
    return _blocks_inside(blocks, cards)


def _around(block: TextBlock) -> Iterator[Frame]:
    return islice((block.frame, *block.frame.ancestors()), _LEVELS)


def _opens_card(heading: TextBlock, below: TextBlock, url: str) -> bool:
    """Whether a heading leads to another story, or to a section with such a heading right below."""
    target = _linked_page(heading, url)
    if target is None or not _COLLECTION.search(target):
        return target is not None
    story = _linked_page(below, url) if below.kind == "h" else None
    return story is not None and not _COLLECTION.search(story)


def _linked_page(heading: TextBlock, url: str) -> str | None:
    """The other page of the site to which a heading as a whole is a link."""
    if heading.linked_chars < _LINKED_SHARE * len(heading.text) or _NUMBERED.match(heading.text):
        return None
    element = heading.element
    links = [*islice(element.iterdescendants("a"), 1), *islice(element.iterancestors("a"), 1)]
    target = absolute_url(links[0].get("href") or "", url) if links else None
    if target is None or url_host(target) != url_host(url) or normalize_url(target) == normalize_url(url):
        return None
    return target


def _card_around(blocks: Sequence[TextBlock], at: int) -> Frame | None:
    """The widest box that begins with the heading at `at`, holds little else, and looks like a card."""
    card: Frame | None = None
    is_card = False
    for frame in islice(blocks[at].frame.ancestors(), _LEVELS):
        inside = [block for block in blocks[at : at + _MAX_CARD_BLOCKS + 1] if _is_inside(block, frame)]
        is_small = (
            len(inside) <= _MAX_CARD_BLOCKS and sum(len(block.text) for block in inside) <= _MAX_BOX_CHARS
        )
        if not is_small or _is_inside(blocks[at - 1], frame):
            break
        is_card = is_card or _looks_like_card(frame)
        if len(inside) > 1:
            card = frame
    return card if is_card else None


def _looks_like_card(box: Frame) -> bool:
    return (
        box.tag in _CARD_TAGS
        or _CARD_NAME.search(box.names) is not None
        or next(box.element.iterdescendants("img", "picture"), None) is not None
    )


def _is_inside(block: TextBlock, frame: Frame) -> bool:
    return any(above is frame for above in _around(block))


def _blocks_inside(blocks: Sequence[TextBlock], boxes: Sequence[Frame]) -> set[int]:
    indexes = {box.index for box in boxes}
    if not indexes:
        return set()
    return {id(block) for block in blocks if any(frame.index in indexes for frame in _around(block))}
