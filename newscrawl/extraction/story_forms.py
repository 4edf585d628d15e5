"""Which other form of its story a page leads to that is worth a request, where its outlet asks for such.

A page names the JSON of its story by `rel=alternate` in its head or in a Link header (RFC 8288), and its AMP
page by `rel=amphtml`. Nothing is asked for that readers of the page would have to pay or to log in for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from newscrawl.extraction.following_pages import STORY_TYPES
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.parse import find_header
from newscrawl.items import Access, Article, Rejection
from newscrawl.outlet import Outlet, StoryForm
from newscrawl.urls import absolute_url, has_userinfo, is_same_site, url_host

AMP: StoryForm = "amp"
JSON_FORMS: Mapping[StoryForm, str] = {
    "wordpress": "application/json",
    "drupal": "application/vnd.api+json",
}
"Forms that are asked for as JSON, and the media types by which pages name them."
EMPTY_REASONS = frozenset({"no_text", "script_only", "too_short"})
"Why a page is rejected that holds no story, though another form of it may."
MIN_STORY_CHARS_ALONE = 400
"A page with a shorter text may show only the lede of its story."
_MAX_LINKS = 500
_MAX_HEADER_CHARS = 8_000
_HEADER_LINK = re.compile(
    r"<([^<>\s]{1,2083})>((?:\s{0,9};\s{0,9}[\w*-]{1,30}(?:=(?:\"[^\"]{0,300}\"|[^\s;,\"]{0,300}))?){0,20})"
)
_PARAMETER = re.compile(r";\s{0,9}([\w-]{1,30})=(?:\"([^\"]{0,300})\"|([^\s;,\"]{0,300}))")


class FormLink(NamedTuple):
    """Another form of a story, and where it is."""

    form: StoryForm
    url: str


class _Alternate(NamedTuple):
    relations: frozenset[str]
    media_type: str
    "Lower-case, without parameters."
    url: str


def find_json_form(
    head: PageHead, outlet: Outlet | None, article: Article, *, is_decided: bool
) -> FormLink | None:
    """The JSON of an article's story that is worth a request; None if nothing is, or nobody asks.

    `is_decided`: a rule of the outlet or a whole witness says already what the story is.
    """
    forms = [form for form in outlet.story_forms if form in JSON_FORMS] if outlet else []
    if not forms or is_decided or article.page_type not in STORY_TYPES or not is_open(article.access):
        return None
    named = [link for link in _iter_alternates(head) if url_host(link.url) == url_host(head.url)]
    found = (
        FormLink(form, link.url)
        for form in forms
        for link in named
        if "alternate" in link.relations and link.media_type == JSON_FORMS[form]
    )
    return next(found, None)


def find_amp_form(
    head: PageHead, outlet: Outlet | None, result: Article | Rejection, access: Access
) -> FormLink | None:
    """The AMP page of a page without a text of its own; None if it has one, has none, or nobody asks."""
    if outlet is None or AMP not in outlet.story_forms or not is_open(access) or not lacks_text(result):
        return None
    named = (
        FormLink(AMP, link.url)
        for link in _iter_alternates(head)
        if "amphtml" in link.relations and is_same_site(link.url, outlet.home) and link.url != head.url
    )
    return next(named, None)


def is_open(access: Access) -> bool:
    """Whether a page says nothing of a wall before its story."""
    return access.free is not False and access.wall == "none"


def lacks_text(result: Article | Rejection) -> bool:
    """Whether a page shows no story, or so little that it may be only its lede."""
    if isinstance(result, Rejection):
        return result.reason in EMPTY_REASONS
    return result.page_type in STORY_TYPES and result.char_count < MIN_STORY_CHARS_ALONE


def _iter_alternates(head: PageHead) -> Iterator[_Alternate]:
    """The links in the page's head, then those of its Link headers; only such as can be requested."""
    for relations, media_type, href in _iter_declared(head):
        url = absolute_url(href, head.url)
        if url and not has_userinfo(url):
            kind = media_type.partition(";")[0].strip().lower()
            yield _Alternate(frozenset(relations.lower().split()), kind, url)


def _iter_declared(head: PageHead) -> Iterator[tuple[str, str, str]]:
    """Relations, media type and address of each link, verbatim."""
    for element in islice(head.landmarks.links, _MAX_LINKS):
        yield element.get("rel") or "", element.get("type") or "", element.get("href") or ""
    header = (find_header(head.headers, "link") or "")[:_MAX_HEADER_CHARS]
    for match in _HEADER_LINK.finditer(header):
        values = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(match[2])}
        yield values.get("rel", ""), values.get("type", ""), match[1]
