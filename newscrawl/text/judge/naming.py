"""What elements are called: roles by tag and attribute, and words in their names, as bits."""

from __future__ import annotations

import re
from functools import lru_cache

from newscrawl.text.blocks import Frame

_WORDS = {
    "nav": r"nav|menu|breadcrumb|skip|pagination|pager",
    "foot": r"foot|bottom|copyright|legal|disclaimer",
    "head": r"header|masthead|topbar|banner",
    "side": r"side|aside|rail|widget|module|secondary",
    "comment": r"comment|disqus|respond|reply|replies",
    "share": r"shar(?:e|ing)|social|follow|facebook|twitter|whatsapp|tweet",
    "related": r"relat|recommend|more|also|trending|popular|latest|most|teaser|card|promo|next|prev|carousel|"
    r"slider|recirc|outbrain|taboola|associ",
    "author": r"author|byline|bio|contributor|writer|auteur",
    "picture": r"caption|credit|photo|gallery|media|image|figure|legend",
    "paywall": r"newsletter|subscri|sign-?up|paywall|regwall|premium|member|donat|abonn",
    "consent": r"cookie|consent|gdpr|rgpd|cmplz|privacy|modal|popup|overlay",
    "advert": r"(?<![a-z])ads?(?![a-z])|advert|sponsor|affiliate|dfp|google",
    "tag": r"tags?(?![a-z])|categor|topic|keyword|label|kicker",
    "date": r"date|time|publish|meta|posted",
    "body": r"body|content|prose|richtext|paragraph|text",
    "article": r"article|entry|post|story|main",
    "title": r"title|headline|heading",
    "lede": r"lead|dek|standfirst|summary|excerpt|intro|chapo|subtitle|description|deck|lede",
    "hidden": r"hidden|sr-only|visually|screen-reader|print|collapse",
    "list": r"list|feed|grid|archive|items?(?![a-z])|loop|stream",
    "contents": r"toc(?![a-z])|table-of-contents|jump",
    "live": r"live|timeline|update",
    "box": r"box|callout|fact|pull-?quote|quote|inset|embed",
}
_WORD = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _WORDS.items()))
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BIT = {name: 1 << at for at, name in enumerate(_WORDS)}
_NAME_CHARS = 200
WORD_NAMES = tuple(_WORDS)

_ROLES = (
    "article", "main", "nav", "footer", "header", "aside", "figure", "ul", "ol", "table", "form",
    "blockquote", "li", "section", "figcaption", "body", "hidden", "dl", "heading", "cell",
)  # fmt: skip
ROLE_NAMES = _ROLES
_ROLE_BIT = {name: 1 << at for at, name in enumerate(_ROLES)}
_BY_TAG = {
    name: bit for name, bit in _ROLE_BIT.items() if name not in {"body", "hidden", "heading", "cell"}
} | {
    "menu": _ROLE_BIT["ul"],
    "td": _ROLE_BIT["cell"],
    "th": _ROLE_BIT["cell"],
    **{f"h{level}": _ROLE_BIT["heading"] for level in range(1, 7)},
}
_BY_NAME = {
    "navigation": _ROLE_BIT["nav"],
    "menu": _ROLE_BIT["nav"],
    "menubar": _ROLE_BIT["nav"],
    "complementary": _ROLE_BIT["aside"],
    "contentinfo": _ROLE_BIT["footer"],
    "articlebody": _ROLE_BIT["body"],
}


@lru_cache(maxsize=65_536)
def word_bits(names: str) -> int:
    """Which families of words an element's names hold; bit `n` stands for `WORD_NAMES[n]`."""
    bits = 0
    for match in _WORD.finditer(_HUMP.sub("-", names[:_NAME_CHARS]).lower()):
        bits |= _BIT[match.lastgroup or ""]
    return bits


@lru_cache(maxsize=65_536)
def _named_role(names: str) -> int:
    return sum({_BY_NAME[word] for word in names.lower().split() if word in _BY_NAME})


def role_bits(frame: Frame) -> int:
    """What the element is for by tag, role, itemprop and visibility; bit `n` stands for `ROLE_NAMES[n]`."""
    bits = _BY_TAG.get(frame.tag, 0)
    if frame.names:
        bits |= _named_role(frame.names)
    return bits | (_ROLE_BIT["hidden"] if frame.hidden else 0)
