"""The story in the state of an Arc page: `Fusion.globalContent`, the document that the page was made from.

Arc XP's documents are of a published form (ANS, github.com/washingtonpost/ans-schema): a story has
`content_elements`, of which those of the type `text` are its paragraphs.
"""

from __future__ import annotations

import re
from typing import Any

from lxml.html import HtmlElement

from newscrawl.extraction.jsonld import Json
from newscrawl.extraction.rich_text import RichTextReader
from newscrawl.extraction.script_literals import UnreadableScriptError, read_literal
from newscrawl.extraction.script_story import is_walled_holder
from newscrawl.extraction.witness import Witness

MAX_STATE_CHARS = 2 * 1024 * 1024
"A longer script is left alone."
MAX_AUTHORS = 20
_VARIABLE = "Fusion.globalContent"
_ASSIGNED = re.compile(r"\bFusion\.globalContent\s{0,9}=\s{0,9}(?=\{)")
_FREE_CODES = frozenset({"", "free", "none", "public"})
"Values of `content_restrictions.content_code` for stories that are free; for others each site has its own."


def read_arc_witness(tree: HtmlElement) -> Witness | None:
    """The story that an Arc page holds as data; None without one, and of a story that is not free for all."""
    story = _read_content(tree)
    if not isinstance(story, dict) or story.get("type") != "story" or is_walled_holder(story):
        return None
    code = _read_part(story, "content_restrictions").get("content_code")
    if str(code or "").strip().lower() not in _FREE_CODES:
        return None
    elements = story.get("content_elements")
    html = RichTextReader().render(elements, set()) if isinstance(elements, list) else ""
    if not html:
        return None
    return Witness(
        html=html,
        source="page",
        title=_read_text(_read_part(story, "headlines").get("basic")),
        published=_read_text(story.get("first_publish_date")) or _read_text(story.get("display_date")),
        authors=tuple(_list_names(_read_part(story, "credits").get("by"))),
    )


def _read_content(tree: HtmlElement) -> Json:
    """The value of the variable, from the first script that sets it; None if none can be read."""
    for script in tree.iter("script"):
        text = script.text or ""
        if _VARIABLE not in text or len(text) > MAX_STATE_CHARS:
            continue
        if match := _ASSIGNED.search(text):
            try:
                return read_literal(text, match.end())[0]
            except UnreadableScriptError:
                return None
    return None


def _list_names(people: Json) -> list[str]:
    people = people[:MAX_AUTHORS] if isinstance(people, list) else []
    names = (_read_text(person.get("name")) for person in people if isinstance(person, dict))
    return [name for name in names if name]


def _read_part(story: dict[str, Any], key: str) -> dict[str, Any]:
    part = story.get(key)
    return part if isinstance(part, dict) else {}


def _read_text(value: Json) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
