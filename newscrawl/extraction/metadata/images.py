"""Pictures of a story with their captions and credits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.html import HtmlElement

from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import first_text, resolve_nodes, string_values
from newscrawl.extraction.landmarks import is_about_other_stories, short_text
from newscrawl.extraction.normalize import normalize_spaces, truncate
from newscrawl.items import Image
from newscrawl.urls import absolute_url

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
_FIRST_IN_SRCSET = re.compile(r"^\s*([^\s,]{1,2000})")


def read_images(head: PageHead) -> list[Image]:
    """Read the lead image that the page declares, then the figures with captions; each URL once."""
    images: dict[str, Image] = {}
    for figure in _figure_images(head):
        images.setdefault(figure.url, figure)
    lead = _find_lead_image(head)
    if lead is None:
        return list(images.values())[:MAX_IMAGES]
    same = _pop_same_image(images, lead.url)
    first = same.model_copy(update={"lead": True, "url": lead.url}) if same else lead
    return [first, *images.values()][:MAX_IMAGES]


def _pop_same_image(images: dict[str, Image], url: str) -> Image | None:
    """Remove and return the figure with a URL; sizes of a picture may differ only in the query."""
    bare = url.partition("?")[0]
    same = next((other for other in images if other == url or other.partition("?")[0] == bare), None)
    return images.pop(same) if same else None


def _find_lead_image(head: PageHead) -> Image | None:
    href = head.meta("og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src")
    url = absolute_url(href, head.url) if href else None
    if url:
        return Image(url=url, alt=head.meta("og:image:alt", "twitter:image:alt"), lead=True)
    return next(_jsonld_images(head), None)


def _jsonld_images(head: PageHead) -> Iterator[Image]:
    value = head.story_node.get("image")
    for href in string_values(value):
        if url := absolute_url(href, head.url):
            yield Image(url=url, lead=True)
    for node in resolve_nodes(head.nodes, value):
        for href in (*string_values(node.get("url")), *string_values(node.get("contentUrl"))):
            if url := absolute_url(href, head.url):
                caption = first_text(node.get("caption"))
                yield Image(
                    url=url,
                    caption=truncate(caption, MAX_CAPTION_CHARS) if caption else None,
                    credit=first_text(node.get("creditText")) or first_text(node.get("copyrightNotice")),
                    lead=True,
                )


def _figure_images(head: PageHead) -> Iterator[Image]:
    """Yield the figures of the story, without those in teasers of other stories."""
    for figure in [*head.landmarks.figures, *head.landmarks.by_kind["figure"]]:
        picture = next(figure.iterdescendants("img", "amp-img"), None)
        url = _image_url(picture, head.url) if picture is not None else None
        if picture is None or url is None or _NO_PICTURE.search(url) or is_about_other_stories(figure):
            continue
        caption, credit = _caption_and_credit(figure)
        alt = normalize_spaces(picture.get("alt") or "") or None
        yield Image(url=url, alt=alt, caption=caption, credit=credit)


def _image_url(picture: HtmlElement, base: str) -> str | None:
    """The URL of a picture, also if it is lazy-loaded; an inlined picture has none."""
    for name in ("data-src", "data-lazy-src", "data-original", "src", "data-srcset", "srcset"):
        match = _FIRST_IN_SRCSET.match(picture.get(name) or "")
        if match and not match.group(1).startswith("data:") and (url := absolute_url(match.group(1), base)):
            return url
    return None


def _is_caption(element: HtmlElement) -> bool:
    return "caption" in (element.get("class") or "").lower() and bool(short_text(element, MAX_CAPTION_CHARS))


def _caption_and_credit(figure: HtmlElement) -> tuple[str | None, str | None]:
    """Divide caption and credit, unless the credit is part of a sentence of the caption."""
    element = next(figure.iterdescendants("figcaption"), None)
    if element is None:
        element = next(filter(_is_caption, figure.iterdescendants("p", "div", "span")), None)
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
    match = _CREDIT.search(line)
    if match is None:
        return line or None, None
    return line[: match.start()].strip(" |-–—/") or None, match.group("who").strip()
