"""A second opinion where the judge is not sure: which blocks trafilatura would keep."""

from __future__ import annotations

from collections.abc import Sequence
from configparser import ConfigParser
from functools import cache

from lxml.html import HtmlElement

from newscrawl.text.blocks import RawBlock
from newscrawl.text.folding import key

_WHOLE_LINE = 25
"A shorter block counts as kept only where it is a line of its own."


def opinion_of(tree: HtmlElement, url: str, blocks: Sequence[RawBlock]) -> list[bool]:
    """For each block whether it is in the story as trafilatura sees it, in precision mode."""
    lines = _lines(tree, url)
    whole, joined = set(lines), "\n".join(lines)
    folded = [key(block.text) for block in blocks]
    return [bool(one) and (one in whole or (len(one) > _WHOLE_LINE and one in joined)) for one in folded]


def _lines(tree: HtmlElement, url: str) -> list[str]:
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
    if body is None:
        return []
    return [
        key("".join(part.itertext()))
        for part in body.iter("p", "head", "item", "quote", "code", "row", "cell")
    ]


@cache
def _config() -> ConfigParser:
    """The library's settings, fixed here so that a change of its defaults changes nothing."""
    from trafilatura.settings import use_config

    config = use_config()
    config["DEFAULT"]["MIN_EXTRACTED_SIZE"] = "250"
    config["DEFAULT"]["MIN_OUTPUT_SIZE"] = "1"
    return config
