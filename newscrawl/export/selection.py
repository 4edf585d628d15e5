"""Which articles go out, and for what reason the others stay."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from newscrawl.export.times import day_of
from newscrawl.items import Article


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What is asked for; the defaults leave out nothing but what its publisher reserves."""

    since: date | None = None
    until: date | None = None
    "The last day, itself included. The day is that of publication, or of the fetch where none is told."
    languages: frozenset[str] = frozenset()
    mixed: bool | None = None
    page_types: frozenset[str] = frozenset()
    duplicates: bool = True
    reserved: bool = False
    "Whether texts go out that their site reserves against use by machines."
    all_versions: bool = False
    "Else the last version of each page of an outlet."

    def refusal(self, article: Article) -> str | None:
        """Why an article stays, as a short name; None when it goes out."""
        stays = (
            ("reserved", article.rights.is_reserved and not self.reserved),
            ("language", bool(self.languages) and article.lang not in self.languages),
            ("mixed", self.mixed is not None and article.is_mixed is not self.mixed),
            ("page_type", bool(self.page_types) and article.page_type not in self.page_types),
            ("duplicate", article.duplicate_of is not None and not self.duplicates),
            ("date", not self._in_days(article)),
        )
        return next((reason for reason, holds in stays if holds), None)

    def noted(self) -> dict[str, Any]:
        """For the manifest: the same selection gives the same note."""
        return {
            name: sorted(value)
            if isinstance(value, frozenset)
            else (str(value) if isinstance(value, date) else value)
            for name, value in asdict(self).items()
        }

    def _in_days(self, article: Article) -> bool:
        if not (self.since or self.until):
            return True
        day = day_of(article.published) or day_of(article.fetched)
        if day is None:
            return False
        return (self.since or day) <= day <= (self.until or day)
