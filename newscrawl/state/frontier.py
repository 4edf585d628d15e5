"""The frontier: links found, what to fetch next, pages done."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Protocol

from newscrawl.items import Link
from newscrawl.urls import normal_url


class Frontier(Protocol):
    """What spiders ask and tell; a link's identity is its normalised URL."""

    def found(self, links: Iterable[Link]) -> int:
        """Remember links; how many of them were new."""

    def take(self, limit: int) -> list[Link]:
        """Up to `limit` waiting links, oldest first; each is handed out once."""

    def done(self, url: str, outcome: str) -> None:
        """The page of the link with this URL has ended: `article`, or a rejection's reason."""

    def counts(self) -> dict[str, int]:
        """Links by state: pending, fetching, and each outcome."""


MAX_WAITING = 100_000
"Links kept waiting at once, about 40 MB; a source that lists more is heard to that point."


class MemoryFrontier:
    """A frontier that lasts as long as the process."""

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._seen: set[str] = set()
        self._pending: deque[Link] = deque()
        self._fetching: set[str] = set()
        self._outcomes: Counter[str] = Counter()

    def found(self, links: Iterable[Link]) -> int:
        new = 0
        for link in links:
            key = normal_url(link.url)
            if len(self._pending) >= self._max_waiting:
                break
            if key not in self._seen:
                self._seen.add(key)
                self._pending.append(link)
                new += 1
        return new

    def take(self, limit: int) -> list[Link]:
        taken = [self._pending.popleft() for _ in range(min(limit, len(self._pending)))]
        self._fetching.update(normal_url(link.url) for link in taken)
        return taken

    def done(self, url: str, outcome: str) -> None:
        self._fetching.discard(normal_url(url))
        self._outcomes[outcome] += 1

    def counts(self) -> dict[str, int]:
        return {
            "pending": len(self._pending),
            "fetching": len(self._fetching),
            **dict(sorted(self._outcomes.items())),
        }
