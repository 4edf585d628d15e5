"""One line a page in the log, never a whole item."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from scrapy.logformatter import LogFormatter, LogFormatterResult

from newscrawl.items import Article, Rejection

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
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        if not isinstance(item, Rejection):
            return super().dropped(item, exception, response, spider)
        args = {"outlet": spider.name, "reason": item.reason, "url": item.url}
        return {
            "level": logging.INFO,
            "msg": "%(outlet)s: rejected %(reason)s %(url)s",
            "args": args,
        }
