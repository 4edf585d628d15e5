"""An HTML page as a tree, whatever its bytes."""

from __future__ import annotations

from itertools import islice

from lxml import etree, html

from newscrawl.discovery.decode import is_utf8, marked_encoding
from newscrawl.discovery.found import link_url
from newscrawl.discovery.plain import one_line

PAGE_BYTES = 10 * 1024 * 1024
_NODES_OF_TEXT = 200
"Elements looked into for one text: broken pages nest links by the thousand."


def page_tree(body: bytes) -> html.HtmlElement | None:
    """The page, or None when there is none in it; bytes behind the limit are not read."""
    data = _one_byte_each(body[:PAGE_BYTES]).replace(b"\0", b"")
    if not data.strip():
        return None
    # UTF-8 that holds is UTF-8 whatever the page declares; else what it declares is all there is.
    encoding = "utf-8" if is_utf8(data) else None
    parser = html.HTMLParser(encoding=encoding, no_network=True, huge_tree=True, remove_comments=True)
    try:
        tree = html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return None
    return tree if isinstance(tree, html.HtmlElement) else None


def _one_byte_each(data: bytes) -> bytes:
    """UTF-8 in place of the wide encodings, which lxml does not notice by itself."""
    wide = marked_encoding(data)
    return data if wide in (None, "utf-8") else data.decode(wide or "", "replace").lstrip("\ufeff").encode()


def base_of(tree: html.HtmlElement, url: str) -> str:
    """What links of the page are relative to."""
    for base in islice(tree.iter("base"), 1):
        return link_url(base.get("href"), url) or url
    return url


def text_of(element: html.HtmlElement) -> str | None:
    """The words in an element, as one line."""
    parts = [element.text or ""]
    for node in islice(element.iterdescendants(), _NODES_OF_TEXT):
        if node.tag not in ("script", "style"):
            parts.append(node.text or "")
        parts.append(node.tail or "")
    return one_line(" ".join(parts))
