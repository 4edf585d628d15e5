"""Reasons to reject a page that could be parsed, such as an error page, a redirect or a listing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import TextBlock, inner_text
from newscrawl.extraction.body import MIN_CHARS, Body
from newscrawl.extraction.classifier.model import THRESHOLD
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import node_types
from newscrawl.extraction.normalize import text_size
from newscrawl.extraction.parse import RejectReason
from newscrawl.extraction.view import PageView
from newscrawl.items import PageType

_META_REFRESH = re.compile(r"^\s*(?P<wait>\d{1,4})\s*[;,]\s*url\s*=", re.IGNORECASE)
_SLOW_REFRESH = 30
"Seconds after which a page may reload itself and still be a page."
SHORT_CHARS = 400
"Shorter stories are flagged; expecting no longer one is a reason to reject a page beside another."
SURE_PAGE_TYPE = 0.6
"Probability from which the classifier's page type counts. Of 258 articles of unseen sites none reached it."
_LABEL_CHARS = 20
_LINK_SHARE = 0.2
"A block with no larger share of text outside of links is a link."
_RUNNING_CHARS = 1_000
"Teasers have no running text of this length."
_LITTLE_TEXT = 600
"A page with fewer visible characters may be an empty shell."
_ERROR_TITLE = re.compile(
    r"^\W*(?:(?:error|erreur) (?:404|403|410|500|502|503)\b|"
    r"(?:404|403|410|500|502|503)(?=\W*$|\s*[-|–—:!.,•]|\s+(?:error|erreur|page|not|file|access|bad|forbidden|internal|"
    r"server|service|gateway)\b)|"
    r"page (?:not found|non trouvée|introuvable)|not found|"
    r"(?:access denied|accès refusé|forbidden)(?=\W*$|\s*[-|–—!.•])|"
    r"just a moment|attention required|are you a robot|service unavailable|internal server error|"
    r"oops(?=\W*$|\b.{0,60}\b(?:page|found|wrong|error|erreur)\b))",
    re.IGNORECASE,
)
"A headline may begin with such a word or number too: `500 écoles ouvertes`."
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
_PIECES, _TEASER_CHARS = 4, 200
"Fewer pieces show a listing only where each is as short as a teaser."
_FEW_TEASERS = 2
"Enough on a page without text whose title is only the name of the site."
_TEASER_WORDS = 4


def reject_status(status: int | None) -> RejectReason | None:
    """The reason to reject a response whatever its page says, if it is an error."""
    if status is not None and status >= 400:
        return RejectReason(reason="error_page", detail=f"answered with status {status}")
    return None


def reject_non_article(
    head: PageHead, tree: HtmlElement, view: PageView, body: Body, *, listing_signs: bool, untitled: bool
) -> RejectReason | None:
    """The reason to reject a page whose `body` was extracted, if any.

    There are always two: a sign that the page is none of a story, and that there is little to read or that
    the classifier expects no story. A rejected story is lost; a listing that is let through can still be
    found by its page type.
    """
    runs = _expected_runs(view, body)
    is_short = sum(runs) < SHORT_CHARS
    has_little_text = is_short and _visible_size(view) < _LITTLE_TEXT
    title = head.title or ""
    if has_little_text and _ERROR_TITLE.search(title):
        return RejectReason(
            reason="bot_wall" if _BOT_TITLE.search(title) else "error_page", detail=f"titled {title[:80]}"
        )
    if has_little_text and next(tree.iter("frameset"), None) is not None:
        return RejectReason(reason="frames", detail="a frameset: the text is on other pages")
    refresh = _META_REFRESH.match(head.meta("refresh") or "")
    if refresh and int(refresh.group("wait")) < _SLOW_REFRESH and has_little_text:
        return RejectReason(reason="meta_refresh", detail="sends its readers to another page")
    pieces = len(list(filter(None, runs)))
    longest_piece = SHORT_CHARS if pieces >= _MANY_TEASERS else _TEASER_CHARS
    is_in_pieces = pieces >= _PIECES and max(runs) < longest_piece
    is_no_story = is_short or is_in_pieces or (looks_like_listing(body) and max(runs) < _RUNNING_CHARS)
    if listing_signs and is_no_story:
        return RejectReason(reason="listing", detail="a page of teasers, not a story")
    if len(body.text) < MIN_CHARS:
        return _explain_emptiness(tree, view, len(body.text), untitled=untitled)
    return None


def _expected_runs(view: PageView, body: Body) -> list[float]:
    """Sizes of the story's parts, as the classifier or the outlet's rule expects it; links are not counted.

    A part ends at a block that does not belong to the story or that is a link, such as the headline of a
    teaser, unless it is as short as a label.
    """
    if body.from_script:
        return [text_size(body.text)]
    likely = [value > THRESHOLD for value in body.selection.first_probabilities] or body.selection.selected
    runs = [0.0]
    for block, is_likely in zip(view.blocks, likely, strict=True):
        own_share = max(0.0, 1 - block.linked_chars / len(block.text))
        if is_likely and own_share > _LINK_SHARE and block.frame.index not in view.chrome:
            runs[-1] += text_size(block.text) * own_share
        elif text_size(block.text) >= _LABEL_CHARS:
            runs.append(0.0)
    return runs


def _visible_size(view: PageView) -> float:
    return sum(text_size(block.text) for block in view.visible_blocks)


def _explain_emptiness(tree: HtmlElement, view: PageView, chars: int, *, untitled: bool) -> RejectReason:
    """Why the extracted text is too short for a story."""
    lines = view.visible_blocks
    visible_chars = _visible_size(view)
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


def looks_like_listing(body: Body) -> bool:
    """Whether the classifier takes the page for a listing."""
    return body.selection.page_type is not None and (
        body.selection.page_type[0] == "listing" and body.selection.page_type[1] >= SURE_PAGE_TYPE
    )


def has_listing_signs(head: PageHead, tree: HtmlElement, page_type: PageType, *, untitled: bool) -> bool:
    """Whether a page gives signs of a listing: its type, address, body class, or teasers and no article.

    Extracting the body takes such signs from the tree, so they are read before.
    """
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
