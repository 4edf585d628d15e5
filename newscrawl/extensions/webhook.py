"""Tells another program, by one POST of JSON, that the alarms of an outlet have changed."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

logger = logging.getLogger(__name__)

SECONDS = 10.0
"For the whole of it: a crawl that is over waits for nobody longer."


def is_web(url: str) -> bool:
    """Whether it is an address that can be posted to."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def posted(url: str, message: Mapping[str, object], seconds: float = SECONDS) -> bool:
    """Whether it was taken with a status 2xx in time. What went wrong is logged, without the URL: it may
    be all that is needed to post there."""
    took: list[str] = []
    # A server may send a byte now and then for ever, which no time-out of a socket ends; the thread does not
    # hold up the end of the process.
    thread = Thread(target=lambda: took.append(_fault(url, message, seconds)), daemon=True)
    thread.start()
    thread.join(seconds)
    fault = took[0] if took else f"no answer within {seconds:g} s"
    if fault:
        logger.warning("the webhook was not told: %s", fault)
    return not fault


class _Staying(HTTPRedirectHandler):
    """Follows nobody elsewhere: that would be a GET, answered with a page and taken for a success."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _fault(url: str, message: Mapping[str, object], seconds: float) -> str:
    """What kept the message from being taken, without a word of the URL; empty where nothing did."""
    data = json.dumps(message).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "newscrawl"}
    try:
        # The scheme is checked before, and an address of the user's own needs no guard.
        request = Request(url, data, headers, method="POST")  # noqa: S310
        with build_opener(_Staying).open(request, timeout=seconds):
            return ""
    except HTTPError as error:
        error.close()
        return f"it answered with status {error.code}"
    except URLError as error:
        return type(error.reason).__name__ if isinstance(error.reason, OSError) else "it cannot be reached"
    except Exception as error:  # noqa: BLE001 # odd URLs and answers raise many kinds, whose texts quote them
        return type(error).__name__
