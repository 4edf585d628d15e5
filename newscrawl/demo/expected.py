"""What a crawl of the demo must give: each page's outcome and words, made from the stories alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from newscrawl.demo.catalogue import DemoSite, demo_site
from newscrawl.demo.markup import plain
from newscrawl.demo.story import Story, Stray, StrayKind
from newscrawl.urls import normal_url

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
