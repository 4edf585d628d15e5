"""Where the story stands on a page: in the outlet's container, else where trafilatura finds it."""

from __future__ import annotations

from collections.abc import Sequence
from configparser import ConfigParser
from functools import cache
from itertools import islice

from lxml.html import HtmlElement

from newscrawl.text.blocks import RawBlock, blocks_of, text_of
from newscrawl.text.folding import key

MIN_CHARS = 80
"Below this a page holds no story."
_LINKED = 0.9
_LINK_LINE_CHARS = 200


def container_blocks(containers: Sequence[HtmlElement]) -> list[RawBlock]:
    """All blocks of the outlet's containers; one inside another counts once."""
    chosen = set(containers)
    outer = [element for element in containers if chosen.isdisjoint(element.iterancestors())]
    return [block for element in outer for block in blocks_of(element)]


def found_blocks(tree: HtmlElement, url: str) -> list[RawBlock]:
    """The story as trafilatura sees it in precision mode; other modes give chrome where there is none."""
    from trafilatura import bare_extraction

    found = bare_extraction(
        tree,
        url=url,
        favor_precision=True,
        include_comments=False,
        include_tables=True,
        with_metadata=False,
        output_format="python",
        config=_config(),
    )
    body = getattr(found, "body", None)
    return [] if body is None else blocks_of(body)


def chars_of(blocks: Sequence[RawBlock]) -> int:
    return sum(len(block.text) for block in blocks)


@cache
def _config() -> ConfigParser:
    """The library's settings, fixed here so that a change of its defaults changes nothing."""
    from trafilatura.settings import use_config

    config = use_config()
    config["DEFAULT"]["MIN_EXTRACTED_SIZE"] = "250"
    config["DEFAULT"]["MIN_OUTPUT_SIZE"] = "1"
    return config


def linked_keys(lines: Sequence[RawBlock], blocks: Sequence[RawBlock]) -> set[str]:
    """Keys of the story's lines that are links and nothing else: teasers of other stories."""
    wanted = {key(block.text) for block in blocks if len(block.text) <= _LINK_LINE_CHARS}
    return {folded for line in lines if (folded := key(line.text)) in wanted and _is_link(line)}


def _is_link(line: RawBlock) -> bool:
    element = line.element
    if element.getparent() is not None and any(
        above.tag == "a" for above in islice(element.iterancestors(), 3)
    ):
        return True
    inside = sum(len(text_of(link)) for link in element.iterdescendants("a"))
    return inside >= _LINKED * len(line.text) and len(text_of(element)) <= 2 * _LINK_LINE_CHARS
