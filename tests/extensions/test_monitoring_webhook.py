"""A webhook is told or not, in time, and its URL is never printed."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from wire.hook import Hook, hooked

from newscrawl.extensions.monitoring import is_web, posted

SECRET = "/s3cret?token=t0ken"


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that begins to answer and never gets to the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        wire, _ = listener.accept()
        with wire:
            wire.sendall(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.1):
                wire.sendall(b"X")

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    over.set()
    thread.join()
    listener.close()


def test_a_message_is_taken() -> None:
    with hooked(Hook()) as hook:
        assert posted(hook.base + SECRET, {"outlet": "écho"})
    assert hook.messages == [{"outlet": "écho"}]
    assert hook.paths == [SECRET]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_refusal_is_logged_without_the_address(status: int, caplog: pytest.LogCaptureFixture) -> None:
    with hooked(Hook(statuses=[status])) as hook:
        assert not posted(hook.base + SECRET, {})
    assert caplog.records[0].levelno == logging.WARNING
    assert str(status) in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    "address", ["http://u:s3cret@127.0.0.1:1", "http://127.0.0.1:9/s3cret", "http://[::s3cret"]
)
def test_what_cannot_be_reached_is_logged_without_the_address(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not posted(address, {}, seconds=5)
    assert "the webhook was not told: " in caplog.text
    assert "s3cret" not in caplog.text


def test_nobody_is_waited_for(dripping: str, caplog: pytest.LogCaptureFixture) -> None:
    began = time.monotonic()
    assert not posted(dripping, {}, seconds=0.5)
    assert time.monotonic() - began < 2
    assert "no answer within 0.5 s" in caplog.text


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "hook.example/x", "http://", "ftp://a.example/", "http://["]
)
def test_only_the_web_is_posted_to(url: str) -> None:
    assert not is_web(url)
    assert is_web("https://hook.example/x")
