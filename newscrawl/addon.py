"""A Scrapy add-on that archives the traffic of any spider to the byte; docs/addon.md explains it.

In the settings of a project: `ADDONS = {"newscrawl.addon.WarcAddon": 500}`. The pipeline that makes articles
of responses has a name here too: `ITEM_PIPELINES = {"newscrawl.addon.ArticlePipeline": 100}`.
"""

from __future__ import annotations

import difflib
import logging
from typing import TYPE_CHECKING, Any

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings

from newscrawl.downloader.private_names import check_scrapy
from newscrawl.errors import NewscrawlError

if TYPE_CHECKING:
    from newscrawl.pipelines.articles import ArticleLinesExporter, ArticlePipeline

__all__ = ["ArticleLinesExporter", "ArticlePipeline", "WarcAddon"]
logger = logging.getLogger(__name__)

DEFAULTS: dict[str, Any] = {
    "NEWSCRAWL_ARCHIVES": "archives",
    "NEWSCRAWL_CONTACT": "",
    "NEWSCRAWL_WARC_MAX_BYTES": 1 << 30,
    "NEWSCRAWL_WARC_MAX_HOURS": 24,
    "NEWSCRAWL_WARC_REDACT": [],
    "NEWSCRAWL_WARC_CHUNKED_DIGEST": "entity",
    "NEWSCRAWL_CAPTURE_ADAPTER": "",
    "NEWSCRAWL_EXTRACT_SECONDS": 20,
    "NEWSCRAWL_EXTRACT_PROCESSES": 0,
    # The project decides where its spiders go; "0" refuses private addresses as newscrawl's own crawls do.
    "NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": "1",
}
"The settings of newscrawl that a project with the add-on may use, and their values where it does not."
PREFIX = "NEWSCRAWL_"
SCRAPY_HANDLER = "scrapy.core.downloader.handlers.http11.HTTP11DownloadHandler"
CAPTURE_HANDLER = "newscrawl.downloader.capture.CaptureHandler"
ADAPTER = "newscrawl.downloader.adapter.ReconstructingHandler"
EXTENSION = "newscrawl.extensions.warc_archive.WarcArchiveExtension"


class WarcAddon:
    """Puts the handler that archives in the place of Scrapy's, and opens an archive for each crawl.

    NewscrawlError, before the first request, if this project's traffic could not be archived whole.
    """

    def update_settings(self, settings: BaseSettings) -> None:
        check_scrapy()
        if not settings.getbool("TWISTED_REACTOR_ENABLED", True):
            raise NewscrawlError(
                "TWISTED_REACTOR_ENABLED is off: connections are recorded through Twisted, so leave it on"
            )
        check_names(settings)
        if "://" in str(settings.get("NEWSCRAWL_ARCHIVES") or ""):
            raise NewscrawlError(
                "NEWSCRAWL_ARCHIVES must be a folder: the add-on writes to disk, and `newscrawl sync` copies "
                "finished files elsewhere"
            )
        for name, value in DEFAULTS.items():
            settings.set(name, value, priority="addon")
        put_handlers(settings)
        put_in(settings, "EXTENSIONS", {EXTENSION: 0})
        if settings.getbool("HTTPCACHE_ENABLED"):
            logger.warning("HTTPCACHE_ENABLED: what the cache answers is no traffic and is not archived")


def check_names(settings: BaseSettings) -> None:
    """NewscrawlError for a setting of newscrawl that the add-on does not have: it would be ignored."""
    for name in sorted(str(name) for name in settings):
        if name.startswith(PREFIX) and name not in DEFAULTS:
            near = difflib.get_close_matches(name, DEFAULTS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(DEFAULTS)}"
            raise NewscrawlError(f"{name} is no setting of newscrawl.addon.WarcAddon; {hint}")


def put_handlers(settings: BaseSettings) -> None:
    """Let HTTP go through the handler that archives; NewscrawlError if the project has another one for it."""
    handlers, adapter = settings.getwithbase("DOWNLOAD_HANDLERS"), settings["NEWSCRAWL_CAPTURE_ADAPTER"]
    ours, changed = ADAPTER if adapter else CAPTURE_HANDLER, {}
    for scheme in ("http", "https"):
        present = handlers.get(scheme)
        path = present if isinstance(present, str) or present is None else name_class(present)
        if path is None:
            continue
        if path not in {SCRAPY_HANDLER, ours, adapter}:
            raise NewscrawlError(
                f"DOWNLOAD_HANDLERS has {path} for {scheme} requests, where newscrawl.addon.WarcAddon needs "
                f"its own: take it out, or set NEWSCRAWL_CAPTURE_ADAPTER = {path!r}, to archive what it "
                "returns"
            )
        changed[scheme] = ours
    if not changed:
        raise NewscrawlError("DOWNLOAD_HANDLERS turns http and https off: there is nothing to archive")
    put_in(settings, "DOWNLOAD_HANDLERS", changed)


def put_in(settings: BaseSettings, name: str, values: dict[str, Any]) -> None:
    """Add to a setting that maps names to values, at the priority that it has."""
    priority = max(settings.getpriority(name) or 0, SETTINGS_PRIORITIES["addon"])
    settings.set(name, {**settings.getdict(name), **values}, priority)


def name_class(component: Any) -> str:
    return f"{component.__module__}.{component.__qualname__}"


def __getattr__(name: str) -> object:
    """The pipeline loads the extractor, which a project that only archives does not need."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from newscrawl.pipelines import articles

    return getattr(articles, name)
