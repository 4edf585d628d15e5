"""Rejections of pages whose story may come another time, since an answer that they need did not come."""

from __future__ import annotations

from collections.abc import Mapping

from newscrawl.extraction.amp import EMPTY_SHELLS
from newscrawl.items import Rejection
from newscrawl.state.refetch_policy import AMP_MISSING
from newscrawl.warc.renderings import MISSING_FIELD

INCOMPLETE = "browser_incomplete"
_MAX_DETAIL_CHARS = 300


def defer_rejection(item: Rejection, metadata: Mapping[str, str], *, lacks_pages: bool) -> Rejection:
    """The rejection with a reason for which its page is fetched again, if an answer is missing.

    `metadata` are those of the page's record, `lacks_pages` is as in `ExtractionTrace`.
    """
    if missing := metadata.get(MISSING_FIELD):
        # Answers that its scripts did not get may come the next time.
        reason, detail = INCOMPLETE, f"{item.reason}; {missing}"
    elif lacks_pages and item.reason in EMPTY_SHELLS:
        reason, detail = AMP_MISSING, item.reason
    else:
        return item
    return item.model_copy(update={"reason": reason, "detail": detail[:_MAX_DETAIL_CHARS]})
