"""Attributes that hide an element: altogether, from all but screen readers, or until it is wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from newscrawl.extraction.tags import HIDING_ATTRIBUTES

HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)", re.I)
_CLIPPED_STYLE = re.compile(r"clip(?:-path)?\s*:\s*(?:rect\(\s*(?:0|1px)|inset\(\s*(?:50|100)%)", re.I)
_SCREEN_READER_CLASS = re.compile(
    r"(?:^|[\s_-])(?:sr-only|visually-?hidden|screen-reader(?:-text)?|screen-only|screenreader(?:-text)?|"
    r"hidden-(?:visually|accessible)|(?:a11y|accessibly|accessibility)-(?:hidden|text)|show-for-sr|"
    r"assistive-text|element-invisible|off-?screen)(?:$|[\s_-])",
    re.I,
)
_HINT_CLASS = re.compile(
    r"(?:^|[\s_-])(?:tool-?tip|tippy|popover|hovercard)(?:__|-|_)?(?:text|content|body|inner|box|popup)(?:$|[\s_-])",
    re.I,
)


def find_hiding(attributes: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The attributes that may hide an element, of which most elements have none."""
    return [
        (name, value)
        for name, value in attributes
        if name in HIDING_ATTRIBUTES and (name != "class" or is_hiding_class(value))
    ]


@lru_cache(maxsize=8192)
def is_hiding_class(classes: str) -> bool:
    """Whether a class may hide an element: one for screen readers, or that of a tooltip."""
    return _SCREEN_READER_CLASS.search(classes) is not None or is_hint_class(classes)


def is_hint_class(classes: str) -> bool:
    """Whether a class is that of a tooltip's text or the like."""
    return _HINT_CLASS.search(classes) is not None


def is_for_screen_readers(attributes: Iterable[tuple[str, str]]) -> bool:
    """Whether an element's class names it so, or its style clips it to nothing."""
    for name, value in attributes:
        if name == "class" and _SCREEN_READER_CLASS.search(value):
            return True
        if name == "style" and "absolute" in value and _CLIPPED_STYLE.search(value):
            return True
    return False
