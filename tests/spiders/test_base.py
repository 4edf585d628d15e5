"""Every way a page can fail to come has a name."""

import pytest
from scrapy import Request
from scrapy.exceptions import DownloadTimeoutError, IgnoreRequest
from scrapy.http import HtmlResponse
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from newscrawl.downloader.refusals import ForbiddenPort, PrivateAddress
from newscrawl.spiders.base import failure_detail, failure_reason
from newscrawl.warc.http import ContentError

GONE = HtmlResponse("http://a/", status=410, request=Request("http://a/"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (HttpError(GONE, "Ignoring non-200 response"), "http_410"),
        (DownloadTimeoutError("took longer than 3 seconds"), "timeout"),
        (IgnoreRequest("Forbidden by robots.txt"), "robots_txt"),
        (IgnoreRequest("max redirections reached"), "too_many_redirects"),
        (IgnoreRequest("Ignored response <200 http://a/redirect> because it exceeded"), "too_large"),
        (IgnoreRequest("Filtered offsite request to 'redirect.example'"), "ignored"),
        (PrivateAddress("10.0.0.1"), "private_address"),
        (ForbiddenPort("host is asked on port 22"), "forbidden_port"),
        (ValueError("Missing scheme in request url: javascript:alert(1)"), "bad_redirect"),
        (ValueError("something else"), "download_error"),
        (ContentError("invalid distance too far back"), "bad_coding"),
        (RuntimeError("never heard of"), "download_error"),
    ],
)
def test_a_failure_has_a_name(error: Exception, reason: str) -> None:
    assert failure_reason(Failure(error)) == reason


def test_details_are_one_line() -> None:
    assert failure_detail(Failure(RuntimeError("a\n  b"))) == "RuntimeError: a b"
