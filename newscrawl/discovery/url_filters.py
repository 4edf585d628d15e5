"""Which URLs are articles of an outlet, judged by the URL alone."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from newscrawl.discovery.results import link_url
from newscrawl.outlet import Outlet
from newscrawl.urls import normal_url, same_site


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FILES = _words(
    """
    jpg jpeg jpe png gif webp svg ico bmp tif tiff avif heic mp3 mp4 m4a m4v wav ogg ogv oga webm
    avi mov mpg mpeg flv wmv aac flac m3u8 pdf doc docx xls xlsx ppt pptx odt ods odp rtf epub csv
    txt zip rar gz tgz 7z tar exe apk dmg iso css js mjs json xml rss atom rdf ics map woff woff2
    ttf eot otf
    """
)
"Endings of what is no page."
_NOT_STORIES = _words(
    """
    tag tags category categories categorie categorias author authors auteur auteurs mot-cle
    mots-cles etiquette etiquettes search recherche feed feeds rss wp-content wp-includes wp-admin
    wp-json wp-login.php xmlrpc.php cgi-bin cdn-cgi login logout register signup connexion
    inscription cart panier checkout
    """
)
"Parts of a path that only lists, files and services have."
_SINGLE_PAGES = _words(
    """
    about about-us a-propos apropos qui-sommes-nous contact contacts contact-us contactez-nous
    nous-contacter mentions-legales legal cgu cgv terms terms-of-use terms-and-conditions privacy
    privacy-policy cookies politique-de-confidentialite cookie-policy newsletter newsletters
    abonnement abonnements subscribe advertise publicite sitemap plan-du-site archives jobs careers
    emploi rss-feeds
    """
)
"Paths that stand alone and are no story."
_LIST_KEYS = frozenset({"s", "cat", "tag", "author", "feed", "paged", "replytocom", "q", "search"})
"Query keys of lists and forms."
_PAGE_NUMBER = re.compile(r"/page/\d{1,6}/?$")
_LANGUAGE = re.compile(r"^[a-z]{2}([-_][a-z]{2})?$")
_INDEX = re.compile(r"^(index|home|default|accueil)\.(php\d?|html?|aspx?|jsp)$")
_SPIP_LIST = re.compile(r"^(rubrique|mot|auteur|site)\d{1,9}$")


def is_article(url: str, outlet: Outlet) -> bool:
    """Whether `url` may be a story of `outlet`: its patterns decide, else what is on its site and no list."""
    if link_url(url, "") is None or _found_in(url, outlet.ignore):
        return False
    if outlet.article:
        return _found_in(url, outlet.article)
    return same_site(url, outlet.home) and not _is_source(url, outlet) and not _is_obviously_none(url)


def _found_in(url: str, patterns: list[str]) -> bool:
    return any(_compiled(pattern).search(url) for pattern in patterns)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _is_source(url: str, outlet: Outlet) -> bool:
    """Whether it is the home page or one of the places links are taken from."""
    key = normal_url(url).rstrip("/")
    return any(
        key == normal_url(source).rstrip("/")
        for source in (outlet.home, *outlet.feeds, *outlet.sitemaps, *outlet.sections)
    )


def _is_obviously_none(url: str) -> bool:
    parts = urlsplit(normal_url(url))
    steps = [unquote(step).lower() for step in parts.path.split("/") if step]
    query = [(key.lower(), value.lower()) for key, value in parse_qsl(parts.query, keep_blank_values=True)]
    return (
        _is_front(steps, query)
        or not _NOT_STORIES.isdisjoint(steps)
        or (len(steps) == 1 and steps[0] in _SINGLE_PAGES)
        or bool(_PAGE_NUMBER.search(parts.path))
        or (bool(steps) and _ending(steps[-1]) in _FILES)
        or _is_list_query(query)
    )


def _is_front(steps: list[str], query: list[tuple[str, str]]) -> bool:
    """Whether it is a front page: of the site or of one of its languages."""
    named = [step for step in steps if not _LANGUAGE.match(step) and not _INDEX.match(step)]
    return not named and not query


def _ending(name: str) -> str:
    return name.rpartition(".")[2] if "." in name else ""


def _is_list_query(query: list[tuple[str, str]]) -> bool:
    return any(
        key in _LIST_KEYS
        or (key == "page" and value in ("backend", "recherche", "plan"))
        or _SPIP_LIST.match(key)
        for key, value in query
    )


Trap = Literal["userinfo", "deep_path", "repeating_path", "many_parameters", "calendar"]

MAX_STEPS = 20
MAX_PARAMETERS = 20
MAX_ALIKE = 4
"So often a step may stand in a path."
LONGEST_RUN = 6
YEARS_AHEAD = 100
"A calendar that is turned page by page meets these years first; numbers behind them are no years."
_OLDEST = 1900
_FIRST = 1990
"Calendars that were turned back; there is no web page of that day's news."
_DATED = re.compile(r"/(\d{4})[/-](?:0[1-9]|1[0-2])(?:[/-]\d{1,2})?(?=[/.?]|$)")
_CALENDAR = re.compile(
    r"(?:^|[/?&_.-])(?:calendar|calendrier|agenda|events?|evenements?|tribe-bar-date|eventdate)"
    r"(?=[/?&=_.-]|$)",
    re.IGNORECASE,
)
_MONTH = re.compile(r"(?<!\d)(\d{4})[-/](?:0?[1-9]|1[0-2])(?!\d)")
_YEAR_KEY = re.compile(r"[?&](?:year|annee|yr|y)=(\d{4})(?=&|$)", re.IGNORECASE)


def trap_of(url: str, year: int) -> Trap | None:
    """What makes `url` one of a set without end, or None; `year` is that in which it was found."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.username is not None:
        return "userinfo"
    steps = [step for step in parts.path.split("/") if step]
    if len(steps) > MAX_STEPS:
        return "deep_path"
    if _goes_round(steps):
        return "repeating_path"
    if parts.query.count("&") >= MAX_PARAMETERS:
        return "many_parameters"
    place = unquote(f"{parts.path}?{parts.query}")
    return "calendar" if _is_ahead(place, year) or _is_turned_back(place) else None


def _goes_round(steps: list[str]) -> bool:
    """Whether steps follow themselves, as relative links on pages of errors make them."""
    if any(steps.count(step) > MAX_ALIKE for step in set(steps)):
        return True
    return any(_follow_themselves(steps, size) for size in range(1, LONGEST_RUN + 1))


def _follow_themselves(steps: list[str], size: int) -> bool:
    # A section may well have a part of its own name, so short runs must come three times.
    times = 3 if size < 3 else 2
    span = size * times
    return any(steps[at : at + span] == steps[at : at + size] * times for at in range(len(steps) - span + 1))


def _is_ahead(place: str, year: int) -> bool:
    """Whether it names a month that is more than a year away."""
    named = [*_DATED.findall(place), *_calendar_years(place)]
    return any(year + 1 < int(found) <= year + YEARS_AHEAD for found in named)


def _is_turned_back(place: str) -> bool:
    # Of calendars alone: newspapers put their old issues under the days they were printed.
    return any(_OLDEST <= int(found) < _FIRST for found in _calendar_years(place))


def _calendar_years(place: str) -> list[str]:
    return _MONTH.findall(place) + _YEAR_KEY.findall(place) if _CALENDAR.search(place) else []
