"""robots.txt holds for every request that waits for it, not for the first alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.utils.httpobj import urlparse_cached
from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.robotstxt import RobotParser


class SharedRobotsTxt(RobotsTxtMiddleware):
    """Scrapy's, where several requests to a host come before its robots.txt has.

    They wait for one Deferred there, whose result the first of them consumes: others are given None, which
    means that all is allowed (Scrapy 2.19.0). Once it has fired, the parser stands where the Deferred stood.
    """

    async def robot_parser(self, request: Request) -> RobotParser | None:
        await super().robot_parser(request)
        parser = self._parsers[urlparse_cached(request).netloc]
        return None if isinstance(parser, Deferred) else parser
