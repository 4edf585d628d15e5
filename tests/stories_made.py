"""Stories of our own making, of any length: no two sentences are alike."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

TITLE = "The north wall of Selby Quay is to be rebuilt"
_WHO = ("the council", "a group of parents", "the regional court", "two engineers", "the fishing union")
_DID = ("has asked for", "rejected", "will pay for", "voted against", "wants to see", "had long expected")
_WHAT = (
    "a second survey of the northern wall", "the budget for the coming winter", "a fair price for the mill",
    "new buses between the villages", "the report on the flooded school", "the plan to widen the river",
    "repairs to the broken lock",
)  # fmt: skip
_WHY = (
    "because the money is there", "although nobody had signed it", "after a week of heavy rain",
    "before the summer holidays begin", "as their neighbours did last year", "while the works go on",
    "when the meeting ended late on Tuesday", "since the first storm in January",
)  # fmt: skip
_MENU = "".join(f"<li><a href=/section/{at}>Section {at}</a></li>" for at in range(9))
_FOOT = "".join(f"<li><a href=/read/{at}>Another headline of the week {at}</a></li>" for at in range(8))


def sentences() -> Iterator[str]:
    """Yield sentences without end."""
    number = 0
    while True:
        for why, who, did, what in product(_WHY, _WHO, _DID, _WHAT):
            number += 1
            other = _WHO[(number * 3) % len(_WHO)]
            yield f"{who.capitalize()} {did} {what} {why}, {other} said in note {number}."


def paragraphs(chars: int, *, skip: int = 0) -> list[str]:
    """Paragraphs of one to five sentences, with so many characters together, after `skip` sentences."""
    source = islice(sentences(), skip, None)
    made: list[str] = []
    total = 0
    while total < chars:
        made.append(" ".join(islice(source, 1 + len(made) * 7 % 5)))
        total += len(made[-1])
    return made


def tagged(lines: list[str], tag: str = "p") -> str:
    return "".join(f"<{tag}>{line}</{tag}>" for line in lines)


def story(inside: str, *, head: str = "", open_tag: str = "<article>", close: str = "</article>") -> str:
    """A page with the story in an element below its headline."""
    return page(f"{open_tag}<h1>{TITLE}</h1><p class=byline>By Ines Halder</p>{inside}{close}", head=head)


def page(inside: str, *, head: str = "") -> str:
    """A page with menu and footer around."""
    return (
        f"<!doctype html><html lang=en><head><title>{TITLE} - Selby Post</title>"
        f"<meta property=og:title content='{TITLE}'>{head}</head><body><header><a href=/>Selby Post</a>"
        f"<nav><ul>{_MENU}</ul></nav></header><main>{inside}</main>"
        f"<aside><h3>Most read</h3><ul>{_FOOT}</ul></aside>"
        "<footer><p>© Selby Post. All rights reserved.</p></footer></body></html>"
    )
