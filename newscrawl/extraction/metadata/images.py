"""Pictures of a story with their captions and credits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.html import HtmlElement

from newscrawl.extraction.head import Head
from newscrawl.extraction.jsonld import linked, strings, text
from newscrawl.extraction.landmarks import is_elsewhere, short_text
from newscrawl.extraction.normalize import cut, tidy
from newscrawl.items import Image
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


def images_of(head: Head) -> list[Image]:
    """The lead image that the page declares, then figures with their captions; each address once."""
    found: dict[str, Image] = {}
    for figure in _figures(head):
        found.setdefault(figure.url, figure)
    lead = _lead(head)
    if lead is None:
        return list(found.values())[:MAX_IMAGES]
    same = _popped(found, lead.url)
    first = same.model_copy(update={"lead": True, "url": lead.url}) if same else lead
    return [first, *found.values()][:MAX_IMAGES]


def _popped(found: dict[str, Image], url: str) -> Image | None:
    """The figure of an address, taken out; sizes of one picture differ in their queries alone."""
    bare = url.partition("?")[0]
    same = next((one for one in found if one == url or one.partition("?")[0] == bare), None)
    return found.pop(same) if same else None


def _lead(head: Head) -> Image | None:
    said = head.meta("og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src")
    declared = absolute(said, head.url) if said else None
    if declared:
        return Image(url=declared, alt=head.meta("og:image:alt", "twitter:image:alt"), lead=True)
    return next(_in_jsonld(head), None)


def _in_jsonld(head: Head) -> Iterator[Image]:
    said = head.story.get("image")
    for address in strings(said):
        if full := absolute(address, head.url):
            yield Image(url=full, lead=True)
    for node in linked(head.nodes, said):
        for address in (*strings(node.get("url")), *strings(node.get("contentUrl"))):
            if full := absolute(address, head.url):
                caption = text(node.get("caption"))
                yield Image(
                    url=full,
                    caption=cut(caption, MAX_CAPTION_CHARS) if caption else None,
                    credit=text(node.get("creditText")) or text(node.get("copyrightNotice")),
                    lead=True,
                )


def _figures(head: Head) -> Iterator[Image]:
    """Figures of the story; those that hold a story's teaser are left out."""
    for figure in [*head.signs.figures, *head.signs.named["figure"]]:
        picture = next(figure.iterdescendants("img", "amp-img"), None)
        url = _address(picture, head.url) if picture is not None else None
        if picture is None or url is None or _NO_PICTURE.search(url) or is_elsewhere(figure):
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


def _is_caption(element: HtmlElement) -> bool:
    return "caption" in (element.get("class") or "").lower() and bool(short_text(element, MAX_CAPTION_CHARS))


def _caption(figure: HtmlElement) -> tuple[str | None, str | None]:
    """Caption and credit; the credit stays in the caption where it is part of its sentence."""
    element = next(figure.iterdescendants("figcaption"), None)
    if element is None:
        element = next(
            (part for part in figure.iterdescendants("p", "div", "span") if _is_caption(part)), None
        )
    if element is None:
        return None, None
    line = short_text(element, MAX_CAPTION_CHARS)
    marked = next(
        (
            short_text(part, MAX_CAPTION_CHARS)
            for part in element.iterdescendants()
            if _CREDIT_CLASS in (part.get("class") or "").lower()
        ),
        None,
    )
    if marked:
        return line.replace(marked, "").strip(" |-–—") or None, marked
    found = _CREDIT.search(line)
    if found is None:
        return line or None, None
    return line[: found.start()].strip(" |-–—/") or None, found.group("who").strip()
