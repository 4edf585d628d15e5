"""Chromium as the tests use it: found, or the test is skipped."""

from __future__ import annotations

import os

from newscrawl.downloader.browser import BrowserOptions, find_browser
from newscrawl.errors import NewscrawlError
from wire.programs import report_missing

IS_ROOT = os.geteuid() == 0
"Chromium's sandbox does not work for root, as which tests run in a container."
BROWSER = {"NEWSCRAWL_BROWSER_SANDBOX": int(not IS_ROOT), "NEWSCRAWL_BROWSER_SECONDS": 60}
"Settings of a crawl with a browser; a busy machine gets time."


def find_chromium() -> str:
    """Its path; without it the test is skipped, or fails where all programs must be there."""
    try:
        return find_browser("")
    except NewscrawlError as error:
        report_missing(str(error))


def browser_options(memory_bytes: int = 0) -> BrowserOptions:
    return BrowserOptions(
        program=find_chromium(),
        has_sandbox=not IS_ROOT,
        memory_bytes=memory_bytes,
        user_agent="newscrawl",
        locale="en",
        timezone="Europe/London",
    )
