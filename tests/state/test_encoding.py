"""Values in the forms that columns have."""

from __future__ import annotations

from datetime import UTC, datetime

from newscrawl.state.encoding import epoch_seconds, from_epoch


def test_seconds_are_whole_and_come_back_aware() -> None:
    moment = datetime(2026, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC)
    assert epoch_seconds(moment) == 1_767_225_600
    assert from_epoch(1_767_225_600) == datetime(2026, 1, 1, tzinfo=UTC)
