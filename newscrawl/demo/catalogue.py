"""The demo outlets that come with the package, and their outlet files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

from newscrawl.demo.http import Request, Response
from newscrawl.demo.site import plain
from newscrawl.demo.sites.sections import SectionSite
from newscrawl.demo.sites.spip import SpipSite
from newscrawl.demo.sites.syndicator import SyndicatorSite
from newscrawl.demo.sites.wordpress import WordpressSite
from newscrawl.demo.stories import Desk, Story, Stray, StrayKind, read_desk
from newscrawl.errors import NewscrawlError
from newscrawl.urls import normal_url

OUTLET_FILES = Path(__file__).parent / "outlets"
"Outlet files with `{base}` where the base URL goes."
_SITES: dict[str, type[WordpressSite | SyndicatorSite | SpipSite | SectionSite]] = {
    "kamer_echo": WordpressSite,
    "deccan_wire": SyndicatorSite,
    "val_sambre": SpipSite,
    "fundy_courier": SectionSite,
}


class DemoSite(Protocol):
    """A site whose stories are known."""

    @property
    def id(self) -> str:
        """Outlet id."""

    @property
    def desk(self) -> Desk:
        """Its stories and strays."""

    def path_of(self, story: Story) -> str:
        """Where a story stands: path with query."""

    def respond(self, request: Request) -> Response:
        """The answer to a request."""


def demo_sites() -> list[DemoSite]:
    """Every demo outlet's site."""
    return [demo_site(outlet_id) for outlet_id in _SITES]


def demo_site(outlet_id: str) -> DemoSite:
    """The site of one demo outlet; NewscrawlError when there is none of that name."""
    if outlet_id not in _SITES:
        raise NewscrawlError(f"no demo outlet is named {outlet_id!r}; there are {', '.join(_SITES)}")
    return _SITES[outlet_id](outlet_id, read_desk(outlet_id))


def write_outlets(bases: Mapping[str, str], folder: Path) -> list[Path]:
    """Write the outlet file of every served outlet; NewscrawlError when the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write_outlet(outlet_id, base, folder) for outlet_id, base in bases.items()]
    except OSError as error:
        raise NewscrawlError(f"{folder}: the demo's outlet files cannot be written ({error})") from error


def _write_outlet(outlet_id: str, base: str, folder: Path) -> Path:
    source = OUTLET_FILES / f"{outlet_id}.toml"
    if not source.is_file():  # sites of saved pages have no file of their own
        source = OUTLET_FILES / "saved_pages.toml"
    text = source.read_text(encoding="utf-8").replace("{base}", base).replace("{id}", outlet_id)
    path = folder / f"{outlet_id}.toml"
    path.write_text(text, encoding="utf-8")
    return path


_REASONS: dict[StrayKind, str] = {
    "photo": "too_short",
    "listing": "listing",
    "missing": "http_404",
    "gone": "http_410",
    "moved": "redirect",
    "private": "robots",
}
_STATUS: dict[StrayKind, int] = {"missing": 404, "gone": 410}


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """How the page of one path must end."""

    kind: Literal["article", "rejected"]
    status: int
    "That the page answers with in the end (after a 503 that passes)."
    reason: str | None = None
    "Why it is no article: too_short, listing, http_404, http_410, redirect, robots (never to be fetched)."
    leads_to: str | None = None
    "Path of the story a redirect ends at."
    title: str | None = None
    lede: str | None = None
    paragraphs: tuple[str, ...] = ()
    "Paragraphs, sub-headings, list items and quotes in page order; no lede, notice or chrome."
    languages: tuple[str, ...] = ()
    "Of each paragraph."
    lang: str | None = None
    "fr, en or mixed."
    authors: tuple[str, ...] = ()
    "People named as its writers; empty where the page names none."
    agency: str | None = None
    published: datetime | None = None
    syndicated: bool = False
    notice: str | None = None
    "Printed under the story, and no part of its text."

    @property
    def text(self) -> str:
        return "\n\n".join(self.paragraphs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """An article whose text is not the story's."""

    path: str
    lost: tuple[str, ...]
    "Paragraphs of the story that the text lacks."
    added: tuple[str, ...]
    "Paragraphs of the text that the story lacks."


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """An outlet's articles against its stories; each field holds paths, sorted."""

    exact: tuple[str, ...]
    different: tuple[Difference, ...]
    missing: tuple[str, ...]
    "Stories without an article."
    unexpected: tuple[str, ...]
    "Articles of pages that are no story."


def expected(outlet_id: str) -> dict[str, Expected]:
    """Path with query to what must become of it; NewscrawlError when there is no such demo outlet."""
    site = demo_site(outlet_id)
    found = {site.path_of(story): _story(story) for story in site.desk.story}
    return found | {stray.path: _stray(stray, site) for stray in site.desk.stray}


def _story(story: Story) -> Expected:
    return Expected(
        kind="article",
        status=200,
        title=story.title,
        lede=story.lede,
        paragraphs=tuple(plain(part.text) for part in story.parts),
        languages=tuple(part.lang for part in story.parts),
        lang=story.lang,
        authors=(story.author,) if story.author else (),
        agency=story.agency,
        published=story.published,
        syndicated=bool(story.agency or story.copy_of),
        notice=story.notice,
    )


def _stray(stray: Stray, site: DemoSite) -> Expected:
    leads = stray.kind == "moved"
    return Expected(
        kind="rejected",
        status=stray.status if leads else _STATUS.get(stray.kind, 200),
        reason=_REASONS[stray.kind],
        leads_to=site.path_of(site.desk.find(stray.to)) if leads else None,
    )


def compare(texts: Mapping[str, str], outlet_id: str) -> Comparison:
    """Article texts by path (or URL), paragraphs divided by a blank line, against what is expected.

    Spaces are compared as spaces, whatever their kind; tracking parameters of a path are left out.
    """
    stories = {path: page for path, page in expected(outlet_id).items() if page.kind == "article"}
    given = {_path(key): _paragraphs(text) for key, text in texts.items()}
    wanted = {path: _paragraphs(page.text) for path, page in stories.items()}
    both = sorted(wanted.keys() & given.keys())
    return Comparison(
        exact=tuple(path for path in both if given[path] == wanted[path]),
        different=tuple(_difference(p, wanted[p], given[p]) for p in both if given[p] != wanted[p]),
        missing=tuple(sorted(wanted.keys() - given.keys())),
        unexpected=tuple(sorted(given.keys() - wanted.keys())),
    )


def _path(key: str) -> str:
    """Path with query of a URL or path, in its normal form."""
    parts = urlsplit(normal_url(key if "://" in key else f"http://demo{key}"))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip())


def _difference(path: str, wanted: tuple[str, ...], given: tuple[str, ...]) -> Difference:
    return Difference(
        path=path,
        lost=tuple(paragraph for paragraph in wanted if paragraph not in given),
        added=tuple(paragraph for paragraph in given if paragraph not in wanted),
    )
