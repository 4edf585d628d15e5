"""Scrapy's spider loader: a class for each outlet file, created when the spider is requested."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from scrapy import Request, Spider
from scrapy.settings import BaseSettings
from scrapy.utils.misc import load_object

from newscrawl.errors import OutletError
from newscrawl.outlet import Outlet, find_outlet, outlet_files
from newscrawl.spiders.outlet import OutletSpider
from newscrawl.spiders.urls import UrlsSpider


class OutletSpiderLoader:
    """Spiders by outlet id, and `urls`; a broken file stops only its own outlet."""

    def __init__(self, folders: list[Path]) -> None:
        self.folders = folders

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> Self:
        return cls([Path(folder) for folder in settings.getlist("NEWSCRAWL_OUTLETS")])

    def load(self, spider_name: str) -> type[Spider]:
        """The spider's class; UnknownOutlet or OutletError when there is none."""
        if spider_name == UrlsSpider.name:
            return UrlsSpider
        return make_spider_class(find_outlet(spider_name, self.folders))

    def find_by_request(self, request: Request) -> list[str]:  # noqa: ARG002 # Scrapy's protocol
        """None: several outlets may crawl the same host, so a URL does not determine the spider."""
        return []

    def list(self) -> list[str]:
        return sorted([*outlet_files(self.folders), UrlsSpider.name])


def make_spider_class(outlet: Outlet) -> type[OutletSpider]:
    """The class of an outlet, derived from the plain spider or from the spider that its file names."""
    base = OutletSpider
    if outlet.spider:
        file = Path(f"{outlet.id}.toml")
        try:
            base = load_object(outlet.spider)
        except (ImportError, ValueError, NameError, TypeError) as error:
            raise OutletError(file, [f"spider: {error}"]) from error
        if not (isinstance(base, type) and issubclass(base, OutletSpider)):
            raise OutletError(file, [f"spider: {outlet.spider} is not an OutletSpider"])
    return type(f"{outlet.id.title()}Spider", (base,), {"name": outlet.id, "outlet": outlet})
