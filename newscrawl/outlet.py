"""Outlet files: their keys, how they are read, and where they are found."""

from __future__ import annotations

import datetime as dt
import difflib
import logging
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast, get_args
from zoneinfo import TZPATH, ZoneInfo, available_timezones

from cssselect import HTMLTranslator, SelectorError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from newscrawl.digests import SHORT_DIGITS, json_digest
from newscrawl.errors import NewscrawlError, OutletError, UnknownOutlet, find_near
from newscrawl.items import RightsPolicy
from newscrawl.urls import USERINFO_PROBLEM, absolute_url, has_userinfo

logger = logging.getLogger(__name__)

OUTLETS = Path(__file__).parent / "outlets"
"The folder of the outlets that come with the package."
NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,63}\Z")
"Outlet ids become folder and file names, so an id must not lead out of a folder."
MAX_PATTERN_CHARS = 500
_AGE = re.compile(r"([0-9]{1,4})([mhd])")
_UNITS = {"m": 60, "h": 3600, "d": 86_400}
OLD_KEYS = {"article": "article_urls", "ignore": "exclude_urls", "looks": "revisit_after"}
OLD_RULE_KEYS = {"until": "valid_until", "drop": "exclude"}
"Keys that version 0.1 called otherwise. The old names are still read, with a warning."
LATER_KEYS = frozenset({"agreement", "browser", "story_forms", "follow_pages"})
"Keys that version 0.1 did not have."
SWITCHED_ON = frozenset({"follow_pages"})
"Those of them that are true where a file does not say otherwise."

Kind = Literal["wire", "syndicator", "national", "regional", "broadcaster"]
Platform = Literal["wordpress", "spip", "arc", "joomla", "blogger", "drupal", "ghost", "wmaker", "custom"]
Status = Literal["active", "blocked", "unverified"]
StoryForm = Literal["wordpress", "drupal", "arc", "amp"]


def _check_url(url: str) -> str:
    if absolute_url(url, "") != url:
        raise ValueError("not an absolute http(s) URL without fragment")
    if has_userinfo(url):
        # It would end in WARC files, state, reports and logs.
        raise ValueError(USERINFO_PROBLEM)
    return url


def _check_pattern(source: str) -> str:
    if len(source) > MAX_PATTERN_CHARS:
        raise ValueError(f"longer than {MAX_PATTERN_CHARS} characters")
    try:
        re.compile(source)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"bad regular expression: {error}") from error
    return source


def _check_selector(source: str) -> str:
    try:
        HTMLTranslator().css_to_xpath(source)
    except SelectorError as error:
        raise ValueError(f"bad CSS selector: {error}") from error
    return source


list_timezones = cache(available_timezones)
"Python's own function looks at hundreds of files each time."


def _check_timezone(name: str) -> str:
    if not _has_timezone_file(name) and name not in list_timezones():
        raise ValueError("not an IANA time zone")
    return name


@cache
def _has_timezone_file(name: str) -> bool:
    """Whether the system has a zone of exactly this name, even if its files have names without case."""
    parts = name.split("/")
    if parts[0] in {"posix", "right", "posixrules"}:
        return False  # other forms of zones that have a name
    for root in map(Path, TZPATH):
        with suppress(OSError):
            if all(part in os.listdir(root.joinpath(*parts[:at])) for at, part in enumerate(parts)):  # noqa: PTH208
                with root.joinpath(*parts).open("rb") as file:
                    return file.read(4) == b"TZif"
    return False


def _check_ages(ages: list[str]) -> list[str]:
    seconds = [_parse_age(age) for age in ages]
    if seconds != sorted(set(seconds)):
        raise ValueError("not from the least to the greatest")
    return ages


def _parse_age(age: str) -> int:
    match = _AGE.fullmatch(age)
    if not match or not int(match[1]):
        raise ValueError(f"{age!r} is not an age such as 30m, 6h or 7d")
    return int(match[1]) * _UNITS[match[2]]


def _check_bounds(bounds: list[float]) -> list[float]:
    if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1] <= 1:
        raise ValueError("not a least and a greatest share, as [0.3, 0.7]")
    return bounds


Ages = Annotated[list[str], AfterValidator(_check_ages)]
Bounds = Annotated[list[float], AfterValidator(_check_bounds)]
Url = Annotated[str, AfterValidator(_check_url)]
Pattern = Annotated[str, AfterValidator(_check_pattern)]
Selector = Annotated[str, AfterValidator(_check_selector)]
Zone = Annotated[str, AfterValidator(_check_timezone)]


class OutletModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Rule(OutletModel):
    """CSS selectors for pages captured before `valid_until`; the first rule that fits is used."""

    valid_until: dt.date | None = None
    "First day on which the rule no longer applies; absent: it applies to this day."
    body: Selector | None = None
    "The element that contains the story."
    exclude: list[Selector] = Field(default_factory=list)
    "What is never part of the story, wherever it is."
    lede: Selector | None = None
    author: Selector | None = None
    date: Selector | None = None


class RuleOffer(NamedTuple):
    """A rule that would help on the pages of a new outlet."""

    key: Literal["body", "exclude"]
    selector: str
    why: str
    "What was seen on its pages, for the person who decides."


class Expect(OutletModel):
    """Bounds of a healthy run; they are checked when the crawl closes."""

    articles_min: Annotated[int, Field(ge=0)] | None = None
    body_filled: Annotated[float, Field(ge=0, le=1)] | None = None
    "Share of pages that became articles, 0 to 1."
    text_chars_min: Annotated[int, Field(ge=1)] | None = None
    "Characters that at least half of the texts have."
    agreement: Annotated[float, Field(ge=0, le=1)] | None = None
    "F1, by characters, of the classifier's choice against full-text feeds and APIs, 0 to 1."
    languages: dict[str, Bounds] = Field(default_factory=dict)
    "Least and greatest share of the text, by language."
    stale_hours: Annotated[int, Field(ge=1)] | None = None
    "Greatest age of the newest entry."


class Outlet(OutletModel):
    """One news outlet: the unit of configuration, of politeness and of scheduling."""

    id: str
    "The file's stem: spider name, archive folder, prefix of its statistics."
    title: str
    home: Url
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    "ISO 3166-1 alpha-2."
    languages: Annotated[list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]], Field(min_length=1)]
    "ISO 639 codes of the languages it publishes in, the main language first."
    timezone: Zone
    kind: Kind
    feeds: list[Url] = Field(default_factory=list)
    sitemaps: list[Url] = Field(default_factory=list)
    sections: list[Url] = Field(default_factory=list)
    article_urls: list[Pattern] = Field(default_factory=list)
    "A URL is an article's when one of these matches in it; empty: every link on the outlet's own host."
    exclude_urls: list[Pattern] = Field(default_factory=list)
    "A URL that one of these matches is never fetched."
    revisit_after: Ages | None = None
    "Ages at which its articles are fetched again, such as `6h`; absent: 1h, 6h, 1d and 7d; empty: never."
    browser: bool = False
    "Whether its pages are rendered in a browser, because their stories come by script alone."
    follow_pages: bool = True
    "Whether the second and later pages of a story are fetched."
    story_forms: list[StoryForm] = Field(default_factory=list)
    "Other forms of a story that are read beside its page, those to try first before others."
    platform: Platform | None = None
    spider: str | None = None
    "Dotted path of a spider class, only where the plain spider is not enough."
    rights: RightsPolicy | None = None
    "What happens to pages that reserve use by machines; absent: what the crawl's setting says."
    rules: list[Rule] = Field(default_factory=list)
    expect: Expect = Expect()
    status: Status = "unverified"
    status_reason: str | None = None
    "Why it is blocked; required then."
    notes: str | None = None

    @model_validator(mode="after")
    def _check_reason(self) -> Outlet:
        if self.status == "blocked" and not self.status_reason:
            raise ValueError("status is blocked, so status_reason must say why")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def revisit_seconds(self) -> list[int] | None:
        """`revisit_after` in seconds; None when the file does not set it."""
        return None if self.revisit_after is None else [_parse_age(age) for age in self.revisit_after]

    @property
    def digest(self) -> str:
        """Hex digits that stand for everything in the file.

        Keys enter under the names of version 0.1, and later keys only where they are set. So the digests that
        state and reports of that version contain still equal those of the same file today.
        """
        data = _rename(_drop_unset(self.model_dump(mode="json")), {new: old for old, new in OLD_KEYS.items()})
        old_names = {new: old for old, new in OLD_RULE_KEYS.items()}
        data["rules"] = [_rename(rule, old_names) for rule in data["rules"]]
        data["expect"] = _drop_unset(data["expect"])
        return json_digest(data, SHORT_DIGITS)

    def rule_for(self, day: dt.date) -> Rule | None:
        """The first rule that was in force on `day`."""
        in_force = (rule for rule in self.rules if rule.valid_until is None or day < rule.valid_until)
        return next(in_force, None)


