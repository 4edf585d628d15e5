"""Rules of platforms and plug-ins: which elements of a page are sure chrome, and why."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain

from newscrawl.extraction.blocks import Frame

DATA = "platforms.toml"
_NEVER = ("html", "body", "head", "main")
"Elements no mark may take: themes put plug-in classes on the body."


@dataclass(frozen=True, slots=True)
class Marks:
    """Names and beginnings of names of classes and ids, each with its reason."""

    exact: dict[str, str]
    starts: tuple[tuple[str, str], ...]
    beginnings: tuple[str, ...]
    "Those of `starts`, to ask for all at once."
    heads: frozenset[str]
    "How they begin: most names begin with none of these, and one question tells."
    head_chars: int

    def reason(self, names: Iterable[str]) -> str | None:
        """Why an element with these names (`.class`, `#id`) is marked."""
        for name in names:
            if found := self.exact.get(name):
                return found
            if name[: self.head_chars] in self.heads and name.startswith(self.beginnings):
                return next(why for start, why in self.starts if name.startswith(start))
        return None

    def hold_for(self, names: frozenset[str]) -> bool:
        """Whether any of these names is marked."""
        if not names.isdisjoint(self.exact):
            return True
        return bool(self.beginnings) and self.reason(names) is not None


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
    data = tomllib.loads(files("newscrawl.extraction").joinpath(DATA).read_text(encoding="utf-8"))
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
    starts = tuple((mark[:-1], reason) for mark, reason in pairs if mark.endswith("*"))
    beginnings = tuple(start for start, _ in starts)
    chars = min(map(len, beginnings), default=0)
    return Marks(
        exact={mark: reason for mark, reason in pairs if not mark.endswith("*")},
        starts=starts,
        beginnings=beginnings,
        heads=frozenset(start[:chars] for start in beginnings),
        head_chars=chars,
    )


def names_of(frame: Frame) -> tuple[str, ...]:
    """A frame's id and classes, as marks name them."""
    return _names(frame.ident, frame.classes) if frame.ident or frame.classes else ()


@lru_cache(maxsize=8192)
def _names(ident: str, classes: str) -> tuple[str, ...]:
    named = tuple([f".{name}" for name in classes.split()])
    return (f"#{ident}", *named) if ident else named


def platforms_of(frames: Iterable[Frame], generator: str, declared: str | None) -> list[Platform]:
    """The platforms whose rules hold for a page."""
    names = frozenset(chain.from_iterable(map(names_of, frames)))
    return [platform for platform in platforms() if _holds(platform, names, generator.lower(), declared)]


def _holds(platform: Platform, names: frozenset[str], generator: str, declared: str | None) -> bool:
    if not platform.signs.exact and not platform.signs.starts and not platform.generators:
        return True
    by_generator = any(generator.startswith(start) for start in platform.generators)
    return platform.name == declared or by_generator or platform.signs.hold_for(names)


def chrome_of(frames: Iterable[Frame], held: Iterable[Platform]) -> dict[int, str]:
    """Indexes of the frames that are marked themselves, each with its reason."""
    marks = _marks(tuple(platform.name for platform in held))
    found: dict[int, str] = {}
    for frame in frames:
        names = names_of(frame)
        if names and frame.tag not in _NEVER and (reason := marks.reason(names)):
            found[frame.index] = reason
    return found


def unmark(frames: Iterable[Frame], held: Iterable[Platform]) -> None:
    """Take marks off the outermost elements: for one on the body trafilatura would drop it as a banner."""
    marks = _marks(tuple(platform.name for platform in held))
    for frame in frames:
        if frame.tag in _NEVER and frame.classes:
            kept = [name for name in frame.classes.split() if not marks.reason([f".{name}"])]
            frame.element.set("class", " ".join(kept))


@cache
def _marks(names: tuple[str, ...]) -> Marks:
    return marks_of(pair for platform in platforms() if platform.name in names for pair in platform.drop)


def lede_marks(held: Iterable[Platform]) -> Marks:
    """Marks under which the platforms of a page print a standfirst."""
    return marks_of(pair for platform in held for pair in platform.lede)
