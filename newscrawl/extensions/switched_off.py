"""Components of Scrapy that are switched off are not loaded: their libraries would be, to be told so."""

from __future__ import annotations

from scrapy.settings import BaseSettings

COMPONENTS = (
    (
        "COOKIES_ENABLED",
        "DOWNLOADER_MIDDLEWARES_BASE",
        "scrapy.downloadermiddlewares.cookies.CookiesMiddleware",
    ),
    ("REMOTE_CONTROL_ENABLED", "EXTENSIONS_BASE", "scrapy.extensions.remote_control.RemoteControl"),
)
"The setting that switches a component on, the table that names it, and its class."


class SwitchedOffComponents:
    """A Scrapy add-on that takes them out of Scrapy's own tables, once all settings are known."""

    def update_settings(self, settings: BaseSettings) -> None:
        for switch, table, component in COMPONENTS:
            if not settings.getbool(switch):
                settings[table].pop(component, None)
