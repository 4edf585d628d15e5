"""An S3 server of its own on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.server import ThreadedMotoServer

from newscrawl import storage

BUCKET = "news"


class StoppableBucket:
    """An empty bucket whose server can go away and come back with what it had."""

    url = f"s3://{BUCKET}"

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._server = ThreadedMotoServer(ip_address=host, port=0, verbose=False)
        self._server.start()
        self.host, self.port = self._server.get_host_and_port()
        # All servers of a process share what their buckets hold.
        with urlopen(Request(f"http://{self.host}:{self.port}/moto-api/reset", method="POST")):
            pass

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server = ThreadedMotoServer(ip_address=self.host, port=self.port, verbose=False)
        self._server.start()

    def names(self) -> list[str]:
        """What it holds."""
        pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", ()))


@contextmanager
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty bucket; what clients read from the environment leads there."""
    with stoppable_bucket(monkeypatch) as server:
        yield server.url


@contextmanager
def stoppable_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[StoppableBucket]:
    """The same as an object; it must be running at the end."""
    server = StoppableBucket()
    # A process reads the environment once for each bucket.
    storage._open_bucket.cache_clear()
    try:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{server.host}:{server.port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield server
    finally:
        server.stop()
