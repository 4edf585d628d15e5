"""`scrapy crawl` with clear errors before it starts, and an exit code that tells how it ended.

0: finished, or stopped by a limit or a signal. 1: the run failed (its report gives the reason). 2: it never
began. 71: this machine has no room for its files, or the database is away. 75: it never began because another
process is crawling the outlet; a timer may try again.
"""

from __future__ import annotations

import argparse
import logging
import sys
from typing import TYPE_CHECKING, cast

from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.exceptions import UsageError

from newscrawl.errors import (
    BUSY,
    MACHINE_FAULT,
    NOT_ITS_FAULT,
    Busy,
    DatabaseAway,
    MachineFault,
    NewscrawlError,
)
from newscrawl.extensions.bucket import make_room
from newscrawl.extensions.log_formatter import is_json_log, open_log
from newscrawl.extensions.report import get_report
from newscrawl.logs import escape_controls, set_run
from newscrawl.spiders.base import check_allowed, revisit_ages
from newscrawl.spiders.run_context import (
    ARGUMENTS,
    REPLAY_SETTINGS,
    choose_replayed_runs,
    open_state,
)
from newscrawl.spiders.worker_parent import share_worker_parent

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider
    from newscrawl.state.runs import State


logger = logging.getLogger(__name__)

FAILED = 1
_FAILED_REASONS = {"archive_error", "start_error", MACHINE_FAULT}


class Command(ScrapyCrawl):
    """Crawls an outlet, or a list of pages with the spider `urls`."""

    def short_desc(self) -> str:
        return "Crawl an outlet (by its id), or pages: urls -a file=FILE | -a url=URL"

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        assert self.settings is not None
        if problem := self.settings.get("SETTINGS_ERROR"):
            raise UsageError(escape_controls(problem), print_help=False)
        # Before there is a log, a reactor or a thread, none of which workers must have.
        share_worker_parent()
        self.settings.set("LOG_INSTALL_ROOT_HANDLER", False, priority="command")
        open_log(self.settings)
        if self.settings.get("NEWSCRAWL_REPLAY"):
            # Set them here, because the process takes its resolver before there is a crawler.
            self.settings.setdict(REPLAY_SETTINGS, priority="cmdline")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 1:
            raise UsageError("name a single outlet; `newscrawl list` shows all")
        assert self.crawler_process
        set_run(None, args[0])
        try:
            crawler = self._create_crawler(args[0])
            # The crawl makes its own spider; this instance turns a refusal into a single clear line.
            spider = cast("type[ArchivingSpider]", crawler.spidercls)(**opts.spargs)
            check_allowed(crawler.settings, spider.first_urls(), spider.outlet)
            crawler.settings.set(ARGUMENTS, dict(opts.spargs), priority="cmdline")
            if crawler.settings.get("NEWSCRAWL_REPLAY"):
                choose_replayed_runs(args[0], crawler.settings)
        except NewscrawlError as error:
            raise UsageError(escape_controls(str(error)), print_help=False) from error
        try:
            state = self._open_state(args[0], crawler, spider)
        except NewscrawlError as error:
            self._print_error(f"{args[0]}: {error}")
            self.exitcode = _choose_code(error)
            return
        self.crawler_process.crawl(crawler, state=state, **spider.restart_arguments())
        self.crawler_process.start()
        report = get_report(crawler) if crawler.crawling or crawler.spider else None
        if self.crawler_process.bootstrap_failed or report is None:
            self.exitcode = FAILED
        elif report.error or report.reason in _FAILED_REASONS:
            self._print_error(f"{report.outlet}: {report.error or report.reason}")
            failure = cast("ArchivingSpider", crawler.spider).run.failure
            self.exitcode = NOT_ITS_FAULT if isinstance(failure, DatabaseAway) else FAILED

    def _print_error(self, text: str) -> None:
        """Print the last line, for whoever started the crawl; a JSON log gets a record like all others."""
        assert self.settings is not None
        if is_json_log(self.settings):
            logger.error("%s", text)
        else:
            print(escape_controls(text), file=sys.stderr)

    def _open_state(self, outlet: str, crawler: Crawler, spider: ArchivingSpider) -> State | None:
        """The outlet's state under its lease, for the crawl's spider, once there is room for its files."""
        is_incremental = cast("type[ArchivingSpider]", crawler.spidercls).is_incremental
        state = open_state(outlet, crawler.settings, revisit_ages(spider)) if is_incremental else None
        try:
            make_room(crawler.settings, state)
        except BaseException:
            if state:
                state.lease.release()
                state.close()
            raise
        return state


def _choose_code(error: NewscrawlError) -> int:
    """The exit code of a crawl that this error kept from beginning."""
    if isinstance(error, Busy):
        return BUSY
    return NOT_ITS_FAULT if isinstance(error, MachineFault | DatabaseAway) else FAILED
