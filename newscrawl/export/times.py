"""Times as lines tell them, read for columns and for selecting by day."""

from __future__ import annotations

from datetime import UTC, date, datetime

DAY_CHARS = 10


def moment_of(text: str | None) -> datetime | None:
    """An aware moment in UTC; None where only the day is told, or no time that can be."""
    try:
        read = datetime.fromisoformat(text or "")
        return read.astimezone(UTC) if read.tzinfo else None
    except (ValueError, OverflowError):
        return None


def day_of(text: str | None) -> date | None:
    """The day as it was told, in its own zone; None when there is none."""
    try:
        return date.fromisoformat((text or "")[:DAY_CHARS])
    except ValueError:
        return None
