"""Why a page that could be parsed holds no story: an error page, a redirect, frames, a listing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from newscrawl.items import PageType
from newscrawl.text.blocks import RawBlock, text_of
from newscrawl.text.folding import key
from newscrawl.text.head import Head
from newscrawl.text.jsonld import types_of
from newscrawl.text.parse import Fault
from newscrawl.text.story import MIN_CHARS

_REFRESH = re.compile(r"^\s*(?P<wait>\d{1,4})\s*[;,]\s*url\s*=", re.IGNORECASE)
_SLOW = 30
"A page that reloads itself after so many seconds is still a page."
_LITTLE_TEXT = 600
"Visible characters under which a page is a shell."
_ERROR_TITLE = re.compile(
    r"^\W*(?:(?:error |erreur )?(?:404|403|410|500|502|503)\b|page (?:not found|non trouvée|introuvable)|not found|access denied|accès refusé|"
    r"just a moment|attention required|are you a robot|service unavailable|forbidden|internal server error|oops)",
    re.IGNORECASE,
)
_BOT_TITLE = re.compile(
    r"just a moment|attention required|are you a robot|access denied|ddos protection|checking your browser",
    re.IGNORECASE,
)
_LISTING_PATHS = re.compile(
    r"^/?$|/(?:tag|tags|category|categorie|categories|author|auteur|page|search|recherche|archives?|rubrique)/[^/]*/?(?:page/\d+/?)?$",
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
_FEW_TEASERS = 4
"Enough on a page that is titled with the site's name alone."
_TEASER_WORDS = 4
_SCRIPTS = frozenset(
    map(
        key,
        (
            "You need to enable JavaScript to run this app",
            "Please enable JavaScript",
            "Veuillez activer JavaScript",
        ),
    )
)


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


def empty_fault(tree: HtmlElement, lines: Sequence[RawBlock], chars: int, *, listing: bool) -> Fault | None:
    """Why too little text was found, if it is too little."""
    if chars >= MIN_CHARS:
        return None
    if listing:
        return Fault(reason="listing", detail="a page of teasers")
    visible = sum(len(line.text) for line in lines)
    if visible < _LITTLE_TEXT and _is_script_shell(tree, lines):
        return Fault(reason="script_only", detail="the text comes by script")
    if visible < _LITTLE_TEXT and next(tree.iter("iframe"), None) is not None:
        return Fault(reason="frames", detail="the text is in an inner frame")
    if visible == 0:
        return Fault(reason="no_text", detail="nothing to read on the page")
    return Fault(reason="too_short", detail=f"{chars} characters, at least {MIN_CHARS} make a story")


def _is_script_shell(tree: HtmlElement, lines: Sequence[RawBlock]) -> bool:
    asked = any(
        key(text_of(element)) in _SCRIPTS or "javascript" in text_of(element).lower()
        for element in tree.iter("noscript")
    )
    scripts = sum(1 for element in tree.iter("script") if element.get("src") or len(element.text or "") > 200)
    return (
        asked
        or (scripts >= 1 and len(lines) <= 5)
        or any("javascript" in line.text.lower() for line in lines)
    )


def is_listing(head: Head, tree: HtmlElement, page_type: PageType, *, untitled: bool) -> bool:
    """Whether a page lists stories: by its type, its theme's body class, or many teasers and no article of its own."""
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
    return (
        signs >= 2
        or (signs == 1 and _teasers(tree) >= _TEASERS)
        or (untitled and _teasers(tree) >= _FEW_TEASERS)
    )


def _is_home(url: str) -> bool:
    parts = urlsplit(url)
    return parts.path in {"", "/"} and not parts.query


def _has_listing_body(tree: HtmlElement) -> bool:
    body = next(tree.iter("body"), None)
    classes = set((body.get("class") or "").lower().split()) if body is not None else set()
    return bool(classes & _LISTING_BODIES) and "single" not in classes


def _teasers(tree: HtmlElement) -> int:
    """Articles or headings that are links."""
    headings = sum(
        1 for element in tree.iter("h2", "h3") if next(element.iterdescendants("a"), None) is not None
    )
    return max(headings, sum(1 for _ in tree.iter("article")))
