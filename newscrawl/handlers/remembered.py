"""A robots.txt that was not asked for because it is known: how its run notes it, and a replay reads it.

The note is a metadata record without an exchange, so that a run says by itself what it went by, whichever
run or outlet had asked.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING

from scrapy.http import TextResponse

from newscrawl.state.hosts import Robots

if TYPE_CHECKING:
    from scrapy import Request

    from newscrawl.handlers.recording import Notes

OUTCOME = "remembered"


def notes_of_robots(robots: Robots) -> Notes:
    """The fields of the note; the body in Base64, for it may be any bytes."""
    body = base64.b64encode(robots.body).decode("ascii")
    return (("outcome", OUTCOME), ("robotsStatus", str(robots.status)), ("robotsBody", body))


def remembered_response(request: Request, notes: Mapping[str, str]) -> TextResponse | None:
    """The answer a note stands for; None when it is another record's."""
    if notes.get("outcome") != OUTCOME:
        return None
    try:
        status, body = int(notes["robotsStatus"]), base64.b64decode(notes["robotsBody"])
    except (KeyError, ValueError, binascii.Error):
        return None
    return TextResponse(request.url, status=status, body=body, encoding="utf-8", request=request)
