"""Outlet files: what they may say, and errors that name file and key."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import get_args
from zoneinfo import TZPATH, available_timezones

import pytest
from pydantic import BaseModel

from newscrawl import outlet as outlets
from newscrawl.errors import OutletError, UnknownOutlet
from newscrawl.items import RightsPolicy
from newscrawl.outlet import (
    MAX_PATTERN_CHARS,
    Expect,
    Kind,
    Outlet,
    Platform,
    Rule,
    Status,
    find_outlet,
    outlet_files,
    read_outlet,
)

MINIMAL = {
    "title": '"Example Presse"',
    "home": '"https://example.org/"',
    "country": '"CM"',
    "languages": '["fr", "en"]',
    "timezone": '"Africa/Douala"',
    "kind": '"national"',
}
DOC = (Path(__file__).parents[1] / "docs" / "outlets.md").read_text(encoding="utf-8")


def toml(**keys: str) -> str:
    return "".join(f"{key} = {value}\n" for key, value in (MINIMAL | keys).items())


def written(folder: Path, text: str, name: str = "example_presse.toml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str) -> Outlet:
    return read_outlet(written(folder, text))


def problem(folder: Path, text: str) -> str:
    path = written(folder, text)
    with pytest.raises(OutletError) as caught:
        read_outlet(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def test_the_six_keys_every_file_has_are_enough(tmp_path: Path) -> None:
    outlet = read(tmp_path, toml())
    assert (outlet.id, outlet.title, outlet.languages) == ("example_presse", "Example Presse", ["fr", "en"])
    assert outlet.status == "unverified"
    assert outlet.zone.key == "Africa/Douala"
    assert not any((outlet.feeds, outlet.sitemaps, outlet.sections, outlet.article_urls, outlet.rules))


@pytest.mark.parametrize("key", MINIMAL)
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    text = "".join(f"{name} = {value}\n" for name, value in MINIMAL.items() if name != key)
    assert problem(tmp_path, text).startswith(f"{key}: ")


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("feed", '["https://example.org/feed/"]', "feed"),
        ("title", "5", "title"),
        ("languages", '"fr"', "languages"),
        ("languages", "[]", "languages"),
        ("languages", '["French"]', "languages.0"),
        ("country", '"Cameroon"', "country"),
        ("country", '"cm"', "country"),
        ("kind", '"blog"', "kind"),
        ("status", '"on"', "status"),
        ("platform", '"wix"', "platform"),
        ("timezone", '"Africa/Yaounde"', "timezone"),
        ("timezone", '"../../etc/passwd"', "timezone"),
        ("timezone", '"UTC+1"', "timezone"),
        ("home", '"/"', "home"),
        ("home", '"example.org"', "home"),
        ("home", '"javascript:alert(1)"', "home"),
        ("feeds", '["https://example.org/a", "/feed/"]', "feeds.1"),
        ("feeds", '["file:///etc/hostname"]', "feeds.0"),
        ("feeds", '["https://example.org/feed/#top"]', "feeds.0"),
        ("sitemaps", '["https://example.org:port/"]', "sitemaps.0"),
        ("sections", '[" https://example.org/"]', "sections.0"),
        ("article_urls", '["ok", "("]', "article_urls.1"),
        ("exclude_urls", '["[a-"]', "exclude_urls.0"),
        ("article_urls", f'["{"a" * (MAX_PATTERN_CHARS + 1)}"]', "article_urls.0"),
        ("expect", '{ articles_min = "20" }', "expect.articles_min"),
        ("expect", "{ article_min = 20 }", "expect.article_min"),
        ("rules", '[{ valid_until = "2025-03-01" }]', "rules.0.valid_until"),
        ("rules", '[{ exclude = ".related" }]', "rules.0.exclude"),
        ("rules", '[{}, { bodies = "article" }]', "rules.1.bodies"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, key: str, value: str, named: str) -> None:
    assert problem(tmp_path, toml(**{key: value})).startswith(f"{named}: ")


OLD_NAMES = {
    "looks": ("revisit_after", '["6h"]'),
    "article": ("article_urls", '["/story/"]'),
    "ignore": ("exclude_urls", '["/live/"]'),
}
OLD_RULE_NAMES = {"drop": ("exclude", '[".ad"]'), "until": ("valid_until", "2025-03-01")}


@pytest.mark.parametrize("old", OLD_NAMES)
def test_an_old_name_of_a_key_is_read_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, old: str
) -> None:
    new, value = OLD_NAMES[old]
    outlet = read(tmp_path, toml(**{new: value}))
    assert not caplog.records
    assert read(tmp_path, toml(**{old: value})) == outlet
    (record,) = caplog.records
    assert (record.levelname, record.name) == ("WARNING", "newscrawl.outlet")
    path = tmp_path / "example_presse.toml"
    assert record.getMessage() == f"{path}: {old} is the old name of a key: write {new}"


@pytest.mark.parametrize("old", OLD_RULE_NAMES)
def test_an_old_name_of_a_rules_key_is_read_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, old: str
) -> None:
    new, value = OLD_RULE_NAMES[old]
    rules = f"[{{ body = 'main' }}, {{ {new} = {value} }}]"
    outlet = read(tmp_path, toml(rules=rules))
    assert not caplog.records
    assert read(tmp_path, toml(rules=rules.replace(new, old))) == outlet
    assert f"rules.1.{old} is the old name of a key: write {new}" in caplog.text


@pytest.mark.parametrize(("old", "new"), [(old, new) for old, (new, _) in OLD_NAMES.items()])
def test_a_key_under_both_of_its_names_is_an_error(tmp_path: Path, old: str, new: str) -> None:
    found = problem(tmp_path, toml(**{old: "[]", new: "[]"}))
    assert found == f"{new}: is there under its old name {old} as well; keep {new}"


def test_a_rules_key_under_both_of_its_names_is_an_error(tmp_path: Path) -> None:
    path = written(
        tmp_path, toml(rules="[{ drop = ['.a'], exclude = ['.b'] }, { until = 1, valid_until = 1 }]")
    )
    with pytest.raises(OutletError) as caught:
        read_outlet(path)
    assert [text.split()[0] for text in caught.value.problems] == [
        "rules.1.valid_until:",
        "rules.0.exclude:",
    ][::-1]
    assert all("old name" in text for text in caught.value.problems)


def test_a_wrong_value_is_named_by_the_keys_new_name(tmp_path: Path) -> None:
    assert problem(tmp_path, toml(ignore='["[a-"]')).startswith("exclude_urls.0: ")
    assert problem(tmp_path, toml(rules="5")).startswith("rules: ")


def test_renaming_a_key_changes_no_digest(tmp_path: Path) -> None:
    """This one was computed by version 0.1."""
    text = toml(
        article='["/story/"]',
        ignore='["/live/"]',
        looks='["6h"]',
        rules="[{ until = 2025-03-01, drop = ['.ad'] }]",
    )
    assert read(tmp_path, text).digest == "0fc4b9304a44ca47"


def test_a_key_that_is_true_by_itself_changes_the_digest_only_where_it_is_false(tmp_path: Path) -> None:
    plain = read(tmp_path, toml())
    assert plain.follow_pages
    assert read(tmp_path, toml(follow_pages="true")).digest == plain.digest
    assert read(tmp_path, toml(follow_pages="false")).digest != plain.digest


def test_every_wrong_key_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, toml(home='"/"', kind='"blog"', nope="1"))
    with pytest.raises(OutletError) as caught:
        read_outlet(path)
    assert [text.partition(":")[0] for text in caught.value.problems] == ["home", "kind", "nope"]


def test_an_id_in_the_file_is_refused(tmp_path: Path) -> None:
    assert problem(tmp_path, toml(id='"other"')).startswith("id: ")


@pytest.mark.parametrize("text", ['title = "Exam', "= 5", 'title = "a"\ntitle = "b"\n', "[[rules]\n"])
def test_toml_that_cannot_be_parsed_is_an_outlet_error(tmp_path: Path, text: str) -> None:
    assert problem(tmp_path, text)


def test_a_file_that_is_no_utf8_is_an_outlet_error(tmp_path: Path) -> None:
    path = tmp_path / "example.toml"
    path.write_bytes(b'title = "Afrique M\xe9dia"\n')
    with pytest.raises(OutletError, match="utf-8"):
        read_outlet(path)


def test_a_file_that_is_not_there_is_an_outlet_error(tmp_path: Path) -> None:
    with pytest.raises(OutletError, match=r"gone\.toml"):
        read_outlet(tmp_path / "gone.toml")


@pytest.mark.parametrize("name", ["Example.toml", "exa mple.toml", "été.toml", "_example.toml", "a.b.toml"])
def test_a_name_that_makes_no_id_is_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, toml(), name)
    with pytest.raises(OutletError, match="file name: "):
        read_outlet(path)


def test_a_blocked_outlet_says_why(tmp_path: Path) -> None:
    assert "status_reason" in problem(tmp_path, toml(status='"blocked"'))
    outlet = read(tmp_path, toml(status='"blocked"', status_reason='"robots.txt forbids it."'))
    assert outlet.status_reason == "robots.txt forbids it."


def test_the_first_rule_still_in_force_is_used(tmp_path: Path) -> None:
    old, newer = "valid_until = 2024-01-01, body = '.old'", "valid_until = 2025-03-01, body = '.newer'"
    outlet = read(tmp_path, toml(rules=f"[{{ {old} }}, {{ {newer} }}, {{ body = '.now' }}]"))
    days = [dt.date(2023, 12, 31), dt.date(2024, 1, 1), dt.date(2025, 2, 28), dt.date(2025, 3, 1)]
    used = [outlet.rule_for(day) for day in days]
    assert [rule.body if rule else None for rule in used] == [".old", ".newer", ".newer", ".now"]


def test_no_rule_is_used_once_the_last_has_ended(tmp_path: Path) -> None:
    outlet = read(tmp_path, toml(rules="[{ valid_until = 2024-01-01, body = '.old' }]"))
    assert outlet.rule_for(dt.date(2024, 1, 1)) is None


def test_files_are_found_in_every_folder_sorted_by_id(tmp_path: Path) -> None:
    last = written(tmp_path / "one", toml(), "cm/zebre.toml")
    first = written(tmp_path / "two", toml(), "alpha.toml")
    written(tmp_path / "two", "no outlet", "readme.md")
    assert list(outlet_files([tmp_path / "one", tmp_path / "two"]).items()) == [
        ("alpha", first),
        ("zebre", last),
    ]


def test_two_files_with_one_id_stop_that_outlet_alone(tmp_path: Path) -> None:
    written(tmp_path, toml(), "other.toml")
    one, two = (written(tmp_path, toml(), f"{country}/example.toml") for country in ("cm", "fr"))
    with pytest.raises(OutletError, match="'example'") as caught:
        find_outlet("example", [tmp_path])
    assert str(one) in str(caught.value)
    assert str(two) in str(caught.value)
    assert find_outlet("other", [tmp_path]).id == "other"


@pytest.mark.parametrize(
    "text",
    ["x = " + "[" * 5000, "x = " + "9" * 5000, 'article_urls = ["a{99999999999}"]', 'article_urls = ["("]'],
)
def test_no_file_is_wild_enough_to_be_more_than_an_outlet_error(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, toml() + text + "\n", "example.toml")
    with pytest.raises(OutletError, match="example"):
        read_outlet(path)


def test_an_outlet_is_found_by_its_name(tmp_path: Path) -> None:
    written(tmp_path, toml(), "cm/example.toml")
    assert find_outlet("example", [tmp_path]).id == "example"


def test_a_name_nobody_has_brings_near_ones(tmp_path: Path) -> None:
    for name in ("afriquemedia", "afriquemidi", "devdiscourse"):
        written(tmp_path, toml(), f"{name}.toml")
    with pytest.raises(UnknownOutlet, match="'afrikmedia'") as caught:
        find_outlet("afrikmedia", [tmp_path])
    assert caught.value.near[0] == "afriquemedia"
    assert "devdiscourse" not in caught.value.near


def test_a_name_like_no_other_brings_none(tmp_path: Path) -> None:
    written(tmp_path, toml(), "example.toml")
    with pytest.raises(UnknownOutlet) as caught:
        find_outlet("zzz", [tmp_path])
    assert caught.value.near == []


def test_a_broken_file_does_not_stop_other_outlets(tmp_path: Path) -> None:
    written(tmp_path, "broken", "broken.toml")
    written(tmp_path, toml(), "whole.toml")
    assert find_outlet("whole", [tmp_path]).id == "whole"


@pytest.mark.parametrize("model", [Outlet, Rule, Expect])
def test_the_page_explains_every_key_and_no_other(model: type[BaseModel]) -> None:
    keys = set(model.model_fields) - {"id"}
    tables = [set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) for part in DOC.split("\n## ")]
    assert keys in tables


@pytest.mark.parametrize("choices", [Kind, Platform, Status, RightsPolicy])
def test_the_page_names_every_choice(choices: object) -> None:
    assert [choice for choice in get_args(choices) if f"`{choice}`" not in DOC] == []


def test_the_pages_own_example_is_an_outlet(tmp_path: Path) -> None:
    example = DOC.split("## A file")[1].split("```toml\n")[1].split("```")[0]
    outlet = read(tmp_path, example)
    assert outlet.rule_for(dt.date(2025, 3, 1)) != outlet.rule_for(dt.date(2025, 2, 28))
    assert outlet.expect.articles_min == 20


@pytest.mark.parametrize(
    ("ages", "seconds"),
    [('["30m", "6h", "7d"]', [1800, 21_600, 604_800]), ("[]", [])],
)
def test_ages_at_which_articles_are_fetched_again(tmp_path: Path, ages: str, seconds: list[int]) -> None:
    path = tmp_path / "paper.toml"
    path.write_text(f"revisit_after = {ages}\n{AGELESS}")
    assert read_outlet(path).revisit_seconds == seconds
    path.write_text(AGELESS)
    assert read_outlet(path).revisit_seconds is None
    for wrong in ('["6h", "1h"]', '["0h"]', '["1 h"]', '["1w"]'):
        path.write_text(f"revisit_after = {wrong}\n{AGELESS}")
        with pytest.raises(OutletError, match="revisit_after"):
            read_outlet(path)


AGELESS = """title = "Paper"
home = "https://paper.example/"
country = "CM"
languages = ["en"]
timezone = "Africa/Douala"
kind = "regional"
"""


@pytest.mark.parametrize(
    "url",
    [
        "https://paul:kola-nut@example.org/feed/",
        "https://kola-nut@example.org/",
        "https://:kola-nut@example.org/",
        "https://@example.org/kola-nut",
    ],
)
@pytest.mark.parametrize("key", ["home", "feeds", "sitemaps", "sections"])
def test_a_password_does_not_get_into_the_archive(tmp_path: Path, key: str, url: str) -> None:
    value = f'"{url}"' if key == "home" else f'["https://example.org/a", "{url}"]'
    text = problem(tmp_path, toml(**{key: value}))
    assert text.startswith("home: " if key == "home" else f"{key}.1: ")
    assert "user:password@" in text
    assert "kola-nut" not in text


def test_a_sign_in_a_path_is_no_password(tmp_path: Path) -> None:
    assert read(tmp_path, toml(sections='["https://example.org/@paul:a@b/?c=d@e"]')).sections


def test_a_time_zone_is_found_without_a_look_at_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the same zones: for each file of the system, and for names that lead elsewhere."""
    files = {
        path.relative_to(root).as_posix()
        for root in map(Path, TZPATH)
        for path in root.rglob("*")
        if root.is_dir()
    }
    odd = {"", "/", "..", "../etc/passwd", "europe/paris", "Europe/Paris/", "Europe//Paris", "Europe/../UTC"}
    zones = available_timezones()
    assert not [name for name in files | odd if outlets._has_timezone_file(name) != (name in zones)]
    if files:
        monkeypatch.setattr(outlets, "list_timezones", lambda: pytest.fail("looked at all of them"))
        assert outlets._check_timezone("Africa/Douala") == "Africa/Douala"
