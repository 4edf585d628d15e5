"""Blocks of our own making, for tests of what works on them."""

from collections.abc import Iterable

from lxml.html import Element, HtmlElement

from newscrawl.extraction.blocks import Frame, TextBlock, build_outline
from newscrawl.items import BlockKind

Made = str | tuple[BlockKind, str]


def blocks(made: Iterable[Made]) -> list[TextBlock]:
    """Blocks of one container, each with a frame of its own; a text alone is a paragraph."""
    root = _frame(0, None)
    pairs: list[tuple[BlockKind, str]] = [("p", one) if isinstance(one, str) else one for one in made]
    return [
        TextBlock(kind=kind, text=text, frame=_frame(at, root))
        for at, (kind, text) in enumerate(pairs, start=1)
    ]


def blocks_of(root: HtmlElement) -> list[TextBlock]:
    """The blocks below an element, without their outline."""
    return build_outline(root)[0]


def _frame(index: int, parent: Frame | None) -> Frame:
    return Frame(
        index=index, element=Element("p"), tag="p", parent=parent, ident="", classes="", names="",
        hidden=False, depth=0,
    )  # fmt: skip
