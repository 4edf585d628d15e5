"""Dates as they are written in French, English and by machines."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.extraction.metadata.date_parser import (
    find_dates,
    find_short_date,
    is_date_line,
    parse_date,
    parse_relative_date,
)

DOUALA = ZoneInfo("Africa/Douala")


@pytest.mark.parametrize(
    ("raw", "text", "precision"),
    [
        ("2025-03-07T08:09:10Z", "2025-03-07T08:09:10+00:00", "second"),
        ("2025-03-07T08:09:10.123+0530", "2025-03-07T08:09:10+05:30", "second"),
        ("2025-03-07 08:09", "2025-03-07T08:09:00+01:00", "minute"),
        ("2025-03-07", "2025-03-07", "day"),
        ("20250307", "2025-03-07", "day"),
        ("1741334950", "2025-03-07T08:09:10+00:00", "second"),
        ("Fri, 07 Mar 2025 08:09:10 +0200", "2025-03-07T08:09:10+02:00", "second"),
        ("ven., 7 mars 2025 08:09:10 +0100", "2025-03-07T08:09:10+01:00", "second"),
        ("Publié le 7 mars 2025 à 8h05", "2025-03-07T08:05:00+01:00", "minute"),
        ("Publié le 18 juil. 2025 à 08:01", "2025-07-18T08:01:00+01:00", "minute"),
        ("le 1er févr. 2025 à 9h", "2025-02-01T09:00:00+01:00", "minute"),
        ("5 déc. 2025", "2025-12-05", "day"),
        ("14 aout 2025", "2025-08-14", "day"),
        ("30/04/2025 - 16:00", "2025-04-30T16:00:00+01:00", "minute"),
        ("04/30/2025", "2025-04-30", "day"),
        ("Mar 7, 2025, 9:05 PM GMT", "2025-03-07T21:05:00+00:00", "minute"),
        ("March 7, 2025 at 12:30 a.m. EST", "2025-03-07T00:30:00-05:00", "minute"),
        ("7th of March 2025", "2025-03-07", "day"),
    ],
)
def test_a_date_is_read_with_the_zone_it_names_or_the_outlets(raw: str, text: str, precision: str) -> None:
    found = parse_date(raw, DOUALA)
    assert found is not None
    assert (found.isoformat(), found.precision) == (text, precision)


def test_a_time_without_any_zone_stays_a_day() -> None:
    found = parse_date("2025-03-07 08:09")
    assert found is not None
    assert (found.isoformat(), found.precision) == ("2025-03-07", "day")


def test_summer_time_follows_the_day() -> None:
    found = parse_date("12 juillet 2025 à 10h00", ZoneInfo("Europe/Paris"))
    assert found is not None
    assert found.isoformat() == "2025-07-12T10:00:00+02:00"


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        (None, "2025-03-07T11:20:00+05:30"),
        ("Asia/Kolkata", "2025-03-07T11:20:00+05:30"),
        ("Asia/Jerusalem", "2025-03-07T11:20:00+02:00"),
        ("Africa/Douala", "2025-03-07T11:20:00+05:30"),
    ],
)
def test_ist_is_indian_time_unless_the_outlet_has_another(zone: str | None, text: str) -> None:
    found = parse_date("Updated: 07-03-2025 11:20 IST", ZoneInfo(zone) if zone else None)
    assert found is not None
    assert found.isoformat() == text


def test_an_abbreviation_of_several_zones_gives_no_hour() -> None:
    found = parse_date("March 7, 2025 5:04 p.m. CST", DOUALA)
    assert found is not None
    assert found.isoformat() == "2025-03-07"


@pytest.mark.parametrize(
    "raw",
    ["", "Il y a 2 heures", "31/02/2025", "2025-13-40", "7 mars", "12/13/14", "1850-01-01", "version 2.0.1"],
)
def test_what_is_no_date_is_none(raw: str) -> None:
    assert parse_date(raw, DOUALA) is None


def test_two_dates_in_a_line_are_two() -> None:
    found = find_dates("Publié le 7 mars 2025 à 14h52, modifié le 8 mars 2025 à 15h54", DOUALA)
    assert [moment.day for moment in found] == [dt.date(2025, 3, 7), dt.date(2025, 3, 8)]


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("Publié le 7 mars 2025 à 14h52, modifié le 8 mars 2025 à 15h54", True),
        ("Updated: 18-06-2025 11:20 IST | Created: 18-06-2025 10:20 IST", True),
        ("vendredi 7 mars 2025", True),
        ("Le barrage a été inauguré le 7 mars 2025 devant la foule.", False),
        ("Dimanche", False),
    ],
)
def test_a_line_that_is_only_a_date_is_no_sentence(line: str, is_one: bool) -> None:
    assert is_date_line(line) is is_one


@given(st.text(max_size=120))
def test_any_text_is_a_date_or_none(raw: str) -> None:
    found = parse_date(raw, DOUALA)
    assert found is None or dt.date.fromisoformat(found.isoformat()[:10]).year >= 1990


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 de mayo de 2022", "2022-05-03"),
        ("Publié le 3 mai 202221:25Écho", "2022-05-03 21:25"),
        ("04-ago-2021 5:11", "2021-08-04 05:11"),
    ],
)
def test_dates_that_markup_or_language_joins_otherwise_are_read(text: str, expected: str) -> None:
    found = find_dates(text)[0]
    wall = found.wall_clock()
    assert (wall.strftime("%Y-%m-%d %H:%M") if wall else found.isoformat()) == expected


def test_a_moment_moves_to_another_zone_with_its_instant() -> None:
    moment = parse_date("2024-03-04T00:25:56Z")
    assert moment is not None
    assert moment.converted_to(dt.timezone(dt.timedelta(hours=-3))).isoformat() == "2024-03-03T21:25:56-03:00"
    day = parse_date("2024-03-04")
    assert day is not None
    assert day.converted_to(dt.UTC) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Il y a 2 heures", "2025-02-03"),
        ("il y a 1 jour", "2025-02-02"),
        ("Posted 3 days ago", "2025-01-31"),
        ("an hour ago", "2025-02-02"),
        ("a week ago", "2025-01-27"),
    ],
)
def test_a_span_is_counted_back_from_the_capture_to_a_day(text: str, day: str) -> None:
    fetched = dt.datetime(2025, 2, 2, 23, 30, tzinfo=dt.UTC)  # 00:30 of the third in Douala
    found = parse_relative_date(text, fetched + dt.timedelta(hours=2 if "2 heures" in text else 0), DOUALA)
    assert found is not None
    assert found.isoformat() == day


def test_sentences_about_the_past_without_a_span_tell_no_day() -> None:
    assert (
        parse_relative_date("Il y a des jours heureux", dt.datetime(2025, 2, 3, tzinfo=dt.UTC), DOUALA)
        is None
    )


def test_an_abbreviation_of_several_zones_is_the_outlets() -> None:
    shanghai = parse_date("2025-02-03 10:00 CST", ZoneInfo("Asia/Shanghai"))
    chicago = find_dates("February 3, 2025 10:00 CST", ZoneInfo("America/Chicago"))[0]
    quebec = find_dates("3 février 2025 à 10 h 00 HE", ZoneInfo("America/Toronto"))[0]
    assert shanghai is not None
    assert [one.isoformat()[-6:] for one in (shanghai, chicago, quebec)] == ["+08:00", "-06:00", "-05:00"]
    assert find_dates("February 3, 2025 10:00 CST", ZoneInfo("Africa/Douala"))[0].precision == "day"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        # An offset after the name of a zone belongs to it.
        ("9 juin 2025 à 21:40 GMT+2", "2025-06-09T21:40:00+02:00"),
        ("Mon Jun 09 2025 21:40:05 GMT-0300 (Brasilia Standard Time)", "2025-06-09T21:40:05-03:00"),
        ("9 June 2025 21:40 UTC+05:30", "2025-06-09T21:40:00+05:30"),
        # Halves of the day in ISO form, and in other scripts.
        ("2025-06-09 9:40 PM", "2025-06-09T21:40:00+01:00"),
        ("2025-06-09 12:05 am", "2025-06-09T00:05:00+01:00"),
        ("2025-06-09 9:40:11 p.m.", "2025-06-09T21:40:11+01:00"),
        ("2025년 6월 9일 오후 9:40", "2025-06-09T21:40:00+01:00"),
        ("2025年6月9日(月) 午前9時40分", "2025-06-09T09:40:00+01:00"),
        ("2025年06月09日 21:40", "2025-06-09T21:40:00+01:00"),
        # Compact ISO.
        ("20250609T214005Z", "2025-06-09T21:40:05+00:00"),
        ("20250609214005", "2025-06-09T21:40:05+01:00"),
        ("20250609T2140+0300", "2025-06-09T21:40:00+03:00"),
        # Abbreviations of Canada, Europe and others.
        ("Le 9 juin 2025 à 21 h 40 HAE", "2025-06-09T21:40:00-04:00"),
        ("9 janvier 2025 à 21 h 40 HNE", "2025-01-09T21:40:00-05:00"),
        ("Jan 9, 2025 9:40 PM AST", "2025-01-09T21:40:00-04:00"),
        ("Jan 9, 2025 9:40 pm est", "2025-01-09T21:40:00-05:00"),
        ("9. Januar 2025 um 21:40 Uhr MEZ", "2025-01-09T21:40:00+01:00"),
        ("9 juin 2025 21:40 heure de Paris", "2025-06-09T21:40:00+02:00"),
        ("9 June 2025, 21:40 London time", "2025-06-09T21:40:00+01:00"),
        ("9 juin 2025 à 21:40, heure de l’Est", "2025-06-09T21:40:00-04:00"),
        ("9 June 2025 9:40 PM Pacific Time", "2025-06-09T21:40:00-07:00"),
        ("9 juin 2025 à 21:40 (heure de Bucarest)", "2025-06-09"),
        ("9 juin 2025 à 21:40 heure locale", "2025-06-09T21:40:00+01:00"),
        ("2025-06-09T21:40:05\u221205:00", "2025-06-09T21:40:05-05:00"),
        # Words between the day and the hour.
        ("9 июня 2025 г. в 21:40", "2025-06-09T21:40:00+01:00"),
        ("9 de junio de 2025 a las 21:40", "2025-06-09T21:40:00+01:00"),
        ("9 giugno 2025 ore 21:40", "2025-06-09T21:40:00+01:00"),
        ("2025年6月9日（月） 21:40", "2025-06-09T21:40:00+01:00"),
        ("9 يونيو 2025 - 9:40 م", "2025-06-09T21:40:00+01:00"),
        # Spelled-out hours.
        ("9 juin 2025 à 21 heures 40", "2025-06-09T21:40:00+01:00"),
        ("9 juin 2025 à 21 heures", "2025-06-09T21:00:00+01:00"),
        # Mail, news and C.
        ("Mon, 09 Jun 25 21:40:05 +0200", "2025-06-09T21:40:05+02:00"),
        ("Monday, 09-Jun-25 21:40:05 GMT", "2025-06-09T21:40:05+00:00"),
        ("Mon, 09 Jun 2025 21:40:05 CEST", "2025-06-09T21:40:05+02:00"),
        ("Mon Jun  9 21:40:05 2025", "2025-06-09T21:40:05+01:00"),
        ("Mon Jun  9 21:40:05 UTC 2025", "2025-06-09T21:40:05+00:00"),
        ("Mon, 09 Jun 2025 24:00:00 +0100", "2025-06-09"),
        ("Thu, 09 Jun 94 21:40:05 +0000", "1994-06-09T21:40:05+00:00"),
    ],
)
def test_zones_halves_and_old_forms_are_read(raw: str, text: str) -> None:
    found = parse_date(raw, DOUALA)
    assert found is not None
    assert found.isoformat() == text


@pytest.mark.parametrize(
    "raw",
    [
        "9. Juni 2025",
        "9 czerwca 2025 r.",
        "Опубликовано 9 июня 2025",
        "9 Haziran 2025",
        "den 9 juni 2025",
        "9 de juny de 2025",
        "9 يونيو 2025",
        "٩ حزيران ٢٠٢٥",
        "9 جوان 2025",
        "2025年6月9日",
        "2025년 6월 9일",
        "2025. június 9.",
        "9. června 2025",
        "9 червня 2025",
        "9 Ιουνίου 2025",
        "9. kesäkuuta 2025",
    ],
)
def test_months_are_read_in_many_languages(raw: str) -> None:
    found = parse_date(raw, DOUALA)
    assert found is not None
    assert found.isoformat() == "2025-06-09"


@pytest.mark.parametrize("words", ["à 21:40 et relu le soir", "à 21:40 est né", "à 21:40 he said"])
def test_words_in_lower_case_are_no_zones(words: str) -> None:
    found = find_dates(f"9 juin 2025 {words}", DOUALA)[0]
    assert found.isoformat() == "2025-06-09T21:40:00+01:00"


def test_arabian_time_is_read_where_the_outlet_is_in_arabia() -> None:
    found = parse_date("Jan 9, 2025 9:40 PM AST", ZoneInfo("Asia/Riyadh"))
    assert found is not None
    assert found.isoformat() == "2025-01-09T21:40:00+03:00"


@pytest.mark.parametrize(
    ("raw", "day", "swapped"),
    [
        ("03/04/2025", dt.date(2025, 4, 3), dt.date(2025, 3, 4)),
        ("03-04-2025 10:00", dt.date(2025, 4, 3), dt.date(2025, 3, 4)),
        ("03.04.2025", dt.date(2025, 4, 3), None),
        ("04/04/2025", dt.date(2025, 4, 4), None),
        ("30/04/2025", dt.date(2025, 4, 30), None),
        ("2025-04-03", dt.date(2025, 4, 3), None),
        ("3 April 2025", dt.date(2025, 4, 3), None),
    ],
)
def test_a_day_in_figures_keeps_its_other_reading(raw: str, day: dt.date, swapped: dt.date | None) -> None:
    found = parse_date(raw)
    assert found is not None
    assert (found.day, found.swapped) == (day, swapped)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Vallon, 09.06.25", dt.date(2025, 6, 9)),
        ("9.6.25", dt.date(2025, 6, 9)),
        ("09/06/25", None),
        ("version 1.2.25.3", None),
        ("31.02.25", None),
    ],
)
def test_a_year_of_two_digits_is_read_between_points_only(text: str, day: dt.date | None) -> None:
    found = find_short_date(text)
    assert (found.day if found else None) == day


@pytest.mark.parametrize(
    "line",
    ["Stand: 9. Juni 2025", "Datum: 09.06.2025", "Mis à jour le 9 juin 2025", "입력 2025년 6월 9일 21:40"],
)
def test_labels_of_many_languages_make_a_line_no_sentence(line: str) -> None:
    assert is_date_line(line)


def test_a_month_that_begins_like_a_preposition_is_whole() -> None:
    for raw in (
        "2. Dezember 2025",
        "2 de diciembre de 2025",
        "2 décembre 2025",
        "2 of December 2025",
        "2 dec 2025",
    ):
        found = parse_date(raw)
        assert found is not None, raw
        assert found.isoformat() == "2025-12-02"


@pytest.mark.parametrize(
    "text",
    ["3 mars 2026 – 10.000 manifestants", "March 3, 2026, 10.45 million people", "le 3 mars 2026, 20.50 %"],
)
def test_a_number_with_a_point_behind_a_day_is_no_time(text: str) -> None:
    date = parse_date(text, ZoneInfo("Europe/Paris"))
    assert date
    assert date.isoformat() == "2026-03-03"


@pytest.mark.parametrize(
    "text",
    [
        "3 mars 2026 - 5 h de lecture",
        "3 mars 2026 - 1 h 10 min de lecture",
        "3. März 2026 | 2 Std. Lesezeit",
        "3 March 2026, 2 h read",
    ],
)
def test_the_time_that_reading_takes_is_no_time_of_day(text: str) -> None:
    date = parse_date(text, ZoneInfo("Europe/Paris"))
    assert date
    assert date.isoformat() == "2026-03-03"


def test_an_hour_before_a_reading_stays_one() -> None:
    date = parse_date("3 mars 2026 à 5 h, lecture publique", ZoneInfo("Europe/Paris"))
    assert date
    assert date.isoformat() == "2026-03-03T05:00:00+01:00"


def test_a_time_with_a_point_stays_one() -> None:
    for text in ("3. März 2026, 18.05 Uhr", "3 Mar 2026 18.05 GMT", "3 March 2026, 6.05pm"):
        date = parse_date(text, ZoneInfo("Europe/London"))
        assert date
        assert date.isoformat() == "2026-03-03T18:05:00+00:00"
