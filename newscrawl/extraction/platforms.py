"""Rules for platforms and plug-ins: which elements of a page are certainly chrome, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, starmap

from newscrawl.extraction.blocks import Frame
from newscrawl.package_data import read_package_toml

_WHOLE_PAGE_TAGS = ("html", "body", "head", "main")
"Elements that no pattern may drop: themes put the classes of plug-ins on the body."


@dataclass(frozen=True, slots=True)
class NamePatterns:
    """Patterns for classes (`.name`) and ids (`#name`), whole or by prefix, each with its reason."""

    exact: dict[str, str]
    prefixes: dict[str, str]
    any_prefix: tuple[str, ...]
    "All prefixes, for a single `startswith`."
    prefix_heads: frozenset[str]
    "The first `head_chars` characters of the prefixes: most names are ruled out by this cheap look-up."
    head_chars: int

    def __bool__(self) -> bool:
        return bool(self.exact or self.prefixes)

    def find_reason(self, names: Iterable[str]) -> str | None:
        """The reason of the first of these names that matches."""
        for name in names:
            if reason := self.exact.get(name):
                return reason
            if name[: self.head_chars] in self.prefix_heads and name.startswith(self.any_prefix):
                return next(reason for prefix, reason in self.prefixes.items() if name.startswith(prefix))
        return None

    def match_any(self, names: frozenset[str]) -> bool:
        """Whether any of these names matches."""
        if not names.isdisjoint(self.exact):
            return True
        return bool(self.prefixes) and self.find_reason(names) is not None


def compile_patterns(pairs: Iterable[tuple[str, str]]) -> NamePatterns:
    """Patterns from pairs of a name and a reason; a star at the end of a name makes it a prefix."""
    pairs = list(pairs)
    prefixes: dict[str, str] = {}
    for name, reason in pairs:
        if name.endswith("*"):
            prefixes.setdefault(name[:-1], reason)
    chars = min(map(len, prefixes), default=0)
    return NamePatterns(
        exact={name: reason for name, reason in pairs if not name.endswith("*")},
        prefixes=prefixes,
        any_prefix=tuple(prefixes),
        prefix_heads=frozenset(prefix[:chars] for prefix in prefixes),
        head_chars=chars,
    )


@dataclass(frozen=True, slots=True)
class Platform:
    name: str
    signatures: NamePatterns
    "Names by which a page of this platform is recognized."
    generators: tuple[str, ...]
    "Beginnings of its generator meta tag."
    drop: tuple[tuple[str, str], ...]
    "(name, reason) of its chrome."
    lede: tuple[tuple[str, str], ...]
    "(name, `lede`) of its standfirst."


@cache
def load_platforms() -> tuple[Platform, ...]:
    """The rules that come with the package."""
    data = read_package_toml("newscrawl.extraction", "platforms.toml")
    return tuple(_parse_platform(table) for table in data["platform"])


def _parse_platform(table: dict[str, object]) -> Platform:
    signs = _strings(table.get("signs"))
    drops = table.get("drop", {})
    assert isinstance(drops, dict)
    return Platform(
        name=str(table["name"]),
        signatures=compile_patterns((sign, "sign") for sign in signs if not sign.startswith("generator:")),
        generators=tuple(sign.removeprefix("generator:") for sign in signs if sign.startswith("generator:")),
        drop=tuple((name, reason) for reason, names in drops.items() for name in _strings(names)),
        lede=tuple((name, "lede") for name in _strings(table.get("lede"))),
    )


def _strings(value: object) -> list[str]:
    return [str(part) for part in value] if isinstance(value, list) else []


def frame_names(frame: Frame) -> tuple[str, ...]:
    """A frame's id and classes, written as in patterns."""
    return _pattern_names(frame.ident, frame.classes) if frame.ident or frame.classes else ()


@lru_cache(maxsize=8192)
def _pattern_names(ident: str, classes: str) -> tuple[str, ...]:
    names = tuple([f".{name}" for name in classes.split()])
    return (f"#{ident}", *names) if ident else names


def detect_platforms(frames: Iterable[Frame], generator: str, declared: str | None) -> list[Platform]:
    """The platforms whose rules apply to a page; `declared` is the platform that the outlet file names."""
    places = {(frame.ident, frame.classes) for frame in frames}
    names = frozenset(chain.from_iterable(starmap(_pattern_names, places)))
    return [
        platform
        for platform in load_platforms()
        if platform.name == declared
        or not (platform.signatures or platform.generators)
        or generator.lower().startswith(platform.generators)
        or platform.signatures.match_any(names)
    ]


def find_chrome(frames: Iterable[Frame], platforms: Iterable[Platform]) -> dict[int, str]:
    """Reasons by the index of the frames that match a pattern themselves."""
    patterns = _chrome_patterns(tuple(platform.name for platform in platforms))
    chrome: dict[int, str] = {}
    reasons: dict[tuple[str, str], str | None] = {("", ""): None}
    for frame in frames:
        place = frame.ident, frame.classes
        if place not in reasons:
            reasons[place] = patterns.find_reason(_pattern_names(*place))
        if (reason := reasons[place]) and frame.tag not in _WHOLE_PAGE_TAGS:
            chrome[frame.index] = reason
    return chrome


def strip_page_classes(frames: Iterable[Frame], platforms: Iterable[Platform]) -> None:
    """Remove chrome classes from elements that span the page: trafilatura would drop them as a banner."""
    patterns = _chrome_patterns(tuple(platform.name for platform in platforms))
    for frame in frames:
        if frame.tag in _WHOLE_PAGE_TAGS and frame.classes:
            harmless = [name for name in frame.classes.split() if not patterns.find_reason([f".{name}"])]
            frame.element.set("class", " ".join(harmless))


@cache
def _chrome_patterns(names: tuple[str, ...]) -> NamePatterns:
    return compile_patterns(
        pair for platform in load_platforms() if platform.name in names for pair in platform.drop
    )


def standfirst_patterns(platforms: Iterable[Platform]) -> NamePatterns:
    """The names under which the platforms of a page print a standfirst."""
    return compile_patterns(pair for platform in platforms for pair in platform.lede)
