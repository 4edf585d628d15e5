"""Fetches another form of a story, such as its JSON: one request to the page's own site, like all others.

It is asked for once, and redirects are not followed. A site that refuses one form is not asked for any again
in the run, and neither is one that fails five times in a row.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import NamedTuple

from scrapy import Request
from scrapy.http.request import NO_CALLBACK
from twisted.python.failure import Failure

from newscrawl.discovery.url_filters import is_excluded
from newscrawl.downloader.request_meta import PART, POINTER
from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer
from newscrawl.spiders.base import ArchivingSpider, failure_reason
from newscrawl.warc.story_parts import StoryPart

logger = logging.getLogger(__name__)

REFUSALS = frozenset({
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.PAYMENT_REQUIRED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS,
})  # fmt: skip
"Answers that a site means for everybody who does not log in or pay."
MOST_FAILURES = 5
"Failures in a row after which a run asks no more."
ARRIVED, NOT_ASKED = "arrived", "not_asked"


class FetchedForm(NamedTuple):
    """What came of a request for another form of a story."""

    outcome: str
    "`arrived`, `not_asked`, or why it cannot be had, such as `http_404`, `timeout` or `robots_txt`."
    pointer: WarcPointer | None = None
    "Its record, if it arrived."


class StoryFormFetcher:
    """Fetches the other forms of a run's stories."""

    def __init__(self, spider: ArchivingSpider) -> None:
        self._spider = spider
        self._failures = 0
        self._is_refused = False

    async def fetch(self, first: WarcPointer, form: str, url: str, media_type: str = "") -> FetchedForm:
        """Fetch a form of the story on the page with this record; a replay does what the recorded run did."""
        spider, part = self._spider, StoryPart(first.record_id, 0, form)
        index, outlet = spider.run.replay_index, spider.outlet
        if index is not None:
            is_wanted = index.has_part(url, part.first_id)
        else:
            is_wanted = not (self._is_refused or (outlet is not None and is_excluded(url, outlet)))
        if not is_wanted or spider.is_rendered or spider.run.failure or spider.is_closing():
            return FetchedForm(NOT_ASKED)
        headers = {"Accept": media_type} if media_type else None
        meta = {PART: part, "download_maxsize": spider.page_bytes, "dont_redirect": True, "dont_retry": True}
        try:
            request = Request(url, callback=NO_CALLBACK, headers=headers, meta=meta, dont_filter=True)
            response = await spider.crawler.engine.download_async(request)
        except ArchiveError as error:
            spider.stop_on_archive_error(error)
            return FetchedForm(NOT_ASKED)
        except Exception as error:  # noqa: BLE001 # whatever prevents it, the page is extracted without
            logger.info("%s: %s: no other form of the story: %s", spider.name, url, error)
            return self._fail(failure_reason(Failure(error)))  # type: ignore[no-untyped-call]
        pointer: WarcPointer | None = response.meta.get(POINTER)
        if pointer is None or not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            return self._fail(f"http_{response.status}", is_refused=response.status in REFUSALS)
        self._failures = 0
        return FetchedForm(ARRIVED, pointer)

    def _fail(self, outcome: str, *, is_refused: bool = False) -> FetchedForm:
        self._failures += 1
        if not self._is_refused and (is_refused or self._failures >= MOST_FAILURES):
            self._is_refused = True
            logger.warning("%s: no more other forms of stories are asked for: %s", self._spider.name, outcome)
        return FetchedForm(outcome)
