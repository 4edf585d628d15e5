"""Scrapy's settings module: every component and its order, politeness, limits, and newscrawl's own settings.

docs/settings.md explains each NEWSCRAWL_ name. `newscrawl.toml` of the project replaces what stands here, the
environment replaces both, and `-s NAME=VALUE` on the command line wins over all of them.
"""

from __future__ import annotations

import os
from pathlib import Path

from newscrawl.errors import NewscrawlError
from newscrawl.project import Project, read_values

BOT_NAME = "newscrawl"
SPIDER_LOADER_CLASS = "newscrawl.spiders.loader.OutletSpiderLoader"
COMMANDS_MODULE = "newscrawl.scrapy_commands"
ADDONS = {
    "newscrawl.extensions.renamed_settings.RenamedSettings": 0,
    "newscrawl.extensions.switched_off.SwitchedOffComponents": 1,
}

# --- paths, contact, webhook ---------------------------------------------------------------------------
shipped_outlets = Path(__file__).parent / "outlets"
NEWSCRAWL_ARCHIVES = "archives"
NEWSCRAWL_SPOOL = "spool"
NEWSCRAWL_SPOOL_MAX_BYTES = 20 << 30
NEWSCRAWL_STATE_URL = ""
NEWSCRAWL_RUNS_DAYS = 90
NEWSCRAWL_OUTLETS = [str(shipped_outlets)]
NEWSCRAWL_CONTACT = ""
NEWSCRAWL_WEBHOOK = ""
NEWSCRAWL_MAIL: list[str] = []
NEWSCRAWL_MAIL_FROM = ""
NEWSCRAWL_MAIL_SERVER = "localhost"
NEWSCRAWL_MAIL_TLS = "none"
NEWSCRAWL_MAIL_USER = ""
NEWSCRAWL_MAIL_PASSWORD = ""
NEWSCRAWL_ALARM_TEMPLATE = ""
NEWSCRAWL_ON = ""

# --- replay -------------------------------------------------------------------------------------
NEWSCRAWL_REPLAY = ""
NEWSCRAWL_REPLAY_RUN = ""
NEWSCRAWL_REPLAY_AT = ""

# --- what a run fetches -------------------------------------------------------------------------
NEWSCRAWL_ONLY_DUE = False
NEWSCRAWL_PAGES_MAX = 2000
NEWSCRAWL_SOURCES_MAX = 200
NEWSCRAWL_STORY_PAGES_MAX = 40
NEWSCRAWL_PAGE_MAX_BYTES = 16 * 1024 * 1024
NEWSCRAWL_SOURCE_SECONDS = 60
NEWSCRAWL_RIGHTS = "no-export"
NEWSCRAWL_FETCH_RIGHTS_FILES = True

# --- archive ------------------------------------------------------------------------------------
NEWSCRAWL_WARC_MAX_BYTES = 1 << 30
NEWSCRAWL_WARC_MAX_HOURS = 24
NEWSCRAWL_WARC_REDACT: list[str] = []
NEWSCRAWL_WARC_CHUNKED_DIGEST = "entity"
NEWSCRAWL_CAPTURE_ADAPTER = ""

# --- browser, for outlets with `browser = true` ---------------------------------------------------
NEWSCRAWL_BROWSER_PROGRAM = ""
NEWSCRAWL_BROWSER_SANDBOX = True
NEWSCRAWL_BROWSER_SECONDS = 20
NEWSCRAWL_BROWSER_REQUESTS = 100
NEWSCRAWL_BROWSER_BYTES = 20 * 1024 * 1024
NEWSCRAWL_BROWSER_MEMORY_MB = 1024
NEWSCRAWL_BROWSER_REPLAY = True

# --- extraction ---------------------------------------------------------------------------------
NEWSCRAWL_EXTRACT_PROCESSES = 0
NEWSCRAWL_EXTRACT_SECONDS = 20
NEWSCRAWL_BODY_MIN_CHARS = 150
NEWSCRAWL_SITE_MEMORY = True
NEWSCRAWL_DEDUP = True
NEWSCRAWL_INDEX = True

