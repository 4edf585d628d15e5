"""Settings that were renamed: for a release the old name still works and logs what to write instead."""

from __future__ import annotations

import logging

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings

logger = logging.getLogger(__name__)

RENAMED = {
    "NEWSCRAWL_CLUSTER": "NEWSCRAWL_DEDUP",
    "NEWSCRAWL_LEARN": "NEWSCRAWL_SITE_MEMORY",
    "NEWSCRAWL_RIGHTS_FILES": "NEWSCRAWL_FETCH_RIGHTS_FILES",
    "NEWSCRAWL_WRAPPED_HANDLER": "NEWSCRAWL_CAPTURE_ADAPTER",
}
"Old name to new name. None of these was ever read from the environment."


class RenamedSettings:
    """A Scrapy add-on that moves each old name's value to the new name before anything reads it."""

    @classmethod
    def update_pre_crawler_settings(cls, settings: BaseSettings) -> None:
        defaults = BaseSettings()
        defaults.setmodule("newscrawl.settings", priority="project")
        for old, new in RENAMED.items():
            if old not in settings:
                continue
            if has_own_value(settings, new, defaults):
                logger.warning("%s is ignored, because its new name %s is set too: remove %s", old, new, old)
            else:
                logger.warning("%s is now called %s: write %s=%s", old, new, new, settings[old])
                settings.set(new, settings[old], settings.getpriority(old) or "project")
            # Else reports and digests would go on to name it.
            del settings[old]


def has_own_value(settings: BaseSettings, name: str, defaults: BaseSettings) -> bool:
    """Whether somebody set it: with -s, or in a settings module to another value than its default."""
    if name not in settings:
        return False
    is_above_project = (settings.getpriority(name) or 0) > SETTINGS_PRIORITIES["project"]
    return is_above_project or settings[name] != defaults[name]
