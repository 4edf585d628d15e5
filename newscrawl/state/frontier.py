"""The frontier: links to fetch and pages that are finished. The classes here last as long as the process."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Protocol

from newscrawl.items import Article, Link, WitnessPointer
from newscrawl.state.encoding import PreviousFetch
from newscrawl.urls import normalize_url


class Frontier(Protocol):
    """What spiders use; a link's identity is its normalised URL."""

    is_full: bool
    "Links were left out because too many are waiting: their source must be read again."

    @property
    def is_careful(self) -> bool:
        """Whether a process died while the next page was in flight: it must be fetched alone."""

    def add(self, links: Iterable[Link]) -> int:
        """Store links; gives how many of them were new."""

    def take(self, limit: int) -> list[Link]:
        """Up to `limit` waiting links; each is handed out once."""

    def skip_reason(self, url: str) -> str | None:
        """Why a page that was handed out must not be fetched; None: fetch it."""

    def previous_fetch(self, url: str) -> PreviousFetch | None:
        """The last fetch of a page that is handed out again, for asking whether it has changed."""

    def find_witness(self, url: str) -> WitnessPointer | None:
        """Where the archive has the story of a page that was handed out, as far as a source gave it."""

    def find_duplicate(self, article: Article) -> str | None:
        """The URL of another page from which an earlier run archived this very article."""

    def finish(self, url: str, outcome: str, article: Article | None = None) -> None:
        """Store the outcome of the page of the link with this URL: `article`, or a rejection's reason.

        Call it once the page's record and its line are written. The outcome may wait for others, to be stored
        with them.
        """

    def store_outcomes(self) -> None:
        """Store the outcomes that wait; before that has succeeded a run may not end as finished."""

    def withdraw(self, url: str, reason: str) -> None:
        """Replace the outcome of a page that finished as an article and turned out to be none."""

    def counts(self) -> dict[str, int]:
        """Links by state: pending, fetching, and each outcome."""


MAX_WAITING = 100_000
"Links that may wait at once, about 40 MB; of a source that lists more, the rest is left out."


class MemoryFrontier:
    """Links in the order they were added; earlier runs are unknown."""

    is_careful = False

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._urls: set[str] = set()
        self._pending: deque[Link] = deque()
        self._fetching: set[str] = set()
        self._outcomes: Counter[str] = Counter()
        self.is_full = False

    def add(self, links: Iterable[Link]) -> int:
        new = 0
        for link in links:
            url = normalize_url(link.url)
            if len(self._pending) >= self._max_waiting:
                self.is_full = True
                break
            if url not in self._urls:
                self._urls.add(url)
                self._pending.append(link)
                new += 1
        return new

    def take(self, limit: int) -> list[Link]:
        links = [self._pending.popleft() for _ in range(min(limit, len(self._pending)))]
        self._fetching.update(normalize_url(link.url) for link in links)
        return links

    def skip_reason(self, url: str) -> str | None:  # noqa: ARG002 # no crash is remembered
        return None

    def previous_fetch(self, url: str) -> PreviousFetch | None:  # noqa: ARG002 # there is none
        return None

    def find_witness(self, url: str) -> WitnessPointer | None:  # noqa: ARG002 # it stands in the archive
        return None

    def find_duplicate(self, article: Article) -> str | None:  # noqa: ARG002 # there is none
        return None

    def finish(self, url: str, outcome: str, article: Article | None = None) -> None:  # noqa: ARG002
        self._fetching.discard(normalize_url(url))
        self._outcomes[outcome] += 1

    def store_outcomes(self) -> None:
        return None

    def withdraw(self, url: str, reason: str) -> None:
        self._outcomes["article"] -= 1
        self.finish(url, reason)

    def counts(self) -> dict[str, int]:
        return {
            "pending": len(self._pending),
            "fetching": len(self._fetching),
            **dict(sorted(self._outcomes.items())),
        }


class PlannedFrontier(MemoryFrontier):
    """The pages that another run took, and no others: its replay follows what state decided then."""

    def __init__(
        self, links: Iterable[Link], duplicates: Mapping[str, str], skipped: Mapping[str, str] | None = None
    ) -> None:
        """`duplicates`: record id of a page to the URL its article was already archived from.

        `skipped`: URL of a page that was not fetched to the reason.
        """
        planned = list(links)
        super().__init__(max_waiting=len(planned))
        super().add(planned)
        self._duplicates = duplicates
        self._skipped = skipped or {}

    def skip_reason(self, url: str) -> str | None:
        return self._skipped.get(url)

    def add(self, links: Iterable[Link]) -> int:  # noqa: ARG002 # each is planned, or was left out then
        return 0

    def find_duplicate(self, article: Article) -> str | None:
        return self._duplicates.get(article.warc.record_id) if article.warc else None
