"""What an outlet file may say, and where outlet files are found."""

from __future__ import annotations

import datetime as dt
import difflib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, cast, get_args
from zoneinfo import ZoneInfo, available_timezones

from cssselect import HTMLTranslator, SelectorError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from newscrawl.errors import NewscrawlError, OutletError, UnknownOutlet
from newscrawl.items import RightsPolicy
from newscrawl.urls import absolute

OUTLETS = Path(__file__).parent / "outlets"
"The folder of the outlets that come with the package."
NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,63}\Z")
"Outlet ids become folder and file names, so nothing in them can leave a folder."
MAX_PATTERN_CHARS = 500
_AGE = re.compile(r"([0-9]{1,4})([mhd])")
_UNITS = {"m": 60, "h": 3600, "d": 86_400}

Kind = Literal["wire", "syndicator", "national", "regional", "broadcaster"]
Platform = Literal["wordpress", "spip", "arc", "joomla", "blogger", "drupal", "ghost", "wmaker", "custom"]
Status = Literal["active", "blocked", "unverified"]


def _absolute_url(url: str) -> str:
    if absolute(url, "") != url:
        raise ValueError("not an absolute http(s) URL without fragment")
    return url


def _pattern(source: str) -> str:
    if len(source) > MAX_PATTERN_CHARS:
        raise ValueError(f"longer than {MAX_PATTERN_CHARS} characters")
    try:
        re.compile(source)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"bad regular expression: {error}") from error
    return source


def _selector(source: str) -> str:
    try:
        HTMLTranslator().css_to_xpath(source)
    except SelectorError as error:
        raise ValueError(f"bad CSS selector: {error}") from error
    return source


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not an IANA time zone")
    return name


def _ages(ages: list[str]) -> list[str]:
    seconds = [_seconds(age) for age in ages]
    if seconds != sorted(set(seconds)):
        raise ValueError("not from the least to the greatest")
    return ages


def _seconds(age: str) -> int:
    found = _AGE.fullmatch(age)
    if not found or not int(found[1]):
        raise ValueError(f"{age!r} is no age, as 30m, 6h or 7d")
    return int(found[1]) * _UNITS[found[2]]


Ages = Annotated[list[str], AfterValidator(_ages)]
Url = Annotated[str, AfterValidator(_absolute_url)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Selector = Annotated[str, AfterValidator(_selector)]
Zone = Annotated[str, AfterValidator(_zone)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Rule(_Strict):
    """CSS selectors for pages captured before `until`; the first rule that fits is used."""

    until: dt.date | None = None
    "First day on which it no longer holds; absent: holds until today."
    body: Selector | None = None
    "The story's container."
    drop: list[Selector] = Field(default_factory=list)
    "What is chrome wherever it stands."
    lede: Selector | None = None
    author: Selector | None = None
    date: Selector | None = None


def _bounds(bounds: list[float]) -> list[float]:
    if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1] <= 1:
        raise ValueError("not a least and a greatest share, as [0.3, 0.7]")
    return bounds


Bounds = Annotated[list[float], AfterValidator(_bounds)]


class Expect(_Strict):
    """Bounds a healthy run keeps; checked when the crawl closes."""

    articles_min: Annotated[int, Field(ge=0)] | None = None
    body_filled: Annotated[float, Field(ge=0, le=1)] | None = None
    "Share of pages that became articles, 0 to 1."
    text_chars_min: Annotated[int, Field(ge=1)] | None = None
    "Characters that half of the texts have at least."
    languages: dict[str, Bounds] = Field(default_factory=dict)
    "Least and greatest share of the text, by language."
    stale_hours: Annotated[int, Field(ge=1)] | None = None
    "Age of the newest entry at most."


class Outlet(_Strict):
    """One news outlet: the unit of configuration, of politeness and of scheduling."""

    id: str
    "The file's stem: spider name, archive folder, prefix of its statistics."
    title: str
    home: Url
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    "ISO 3166-1 alpha-2."
    languages: Annotated[list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]], Field(min_length=1)]
    "ISO 639 codes it publishes in, the main one first."
    timezone: Zone
    kind: Kind
    feeds: list[Url] = Field(default_factory=list)
    sitemaps: list[Url] = Field(default_factory=list)
    sections: list[Url] = Field(default_factory=list)
    article: list[Pattern] = Field(default_factory=list)
    "A URL is an article's when one of these is found in it; empty: every link on the outlet's own host."
    ignore: list[Pattern] = Field(default_factory=list)
    "A URL in which one of these is found is never fetched."
    looks: Ages | None = None
    "Ages at which its articles are looked at again, such as `6h`; absent: 1h, 6h, 1d and 7d; empty: never."
    platform: Platform | None = None
    spider: str | None = None
    "Dotted path of a spider class, only where the plain spider is not enough."
    rights: RightsPolicy | None = None
    "What becomes of pages that reserve their use by machines; absent: what the crawl's setting says."
    rules: list[Rule] = Field(default_factory=list)
    expect: Expect = Expect()
    status: Status = "unverified"
    status_reason: str | None = None
    "Why it is blocked; required then."
    notes: str | None = None

    @model_validator(mode="after")
    def _blocked_says_why(self) -> Outlet:
        if self.status == "blocked" and not self.status_reason:
            raise ValueError("status is blocked, so status_reason must say why")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def look_seconds(self) -> list[int] | None:
        """`looks` in seconds; None when the file does not say."""
        return None if self.looks is None else [_seconds(age) for age in self.looks]

    def rule_for(self, day: dt.date) -> Rule | None:
        """The first rule that was in force on `day`."""
        return next((rule for rule in self.rules if rule.until is None or day < rule.until), None)


def policy_named(name: str) -> RightsPolicy:
    """The policy that NEWSCRAWL_RIGHTS names; NewscrawlError where there is none of that name."""
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
    try:
        return Outlet.model_validate({"id": path.stem, **data})
    except ValidationError as error:
        raise OutletError(path, [_problem(e["loc"], e["msg"]) for e in error.errors()]) from error


def _problem(where: Iterable[int | str], message: str) -> str:
    key = ".".join(str(step) for step in where) or "file"
    return f"{key}: {message.removeprefix('Value error, ')}"


def outlet_files(folders: Iterable[Path]) -> dict[str, Path]:
    """Outlet id to file, sorted by id; of files that share an id, the first by path."""
    found: dict[str, Path] = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*.toml")):
        found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def find_outlet(name: str, folders: Iterable[Path]) -> Outlet:
    """The outlet of this name; UnknownOutlet tells near names, OutletError what is wrong with it."""
    folders = list(folders)
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise NewscrawlError(f"no such folder of outlet files: {', '.join(missing)}")
    files = outlet_files(folders)
    if name not in files:
        raise UnknownOutlet(name, difflib.get_close_matches(name, files, n=3, cutoff=0.6))
    others = {path for folder in folders for path in folder.rglob(f"{name}.toml")} - {files[name]}
    if others:
        raise OutletError(files[name], [f"id {name!r} is also that of {min(others)}"])
    return read_outlet(files[name])
