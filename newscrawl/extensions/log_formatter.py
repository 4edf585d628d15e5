"""Scrapy's log: where it goes and in which form, and a line for each page instead of the whole item."""

from __future__ import annotations

import logging
from typing import Any, Self

from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure

from newscrawl.items import Article, Page, Rejection
from newscrawl.logs import JsonFormatter, RunFilter, TextFormatter, set_run

DEFAULT_FORMAT = "%(asctime)s %(run)s [%(name)s] %(levelname)s: %(message)s"
_STARTUP = ("Scrapy %(version)s started", "Versions:\n", "Overridden settings:\n", "Enabled ")
_HTTP_ERROR = "Ignoring response "
"The page's own line says as much."
_VERBOSE_LOGGERS = (
    "scrapy.utils.log",
    "scrapy.crawler",
    "scrapy.middleware",
    "scrapy.addons",
    "scrapy.spidermiddlewares.httperror",
)


class PageLogFormatter(LogFormatter):
    """Logs articles and rejections at INFO."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        # Scrapy makes this component first, as soon as there is a spider with its run.
        run = getattr(crawler.spider, "run", None)
        outlet = crawler.spider.name if crawler.spider else None
        set_run(run.id if run else None, outlet)
        return cls()

    def scraped(self, item: Any, response: Response | Failure | None, spider: Spider) -> LogFormatterResult:
        if not isinstance(item, Article):
            return super().scraped(item, response, spider)
        args = {
            "outlet": spider.name,
            "url": item.url,
            "lang": item.lang,
            "chars": item.char_count,
            "redirect": _describe_redirect(item),
        }
        msg = "%(outlet)s: article %(lang)s %(chars)s characters %(url)s%(redirect)s"
        return {"level": logging.INFO, "msg": msg, "args": args}

    def dropped(
        self,
        item: Any,
        exception: BaseException,
        response: Response | Failure | None,  # noqa: ARG002 # Scrapy's protocol
        spider: Spider,
    ) -> LogFormatterResult:
        # The item is what entered the pipelines: for an extracted page, the Page.
        reason, _, rest = str(exception).partition(": ")
        args = {
            "outlet": spider.name,
            "reason": reason,
            "rest": rest,
            "url": item.url,
            "redirect": _describe_redirect(item),
        }
        msg = "%(outlet)s: rejected %(reason)s: %(rest)s%(redirect)s"
        return {"level": logging.INFO, "msg": msg, "args": args}


def _describe_redirect(item: Page | Article | Rejection) -> str:
    requested = item.link.url if isinstance(item, Page) else item.url_requested
    return f" (asked for {requested})" if requested != item.url else ""


class _StartupFilter(logging.Filter):
    """Demotes to DEBUG what Scrapy logs about its own start, and about each response that is no page."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno == logging.INFO and str(record.msg).startswith((*_STARTUP, _HTTP_ERROR)):
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return True


_STARTUP_FILTER = _StartupFilter()


def open_log(settings: BaseSettings) -> None:
    """Install our log handler in place of Scrapy's, which Scrapy replaces whenever settings change."""
    # Scrapy is about to log its start. A logger's own filter survives Scrapy's logging configuration.
    for name in _VERBOSE_LOGGERS:
        logging.getLogger(name).addFilter(_STARTUP_FILTER)
    handler = _make_handler(settings)
    # As a setting, our format would fail in Scrapy's other commands, whose records have no run.
    line_format = settings["LOG_FORMAT"] if settings.getpriority("LOG_FORMAT") else DEFAULT_FORMAT
    text = TextFormatter(line_format, settings.get("LOG_DATEFORMAT"))
    handler.setFormatter(JsonFormatter() if is_json_log(settings) else text)
    handler.setLevel(settings.get("LOG_LEVEL"))
    handler.addFilter(RunFilter())
    logging.root.setLevel(logging.NOTSET)
    logging.root.addHandler(handler)


def is_json_log(settings: BaseSettings) -> bool:
    return bool(settings.get("NEWSCRAWL_LOG_FORMAT") == "json")


def _make_handler(settings: BaseSettings) -> logging.Handler:
    """A handler that writes where Scrapy's own settings say."""
    if not settings.getbool("LOG_ENABLED"):
        return logging.NullHandler()
    if file := settings.get("LOG_FILE"):
        mode = "a" if settings.getbool("LOG_FILE_APPEND") else "w"
        return logging.FileHandler(file, mode=mode, encoding=settings.get("LOG_ENCODING"))
    return logging.StreamHandler()
