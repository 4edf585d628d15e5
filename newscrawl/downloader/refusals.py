"""Refusals of requests, and of pages a browser was to render; each class names its reason for the replay."""

from __future__ import annotations

from scrapy.exceptions import IgnoreRequest

from newscrawl.state.refetch_policy import HOST_PAUSED


class HostPaused(IgnoreRequest):
    """The host of the request is paused for now."""

    reason_name = HOST_PAUSED


class PrivateAddress(IgnoreRequest):
    """The request's target is not on the public internet. Like any refusal it is not retried."""

    reason_name = "private_address"


class ForbiddenPort(IgnoreRequest):
    """The request's port is none that sites use, and no configured URL of its host names it."""

    reason_name = "forbidden_port"


class ReplayMiss(IgnoreRequest):
    """The replayed archive has no response to the request. Like any refusal this is not retried."""

    reason_name = "replay_miss"


class RenderingFailed(IgnoreRequest):
    """A browser could not render the page. Like any refusal this is not retried."""

    reason_name = "browser_failed"


class BrowserTimeout(RenderingFailed):
    """The page was not done within its time, because it loops for example."""

    reason_name = "browser_timeout"


class BrowserCrash(RenderingFailed):
    """The browser, or its process for the page, ended."""

    reason_name = "browser_crash"


class BrowserMemory(RenderingFailed):
    """The page took more memory than it may."""

    reason_name = "browser_memory"


class BrowserRequests(RenderingFailed):
    """The page went on sending requests."""

    reason_name = "browser_requests"


class BrowserTooLarge(RenderingFailed):
    """The document that resulted is too large."""

    reason_name = "browser_too_large"


class PageLeft(RenderingFailed):
    """The page put something else in its place."""

    reason_name = "browser_left"


class RenderingStopped(RenderingFailed):
    """The run was asked to end while the page waited for answers; the next run tries it again."""

    reason_name = "browser_incomplete"


class NoHtml(RenderingFailed):
    """The response is no HTML page, which alone a browser renders."""

    reason_name = "browser_no_html"


class ReplayDiffers(RenderingFailed):
    """The replay rendered another document than the archive has."""

    reason_name = "replay_differs"
