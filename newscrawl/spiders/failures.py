"""Names for what kept a page from coming."""

from __future__ import annotations

import zlib
from gzip import BadGzipFile
from typing import TYPE_CHECKING

import brotli
from backports import zstd
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)
from scrapy.spidermiddlewares.httperror import HttpError

from newscrawl.errors import ArchiveError

if TYPE_CHECKING:
    from twisted.python.failure import Failure

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (CannotResolveHostError, "no_such_host"),
    (DownloadConnectionRefusedError, "connection_refused"),
    (DownloadTimeoutError, "timeout"),
    (DownloadCancelledError, "too_large"),
    (ResponseDataLossError, "cut_short"),
    (DownloadFailedError, "connection_failed"),
    (UnsupportedURLSchemeError, "bad_scheme"),
    (ArchiveError, "archive_error"),
    (BadGzipFile, "bad_coding"),
    (zlib.error, "bad_coding"),
    (brotli.error, "bad_coding"),
    (zstd.ZstdError, "bad_coding"),
)
# What a request says that cannot be made, as of the target of a redirect.
_NO_TARGETS = (
    "Missing scheme in request url",
    "Port out of range",
    "Port could not be cast",
    "Invalid IPv6 URL",
)
# How Scrapy's middlewares begin what they say; a URL that follows may hold any word.
_IGNORED = (
    ("Forbidden by robots.txt", "robots_txt"),
    ("max redirections reached", "too_many_redirects"),
    ("Ignored response", "too_large"),
)


def reason_of(failure: Failure) -> str:
    """A short snake_case name: `http_404`, `robots_txt`, `timeout`, …, `download_error` at worst."""
    error = failure.value
    # A miss of a replay and what the guard refuses have names of their own.
    if named := getattr(error, "reason_name", None):
        return str(named)
    if isinstance(error, HttpError):
        return f"http_{error.response.status}"
    if isinstance(error, IgnoreRequest):
        return _ignored(str(error))
    if isinstance(error, ValueError) and str(error).startswith(_NO_TARGETS):
        return "bad_redirect"
    return next((name for kind, name in _REASONS if isinstance(error, kind)), "download_error")


def detail_of(failure: Failure) -> str:
    """One line for people."""
    text = " ".join(str(failure.value).split())
    return f"{type(failure.value).__name__}: {text}"[:300]


def _ignored(message: str) -> str:
    return next((name for phrase, name in _IGNORED if message.startswith(phrase)), "ignored")
