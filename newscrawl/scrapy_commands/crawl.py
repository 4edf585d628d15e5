"""`scrapy crawl`, with clear errors before it starts and an exit code for how it ended.

0: finished, or stopped by a limit or a signal. 1: the run failed (its report says why). 2: it never began.
75: it never began because another process is crawling the outlet; a timer may try again.
"""

from __future__ import annotations

import argparse
import logging
import sys
from typing import TYPE_CHECKING, cast

from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.exceptions import UsageError

from newscrawl.errors import BUSY, Busy, NewscrawlError
from newscrawl.extensions.report import ReportExtension
from newscrawl.logs import FORMAT, JSON, escaped, name_run, open_log
from newscrawl.spiders.base import refusal
from newscrawl.spiders.run_context import ARGUMENTS, REPLAY_SETTINGS, chosen_of, held_state

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider


logger = logging.getLogger(__name__)

FAILED = 1
_FAILED_REASONS = {"archive_error", "start_error"}


class Command(ScrapyCrawl):
    """Crawl one outlet, or a list of pages with the spider `urls`."""

    def short_desc(self) -> str:
        return "Crawl an outlet (by its id), or pages: urls -a file=FILE | -a url=URL"

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        assert self.settings is not None
        self.settings.set("LOG_INSTALL_ROOT_HANDLER", False, priority="command")
        open_log(self.settings)
        if self.settings.get("NEWSCRAWL_REPLAY"):
            # Here, because the process takes its resolver before there is a crawl.
            self.settings.setdict(REPLAY_SETTINGS, priority="cmdline")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 1:
            raise UsageError("name one outlet; `scrapy list` shows all")
        assert self.crawler_process
        name_run(None, args[0])
        try:
            crawler = self._create_crawler(args[0])
            # Made once more by the crawl; made here first so that a refusal is one clear line.
            spider = cast("type[ArchivingSpider]", crawler.spidercls)(**opts.spargs)
            if refused := refusal(crawler.settings, spider.first_urls(), spider.outlet):
                raise refused
            crawler.settings.set(ARGUMENTS, dict(opts.spargs), priority="cmdline")
            if crawler.settings.get("NEWSCRAWL_REPLAY"):
                chosen_of(args[0], crawler.settings)
        except NewscrawlError as error:
            raise UsageError(str(error), print_help=False) from error
        if refused_lease := self._without_lease(args[0], crawler):
            self.exitcode = refused_lease
            return
        self.crawler_process.crawl(crawler, **spider.again())
        self.crawler_process.start()
        watcher = crawler.get_extension(ReportExtension) if crawler.crawling or crawler.spider else None
        report = watcher.report if watcher else None
        if self.crawler_process.bootstrap_failed or report is None:
            self.exitcode = FAILED
        elif report.error or report.reason in _FAILED_REASONS:
            self._say(f"{report.outlet}: {report.error or report.reason}")
            self.exitcode = FAILED

    def _say(self, text: str) -> None:
        """The last line, for whoever started the crawl; programs get it as a record like all others."""
        assert self.settings is not None
        if self.settings.get(FORMAT) == JSON:
            logger.error("%s", text)
        else:
            print(escaped(text), file=sys.stderr)

    def _without_lease(self, outlet: str, crawler: Crawler) -> int | None:
        """The exit code when the outlet's lease cannot be had; the crawl takes it once more, as its own."""
        if not cast("type[ArchivingSpider]", crawler.spidercls).remembers:
            return None
        try:
            state = held_state(outlet, crawler.settings)
        except NewscrawlError as error:
            self._say(f"{outlet}: {error}")
            return BUSY if isinstance(error, Busy) else FAILED
        if state:
            state.close()
        return None
