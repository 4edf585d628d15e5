"""The wiring: every component, its order, its limits. docs/settings.md explains each NEWSCRAWL_ name.

A NEWSCRAWL_ setting may also come from the environment; `-s NAME=VALUE` wins over both.
"""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).parent


def _env(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


BOT_NAME = "newscrawl"
SPIDER_LOADER_CLASS = "newscrawl.spiders.loader.OutletSpiderLoader"
COMMANDS_MODULE = "newscrawl.scrapy_commands"

# --- newscrawl ----------------------------------------------------------------------------------
NEWSCRAWL_ARCHIVES = _env("NEWSCRAWL_ARCHIVES", "archives")
NEWSCRAWL_STATE_URL = _env("NEWSCRAWL_STATE_URL")
NEWSCRAWL_CONTACT = _env("NEWSCRAWL_CONTACT")
NEWSCRAWL_WEBHOOK = _env("NEWSCRAWL_WEBHOOK")
NEWSCRAWL_REPLAY = _env("NEWSCRAWL_REPLAY")
NEWSCRAWL_REPLAY_RUN = _env("NEWSCRAWL_REPLAY_RUN")
NEWSCRAWL_REPLAY_AT = _env("NEWSCRAWL_REPLAY_AT")
NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES = _env("NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES", "0")
NEWSCRAWL_OUTLETS = [folder for folder in _env("NEWSCRAWL_OUTLETS").split(os.pathsep) if folder] or [
    str(_PACKAGE / "outlets")
]
NEWSCRAWL_WARC_MAX_BYTES = 1 << 30
NEWSCRAWL_WARC_MAX_HOURS = 24
NEWSCRAWL_ONLY_DUE = False
NEWSCRAWL_PAGES_MAX = 2000
NEWSCRAWL_SOURCES_MAX = 200
NEWSCRAWL_PAGE_MAX_BYTES = 16 * 1024 * 1024
NEWSCRAWL_SOURCE_SECONDS = 60
NEWSCRAWL_BODY_MIN_CHARS = 150
NEWSCRAWL_EXTRACT_PROCESSES = 0
NEWSCRAWL_EXTRACT_SECONDS = 20
NEWSCRAWL_LEARN = True
NEWSCRAWL_CLUSTER = True
NEWSCRAWL_RIGHTS = _env("NEWSCRAWL_RIGHTS", "no-export")
NEWSCRAWL_RIGHTS_FILES = True
NEWSCRAWL_WARC_REDACT: list[str] = []
NEWSCRAWL_WARC_CHUNKED_DIGEST = "entity"
NEWSCRAWL_WRAPPED_HANDLER = ""

# --- the line -----------------------------------------------------------------------------------
DOWNLOAD_HANDLERS = {
    "http": "newscrawl.downloader.capture.CaptureHandler",
    "https": "newscrawl.downloader.capture.CaptureHandler",
    # Pages come over HTTP alone: a feed that points at file:///etc/passwd gets nothing.
    "file": None,
    "data": None,
    "ftp": None,
    "s3": None,
}
ITEM_PIPELINES = {
    "newscrawl.pipelines.extract.ExtractPipeline": 100,
    "newscrawl.pipelines.filters.ValidatePipeline": 200,
    "newscrawl.pipelines.filters.RightsPipeline": 220,
    "newscrawl.pipelines.filters.KnownPipeline": 250,
    "newscrawl.pipelines.filters.DedupePipeline": 300,
    "newscrawl.pipelines.store.StorePipeline": 900,
}
EXTENSIONS = {
    "scrapy.extensions.throttle.AutoThrottle": None,
    "newscrawl.middlewares.politeness.PoliteThrottle": 0,
    "newscrawl.extensions.report.ReportExtension": 0,
    # It hands on the report, and what it keeps goes into state.
    "newscrawl.extensions.monitoring.HealthExtension": 5,
    # Its lines are closed, and its state is not.
    "newscrawl.extensions.dedup.CopiesExtension": 7,
    # Behind the report: lines of killed runs are repaired before they are read, and counts are told first.
    "newscrawl.extensions.state.StateExtension": 10,
}
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "newscrawl.middlewares.robots.RobotsMiddleware": 100,
    # Behind robots.txt, which is read on the way and may forbid the rest.
    "newscrawl.middlewares.rights.SiteSignalsMiddleware": 110,
    # Next to the downloader: it counts attempts, not what retries make of them.
    "newscrawl.middlewares.politeness.MannersMiddleware": 860,
}
TWISTED_DNS_RESOLVER = "newscrawl.downloader.ssrf_guard.GuardedResolver"
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

# --- manners ------------------------------------------------------------------------------------
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = "newscrawl"
CONCURRENT_REQUESTS = 8
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 3.0
# Half a delay to either side.
DOWNLOAD_DELAY_JITTER = 0.5
NEWSCRAWL_BACKOFF_SECONDS = 30
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 3.0
AUTOTHROTTLE_MAX_DELAY = 120.0
AUTOTHROTTLE_TARGET_CONCURRENCY = 1.0
COOKIES_ENABLED = False
# A page is asked for when another has come, not because that one leads to it.
REFERRER_POLICY = "no-referrer"

# --- limits -------------------------------------------------------------------------------------
DOWNLOAD_MAXSIZE = 50 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_TIMEOUT = 60
RETRY_TIMES = 2
REDIRECT_MAX_TIMES = 8
# Links are limited where they are found; what Scrapy drops here no spider hears of.
URLLENGTH_LIMIT = 0
# A page that only sends readers elsewhere is archived and rejected as such.
METAREFRESH_ENABLED = False

LOG_LEVEL = "INFO"
NEWSCRAWL_LOG_FORMAT = _env("NEWSCRAWL_LOG_FORMAT", "text")
# The report says it all, and stays.
STATS_DUMP = False
LOG_FORMATTER = "newscrawl.extensions.log_formatter.PageLogFormatter"
