"""The frontier: links found, what to fetch next, pages done. Here those that last as long as the process."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Protocol

from newscrawl.items import Article, Link
from newscrawl.state.rows import Seen
from newscrawl.urls import normal_url


class Frontier(Protocol):
    """What spiders ask and tell; a link's identity is its normalised URL."""

    is_full: bool
    "Links were left out because too many wait: their source must be read again."

    @property
    def is_careful(self) -> bool:
        """Whether a process died beside what comes next: it is to be fetched with no other page in flight."""

    def found(self, links: Iterable[Link]) -> int:
        """Remember links; how many of them were new."""

    def take(self, limit: int) -> list[Link]:
        """Up to `limit` waiting links; each is handed out once."""

    def refused(self, url: str) -> str | None:
        """Why a page that was handed out is not to be fetched after all; None: it is."""

    def seen(self, url: str) -> Seen | None:
        """What was fetched of a page that is handed out again, to ask whether it has changed."""

    def known_as(self, article: Article) -> str | None:
        """The URL of another page that this very article was archived from in an earlier run."""

    def done(self, url: str, outcome: str, article: Article | None = None) -> None:
        """The page of the link with this URL has ended: `article`, or a rejection's reason.

        Called once its record and its line are written.
        """

    def withdrawn(self, url: str, reason: str) -> None:
        """The page with this URL ended as an article, which has turned out to be none."""

    def counts(self) -> dict[str, int]:
        """Links by state: pending, fetching, and each outcome."""


MAX_WAITING = 100_000
"Links kept waiting at once, about 40 MB; a source that lists more is heard to that point."


class MemoryFrontier:
    """Links in the order they were found, nothing known of earlier runs."""

    is_careful = False

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._seen: set[str] = set()
        self._pending: deque[Link] = deque()
        self._fetching: set[str] = set()
        self._outcomes: Counter[str] = Counter()
        self.is_full = False

    def found(self, links: Iterable[Link]) -> int:
        new = 0
        for link in links:
            key = normal_url(link.url)
            if len(self._pending) >= self._max_waiting:
                self.is_full = True
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

    def refused(self, url: str) -> str | None:  # noqa: ARG002 # nothing is known
        return None

    def seen(self, url: str) -> Seen | None:  # noqa: ARG002 # nothing is known
        return None

    def known_as(self, article: Article) -> str | None:  # noqa: ARG002 # nothing is known
        return None

    def done(self, url: str, outcome: str, article: Article | None = None) -> None:  # noqa: ARG002
        self._fetching.discard(normal_url(url))
        self._outcomes[outcome] += 1

    def withdrawn(self, url: str, reason: str) -> None:
        self._outcomes["article"] -= 1
        self.done(url, reason)

    def counts(self) -> dict[str, int]:
        return {
            "pending": len(self._pending),
            "fetching": len(self._fetching),
            **dict(sorted(self._outcomes.items())),
        }


class PlannedFrontier(MemoryFrontier):
    """The pages that another run took, and no others: what state decided then holds for its replay."""

    def __init__(
        self, links: Iterable[Link], known: Mapping[str, str], unfetched: Mapping[str, str] | None = None
    ) -> None:
        """`known`: where articles were known from, by the record ids of the pages they came with again.

        `unfetched`: why pages were not fetched at all, by their URLs.
        """
        planned = list(links)
        super().__init__(max_waiting=len(planned))
        super().found(planned)
        self._known = known
        self._unfetched = unfetched or {}

    def refused(self, url: str) -> str | None:
        return self._unfetched.get(url)

    def found(self, links: Iterable[Link]) -> int:  # noqa: ARG002 # they are planned, or were left out then
        return 0

    def known_as(self, article: Article) -> str | None:
        return self._known.get(article.warc.record_id) if article.warc else None
