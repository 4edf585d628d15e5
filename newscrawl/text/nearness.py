"""Where on a page its story stands: lines by their nearness to the headline, parts about others."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice

from lxml.html import HtmlElement

from newscrawl.text.blocks import RawBlock
from newscrawl.text.folding import key
from newscrawl.text.signs import Signs, is_elsewhere, names_of

MAX_LINES = 400
ABOVE, BELOW = 6, 15
"Lines around the headline: what they say of dates and authors is the story's."
SLACK = 20
"Characters that a line may have beside its key."
_OWN_FOOTER = re.compile(r"(?:^|\s)(?:post|entry|article|story|node)[-_]{1,2}(?:footer|meta)", re.IGNORECASE)
"How themes name the line below a story, or above it, that says who wrote it and when."
FOOTERS = 8
"Elements above one among which such a footer is looked for."


@dataclass(frozen=True, kw_only=True, slots=True)
class Near:
    """The page as seen from its headline."""

    lines: list[RawBlock]
    "From the headline down, then those right above it, then all others."
    place: int = 0
    "Where the headline stands among all elements; 0 where none was found."
    home: Collection[HtmlElement] = field(default_factory=frozenset)
    "The elements that hold the headline: whatever they are named, they are about this story."

    def elsewhere(self, element: HtmlElement) -> bool:
        """Whether it stands in a part of the page about other stories."""
        if not is_elsewhere(element, self.home):
            return False
        footers = _own_footers(element)
        if not footers:
            return True
        return is_elsewhere(element, {*self.home, footers[0]}) or is_elsewhere(footers[-1], self.home)


def near_title(lines: Sequence[RawBlock], titles: set[str], signs: Signs) -> Near:
    """The lines in the order in which they are asked; a story's date and authors stand near its headline."""
    at = _headline(lines, titles)
    if at is None:
        return Near(lines=list(lines[:MAX_LINES]))
    above, element = max(0, at - ABOVE), lines[at].element
    ordered = [*lines[at : at + BELOW], *lines[above:at], *lines[at + BELOW :], *lines[:above]]
    return Near(
        lines=ordered[:MAX_LINES],
        place=signs.after(element),
        home={element, *element.iterancestors()},
    )


def _own_footers(element: HtmlElement) -> list[HtmlElement]:
    """The elements above one, the nearest first, that are footers of an article and not of the page."""
    return [above for above in islice(element.iterancestors(), FOOTERS) if _is_own_footer(above)]


def _is_own_footer(element: HtmlElement) -> bool:
    parent = element.getparent()
    in_article = element.tag == "footer" and parent is not None and parent.tag == "article"
    return in_article or _OWN_FOOTER.search(names_of(element)) is not None


def _headline(lines: Sequence[RawBlock], titles: set[str]) -> int | None:
    """The line that is the headline; a heading before others, since breadcrumbs repeat it."""
    longest = max(map(len, titles), default=0) + SLACK
    headings = (at for at, line in enumerate(lines) if line.kind == "h" or line.element.tag == "h1")
    others = (at for at, line in enumerate(lines) if 2 * len(line.text) > longest)
    for at in (*headings, *others):
        if len(lines[at].text) <= longest and key(lines[at].text) in titles:
            return at
    return None
