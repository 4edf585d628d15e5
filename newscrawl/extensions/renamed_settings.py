"""Renamed settings and components: for a release the old name works and logs what to write instead."""

from __future__ import annotations

import logging

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings

from newscrawl.spiders.run_context import RENAMED

logger = logging.getLogger(__name__)

COMPONENTS = {
    "newscrawl.extensions.copies.CopiesExtension": "newscrawl.extensions.dedup.DedupExtension",
    "newscrawl.extensions.health.HealthExtension": "newscrawl.extensions.monitoring.MonitoringExtension",
    "newscrawl.handlers.capture.CaptureHandler": "newscrawl.downloader.capture.CaptureHandler",
    "newscrawl.handlers.manners.MannersMiddleware": "newscrawl.middlewares.politeness.PolitenessMiddleware",
    "newscrawl.handlers.robots.RobotsMiddleware": "newscrawl.middlewares.robots.RobotsMiddleware",
    "newscrawl.handlers.signals.SiteSignalsMiddleware": "newscrawl.middlewares.rights.RightsMiddleware",
    "newscrawl.handlers.throttle.PoliteThrottle": "newscrawl.middlewares.politeness.PoliteThrottle",
    "newscrawl.handlers.wrapper.ReconstructingHandler": "newscrawl.downloader.adapter.ReconstructingHandler",
    "newscrawl.pipelines.dedupe.DedupePipeline": "newscrawl.pipelines.filters.DuplicatesPipeline",
    "newscrawl.pipelines.known.KnownPipeline": "newscrawl.pipelines.filters.ArchivedDuplicatesPipeline",
    "newscrawl.pipelines.rights.RightsPipeline": "newscrawl.pipelines.filters.RightsPipeline",
    "newscrawl.pipelines.validate.ValidatePipeline": "newscrawl.pipelines.filters.ValidatePipeline",
}
"Old class path to new class path."
COMPONENT_SETTINGS = ("DOWNLOAD_HANDLERS", "DOWNLOADER_MIDDLEWARES", "EXTENSIONS", "ITEM_PIPELINES")


class RenamedSettings:
    """A Scrapy add-on that moves the value of each old name to the new name before anything reads it."""

    @classmethod
    def update_pre_crawler_settings(cls, settings: BaseSettings) -> None:
        defaults = BaseSettings()
        defaults.setmodule("newscrawl.settings", priority="project")
        for old, new in RENAMED.items():
            if old not in settings:
                continue
            priority = settings.getpriority(old) or 0
            if has_own_value(settings, new, defaults) and (settings.getpriority(new) or 0) >= priority:
                logger.warning("%s is ignored, because its new name %s is set too: remove %s", old, new, old)
            else:
                logger.warning("%s is now called %s: write %s=%s", old, new, new, settings[old])
                settings.set(new, settings[old], priority or "project")
            # Else reports and digests would go on to name it.
            del settings[old]
        for name in COMPONENT_SETTINGS:
            rename_components(settings, name)


def rename_components(settings: BaseSettings, name: str) -> None:
    """Replace the old class paths of a setting that maps classes to orders, or schemes to classes."""
    paths = settings.getdict(name)
    old_paths = [path for path in (*paths, *paths.values()) if path in COMPONENTS]
    for path in old_paths:
        logger.warning("%s: %s is now called %s", name, path, COMPONENTS[path])
    if old_paths:
        renamed = {COMPONENTS.get(key, key): COMPONENTS.get(value, value) for key, value in paths.items()}
        settings.set(name, renamed, settings.getpriority(name) or "project")


def has_own_value(settings: BaseSettings, name: str, defaults: BaseSettings) -> bool:
    """Whether somebody set it: with -s, or in a settings module to another value than its default."""
    if name not in settings:
        return False
    is_above_project = (settings.getpriority(name) or 0) > SETTINGS_PRIORITIES["project"]
    return is_above_project or settings[name] != defaults[name]
