"""Reasons to reject a page that could be parsed, such as an error page, a redirect or a listing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import TextBlock, inner_text
from newscrawl.extraction.body import MIN_CHARS
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import node_types
from newscrawl.extraction.parse import RejectReason
from newscrawl.items import PageType

_META_REFRESH = re.compile(r"^\s*(?P<wait>\d{1,4})\s*[;,]\s*url\s*=", re.IGNORECASE)
_SLOW_REFRESH = 30
"Seconds after which a page may reload itself and still be a page."
_LITTLE_TEXT = 600
"A page with fewer visible characters may be an empty shell."
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
_STORY_QUERY = re.compile(
    r"(?:^|&)(?:p|page_id|post|id|nid|aid|article|id_article|news_?id|story_?id)=\d", re.I
)
"How addresses without a path name a story, such as `/?p=123`."
_LISTING_TYPES = frozenset({"collectionpage", "searchresultspage", "itemlist", "profilepage"})
_LISTING_BODY_CLASSES = frozenset({
    "home", "blog", "archive", "category", "tag", "author", "search", "search-results", "date",
    "post-type-archive",
})  # fmt: skip
_MANY_TEASERS = 8
_FEW_TEASERS = 2
"Enough on a page without text whose title is only the name of the site."
_TEASER_WORDS = 4


def reject_non_article(
    head: PageHead, tree: HtmlElement, lines: Sequence[TextBlock], status: int | None
) -> RejectReason | None:
    """The reason to reject a page before its story is extracted, if any."""
    if status is not None and status >= 400:
        return RejectReason(reason="error_page", detail=f"answered with status {status}")
    has_little_text = sum(len(line.text) for line in lines) < _LITTLE_TEXT
    title = head.title or ""
    if has_little_text and _ERROR_TITLE.search(title):
        return RejectReason(
            reason="bot_wall" if _BOT_TITLE.search(title) else "error_page", detail=f"titled {title[:80]}"
        )
    if next(tree.iter("frameset"), None) is not None:
        return RejectReason(reason="frames", detail="a frameset: the text is on other pages")
    refresh = _META_REFRESH.match(head.meta("refresh") or "")
    if refresh and int(refresh.group("wait")) < _SLOW_REFRESH and has_little_text:
        return RejectReason(reason="meta_refresh", detail="sends its readers to another page")
    return None


def reject_empty(
    tree: HtmlElement, lines: Sequence[TextBlock], chars: int, *, untitled: bool
) -> RejectReason | None:
    """The reason why the extracted text is too short, if it is."""
    if chars >= MIN_CHARS:
        return None
    visible_chars = sum(len(line.text) for line in lines)
    if visible_chars < _LITTLE_TEXT and _is_script_shell(tree, lines):
        return RejectReason(reason="script_only", detail="the text comes by script")
    if visible_chars < _LITTLE_TEXT and next(tree.iter("iframe"), None) is not None:
        return RejectReason(reason="frames", detail="the text is in an inner frame")
    if untitled and _count_teasers(tree) >= _FEW_TEASERS:
        return RejectReason(reason="listing", detail="teasers, and no title but the site's name")
    if visible_chars == 0:
        return RejectReason(reason="no_text", detail="nothing to read on the page")
    return RejectReason(reason="too_short", detail=f"{chars} characters, at least {MIN_CHARS} make a story")


def _is_script_shell(tree: HtmlElement, lines: Sequence[TextBlock]) -> bool:
    asks_for_scripts = any(
        "javascript" in text.lower()
        for text in (*map(inner_text, tree.iter("noscript")), *(line.text for line in lines))
    )
    has_scripts = any(element.get("src") or len(element.text or "") > 200 for element in tree.iter("script"))
    return asks_for_scripts or (has_scripts and len(lines) <= 5)


def is_listing(head: PageHead, tree: HtmlElement, page_type: PageType, *, untitled: bool) -> bool:
    """Whether a page lists stories: by its type, address or body class, or by teasers without an article."""
    if head.story_node and not _is_home(head.url):
        return False
    declared = (head.meta("og:type") or "").lower()
    if declared == "article" or page_type in {"liveblog", "video", "gallery"}:
        return False
    if page_type == "listing" or _is_home(head.url):
        return True
    types = {name for node in head.nodes for name in node_types(node)}
    signs = bool(types & _LISTING_TYPES) + _has_listing_address(head.url) + _has_listing_body(tree)
    return signs >= 2 or (signs + untitled >= 1 and _count_teasers(tree) >= _MANY_TEASERS)


def _is_home(url: str) -> bool:
    parts = urlsplit(url)
    return parts.path in {"", "/"} and not parts.query


def _has_listing_address(url: str) -> bool:
    parts = urlsplit(url)
    return _STORY_QUERY.search(parts.query) is None and _LISTING_PATHS.search(parts.path) is not None


def _has_listing_body(tree: HtmlElement) -> bool:
    body = next(tree.iter("body"), None)
    classes = set((body.get("class") or "").lower().split()) if body is not None else set()
    return bool(classes & _LISTING_BODY_CLASSES) and "single" not in classes


def _count_teasers(tree: HtmlElement) -> int:
    """Articles, headings with links, or list items with links of several words, whichever are most."""
    linked = [
        (element.tag, link)
        for element in tree.iter("h2", "h3", "h4", "li")
        for link in islice(element.iterdescendants("a"), 1)
    ]
    headings = sum(1 for tag, _ in linked if tag != "li")
    items = sum(1 for tag, link in linked if tag == "li" and len(inner_text(link).split()) >= _TEASER_WORDS)
    return max(headings, items, sum(1 for _ in tree.iter("article")))
