"""Which requests of a rendered page are sent, and what the browser gets for the others."""

from __future__ import annotations

import pytest

from newscrawl.downloader.browser_requests import (
    AnswerFailure,
    PageAnswer,
    PageRequest,
    ScriptCache,
    decide,
    is_tracker,
    passed_headers,
    read_trackers,
    stand_in,
)

PAGE = "https://news.example.org/story"


def request(
    url: str = f"{PAGE}/data", kind: str = "fetch", method: str = "GET", **more: object
) -> PageRequest:
    return PageRequest(url=url, kind=kind, method=method, **{"headers": {}, **more})  # type: ignore[arg-type]


JSON = {"headers": {"content-type": "application/json"}, "body": b"{}"}


@pytest.mark.parametrize(
    ("asked", "decision"),
    [
        (request(), "fetch"),
        (request(kind="script"), "fetch"),
        (request(kind="xhr", method="HEAD"), "fetch"),
        (request(kind="stylesheet"), "style"),
        (request(kind="image"), "image"),
        (request(kind="font"), "font"),
        (request(kind="media"), "media"),
        (request(kind="ping"), "ping"),
        (request(kind="eventsource"), "eventsource"),
        (request(kind="document"), "document"),
        (request("ftp://news.example.org/a"), "scheme"),
        (request("https://www.google-analytics.com/collect"), "tracker"),
        (request(method="DELETE"), "method"),
        (request(method="POST"), "method"),
        (request(method="POST", **JSON), "fetch"),
        (request("https://elsewhere.example.net/graphql", method="POST", **JSON), "method"),
        (request(method="POST", headers=JSON["headers"], body=b"x" * (64 * 1024 + 1)), "method"),
    ],
)
def test_only_what_brings_text_is_sent(asked: PageRequest, decision: str) -> None:
    made = decide(asked, PAGE)
    assert (made.reason if isinstance(made, AnswerFailure) else made) == decision


def test_no_header_of_a_reader_is_sent() -> None:
    headers = {
        "accept": "application/json",
        "authorization": "Bearer public",
        "cookie": "a=1",
        "referer": PAGE,
        "sec-fetch-mode": "cors",
        "user-agent": "Chromium",
        "x-key": "1",
    }
    sent = request(headers=headers).sent_headers
    assert sent == {"accept": "application/json", "authorization": "Bearer public", "x-key": "1"}


def test_a_tracker_is_a_host_and_all_below_it_and_no_other() -> None:
    assert is_tracker("https://www.googletagmanager.com/gtm.js")
    assert is_tracker("https://doubleclick.net/")
    assert not is_tracker("https://notdoubleclick.net/")
    assert not is_tracker("https://example.org/doubleclick.net")


def test_no_service_that_asks_readers_to_pay_is_blocked() -> None:
    """Without its script a page may show what the site does not show everybody."""
    paid = ("piano.io", "tinypass.com", "poool.fr", "zephr.com", "evolok.net", "cxense.com", "leaky.ai")
    assert not [host for host in paid if is_tracker(f"https://cdn.{host}/wall.js")]
    assert len(read_trackers()) > 40


def test_a_page_gets_a_policy_beside_its_own() -> None:
    headers = {"content-security-policy": "default-src 'self'", "set-cookie": "a=1", "link": "</a>", "x": "y"}
    passed = passed_headers(headers, is_page=True)
    assert passed["content-security-policy"].startswith(
        "default-src 'self', worker-src 'none'; frame-src 'none'"
    )
    assert set(passed) == {"content-security-policy", "x"}
    assert "content-security-policy" not in passed_headers({"x": "y"})


def test_pictures_and_styles_get_something_that_can_be_shown() -> None:
    assert stand_in("image").body.startswith(b"GIF89a")
    assert stand_in("style").headers["content-type"] == "text/css"


def answer(body: bytes = b"1", control: str = "max-age=60", status: int = 200) -> PageAnswer:
    return PageAnswer(status=status, headers={"cache-control": control} if control else {}, body=body)


@pytest.mark.parametrize("control", ["no-store", "private, max-age=60", "No-Cache", "max-age=0"])
def test_a_script_that_may_not_be_stored_is_fetched_again(control: str) -> None:
    cache, asked = ScriptCache(), request(kind="script")
    cache.add(asked, answer(control=control))
    assert cache.find(asked) is None


def test_scripts_are_stored_and_data_is_not_and_the_oldest_make_room() -> None:
    cache = ScriptCache(max_bytes=10)
    first, second = request("https://a.example/1.js", "script"), request("https://a.example/2.js", "script")
    cache.add(request(), answer())
    assert cache.find(request()) is None
    cache.add(first, answer(b"x" * 6, ""))
    assert cache.find(first)
    cache.add(second, answer(b"y" * 6))
    assert cache.find(first) is None
    assert cache.find(second)
    cache.add(request("https://a.example/3.js", "script"), answer(status=404))
    assert cache.find(second)


def test_a_script_that_comes_twice_counts_once() -> None:
    cache = ScriptCache(max_bytes=10)
    asked = request(kind="script")
    for _ in range(3):
        cache.add(asked, answer(b"x" * 6))
    assert cache.find(asked)
