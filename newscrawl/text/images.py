"""Pictures of a story with their captions and credits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.html import HtmlElement

from newscrawl.parts import Image
from newscrawl.text.blocks import text_of
from newscrawl.text.folding import cut, tidy
from newscrawl.text.head import Head
from newscrawl.text.jsonld import linked, strings
from newscrawl.urls import absolute

MAX_IMAGES = 40
MAX_CAPTION_CHARS = 1_000
_CREDIT = re.compile(
    r"(?:\b(?:cr[eé]dits?(?:\s(?:photos?|images?))?|photos?|image|source)\s?:\s?|©\s?|\bphoto by\s|"
    r"\(\s?photo\s)(?P<who>[^:()]{2,60})\)?\W*$",
    re.IGNORECASE,
)
_CREDIT_CLASS = "credit"
_NO_PICTURE = re.compile(
    r"(?:logo|avatar|gravatar|sprite|pixel|spacer|blank|placeholder|/ads?/)", re.IGNORECASE
)
_FROM_SET = re.compile(r"^\s*([^\s,]{1,2000})")


def images_of(head: Head, tree: HtmlElement) -> list[Image]:
    """The lead image that the page declares, then figures with their captions; each address once."""
    found: dict[str, Image] = {}
    for figure in _figures(tree, head.url):
        found.setdefault(figure.url, figure)
    lead = _lead(head)
    if lead is None:
        return list(found.values())[:MAX_IMAGES]
    same = found.pop(lead, None)
    first = same.model_copy(update={"lead": True}) if same else Image(url=lead, alt=_alt(head), lead=True)
    return [first, *found.values()][:MAX_IMAGES]


def _lead(head: Head) -> str | None:
    said = [head.meta("og:image", "og:image:url", "og:image:secure_url", "twitter:image"), *_in_jsonld(head)]
    return next((full for one in said if one and (full := absolute(one, head.url))), None)


def _in_jsonld(head: Head) -> Iterator[str]:
    said = head.story.get("image")
    yield from strings(said)
    for node in linked(head.nodes, said):
        yield from (*strings(node.get("url")), *strings(node.get("contentUrl")))


def _alt(head: Head) -> str | None:
    return head.meta("og:image:alt", "twitter:image:alt")


def _figures(tree: HtmlElement, base: str) -> Iterator[Image]:
    for figure in tree.iter("figure"):
        picture = next(figure.iterdescendants("img"), None)
        url = _address(picture, base) if picture is not None else None
        if picture is None or url is None or _NO_PICTURE.search(url):
            continue
        caption, credit = _caption(figure)
        yield Image(url=url, alt=tidy(picture.get("alt") or "") or None, caption=caption, credit=credit)


def _address(picture: HtmlElement, base: str) -> str | None:
    """Lazy-loaded pictures hold their address apart; an inlined one has none."""
    for name in ("data-src", "data-lazy-src", "data-original", "src", "data-srcset", "srcset"):
        found = _FROM_SET.match(picture.get(name) or "")
        if found and not found.group(1).startswith("data:") and (full := absolute(found.group(1), base)):
            return full
    return None


def _caption(figure: HtmlElement) -> tuple[str | None, str | None]:
    """Caption and credit; the credit stays in the caption where it is part of its sentence."""
    element = next(figure.iterdescendants("figcaption"), None)
    if element is None:
        return None, None
    text = cut(text_of(element), MAX_CAPTION_CHARS)
    marked = next(
        (
            text_of(part)
            for part in element.iterdescendants()
            if _CREDIT_CLASS in (part.get("class") or "").lower()
        ),
        None,
    )
    if marked:
        return text.replace(marked, "").strip(" |-–—") or None, marked
    found = _CREDIT.search(text)
    if found is None:
        return text or None, None
    return text[: found.start()].strip(" |-–—/") or None, found.group("who").strip()
