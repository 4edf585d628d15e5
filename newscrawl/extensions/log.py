"""One line a page in the log, never a whole item."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from scrapy.logformatter import LogFormatter, LogFormatterResult

from newscrawl.items import Article

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.http import Response
    from twisted.python.failure import Failure


class PageLogFormatter(LogFormatter):
    """Articles and rejections at INFO."""

    def scraped(self, item: Any, response: Response | Failure | None, spider: Spider) -> LogFormatterResult:
        if not isinstance(item, Article):
            return super().scraped(item, response, spider)
        args = {"url": item.url, "lang": item.lang, "chars": item.char_count, "outlet": spider.name}
        return {
            "level": logging.INFO,
            "msg": "%(outlet)s: article %(lang)s %(chars)s characters %(url)s",
            "args": args,
        }

    def dropped(
        self,
        item: Any,  # noqa: ARG002 # Scrapy's protocol
        exception: BaseException,
        response: Response | Failure | None,  # noqa: ARG002 # the same
        spider: Spider,
    ) -> LogFormatterResult:
        return {
            "level": logging.INFO,
            "msg": "%(outlet)s: rejected %(reason)s",
            "args": {"outlet": spider.name, "reason": exception},
        }
