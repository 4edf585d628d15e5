"""How long a host is left alone, by what it says and by how often it has said so."""

from __future__ import annotations

import pytest

from newscrawl.middlewares.politeness import (
    MAX_FAILURES,
    PAUSE_SECONDS,
    Delay,
    HostBackoff,
    parse_retry_after,
)

NOW = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC


def middle() -> float:
    return 0.5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("9" * 400, 999_999_999),
        ("Fri, 15 Jan 2027 08:02:00 GMT", 120),
        ("Friday, 15-Jan-27 08:02:00 GMT", 120),
        ("Fri, 15 Jan 2027 08:02:00", 120),
        ("Fri Jan 15 08:02:00 2027", 120),
        ("Fri, 15 Jan 2021 08:02:00 GMT", 0),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: int | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


def test_what_a_host_asks_for_is_kept_short_within_the_run_and_long_beyond_it() -> None:
    host = HostBackoff()
    assert host.record_refusal(120, 30, middle) == Delay(120, is_pause=False)
    assert host.record_refusal(121, 30, middle) == Delay(121, is_pause=True)


def test_waits_double_until_there_is_a_pause_and_an_answer_ends_them() -> None:
    host = HostBackoff()
    waits = [host.record_refusal(None, 30, middle) for _ in range(4)]
    assert [rest.seconds for rest in waits] == pytest.approx([30, 60, 120, PAUSE_SECONDS])
    assert [rest.is_pause for rest in waits] == [False, False, False, True]
    host.record_answer()
    assert host.record_refusal(None, 30, middle).seconds == pytest.approx(30)


def test_a_host_that_goes_on_asking_for_a_moment_is_paused_too() -> None:
    host = HostBackoff()
    assert [host.record_refusal(5, 30, middle).is_pause for _ in range(4)] == [False, False, False, True]
    assert HostBackoff().record_refusal(None, 0, middle) == Delay(0, is_pause=False)


def test_waits_differ_by_chance() -> None:
    low, high = (
        HostBackoff().record_refusal(None, 30, lambda: 0.0),
        HostBackoff().record_refusal(None, 30, lambda: 1.0),
    )
    assert (low.seconds, high.seconds) == pytest.approx((27, 33))


def test_a_host_is_given_up_after_so_many_attempts_without_an_answer() -> None:
    host = HostBackoff()
    assert [host.record_failure() for _ in range(MAX_FAILURES)] == [False] * (MAX_FAILURES - 1) + [True]
    host.pause(NOW + PAUSE_SECONDS, "it did not answer")
    assert host.is_paused(NOW)
    assert not host.is_paused(NOW + PAUSE_SECONDS)
    assert not host.record_failure()
    host.record_answer()
    assert [host.record_failure() for _ in range(MAX_FAILURES - 1)] == [False] * (MAX_FAILURES - 1)
