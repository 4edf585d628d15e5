"""A project: the folder with a `newscrawl.toml`, whose settings hold for every command that runs in it.

The file is looked for in the working folder and above it, as Git looks for a repository. The environment wins
over the file, and options of a command win over both.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from newscrawl.errors import NewscrawlError, find_near

PROJECT_FILE = "newscrawl.toml"
PREFIX = "NEWSCRAWL_"
PROJECT_VARIABLE = "NEWSCRAWL_PROJECT"
"Environment variable with the project's folder, for programs that start elsewhere, such as timers."
KEYS = {
    "archives": "NEWSCRAWL_ARCHIVES",
    "contact": "NEWSCRAWL_CONTACT",
    "rights": "NEWSCRAWL_RIGHTS",
    "state": "NEWSCRAWL_STATE_URL",
    "webhook": "NEWSCRAWL_WEBHOOK",
}
"Keys of the file, and the settings that they give."
OUTLETS = "NEWSCRAWL_OUTLETS"
DEFAULT_SOURCE = "default"
ENVIRONMENT_SOURCE = "environment"

_TABLES = ("outlets", "settings", "export")
_OUTLET_KEYS = ("folders", "shipped", "countries", "languages")
_WORDS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """What a project's file says; without a file, what holds anywhere."""

    file: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    "Setting to value; paths are absolute."
    shipped: frozenset[str] = frozenset()
    "Ids of outlets that come with newscrawl and belong to the project."
    countries: frozenset[str] = frozenset()
    "ISO 3166 codes: the shipped outlets of these countries belong to it too."
    languages: frozenset[str] = frozenset()
    "ISO 639 codes: the same for outlets with one of these languages."
    exports: tuple[Mapping[str, Any], ...] = ()
    "Options of `newscrawl export`, for each file that is made after the crawls."

    @property
    def folder(self) -> Path | None:
        return self.file.parent if self.file else None

    def chooses(self, name: str, country: str, languages: Iterable[str]) -> bool:
        """Whether a shipped outlet belongs to the project; all do where there is no project."""
        if self.file is None:
            return True
        return name in self.shipped or country in self.countries or not self.languages.isdisjoint(languages)


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """The settings that are not as in `newscrawl.settings`, and where each comes from."""

    project: Project
    values: Mapping[str, Any]
    sources: Mapping[str, str]
    "ENVIRONMENT_SOURCE, or the path of the project's file."


def read_values(defaults: Mapping[str, Any], environment: Mapping[str, str]) -> Values:
    """Settings of the project around the working folder, and of the environment, which wins.

    `defaults`: every setting of newscrawl with its default, whose type the others must have. NewscrawlError
    names the file and the key, or the variable, that cannot be used.
    """
    project = find_project(defaults, environment)
    values = dict(project.settings)
    sources = dict.fromkeys(values, str(project.file))
    for name, text in environment.items():
        if not name.startswith(PREFIX) or name == PROJECT_VARIABLE:
            continue
        if name not in defaults:
            raise NewscrawlError(f"environment: {name}: {_unknown(name, defaults, 'setting')}")
        # Files of variables often hold empty ones, which mean that nothing is set.
        if text:
            values[name] = _from_text(name, text, defaults[name])
            sources[name] = ENVIRONMENT_SOURCE
    return Values(project=project, values=values, sources=sources)


def find_project(defaults: Mapping[str, Any], environment: Mapping[str, str]) -> Project:
    """The project that NEWSCRAWL_PROJECT names, else the nearest from the working folder upwards."""
    if named := environment.get(PROJECT_VARIABLE):
        path = Path(named).absolute()
        file = path if path.name == PROJECT_FILE else path / PROJECT_FILE
        if not file.is_file():
            raise NewscrawlError(f"environment: {PROJECT_VARIABLE}: there is no {file}")
        return read_project(file, defaults)
    try:
        start = Path.cwd()
    except OSError:
        return Project()  # the working folder was removed
    for folder in (start, *start.parents):
        if os.access(file := folder / PROJECT_FILE, os.F_OK):
            return read_project(file, defaults)
    return Project()


def read_project(file: Path, defaults: Mapping[str, Any]) -> Project:
    """The project of a file; NewscrawlError names the key that is unknown or has a wrong value."""
    import tomllib

    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NewscrawlError(f"{file}: {getattr(error, 'strerror', None) or error}") from error
    try:
        return _parse(file, data, defaults)
    except _BadKey as error:
        raise NewscrawlError(f"{file}: {error}") from error


class _BadKey(Exception):
    """A key that is unknown or has a wrong value."""


