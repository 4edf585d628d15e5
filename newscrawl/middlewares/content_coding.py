"""Undoes the content coding of responses; the capture handler has archived them as they were sent.

Scrapy's middleware takes the header at its word, so that a page sent plain under `gzip` is lost, and one with
an unknown coding reaches the spider packed. This one decodes as the archive's own reader does.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.responsetypes import responsetypes

from newscrawl.warc.http import MAX_CONTENT_BYTES, ContentError, decode_declared, is_gzip_type

logger = logging.getLogger(__name__)

MENDED_STAT = "newscrawl/coding_mended"
_REPLACED = frozenset({"headers", "body", "encoding"})


class ContentCodingMiddleware(HttpCompressionMiddleware):
    """Replaces a response by its decoded form; IgnoreRequest if that is too large."""

    def process_response(self, request: Request, response: Response) -> Response:  # type: ignore[override]
        if request.method == "HEAD" or not response.body:
            return response
        limit = request.meta.get("download_maxsize", self._max_size) or MAX_CONTENT_BYTES
        declared = b",".join(response.headers.getlist("Content-Encoding")).decode("latin-1")
        is_file = is_gzip_type((response.headers.get("Content-Type") or b"").decode("latin-1"))
        is_file = is_file or urlsplit(response.url).path.endswith(".gz")
        try:
            decoded = decode_declared(response.body, declared, limit + 1, is_file=is_file)
        except ContentError:
            if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                raise
            # The status says all there is to say.
            return _replace_body(response, b"")
        if len(decoded.data) > limit:
            raise IgnoreRequest(
                f"Ignored response {response}: it is larger than {limit} B once it is unpacked"
            )
        if decoded.is_mended:
            assert self.stats
            self.stats.inc_value(MENDED_STAT)
            logger.info("%s: the Content-Encoding %r is wrong", response.url, declared)
        if not declared and not decoded.is_mended:
            return response
        return _replace_body(response, decoded.data)


def _replace_body(response: Response, body: bytes) -> Response:
    """The response with its decoded body, as the class that fits this."""
    headers = response.headers.copy()
    headers.pop("Content-Encoding", None)
    kind = responsetypes.from_args(headers=headers, url=response.url, body=body)
    # `Response.replace` would ask the old response for its encoding, which it would guess from packed bytes.
    kept = {name: getattr(response, name) for name in kind.attributes if name not in _REPLACED}
    return kind(**kept, headers=headers, body=body)
