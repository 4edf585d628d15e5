"""Decides by the URL alone whether it may be an article, and whether it is a crawler trap."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from newscrawl.discovery.results import link_url
from newscrawl.outlet import Outlet
from newscrawl.urls import is_same_site, normalize_url


def _split_words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LIST_KEYS = frozenset({"s", "cat", "tag", "author", "feed", "paged", "replytocom", "q", "search"})
"Query keys of lists and forms."
_PAGE_NUMBER = re.compile(r"/page/\d{1,6}/?$")
_LANGUAGE = re.compile(r"^[a-z]{2}([-_][a-z]{2})?$")
_INDEX = re.compile(r"^(index|home|default|accueil)\.(php\d?|html?|aspx?|jsp)$")
_SPIP_LIST = re.compile(r"^(rubrique|mot|auteur|site)\d{1,9}$")
Trap = Literal["userinfo", "deep_path", "repeating_path", "many_parameters", "calendar"]
MAX_SEGMENTS = 20
MAX_PARAMETERS = 20
MAX_REPEATS = 4
"How often a path may repeat a segment."
MAX_RUN = 6
YEARS_AHEAD = 100
"Following a calendar page by page reaches these years first; larger numbers are no years."
_OLDEST = 1900
_FIRST = 1990
"Earlier years come from calendars: no web page has news of that day."
_DATED = re.compile(r"/(\d{4})[/-](?:0[1-9]|1[0-2])(?:[/-]\d{1,2})?(?=[/.?]|$)")
_CALENDAR = re.compile(
    r"(?:^|[/?&_.-])(?:calendar|calendrier|agenda|events?|evenements?|tribe-bar-date|eventdate)"
    r"(?=[/?&=_.-]|$)",
    re.IGNORECASE,
)
_MONTH = re.compile(r"(?<!\d)(\d{4})[-/](?:0?[1-9]|1[0-2])(?!\d)")
_YEAR_KEY = re.compile(r"[?&](?:year|annee|yr|y)=(\d{4})(?=&|$)", re.IGNORECASE)

_FILES = _split_words(
    """
    jpg jpeg jpe png gif webp svg ico bmp tif tiff avif heic mp3 mp4 m4a m4v wav ogg ogv oga webm
    avi mov mpg mpeg flv wmv aac flac m3u8 pdf doc docx xls xlsx ppt pptx odt ods odp rtf epub csv
    txt zip rar gz tgz 7z tar exe apk dmg iso css js mjs json xml rss atom rdf ics map woff woff2
    ttf eot otf
    """
)
"File endings of what is no page."
_NOT_STORIES = _split_words(
    """
    tag tags category categories categorie categorias author authors auteur auteurs mot-cle
    mots-cles etiquette etiquettes search recherche feed feeds rss wp-content wp-includes wp-admin
    wp-json wp-login.php xmlrpc.php cgi-bin cdn-cgi login logout register signup connexion
    inscription cart panier checkout
    """
)
"Path segments of lists, files and services."
_SINGLE_PAGES = _split_words(
    """
    about about-us a-propos apropos qui-sommes-nous contact contacts contact-us contactez-nous
    nous-contacter mentions-legales legal cgu cgv terms terms-of-use terms-and-conditions privacy
    privacy-policy cookies politique-de-confidentialite cookie-policy newsletter newsletters
    abonnement abonnements subscribe advertise publicite sitemap plan-du-site archives jobs careers
    emploi rss-feeds
    """
)
"Single-segment paths that are no story."


def is_article_url(url: str, outlet: Outlet) -> bool:
    """Whether `url` may be a story of `outlet`: by its patterns, else if on its site and no obvious list."""
    if link_url(url, "") is None or is_excluded(url, outlet):
        return False
    if outlet.article_urls:
        return _matches_any(url, outlet.article_urls)
    return is_same_site(url, outlet.home) and not _is_source(url, outlet) and not _is_clearly_no_article(url)


def is_excluded(url: str, outlet: Outlet) -> bool:
    """Whether the outlet's file says that `url` is never fetched."""
    return _matches_any(url, outlet.exclude_urls)


