"""Answers fed to the capture handler without a socket: `python -m wire.fed_handler <folder> <seed> <rounds>`.

Prints a JSON line for each: what was fed until the client closed the connection, and what the handler gave.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import random
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from scrapy import Request
from scrapy.utils.reactor import install_reactor

from newscrawl.archive.run_files import Run, new_run
from wire.mutations import SEEDS, mutate_message

LARGEST = 12_000
"Bytes after which a download is given up, so that some of the answers are too long."
SECONDS = 20
"No answer takes longer, for the connection ends behind its last byte."


@dataclass
class FakeSpider:
    """A spider as far as the handler looks at it."""

    run: Run
    name: str = "fed"

    def stop_on_archive_error(self, error: Exception) -> None:
        raise error


def main(folder: str, seed: int, rounds: int) -> None:
    install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred
    from twisted.python.log import PythonLoggingObserver

    # Errors that nobody handled are seen; that a download is too large is meant.
    PythonLoggingObserver().start()  # type: ignore[no-untyped-call]
    logging.getLogger("scrapy").setLevel(logging.CRITICAL)
    done = Deferred.fromCoroutine(_feed(_run_in(Path(folder)), random.Random(seed), rounds))
    done.addErrback(lambda failure: failure.printTraceback(file=sys.stderr))
    done.addBoth(lambda _: reactor.stop())  # type: ignore[attr-defined]
    reactor.run()  # type: ignore[attr-defined]


async def _feed(run: Run, dice: random.Random, rounds: int) -> None:
    from scrapy.utils.defer import deferred_from_coro
    from scrapy.utils.test import get_crawler

    from newscrawl.downloader.capture import CaptureHandler

    crawler = get_crawler(settings_dict={"DOWNLOAD_MAXSIZE": LARGEST, "NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": 1})
    crawler.spider = FakeSpider(run)  # type: ignore[assignment]
    handler = CaptureHandler(crawler)
    pool = handler._pool = _pool(dice)  # type: ignore[assignment]
    run.open()
    for number in range(rounds):
        fed = mutate_message(dice.choice(SEEDS), dice)
        pool.load(fed, "192.0.2.1")
        method = dice.choice(("GET", "GET", "GET", "GET", "GET", "GET", "HEAD", "POST"))
        request = Request(f"http://example.org/{number}", method=method)
        try:
            response: Any = await deferred_from_coro(
                asyncio.wait_for(handler.download_request(request), SECONDS)
            )
            got = {"body": _text(response.body), "status": response.status}
        except Exception as error:  # noqa: BLE001 # whatever it is, the archive must say the same
            got = {"error": type(error).__name__}
        print(json.dumps({"method": method, "fed": _text(fed[: pool.given]), **got}))
    run.close()


def _pool(dice: random.Random) -> Any:
    """Connections whose bytes come in pieces of any size."""
    from twisted.internet import reactor

    from newscrawl.downloader.recording import RecordingProtocol
    from newscrawl.downloader.replay import InMemoryPool

    class Counting(RecordingProtocol):
        def dataReceived(self, data: bytes) -> None:  # noqa: N802 # Twisted's name
            pool.given += len(data)
            super().dataReceived(data)

    class InPieces(InMemoryPool):
        given = 0

        def getConnection(self, key: Any, endpoint: Any) -> Any:  # noqa: N802 # Twisted's name
            whole, self.given = self._received, 0
            connection = super().getConnection(key, endpoint)
            connection.result.transport._pieces = deque(_cut(whole, dice))
            return connection

    pool = InPieces(Counting, reactor.callLater)  # type: ignore[attr-defined]
    return pool


def _cut(whole: bytes, dice: random.Random) -> Iterator[bytes]:
    largest = dice.choice((1 << 16, 1 << 16, 1500, 40))
    while whole:
        size = dice.randint(1, largest)
        yield whole[:size]
        whole = whole[size:]


def _run_in(folder: Path) -> Run:
    numbers = count()
    return new_run(
        outlet="fed",
        archives=folder,
        started=datetime(2026, 3, 4, tzinfo=UTC),
        pid=1,
        host="h",
        info=(),
        now=lambda: datetime.now(UTC),
        new_id=lambda: f"<urn:uuid:{next(numbers):032x}>",
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