def _drop_unset(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data without later keys that are not set."""
    return {
        key: value
        for key, value in data.items()
        if key not in LATER_KEYS or bool(value) != (key in SWITCHED_ON)
    }


def _rename(data: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in data.items()}


def parse_rights_policy(name: str) -> RightsPolicy:
    """The policy that NEWSCRAWL_RIGHTS names; NewscrawlError for any other name."""
    for policy in get_args(RightsPolicy):
        if policy == name:
            return cast("RightsPolicy", policy)
    raise NewscrawlError(f"NEWSCRAWL_RIGHTS: {name!r} is none of {', '.join(get_args(RightsPolicy))}")


def read_outlet(path: Path) -> Outlet:
    """The outlet in a file; OutletError names the file and each key that is wrong."""
    if not NAME.match(path.stem):
        raise OutletError(path, ["file name: only a-z, 0-9, _ and - make an outlet's id"])
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise OutletError(path, [str(error)]) from error
    if "id" in data:
        raise OutletError(path, ["id: comes from the file's name, leave it out"])
    data = _replace_old_keys(path, data)
    try:
        return Outlet.model_validate({"id": path.stem, **data})
    except ValidationError as error:
        raise OutletError(path, [_problem(each) for each in error.errors()]) from error


def _replace_old_keys(path: Path, data: dict[str, Any]) -> dict[str, Any]:
    """The file's content with today's keys: warns of each old key, OutletError where both are there."""
    tables = [("", data, OLD_KEYS)]
    rules = data.get("rules")
    if isinstance(rules, list) and all(isinstance(rule, dict) for rule in rules):
        tables += [(f"rules.{number}.", rule, OLD_RULE_KEYS) for number, rule in enumerate(rules)]
        rules = [_rename(rule, OLD_RULE_KEYS) for rule in rules]
    used = [
        (place, old, new, new in table)
        for place, table, names in tables
        for old, new in names.items()
        if old in table
    ]
    if twice := [
        f"{place}{new}: is there under its old name {old} as well; keep {new}"
        for place, old, new, has_both in used
        if has_both
    ]:
        raise OutletError(path, twice)
    for place, old, new, _ in used:
        logger.warning("%s: %s%s is the old name of a key: write %s", path, place, old, new)
    renamed = _rename(data, OLD_KEYS)
    return renamed if rules is None else renamed | {"rules": rules}


_KINDS_OF_VALUES = {
    "string_type": 'a text in quotes, such as "x"',
    "list_type": 'a list, such as ["x"]',
    "dict_type": "a table",
    "model_type": "a table",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "date_type": "a date, such as 2026-05-01",
    "date_from_datetime_parsing": "a date, such as 2026-05-01",
}


def _problem(error: ErrorDetails) -> str:
    """The key and what is wrong with it, in words that name no library."""
    key = ".".join(map(str, error["loc"])) or "file"
    if error["type"] == "missing":
        return f"{key}: is missing"
    if error["type"] == "extra_forbidden":
        keys = {*Outlet.model_fields, *Rule.model_fields, *Expect.model_fields}
        return f"{key}: there is no such key{find_near(str(error['loc'][-1]), sorted(keys))}"
    if wanted := _KINDS_OF_VALUES.get(error["type"]):
        return f"{key}: must be {wanted}"
    return f"{key}: {error['msg'].removeprefix('Value error, ')}"


def outlet_files(folders: Iterable[Path]) -> dict[str, Path]:
    """Outlet id to file, sorted by id; of files with the same id, that of the first folder, then by path."""
    files: dict[str, Path] = {}
    for path in (path for folder in folders for path in sorted(folder.rglob("*.toml"))):
        files.setdefault(path.stem, path)
    return dict(sorted(files.items()))


def check_outlet_id(name: str) -> None:
    """NewscrawlError if no outlet can have this name; a URL is not repeated, since it may hold a password."""
    if "://" in name or "@" in name:
        raise NewscrawlError(
            "a URL is no outlet id: `scrapy crawl urls -a url=URL` crawls a page, "
            "`newscrawl outlets new URL` drafts an outlet"
        )
    if not NAME.match(name):
        raise UnknownOutlet(name, [])


def find_outlet(name: str, folders: Iterable[Path]) -> Outlet:
    """The outlet of this name, from the first folder that has it.

    UnknownOutlet suggests similar names, OutletError names what is wrong.
    """
    check_outlet_id(name)
    folders = list(folders)
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise NewscrawlError(f"no such folder of outlet files: {', '.join(missing)}")
    # Not by a list of all: there may be ten thousand, and each crawl looks for one.
    found = (sorted(folder.rglob(f"{name}.toml")) for folder in folders)
    paths = next(filter(None, found), [])
    if not paths:
        raise UnknownOutlet(name, difflib.get_close_matches(name, outlet_files(folders), n=3, cutoff=0.6))
    if len(paths) > 1:
        raise OutletError(paths[0], [f"id {name!r} is also that of {paths[1]}"])
    return read_outlet(paths[0])
