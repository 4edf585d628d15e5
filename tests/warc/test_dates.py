"""One reading of WARC-Date, whoever wrote it."""

from __future__ import annotations

import pytest

from newscrawl.items import rfc3339
from newscrawl.warc.dates import is_standard_date, parse_warc_date

STANDARD = {
    "2024-05-06T07:08:09Z": "2024-05-06T07:08:09.000000Z",
    "2024-05-06T07:08:09.5Z": "2024-05-06T07:08:09.500000Z",
    "2024-05-06T07:08:09.123456789Z": "2024-05-06T07:08:09.123456Z",
    "2024-05-06T07:08Z": "2024-05-06T07:08:00.000000Z",
    "2024-05-06": "2024-05-06T00:00:00.000000Z",
    "2024-05": "2024-05-01T00:00:00.000000Z",
    "2024": "2024-01-01T00:00:00.000000Z",
    "2008-12-31T23:59:60Z": "2008-12-31T23:59:59.000000Z",
    "2015-06-30T23:59:60.25Z": "2015-06-30T23:59:59.250000Z",
    "2024-02-29T00:00:00Z": "2024-02-29T00:00:00.000000Z",
}
ODD = {
    "20240506070809": "2024-05-06T07:08:09.000000Z",
    "20240506T070809Z": "2024-05-06T07:08:09.000000Z",
    "20081231235960": "2008-12-31T23:59:59.000000Z",
    "2024-05-06T07:08:09": "2024-05-06T07:08:09.000000Z",
    "2024-05-06 07:08:09": "2024-05-06T07:08:09.000000Z",
    "2024-05-06T07:08:09+02:00": "2024-05-06T05:08:09.000000Z",
    "2024-05-06T07:08:09-0330": "2024-05-06T10:38:09.000000Z",
    "2009-01-01T05:29:60+05:30": "2008-12-31T23:59:59.000000Z",
    "2009-02-46T10:00:00-0800": "2009-02-15T18:00:00.000000Z",
    "2009-12-365T10:00:00-0800": None,
    "2009-03-65T23:30:00-0800": "2009-03-07T07:30:00.000000Z",
    "2024-05-06T07:08:09Z ": "2024-05-06T07:08:09.000000Z",
}
WRONG = [
    *(
        "",
        "yesterday",
        "2024-13-01T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2023-02-29",
        "2024-05-00",
        "0000-01-01",
    ),
    *("2009-03-46T10:00:00-0800", "2024-05-06T24:00:00Z", "2024-05-06T07:08:61Z"),
    *("2024-05-06T07:08:09+24:00", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2024050607"),
    *("20241306070809", "2024-W01-1", "٢٠٢٤-05-06", "2024-05-06T07:08:09Z\x00", "2024-05-06T07:08:09Z Z"),
]


@pytest.mark.parametrize(("text", "moment"), [*STANDARD.items(), *ODD.items()])
def test_each_usual_form_is_read_as_utc(text: str, moment: str | None) -> None:
    parsed = parse_warc_date(text)
    assert (parsed and rfc3339(parsed)) == moment


@pytest.mark.parametrize("text", WRONG)
def test_what_names_no_moment_is_none(text: str) -> None:
    assert parse_warc_date(text) is None
    assert not is_standard_date(text)


def test_the_standard_forms_are_told_from_the_others() -> None:
    assert all(map(is_standard_date, STANDARD))
    assert not any(map(is_standard_date, ODD))
