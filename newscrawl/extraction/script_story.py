"""The story in a page's scripts, for pages that show it by script alone: JSON-LD or the state of the page.

A text counts as the story only in the JSON-LD node of the story, or in an object of the state that holds the
headline or the address of the page. A story behind a wall stays what the page shows of it: nothing is read
where the page, its lines or the object itself says that readers have to pay or to log in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from urllib.parse import urlsplit

from lxml import etree
from lxml.html import HtmlElement, document_fromstring

from newscrawl.extraction.blocks import TextBlock, build_outline
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import Json, string_values
from newscrawl.extraction.metadata.access import is_walled_tier, read_access
from newscrawl.extraction.normalize import match_key, text_size
from newscrawl.extraction.parse import MAX_ATTRIBUTES, count_attributes
from newscrawl.extraction.rich_text import RichTextReader, is_other_story, mark_paragraphs
from newscrawl.extraction.script_states import read_states, resolve_references, walk_values

MIN_SCRIPT_CHARS = 400
"A smaller text is a description of the story rather than the story."
_MAX_TITLED = 20
"Objects with the headline whose text is looked at."
_MAX_TITLE_CHARS = 300
_MIN_PATH_CHARS = 10
"A shorter path is that of a section."
_MAX_SIGNS = 0.01
"Share of braces and semicolons from which a text is a style sheet or a program."
_TAG = re.compile(r"<[^<>]{0,1000}>")
_TITLE_HOLDERS = re.compile(r"head|title|seo|meta|basic|fields|attributes|^name$|^og$", re.IGNORECASE)
"Keys of objects that hold the headline for the object around them."
_ADDRESS_KEYS = re.compile(r"url|slug|link|path|canonical|uri", re.IGNORECASE)
_OTHER_KEYS = re.compile(
    r"comment|related|recommend|latest|trending|sidebar|popular|teaser|author|^bio|footer|legal|cookie|consent|"
    r"newsletter|advert|promo|i18n|locale|translation|messages|menu|navigation|__style|css$",
    re.IGNORECASE,
)
"Keys of what stands around a story."
_WALLED_KEYS = frozenset({
    "ispremium", "premium", "ispaid", "paid", "islocked", "locked", "paywall", "ispaywalled", "haspaywall",
    "paywalled", "subscriberonly", "subscribersonly", "issubscriberonly", "membersonly", "memberonly",
    "paidcontent", "ispaidcontent", "ispaywall", "requiressubscription", "isplus",
})  # fmt: skip
_FREE_KEYS = frozenset({"isaccessibleforfree", "isfree"})
_TIER_KEYS = frozenset({
    "access", "accesslevel", "accesstype", "accesstier", "contenttier", "contentcode", "paywallstatus",
    "tier", "paywall", "visibility",
})  # fmt: skip


def read_script_story(
    head: PageHead, tree: HtmlElement, titles: set[str], lines: Sequence[TextBlock]
) -> list[TextBlock]:
    """The blocks of the story in JSON-LD or else in the state of the page; empty if neither holds it.

    `titles` are the match keys of the page's headline, `lines` its visible blocks.
    """
    access = read_access(head, lines, sum(len(line.text) for line in lines))
    if access.free is False or access.wall in {"paywall", "login"}:
        return []
    declared = max(string_values(head.story_node.get("articleBody")), key=len, default="")
    if _measure_text(html := mark_paragraphs(declared)) >= MIN_SCRIPT_CHARS:
        return read_blocks(html)
    path = urlsplit(head.url).path.rstrip("/")
    reader, best = RichTextReader(), ""
    for state in read_states(tree):
        resolve_references(state)
        holders = list(islice(_find_holders(state, titles, path), _MAX_TITLED))
        if any(map(is_walled_holder, [*holders, *_find_parents(state, holders)])):
            return []
        best = max([best, *(_longest_text(holder, titles, reader) for holder in holders)], key=_measure_text)
    return read_blocks(best) if _measure_text(best) >= MIN_SCRIPT_CHARS else []


def has_walled_state(head: PageHead, tree: HtmlElement, titles: set[str]) -> bool:
    """Whether the state of the page says of its story that readers have to pay or to log in."""
    path = urlsplit(head.url).path.rstrip("/")
    for state in read_states(tree):
        resolve_references(state)
        holders = list(islice(_find_holders(state, titles, path), _MAX_TITLED))
        if any(map(is_walled_holder, [*holders, *_find_parents(state, holders)])):
            return True
    return False


def _measure_text(html: str) -> float:
    """Size of the text outside of markup; 0 for what is no text for readers."""
    text = _TAG.sub("", html)
    signs = text.count("{") + text.count("}") + text.count(";")
    is_text = signs <= _MAX_SIGNS * len(text) and (" " in text or not text.isascii())
    return text_size(text) if is_text else 0.0


def _find_holders(state: Json, titles: set[str], path: str) -> Iterator[dict[str, Json]]:
    """Yield the objects that hold the headline of the page, or its address."""
    for value in walk_values(state):
        if isinstance(value, dict) and (_has_title(value, titles) or _has_path(value, path)):
            yield value


def _has_title(value: dict[str, Json], titles: set[str]) -> bool:
    """Whether an object holds the headline, itself or in an object for headlines."""
    held = (part for key, part in value.items() if isinstance(part, dict) and _TITLE_HOLDERS.search(key))
    return any(_is_title(part, titles) for holder in (value, *held) for part in holder.values())


def _has_path(value: dict[str, Json], path: str) -> bool:
    """Whether an object holds the address of the page."""
    return len(path) >= _MIN_PATH_CHARS and any(
        isinstance(part, str) and _ADDRESS_KEYS.search(key) and _read_path(part) == path
        for key, part in value.items()
    )


def _find_parents(state: Json, holders: list[dict[str, Json]]) -> Iterator[dict[str, Json]]:
    """Yield what the objects around these say themselves."""
    inside = set(map(id, holders))
    for value in walk_values(state) if holders else ():
        if isinstance(value, dict) and any(id(part) in inside for part in value.values()):
            yield {key: part for key, part in value.items() if not isinstance(part, dict)}


def _read_path(address: str) -> str:
    """The path of an address, without a slash at its end; empty for what is no address."""
    try:
        return urlsplit(address).path.rstrip("/") if len(address) <= 2_000 else ""
    except ValueError:
        return ""


def _longest_text(holder: dict[str, Json], titles: set[str], reader: RichTextReader) -> str:
    """The longest text in an object, apart from what is about other stories or stands around its own."""

    def is_other(key: str | int, value: Json) -> bool:
        is_around = isinstance(key, str) and _OTHER_KEYS.search(key) is not None
        return is_around or is_other_story(value, titles)

    parts = (part for part in walk_values(holder, is_other) if isinstance(part, str | list))
    return max((reader.render(part, titles) for part in parts), key=_measure_text, default="")


def _is_title(value: Json, titles: set[str]) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TITLE_CHARS and match_key(value) in titles


def is_walled_holder(holder: dict[str, Json]) -> bool:
    """Whether an object says that its story is not for all readers."""
    inner = (value for value in holder.values() if isinstance(value, dict))
    for key, value in [*holder.items(), *(item for part in inner for item in part.items())]:
        name = re.sub(r"[_-]", "", key.lower())
        word = str(value).strip().lower() if isinstance(value, str | bool) else ""
        if name in _WALLED_KEYS and word == "true":
            return True
        if name in _FREE_KEYS and word == "false":
            return True
        if name in _TIER_KEYS and is_walled_tier(word):
            return True
    return False


def read_blocks(html: str) -> list[TextBlock]:
    """The blocks of a piece of HTML that is no page; none if it has too many attributes or no elements."""
    html = html.replace("\x00", "")
    if count_attributes(html) > MAX_ATTRIBUTES:
        return []
    try:
        return build_outline(document_fromstring(f"<div>{html}</div>"))[0]
    except (etree.ParserError, AssertionError):
        return []
