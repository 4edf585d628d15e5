"""One line a page in the log, never a whole item."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self

from scrapy.logformatter import LogFormatter, LogFormatterResult

from newscrawl.items import Article, Page, Rejection
from newscrawl.logs import name_run

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure


class PageLogFormatter(LogFormatter):
    """Articles and rejections at INFO."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        # The first of a crawl's components, made once the spider and its run are there.
        run = getattr(crawler.spider, "run", None)
        outlet = crawler.spider.name if crawler.spider else None
        name_run(run.id if run else None, outlet)
        return cls()

    def scraped(self, item: Any, response: Response | Failure | None, spider: Spider) -> LogFormatterResult:
        if not isinstance(item, Article):
            return super().scraped(item, response, spider)
        args = {
            "outlet": spider.name,
            "url": item.url,
            "lang": item.lang,
            "chars": item.char_count,
            "asked": _asked(item),
        }
        msg = "%(outlet)s: article %(lang)s %(chars)s characters %(url)s%(asked)s"
        return {"level": logging.INFO, "msg": msg, "args": args}

    def dropped(
        self,
        item: Any,
        exception: BaseException,
        response: Response | Failure | None,  # noqa: ARG002 # Scrapy's protocol
        spider: Spider,
    ) -> LogFormatterResult:
        # The item is what came into the pipelines: of a page that was extracted, the Page.
        reason, _, rest = str(exception).partition(": ")
        args = {"outlet": spider.name, "reason": reason, "rest": rest, "url": item.url, "asked": _asked(item)}
        return {
            "level": logging.INFO,
            "msg": "%(outlet)s: rejected %(reason)s: %(rest)s%(asked)s",
            "args": args,
        }


def _asked(item: Page | Article | Rejection) -> str:
    """Where a redirect came from."""
    asked = item.link.url if isinstance(item, Page) else item.url_requested
    return f" (asked for {asked})" if asked != item.url else ""
