"""HTML of whole stories, as feeds and APIs carry them."""

from __future__ import annotations

import re

from newscrawl.discovery.plain import plain_title

CONTENT_BYTES = 256 * 1024
"What is kept of a story."
_TAIL_CHARS = 400
_TEASER = re.compile(
    r"(\[(…|\.{3})\]|"
    r"\b(lire la suite|lire plus|en savoir plus|read more|continue reading)[\s….»→>\])]{0,6})$",
    re.IGNORECASE,
)


def whole_content(html: object) -> str | None:
    """HTML of a story, cut at the limit; None when there is none or when it ends as teasers do."""
    if not isinstance(html, str) or not html.strip():
        return None
    if _TEASER.search(plain_title(html[-_TAIL_CHARS:]) or ""):
        return None
    return html.encode("utf-8", "ignore")[:CONTENT_BYTES].decode("utf-8", "ignore")