# --- components ---------------------------------------------------------------------------------
DOWNLOAD_HANDLERS = {
    "http": "newscrawl.downloader.capture.CaptureHandler",
    "https": "newscrawl.downloader.capture.CaptureHandler",
    # Pages come only over HTTP: a feed that links to file:///etc/passwd gets nothing.
    "file": None,
    "data": None,
    "ftp": None,
    "s3": None,
}
DOWNLOADER_MIDDLEWARES = {
    # First of all: it gets a page when everything else is done with it, and its requests pass all the others.
    "newscrawl.middlewares.browser.BrowserMiddleware": 90,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "newscrawl.middlewares.robots.RobotsMiddleware": 100,
    # After robots.txt, which may state reservations itself and may forbid the other files.
    "newscrawl.middlewares.rights.RightsMiddleware": 110,
    # In the place of Scrapy's own: it refuses a target that cannot be, and names it after the page.
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
    "newscrawl.middlewares.redirects.CheckedRedirectMiddleware": 600,
    # In the place of Scrapy's own: it believes the bytes rather than the header.
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
    "newscrawl.middlewares.content_coding.ContentCodingMiddleware": 590,
    # Next to the downloader, so that it counts attempts rather than the outcome of retries.
    "newscrawl.middlewares.politeness.PolitenessMiddleware": 860,
}
ITEM_PIPELINES = {
    "newscrawl.pipelines.extract.ExtractPipeline": 100,
    "newscrawl.pipelines.filters.ValidatePipeline": 200,
    "newscrawl.pipelines.filters.RightsPipeline": 220,
    "newscrawl.pipelines.filters.ArchivedDuplicatesPipeline": 250,
    "newscrawl.pipelines.filters.DuplicatesPipeline": 300,
    "newscrawl.pipelines.store.StorePipeline": 900,
}
EXTENSIONS = {
    "scrapy.extensions.throttle.AutoThrottle": None,
    "newscrawl.middlewares.politeness.PoliteThrottle": 0,
    "newscrawl.extensions.report.ReportExtension": 0,
    # Passes on the report that was just written, and saves its metrics in state.
    "newscrawl.extensions.monitoring.MonitoringExtension": 5,
    # Needs the run's finished WARC files, while all of them are here.
    "newscrawl.extensions.index.IndexExtension": 6,
    # Needs the run's finished lines and a state that is still open.
    "newscrawl.extensions.dedup.DedupExtension": 7,
    # The run's files are in the bucket before state says that it has ended.
    "newscrawl.extensions.bucket.BucketExtension": 9,
    # Last: it reads the lines of killed runs once they are repaired, and closes state.
    "newscrawl.extensions.state.StateExtension": 10,
}
TWISTED_DNS_RESOLVER = "newscrawl.downloader.ssrf_guard.GuardedResolver"
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

# --- politeness ---------------------------------------------------------------------------------
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = "newscrawl"
CONCURRENT_REQUESTS = 8
# Scrapy starts so many tasks for each response, and a response has few items: one page, or some requests.
CONCURRENT_ITEMS = 8
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 3.0
# Each delay varies by half its length in either direction.
DOWNLOAD_DELAY_JITTER = 0.5
NEWSCRAWL_BACKOFF_SECONDS = 30
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 3.0
AUTOTHROTTLE_MAX_DELAY = 120.0
AUTOTHROTTLE_TARGET_CONCURRENCY = 1.0
COOKIES_ENABLED = False
# A Referer would say nothing: requests follow the order of the crawl, not a reader's clicks.
REFERRER_POLICY = "no-referrer"

# --- limits and safety --------------------------------------------------------------------------
DOWNLOAD_MAXSIZE = 50 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_TIMEOUT = 60
RETRY_TIMES = 2
REDIRECT_MAX_TIMES = 8
NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES = "0"
# Discovery limits the length of links; what Scrapy drops here would never reach a spider.
URLLENGTH_LIMIT = 0
# A page that only forwards its readers is archived, and rejected with that reason.
METAREFRESH_ENABLED = False

# --- log ----------------------------------------------------------------------------------------
LOG_LEVEL = "INFO"
LOG_FORMATTER = "newscrawl.extensions.log_formatter.PageLogFormatter"
NEWSCRAWL_LOG_FORMAT = "text"
# The run's report has the same figures and is kept on disk.
STATS_DUMP = False

# --- what the project and the environment change ---------------------------------------------------
project = Project()
"The project whose file was read."
sources: dict[str, str] = {}
"Where the value of a setting comes from, if not from here."
SETTINGS_ERROR = ""
"What is wrong with the project's file or the environment: no command works then."
try:
    _found = read_values({name: value for name, value in globals().items() if name.isupper()}, os.environ)
except NewscrawlError as error:
    # The commands say so in one line, where an exception here would be a traceback in every program.
    SETTINGS_ERROR = str(error)
else:
    project, sources = _found.project, dict(_found.sources)
    globals().update(_found.values)
