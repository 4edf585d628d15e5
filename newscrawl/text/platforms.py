"""Rules of platforms and plug-ins: which elements of a page are sure chrome, and why."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from lxml.html import HtmlElement

DATA = "platforms.toml"
_NEVER = ("html", "body", "head", "main")
"Elements no mark may take: themes put plug-in classes on the body."


@dataclass(frozen=True, slots=True)
class Marks:
    """Names and beginnings of names of classes and ids, each with its reason."""

    exact: dict[str, str]
    starts: tuple[tuple[str, str], ...]

    def reason(self, names: Iterable[str]) -> str | None:
        """Why an element with these names (`.class`, `#id`) is marked."""
        for name in names:
            if found := self.exact.get(name):
                return found
            for start, why in self.starts:
                if name.startswith(start):
                    return why
        return None


@dataclass(frozen=True, slots=True)
class Platform:
    name: str
    signs: Marks
    generators: tuple[str, ...]
    drop: tuple[tuple[str, str], ...]
    "(mark, reason)"
    lede: tuple[tuple[str, str], ...]


@cache
def platforms() -> tuple[Platform, ...]:
    """The rules that come with the package."""
    data = tomllib.loads(files("newscrawl.text").joinpath(DATA).read_text(encoding="utf-8"))
    return tuple(_platform(table) for table in data["platform"])


def _platform(table: dict[str, object]) -> Platform:
    signs = _list(table.get("signs"))
    drops = table.get("drop", {})
    assert isinstance(drops, dict)
    return Platform(
        name=str(table["name"]),
        signs=marks_of((sign, "sign") for sign in signs if not sign.startswith("generator:")),
        generators=tuple(sign.removeprefix("generator:") for sign in signs if sign.startswith("generator:")),
        drop=tuple((mark, reason) for reason, marks in drops.items() for mark in _list(marks)),
        lede=tuple((mark, "lede") for mark in _list(table.get("lede"))),
    )


def _list(value: object) -> list[str]:
    return [str(part) for part in value] if isinstance(value, list) else []


def marks_of(pairs: Iterable[tuple[str, str]]) -> Marks:
    """Marks by the way they are compared."""
    pairs = list(pairs)
    return Marks(
        exact={mark: reason for mark, reason in pairs if not mark.endswith("*")},
        starts=tuple((mark[:-1], reason) for mark, reason in pairs if mark.endswith("*")),
    )


def names_of(element: HtmlElement) -> Iterator[str]:
    """An element's id and classes, as marks name them."""
    if ident := element.get("id"):
        yield f"#{ident}"
    if classes := element.get("class"):
        yield from (f".{name}" for name in classes.split())


def named_elements(tree: HtmlElement) -> list[tuple[HtmlElement, list[str]]]:
    """Elements with an id or a class, in page order."""
    named = ((element, list(names_of(element))) for element in tree.iter("*"))
    return [(element, names) for element, names in named if names]


def platforms_of(
    named: Iterable[tuple[HtmlElement, list[str]]], generator: str, declared: str | None
) -> list[Platform]:
    """The platforms whose rules hold for a page."""
    names = {name for _, found in named for name in found}
    return [platform for platform in platforms() if _holds(platform, names, generator.lower(), declared)]


def _holds(platform: Platform, names: set[str], generator: str, declared: str | None) -> bool:
    if not platform.signs.exact and not platform.signs.starts and not platform.generators:
        return True
    by_generator = any(generator.startswith(start) for start in platform.generators)
    return platform.name == declared or by_generator or platform.signs.reason(names) is not None


def chrome_of(
    named: Iterable[tuple[HtmlElement, list[str]]], held: Iterable[Platform]
) -> list[tuple[HtmlElement, str]]:
    """The marked elements, each with its reason."""
    marks = _marks(tuple(platform.name for platform in held))
    found = ((element, marks.reason(names)) for element, names in named if element.tag not in _NEVER)
    return [(element, reason) for element, reason in found if reason is not None]


def unmark(tree: HtmlElement, held: Iterable[Platform]) -> None:
    """Take marks off the page's frame: for one on the body trafilatura would drop it as a banner."""
    marks = _marks(tuple(platform.name for platform in held))
    for element in tree.iter(*_NEVER):
        kept = [name for name in (element.get("class") or "").split() if not marks.reason([f".{name}"])]
        if element.get("class"):
            element.set("class", " ".join(kept))


@cache
def _marks(names: tuple[str, ...]) -> Marks:
    return marks_of(pair for platform in platforms() if platform.name in names for pair in platform.drop)


def lede_marks(held: Iterable[Platform]) -> Marks:
    """Marks under which the platforms of a page print a standfirst."""
    return marks_of(pair for platform in held for pair in platform.lede)
