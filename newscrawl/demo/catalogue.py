"""The demo outlets of the package: their sites, outlet files, and what a crawl of them must yield."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from newscrawl.demo.site import NewsSite, plain_text
from newscrawl.demo.sites.sections import SectionSite
from newscrawl.demo.sites.spip import SpipSite
from newscrawl.demo.sites.syndicator import SyndicatorSite
from newscrawl.demo.sites.wordpress import WordpressSite
from newscrawl.demo.stories import Story, Stray, StrayKind, read_desk
from newscrawl.errors import NewscrawlError
from newscrawl.urls import normalize_url

OUTLET_FILES = Path(__file__).parent / "outlets"
"Outlet files with `{base}` in place of the base URL."
_SITES: dict[str, type[NewsSite]] = {
    "kamer_echo": WordpressSite,
    "deccan_wire": SyndicatorSite,
    "val_sambre": SpipSite,
    "fundy_courier": SectionSite,
}
_REASONS: dict[StrayKind, str] = {
    "photo": "too_short",
    "listing": "listing",
    "missing": "http_404",
    "gone": "http_410",
    "moved": "redirect",
    "private": "robots",
}
_STATUS: dict[StrayKind, int] = {"missing": 404, "gone": 410}


def demo_sites() -> list[NewsSite]:
    """The sites of all demo outlets."""
    return [demo_site(outlet_id) for outlet_id in _SITES]


def demo_site(outlet_id: str) -> NewsSite:
    """The site of a demo outlet; NewscrawlError if there is no outlet with this id."""
    if outlet_id not in _SITES:
        raise NewscrawlError(f"no demo outlet is named {outlet_id!r}; there are {', '.join(_SITES)}")
    return _SITES[outlet_id](outlet_id, read_desk(outlet_id))


def write_outlets(bases: Mapping[str, str], folder: Path) -> list[Path]:
    """Write the outlet file of each served outlet; NewscrawlError when the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write_outlet(outlet_id, base, folder) for outlet_id, base in bases.items()]
    except OSError as error:
        raise NewscrawlError(f"{folder}: the demo's outlet files cannot be written ({error})") from error


def _write_outlet(outlet_id: str, base: str, folder: Path) -> Path:
    source = OUTLET_FILES / f"{outlet_id}.toml"
    if not source.is_file():  # sites of saved pages share a file
        source = OUTLET_FILES / "saved_pages.toml"
    text = source.read_text(encoding="utf-8").replace("{base}", base).replace("{id}", outlet_id)
    path = folder / f"{outlet_id}.toml"
    path.write_text(text, encoding="utf-8")
    return path


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedPage:
    """What a crawl must make of the page at a path."""

    kind: Literal["article", "rejected"]
    status: int
    "HTTP status of the last response, after a temporary 503."
    reason: str | None = None
    "Why it is no article: too_short, listing, http_404, http_410, redirect, robots (must not be fetched)."
    leads_to: str | None = None
    "Path of the story that a redirect leads to."
    title: str | None = None
    lede: str | None = None
    paragraphs: tuple[str, ...] = ()
    "Paragraphs, sub-headings, list items and quotes in page order, without lede, notice and boilerplate."
    languages: tuple[str, ...] = ()
    "Of each paragraph."
    lang: str | None = None
    "fr, en or mixed."
    authors: tuple[str, ...] = ()
    "Authors named on the page."
    agency: str | None = None
    published: datetime | None = None
    syndicated: bool = False
    notice: str | None = None
    "Printed under the story, but not part of its text."

    @property
    def text(self) -> str:
        return "\n\n".join(self.paragraphs)


@dataclass(frozen=True, kw_only=True, slots=True)
class TextDifference:
    """An article whose text differs from the story."""

    path: str
    lost: tuple[str, ...]
    "Paragraphs of the story that the text lacks."
    added: tuple[str, ...]
    "Paragraphs of the text that the story lacks."


@dataclass(frozen=True, kw_only=True, slots=True)
class TextComparison:
    """The articles of an outlet compared with its stories, as sorted paths."""

    exact: tuple[str, ...]
    different: tuple[TextDifference, ...]
    missing: tuple[str, ...]
    "Stories without an article."
    unexpected: tuple[str, ...]
    "Articles made from pages that are no story."


def expected_pages(outlet_id: str) -> dict[str, ExpectedPage]:
    """Expected pages by path with query; NewscrawlError if there is no such demo outlet."""
    site = demo_site(outlet_id)
    pages = {site.story_path(story): _expect_article(story) for story in site.desk.story}
    return pages | {stray.path: _expect_rejection(stray, site) for stray in site.desk.stray}


def _expect_article(story: Story) -> ExpectedPage:
    return ExpectedPage(
        kind="article",
        status=200,
        title=story.title,
        lede=story.lede,
        paragraphs=tuple(plain_text(part.text) for part in story.parts),
        languages=tuple(part.lang for part in story.parts),
        lang=story.lang,
        authors=(story.author,) if story.author else (),
        agency=story.agency,
        published=story.published,
        syndicated=bool(story.agency or story.copy_of),
        notice=story.notice,
    )


def _expect_rejection(stray: Stray, site: NewsSite) -> ExpectedPage:
    is_redirect = stray.kind == "moved"
    return ExpectedPage(
        kind="rejected",
        status=stray.status if is_redirect else _STATUS.get(stray.kind, 200),
        reason=_REASONS[stray.kind],
        leads_to=site.story_path(site.desk.find(stray.to)) if is_redirect else None,
    )


def compare_texts(texts: Mapping[str, str], outlet_id: str) -> TextComparison:
    """Compare article texts by path (or URL) with the stories; a blank line separates paragraphs.

    All kinds of spaces are equal, and tracking parameters do not count.
    """
    stories = {path: page for path, page in expected_pages(outlet_id).items() if page.kind == "article"}
    actual = {_normalize_path(key): _split_paragraphs(text) for key, text in texts.items()}
    wanted = {path: _split_paragraphs(page.text) for path, page in stories.items()}
    both = sorted(wanted.keys() & actual.keys())
    return TextComparison(
        exact=tuple(path for path in both if actual[path] == wanted[path]),
        different=tuple(_difference(p, wanted[p], actual[p]) for p in both if actual[p] != wanted[p]),
        missing=tuple(sorted(wanted.keys() - actual.keys())),
        unexpected=tuple(sorted(actual.keys() - wanted.keys())),
    )


def _normalize_path(key: str) -> str:
    """The normalised path with query of a URL or path."""
    parts = urlsplit(normalize_url(key if "://" in key else f"http://demo{key}"))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _split_paragraphs(text: str) -> tuple[str, ...]:
    return tuple(" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip())


def _difference(path: str, wanted: tuple[str, ...], actual: tuple[str, ...]) -> TextDifference:
    return TextDifference(
        path=path,
        lost=tuple(paragraph for paragraph in wanted if paragraph not in actual),
        added=tuple(paragraph for paragraph in actual if paragraph not in wanted),
    )
