"""The text of a story from its AMP page, where the page itself shows none.

The line stays that of the page: its addresses, its record and its response. The AMP page is named in
`pages`, as a following page would be. It counts only if it names the page as its original, and shows its
story to everybody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from newscrawl.extraction.extract import ExtractionTrace
from newscrawl.extraction.following_pages import STORY_TYPES
from newscrawl.extraction.normalize import match_key
from newscrawl.extraction.story_forms import is_open, lacks_text
from newscrawl.extraction.story_text import compute_text_fields
from newscrawl.items import Article, Http, Rejection, StoryPage
from newscrawl.urls import normalize_url, url_host

EMPTY_SHELLS = frozenset({"no_text", "script_only"})
"Why a page is rejected whose text may be on its AMP page alone, and not only later on the page too."
AMP_TEXT = "amp_text"
"Flag of an article whose text is that of its AMP page."
_GUARDED = re.compile(rb"amp-(?:access|subscriptions)\b|subscriptions-section", re.IGNORECASE)
"What hides parts of an AMP page from readers who have not paid, though they are in its HTML."


def is_guarded_amp(html: bytes) -> bool:
    """Whether an AMP page may hold text that it does not show to everybody."""
    return _GUARDED.search(html) is not None


def use_amp_page(page: ExtractionTrace, amp: ExtractionTrace, *, url: str, http: Http) -> ExtractionTrace:
    """What the AMP page of a page gives, as `take_amp_text` has it; what the page itself gives otherwise."""
    taken = take_amp_text(page.result, amp.result, url=url, http=http, reserved_by=page.reserved_by)
    return page if taken is page.result else replace(amp, result=taken, links=None, form=None)


def take_amp_text(
    page: Article | Rejection,
    amp: Article | Rejection,
    *,
    url: str,
    http: Http,
    reserved_by: Sequence[str] = (),
) -> Article | Rejection:
    """The article of a page by its AMP page, or what the page itself gives if the AMP page is no help.

    `url` is the address that answered for the page, `http` its response, `reserved_by` what reserves a page
    that was rejected. Of a page with a short text the AMP page counts only if it has that text too.
    """
    if not isinstance(amp, Article) or not lacks_text(page) or amp.page_type not in STORY_TYPES:
        return page
    if not is_open(amp.access) or not _is_original(url, page, amp):
        return page
    if isinstance(page, Article) and not _has_text(amp, page):
        return page
    identity = normalize_url(url)
    reserved = page.rights.reserved_by if isinstance(page, Article) else reserved_by
    reserved = list(dict.fromkeys([*reserved, *amp.rights.reserved_by]))
    flags = [AMP_TEXT, *(flag for flag in amp.quality.flags if flag != AMP_TEXT)]
    return amp.model_copy(
        update={
            **compute_text_fields(amp.blocks, identity),
            "url": url,
            "url_requested": page.url_requested,
            "url_norm": identity,
            "url_canonical": page.url_canonical if isinstance(page, Article) else amp.url_canonical,
            "domain": url_host(url) or None,
            "discovery": page.discovery,
            "fetched": page.fetched,
            # Without these the page is fetched in full each time: it stays while the story changes.
            "http": http.model_copy(update={"etag": None, "last_modified": None}),
            "rights": amp.rights.model_copy(update={"reserved_by": reserved}),
            "warc": page.warc,
            "pages": [StoryPage(url=url, warc=page.warc), StoryPage(url=amp.url, warc=amp.warc)],
            "quality": amp.quality.model_copy(update={"flags": flags}),
        }
    )


def _is_original(url: str, page: Article | Rejection, amp: Article) -> bool:
    """Whether the AMP page names the page as its original, as each AMP page has to (amp.dev, `canonical`)."""
    own = {url, page.url_requested, *([page.url_canonical] if isinstance(page, Article) else [])}
    return amp.url_canonical is not None and normalize_url(amp.url_canonical) in {
        normalize_url(address) for address in own if address
    }


def _has_text(amp: Article, page: Article) -> bool:
    """Whether an AMP page has more text than the page, and what that shows."""
    there = match_key(" ".join(filter(None, (amp.lede, amp.text))))
    shown = [match_key(block.text) for block in page.text_blocks]
    return amp.char_count > page.char_count and all(line in there for line in shown)
