"""AutoThrottle, never faster than robots.txt asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.extensions.throttle import AutoThrottle

from newscrawl.handlers.slots import Slots

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response


class PoliteThrottle(AutoThrottle):
    """Scrapy's, with the least delay of a host in place of its own where that is longer."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._slots = Slots(crawler)

    def _response_downloaded(self, response: Response, request: Request, spider: Spider) -> None:
        super()._response_downloaded(response, request, spider)
        if slot := self._slots.slot(request):
            slot.delay = max(slot.delay, self._slots.least_delay(request))
