"""Crawl news outlets: every exchange as WARC, every article as one cleaned JSON line.

`__all__` is the public API. Each name loads its part of the package on first use, so importing is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newscrawl.archive.lines import read_articles
    from newscrawl.extraction.extract import extract
    from newscrawl.items import Article, Rejection
    from newscrawl.languages import detect_languages
    from newscrawl.outlet import Outlet
    from newscrawl.warc.filenames import WarcNameTemplate
    from newscrawl.warc.reader import iter_records
    from newscrawl.warc.records import HttpExchange
    from newscrawl.warc.writer import WarcWriter

__version__ = "0.2.0"
__all__ = [
    "Article",
    "HttpExchange",
    "Outlet",
    "Rejection",
    "WarcNameTemplate",
    "WarcWriter",
    "detect_languages",
    "extract",
    "iter_records",
    "read_articles",
]

_MODULES = {
    "Article": "items",
    "HttpExchange": "warc.records",
    "Outlet": "outlet",
    "Rejection": "items",
    "WarcNameTemplate": "warc.filenames",
    "WarcWriter": "warc.writer",
    "detect_languages": "languages",
    "extract": "extraction",
    "iter_records": "warc.reader",
    "read_articles": "archive.lines",
}
"Where each public name is defined."


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value  # the next look-up does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
