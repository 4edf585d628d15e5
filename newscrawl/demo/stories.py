"""The stories of the demo outlets as data: what pages show, and what an extractor must return."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from newscrawl.errors import NewscrawlError
from newscrawl.items import BlockKind

STORIES = Path(__file__).parent / "stories"
"The folder of the desks, `<outlet id>.toml` each."
_LANGUAGE = re.compile(r"\{(fr|en)\} ")
_PREFIXES: dict[str, BlockKind] = {"## ": "h", "> ": "quote", "- ": "li"}
_COPIED = ("title", "lang", "agency", "body")
"Fields that a syndicated copy takes from its original unless it has them itself."

StoryLanguage = Literal["fr", "en", "mixed"]
StrayKind = Literal["photo", "listing", "missing", "gone", "moved", "private"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryBlock:
    """A block of a story."""

    kind: BlockKind
    text: str
    "With the small markup of `newscrawl.demo.site`."
    lang: str


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Story(_Strict):
    """A story of an outlet."""

    id: int
    slug: str = Field(pattern=r"^[a-z0-9-]{3,100}$")
    title: str
    lede: str | None = None
    lang: StoryLanguage
    section: str
    published: AwareDatetime
    updated: AwareDatetime | None = None
    author: str | None = None
    agency: str | None = None
    "The news agency it comes from."
    place: str | None = None
    tags: list[str] = Field(default_factory=list)
    caption: str | None = None
    "Of its picture; None without a picture."
    notice: str | None = None
    "Printed under the story, but not part of it."
    copy_of: str | None = Field(default=None, pattern=r"^[a-z_]{1,40}/\d{1,10}$")
    "`<outlet id>/<story id>` of the story that it repeats word for word."
    listed: bool = True
    "False if only a redirect leads to it."
    busy: bool = False
    "Whether the first request is answered with 503."
    body: str
    "A block per line: `## ` heading, `> ` quote, `- ` item; mixed stories put `{en} ` or `{fr} ` first."

    @property
    def parts(self) -> tuple[StoryBlock, ...]:
        return tuple(self._part(line.strip()) for line in self.body.splitlines() if line.strip())

    def _part(self, line: str) -> StoryBlock:
        language = _LANGUAGE.match(line)
        rest = line[language.end() :] if language else line
        prefix = next((prefix for prefix in _PREFIXES if rest.startswith(prefix)), "")
        return StoryBlock(
            kind=_PREFIXES.get(prefix, "p"),
            text=rest.removeprefix(prefix),
            lang=language[1] if language else self.lang,
        )


class Stray(_Strict):
    """A page that is linked like a story but is none."""

    path: str = Field(pattern=r"^/[\x21-\x7e]{1,200}$")
    kind: StrayKind
    title: str
    text: str = ""
    "All the words of a photo page or a private page."
    to: int | None = None
    "Id of the story that a moved page leads to."
    status: Literal[301, 302] = 301
    "Status of a moved page."
    in_feed: bool = True
    "Whether feeds list it; section pages link to all strays."


class Desk(_Strict):
    """Everything an outlet publishes, newest story first."""

    title: str
    tagline: str
    story: list[Story]
    stray: list[Stray]

    @property
    def listed(self) -> list[Story]:
        return [story for story in self.story if story.listed]

    def find(self, story_id: int | None) -> Story:
        return next(story for story in self.story if story.id == story_id)


def read_desk(outlet_id: str, folder: Path = STORIES) -> Desk:
    """Read the desk of an outlet, and fill copies from their originals; NewscrawlError names the file."""
    path = folder / f"{outlet_id}.toml"
    data = _read_toml(path)
    try:
        data["story"] = [_with_original(entry, path) for entry in data.get("story", [])]
        desk = Desk.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise NewscrawlError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    newest_first = sorted(desk.story, key=lambda story: story.published, reverse=True)
    return desk.model_copy(update={"story": newest_first})


def _with_original(entry: dict[str, Any], path: Path) -> dict[str, Any]:
    if "copy_of" not in entry:
        return entry
    outlet_id, _, story_id = str(entry["copy_of"]).partition("/")
    candidates = _read_toml(path.with_name(f"{outlet_id}.toml")).get("story", [])
    original = next((other for other in candidates if str(other.get("id")) == story_id), None)
    if original is None:
        raise NewscrawlError(f"{path}: copy_of: there is no story {entry['copy_of']}")
    return {key: original[key] for key in _COPIED if key in original} | entry


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NewscrawlError(f"{path}: {error}") from error
