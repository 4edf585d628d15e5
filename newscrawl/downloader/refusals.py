"""Refusals of requests before they are sent; each class names its reason, so that a replay refuses alike."""

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