def _matches_any(url: str, patterns: list[str]) -> bool:
    return any(_compile_pattern(pattern).search(url) for pattern in patterns)


@lru_cache(maxsize=1024)
def _compile_pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _is_source(url: str, outlet: Outlet) -> bool:
    """Whether it is the home page or a source of links."""
    key = normalize_url(url).rstrip("/")
    return any(
        key == normalize_url(source).rstrip("/")
        for source in (outlet.home, *outlet.feeds, *outlet.sitemaps, *outlet.sections)
    )


def _is_clearly_no_article(url: str) -> bool:
    parts = urlsplit(normalize_url(url))
    segments = [unquote(segment).lower() for segment in parts.path.split("/") if segment]
    query = [(key.lower(), value.lower()) for key, value in parse_qsl(parts.query, keep_blank_values=True)]
    return (
        _is_front_page(segments, query)
        or not _NOT_STORIES.isdisjoint(segments)
        or (len(segments) == 1 and segments[0] in _SINGLE_PAGES)
        or bool(_PAGE_NUMBER.search(parts.path))
        or (bool(segments) and _file_ending(segments[-1]) in _FILES)
        or _is_list_query(query)
    )


def _is_front_page(segments: list[str], query: list[tuple[str, str]]) -> bool:
    """Whether it is a front page, of the site or of a language version."""
    named = [segment for segment in segments if not _LANGUAGE.match(segment) and not _INDEX.match(segment)]
    return not named and not query


def _file_ending(name: str) -> str:
    return name.rpartition(".")[2] if "." in name else ""


def _is_list_query(query: list[tuple[str, str]]) -> bool:
    return any(
        key in _LIST_KEYS
        or (key == "page" and value in ("backend", "recherche", "plan"))
        or _SPIP_LIST.match(key)
        for key, value in query
    )


def find_trap(url: str, year: int) -> Trap | None:
    """The kind of endless URL space that `url` belongs to, or None; `year` is the year of its discovery."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if "@" in parts.netloc:  # as `has_userinfo`, without splitting each of many links again
        return "userinfo"
    segments = [segment for segment in parts.path.split("/") if segment]
    if len(segments) > MAX_SEGMENTS:
        return "deep_path"
    if _has_repeating_segments(segments):
        return "repeating_path"
    if parts.query.count("&") >= MAX_PARAMETERS:
        return "many_parameters"
    target = unquote(f"{parts.path}?{parts.query}")
    return "calendar" if _is_far_future(target, year) or _is_before_the_web(target) else None


def _has_repeating_segments(segments: list[str]) -> bool:
    """Whether path segments repeat, as relative links on error pages make them."""
    if any(segments.count(segment) > MAX_REPEATS for segment in set(segments)):
        return True
    return any(_has_repeated_run(segments, size) for size in range(1, MAX_RUN + 1))


def _has_repeated_run(segments: list[str], size: int) -> bool:
    # A section may contain a part of the same name, so short runs count only when repeated three times.
    times = 3 if size < 3 else 2
    span = size * times
    return any(
        segments[at : at + span] == segments[at : at + size] * times for at in range(len(segments) - span + 1)
    )


def _is_far_future(target: str, year: int) -> bool:
    """Whether it names a month more than a year ahead."""
    years = [*_DATED.findall(target), *_calendar_years(target)]
    return any(year + 1 < int(match) <= year + YEARS_AHEAD for match in years)


def _is_before_the_web(target: str) -> bool:
    # Only calendars count: newspapers file old issues under the days they were printed.
    return any(_OLDEST <= int(match) < _FIRST for match in _calendar_years(target))


def _calendar_years(target: str) -> list[str]:
    return _MONTH.findall(target) + _YEAR_KEY.findall(target) if _CALENDAR.search(target) else []
