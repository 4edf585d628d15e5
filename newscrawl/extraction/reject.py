"""Why a page that could be parsed holds no story: an error page, a redirect, frames, a listing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import RawBlock, text_of
from newscrawl.extraction.body import MIN_CHARS
from newscrawl.extraction.head import Head
from newscrawl.extraction.jsonld import types_of
from newscrawl.extraction.parse import Fault
from newscrawl.items import PageType

_REFRESH = re.compile(r"^\s*(?P<wait>\d{1,4})\s*[;,]\s*url\s*=", re.IGNORECASE)
_SLOW = 30
"A page that reloads itself after so many seconds is still a page."
_LITTLE_TEXT = 600
"Visible characters under which a page is a shell."
_ERROR_TITLE = re.compile(
    r"^\W*(?:(?:error |erreur )?(?:404|403|410|500|502|503)\b|page (?:not found|non trouvée|"
    r"introuvable)|not found|access denied|accès refusé|"
    r"just a moment|attention required|are you a robot|service unavailable|forbidden|"
    r"internal server error|oops)",
    re.IGNORECASE,
)
_BOT_TITLE = re.compile(
    r"just a moment|attention required|are you a robot|access denied|ddos protection|checking your browser",
    re.IGNORECASE,
)
_LISTING_PATHS = re.compile(
    r"^/?$|/(?:tag|tags|category|categorie|categories|author|auteur|page|search|recherche|archives?|"
    r"rubrique)/[^/]*/?(?:page/\d+/?)?$",
    re.I,
)
_LISTING_TYPES = frozenset({"collectionpage", "searchresultspage", "itemlist", "profilepage"})
_LISTING_BODIES = frozenset(
    [
        "home",
        "blog",
        "archive",
        "category",
        "tag",
        "author",
        "search",
        "search-results",
        "date",
        "post-type-archive",
    ]
)
_TEASERS = 8
_FEW_TEASERS = 2
"Enough on a page that has no text and is titled with the site's name alone."
_TEASER_WORDS = 4


def shell_fault(head: Head, tree: HtmlElement, lines: Sequence[RawBlock], status: int | None) -> Fault | None:
    """What can be told before a story is looked for."""
    if status is not None and status >= 400:
        return Fault(reason="error_page", detail=f"answered with status {status}")
    little = sum(len(line.text) for line in lines) < _LITTLE_TEXT
    title = head.title or ""
    if little and _ERROR_TITLE.search(title):
        return Fault(
            reason="bot_wall" if _BOT_TITLE.search(title) else "error_page", detail=f"titled {title[:80]}"
        )
    if next(tree.iter("frameset"), None) is not None:
        return Fault(reason="frames", detail="a frameset: the text is on other pages")
    refresh = _REFRESH.match(head.meta("refresh") or "")
    if refresh and int(refresh.group("wait")) < _SLOW and little:
        return Fault(reason="meta_refresh", detail="sends its readers to another page")
    return None


def empty_fault(tree: HtmlElement, lines: Sequence[RawBlock], chars: int, *, untitled: bool) -> Fault | None:
    """Why too little text was found, if it is too little."""
    if chars >= MIN_CHARS:
        return None
    visible = sum(len(line.text) for line in lines)
    if visible < _LITTLE_TEXT and _is_script_shell(tree, lines):
        return Fault(reason="script_only", detail="the text comes by script")
    if visible < _LITTLE_TEXT and next(tree.iter("iframe"), None) is not None:
        return Fault(reason="frames", detail="the text is in an inner frame")
    if untitled and _teasers(tree) >= _FEW_TEASERS:
        return Fault(reason="listing", detail="teasers, and no title but the site's name")
    if visible == 0:
        return Fault(reason="no_text", detail="nothing to read on the page")
    return Fault(reason="too_short", detail=f"{chars} characters, at least {MIN_CHARS} make a story")


def _is_script_shell(tree: HtmlElement, lines: Sequence[RawBlock]) -> bool:
    asked = any("javascript" in text_of(element).lower() for element in tree.iter("noscript"))
    scripts = sum(1 for element in tree.iter("script") if element.get("src") or len(element.text or "") > 200)
    return (
        asked
        or (scripts >= 1 and len(lines) <= 5)
        or any("javascript" in line.text.lower() for line in lines)
    )


def is_listing(head: Head, tree: HtmlElement, page_type: PageType, *, untitled: bool) -> bool:
    """Whether it lists stories: by type, address, body class, or teasers without an article of its own."""
    if head.story and not _is_home(head.url):
        return False
    declared = (head.meta("og:type") or "").lower()
    if declared == "article" or page_type in {"liveblog", "video", "gallery"}:
        return False
    if page_type == "listing" or _is_home(head.url):
        return True
    types = {name for node in head.nodes for name in types_of(node)}
    signs = (
        bool(types & _LISTING_TYPES)
        + bool(_LISTING_PATHS.search(urlsplit(head.url).path))
        + _has_listing_body(tree)
    )
    return signs >= 2 or (signs + untitled >= 1 and _teasers(tree) >= _TEASERS)


def _is_home(url: str) -> bool:
    parts = urlsplit(url)
    return parts.path in {"", "/"} and not parts.query


def _has_listing_body(tree: HtmlElement) -> bool:
    body = next(tree.iter("body"), None)
    classes = set((body.get("class") or "").lower().split()) if body is not None else set()
    return bool(classes & _LISTING_BODIES) and "single" not in classes


def _teasers(tree: HtmlElement) -> int:
    """Articles, or headings and list items that are links of several words."""
    linked = [
        (element.tag, link) for element in tree.iter("h2", "h3", "h4", "li") for link in _first_link(element)
    ]
    headings = sum(1 for tag, _ in linked if tag != "li")
    items = sum(1 for tag, link in linked if tag == "li" and len(text_of(link).split()) >= _TEASER_WORDS)
    return max(headings, items, sum(1 for _ in tree.iter("article")))


def _first_link(element: HtmlElement) -> list[HtmlElement]:
    return list(islice(element.iterdescendants("a"), 1))