def _parse(file: Path, data: Mapping[str, Any], defaults: Mapping[str, Any]) -> Project:
    _check_keys("", data, (*KEYS, *_TABLES))
    tables = {name: _expect(name, data.get(name, {}), dict) for name in ("outlets", "settings")}
    outlets = tables["outlets"]
    _check_keys("outlets.", outlets, _OUTLET_KEYS)
    choice = {key: _strings(f"outlets.{key}", outlets.get(key, [])) for key in _OUTLET_KEYS}
    settings = {KEYS[key]: _expect(key, data[key], str) for key in KEYS if key in data}
    settings |= _parse_settings(tables["settings"], defaults)
    for name in {"NEWSCRAWL_ARCHIVES", "NEWSCRAWL_SPOOL"} & {*settings}:
        settings[name] = _absolute(file.parent, settings[name])
    for name in ("NEWSCRAWL_ARCHIVES", "NEWSCRAWL_SPOOL"):
        settings.setdefault(name, str(file.parent / defaults[name]))
    if url := settings.get("NEWSCRAWL_STATE_URL"):
        settings["NEWSCRAWL_STATE_URL"] = _absolute_state(file.parent, url)
    folders = choice["folders"] if "folders" in outlets else ["outlets"]
    # The project's own come first: its file replaces a shipped one of the same name.
    settings[OUTLETS] = [*(_absolute(file.parent, folder) for folder in folders), *defaults[OUTLETS]]
    exports = _expect("export", data.get("export", []), list)
    return Project(
        file=file,
        settings=settings,
        shipped=frozenset(choice["shipped"]),
        countries=frozenset(code.upper() for code in choice["countries"]),
        languages=frozenset(code.lower() for code in choice["languages"]),
        exports=tuple(_parse_export(file.parent, number, table) for number, table in enumerate(exports)),
    )


def _parse_settings(table: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    names = {setting: key for key, setting in KEYS.items()} | {OUTLETS: "outlets.folders"}
    settings: dict[str, Any] = {}
    for name, value in table.items():
        key = f"settings.{name}"
        if name in names:
            raise _BadKey(f"{key}: write {names[name]} instead")
        if name in defaults:
            settings[name] = _expect(key, value, type(defaults[name]))
        elif name.startswith(PREFIX):
            raise _BadKey(f"{key}: {_unknown(name, defaults, 'setting')}")
        elif not name.isupper() or not isinstance(value, str | int | float | bool | list):
            raise _BadKey(f"{key}: not the name of a setting with a text, a number or a list")
        else:
            _check_scrapy_name(key, name)
            settings[name] = value
    return settings


def _check_scrapy_name(key: str, name: str) -> None:
    """Extensions have settings of any name, so a name is only wrong if it is nearly one of Scrapy's."""
    import difflib

    from scrapy.settings import default_settings

    if not hasattr(default_settings, name):
        near = difflib.get_close_matches(name, dir(default_settings), n=1, cutoff=0.85)
        if near:
            raise _BadKey(f"{key}: {_unknown(name, near, 'setting')}")


def _parse_export(folder: Path, number: int, table: object) -> dict[str, Any]:
    key = f"export.{number}"
    options = dict(_expect(key, table, dict))
    for name in ("format", "out"):
        if name not in options:
            raise _BadKey(f"{key}: {name} is missing")
    options["out"] = _absolute(folder, _expect(f"{key}.out", options["out"], str))
    return options


def _check_keys(where: str, table: Mapping[str, Any], allowed: Collection[str]) -> None:
    for key in table:
        if key not in allowed:
            raise _BadKey(f"{where}{key}: {_unknown(key, allowed, 'key')}")


def _expect(key: str, value: Any, kind: type) -> Any:
    # A whole number is a fine value of a setting with a fraction; `true` is no number, whatever Python says.
    is_fine = isinstance(value, int | float) if kind is float else isinstance(value, kind)
    if not is_fine or (isinstance(value, bool) and kind is not bool):
        wanted = {str: "a text", dict: "a table", list: "a list", bool: "true or false"}.get(kind, "a number")
        raise _BadKey(f"{key}: must be {wanted}")
    return value


def _strings(key: str, value: object) -> list[str]:
    texts: list[str] = _expect(key, value, list)
    for text in texts:
        _expect(key, text, str)
    return texts


def _absolute(folder: Path, path: str) -> str:
    """Relative to the file, not to where a command runs; URLs of object stores stay."""
    return path if "://" in path else str(folder / Path(path).expanduser())


def _absolute_state(folder: Path, url: str) -> str:
    """The URL of the state, whose SQLite file is relative to the project's file too."""
    prefix = "sqlite:///"
    path = url.removeprefix(prefix)
    # `sqlite:///:memory:` and `file:` URIs name no file by its path.
    if path in ("", url) or path.startswith((":", "file:")):
        return url
    return prefix + str(folder / path)


def _from_text(name: str, text: str, default: object) -> Any:
    """The value of a variable, of the type of the setting's default."""
    try:
        if isinstance(default, bool):
            return _WORDS[text.strip().lower()]
        if isinstance(default, int | float):
            return type(default)(text)
    except (KeyError, ValueError) as error:
        wanted = "1 or 0" if isinstance(default, bool) else "a number"
        raise NewscrawlError(f"environment: {name}: must be {wanted}") from error
    if isinstance(default, list):
        return [part for part in text.split(os.pathsep if name == OUTLETS else ",") if part]
    return text


def _unknown(name: str, names: Iterable[str], noun: str) -> str:
    return f"there is no such {noun}{find_near(name, names)}"
