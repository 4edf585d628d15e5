"""Requests refused before anything is sent; each has a name, so that a replay meets the same refusal."""

from __future__ import annotations

from scrapy.exceptions import IgnoreRequest

from newscrawl.state.retry_policy import HOST_PAUSED


class HostPaused(IgnoreRequest):
    """Not asked for: its host is left alone for now."""

    reason_name = HOST_PAUSED


class PrivateAddress(IgnoreRequest):
    """A request for a place that is not on the public internet; like any refusal it is not tried again."""

    reason_name = "private_address"


class ForbiddenPort(IgnoreRequest):
    """A request for a port no site is served from, on a host that never named it."""

    reason_name = "forbidden_port"


class ReplayMiss(IgnoreRequest):
    """A request the archive has no answer to; like a refusal it is not tried again."""

    reason_name = "replay_miss"
