"""The private names of Scrapy and Twisted that recording needs, and the versions of Scrapy that have them.

An add-on runs in projects whose Scrapy somebody else chose, so it asks at the start, where `recording` would
fail at its import or, worse, record nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import scrapy

from newscrawl.errors import NewscrawlError

SCRAPY_VERSIONS = ("2.18", "2.19")
"Minor versions that the tests run with, the oldest and the newest; pyproject.toml allows the same."
_HTTP11 = "scrapy.core.downloader.handlers.http11"
PRIVATE_NAMES: dict[str, tuple[str, ...]] = {
    _HTTP11: (
        "HTTP11DownloadHandler",
        "_LenientHTTP11ClientFactory",
        "_LenientHTTP11ClientProtocol.request",
        "_LenientHTTP11ClientProtocol.dataReceived",
        "_LenientHTTP11ClientProtocol.connectionLost",
        "_LenientHTTP11ClientProtocol._finishResponse",
        "_LenientHTTP11ClientProtocol._state",
        "_LenientHTTP11ClientProtocol._parser",
        "_ScrapyAgent._get_agent",
    ),
    "scrapy.utils._download_handlers": ("wrap_twisted_exceptions",),
    "twisted.web._newclient": ("HEADER", "STATUS", "Request.writeTo"),
    "twisted.web.client": ("HTTPConnectionPool._factory",),
}
"Of each module, what is taken from it: names, and attributes of its classes."
AGENT_OPTIONS = (
    "contextFactory",
    "bindAddress",
    "pool",
    "maxsize",
    "warnsize",
    "fail_on_dataloss",
    "crawler",
    "tls_verbose_logging",
)
"Parameters of Scrapy's agent that recording passes to it."


def check_scrapy(version: str = scrapy.__version__) -> None:
    """NewscrawlError if recording has not been tested with this Scrapy, or lacks a name in it."""
    oldest, newest = (_parse_minor(text) for text in SCRAPY_VERSIONS)
    if not oldest <= _parse_minor(version) <= newest:
        first, last = SCRAPY_VERSIONS
        raise NewscrawlError(
            f"Scrapy {version} is not supported: connections are recorded through private names of Scrapy "
            f"{first} to {last}; install one of these, as in `pip install 'scrapy~={last}.0'`"
        )
    if missing := list(find_missing_names()):
        raise NewscrawlError(
            f"Scrapy {version} and the Twisted beside it cannot be recorded: they lack {', '.join(missing)}"
        )


def find_missing_names() -> Iterator[str]:
    """The names that are not there, as `module.name`."""
    for module_name, names in PRIVATE_NAMES.items():
        try:
            module: Any = import_module(module_name)
        except ImportError:
            yield module_name
            continue
        yield from (f"{module_name}.{name}" for name in names if not _has_attribute(module, name))
    agent = getattr(import_module(_HTTP11), "_ScrapyAgent", None)
    options = inspect.signature(agent.__init__).parameters if agent else AGENT_OPTIONS
    yield from (f"{_HTTP11}._ScrapyAgent({name})" for name in AGENT_OPTIONS if name not in options)


def _has_attribute(module: Any, dotted: str) -> bool:
    found = module
    for name in dotted.split("."):
        if not hasattr(found, name):
            return False
        found = getattr(found, name)
    return True


def _parse_minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
