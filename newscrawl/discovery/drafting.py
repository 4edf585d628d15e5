"""A first outlet file for a site, from its front page: what it says of itself and what it lets guess."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lxml import html

from newscrawl.discovery.autodiscovery import sitemaps_of_robots
from newscrawl.discovery.results import link_url
from newscrawl.discovery.sections import page_tree
from newscrawl.discovery.text import one_line
from newscrawl.errors import NewscrawlError
from newscrawl.outlet import Platform
from newscrawl.urls import host_of

ZONES = {
    "AE": "Asia/Dubai",
    "AO": "Africa/Luanda",
    "AT": "Europe/Vienna",
    "AU": "Australia/Sydney",
    "BE": "Europe/Brussels",
    "BF": "Africa/Ouagadougou",
    "BI": "Africa/Bujumbura",
    "BJ": "Africa/Porto-Novo",
    "BW": "Africa/Gaborone",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "CF": "Africa/Bangui",
    "CG": "Africa/Brazzaville",
    "CH": "Europe/Zurich",
    "CI": "Africa/Abidjan",
    "CM": "Africa/Douala",
    "CN": "Asia/Shanghai",
    "CV": "Atlantic/Cape_Verde",
    "DE": "Europe/Berlin",
    "DJ": "Africa/Djibouti",
    "DZ": "Africa/Algiers",
    "EG": "Africa/Cairo",
    "ES": "Europe/Madrid",
    "ET": "Africa/Addis_Ababa",
    "FR": "Europe/Paris",
    "GA": "Africa/Libreville",
    "GB": "Europe/London",
    "GH": "Africa/Accra",
    "GM": "Africa/Banjul",
    "GN": "Africa/Conakry",
    "GP": "America/Guadeloupe",
    "GQ": "Africa/Malabo",
    "HT": "America/Port-au-Prince",
    "IE": "Europe/Dublin",
    "IL": "Asia/Jerusalem",
    "IN": "Asia/Kolkata",
    "IT": "Europe/Rome",
    "KE": "Africa/Nairobi",
    "KM": "Indian/Comoro",
    "LB": "Asia/Beirut",
    "LR": "Africa/Monrovia",
    "LU": "Europe/Luxembourg",
    "MA": "Africa/Casablanca",
    "MC": "Europe/Monaco",
    "MG": "Indian/Antananarivo",
    "ML": "Africa/Bamako",
    "MQ": "America/Martinique",
    "MR": "Africa/Nouakchott",
    "MU": "Indian/Mauritius",
    "MW": "Africa/Blantyre",
    "MZ": "Africa/Maputo",
    "NA": "Africa/Windhoek",
    "NC": "Pacific/Noumea",
    "NE": "Africa/Niamey",
    "NG": "Africa/Lagos",
    "NL": "Europe/Amsterdam",
    "NZ": "Pacific/Auckland",
    "PF": "Pacific/Tahiti",
    "PT": "Europe/Lisbon",
    "RE": "Indian/Reunion",
    "RU": "Europe/Moscow",
    "RW": "Africa/Kigali",
    "SC": "Indian/Mahe",
    "SD": "Africa/Khartoum",
    "SL": "Africa/Freetown",
    "SN": "Africa/Dakar",
    "SO": "Africa/Mogadishu",
    "SS": "Africa/Juba",
    "TD": "Africa/Ndjamena",
    "TG": "Africa/Lome",
    "TN": "Africa/Tunis",
    "TR": "Europe/Istanbul",
    "TZ": "Africa/Dar_es_Salaam",
    "UG": "Africa/Kampala",
    "US": "America/New_York",
    "VU": "Pacific/Efate",
    "ZA": "Africa/Johannesburg",
    "ZM": "Africa/Lusaka",
    "ZW": "Africa/Harare",
}
"Country to the zone most of its newsrooms keep."
SEVERAL_ZONES = frozenset({"AU", "CA", "CD", "PF", "RU", "US"})
_DOMAINS = {"uk": "GB", "scot": "GB", "bzh": "FR", "corsica": "FR", "quebec": "CA"}
_DEFAULT_REGIONS = frozenset({"FR", "US", "GB"})
"Regions that themes set for everyone who writes French or English."


def country_of(home: str, locales: list[str]) -> str | None:
    """Country a site is from, ISO 3166-1: by its domain, else by a telling locale such as `fr-CM`."""
    domain = host_of(home).rpartition(".")[2]
    country = _DOMAINS.get(domain, domain.upper())
    if country in ZONES:
        return country
    regions = [locale.replace("_", "-").rpartition("-")[2].upper() for locale in locales]
    return next((region for region in regions if region in ZONES and region not in _DEFAULT_REGIONS), None)


UNKNOWN_COUNTRY = "ZZ"
"ISO 3166-1 leaves it free for the user; it has to be replaced by hand."
_LANGUAGES = 6
"Languages kept: sites that name more are translated by machines."
_SOURCES = 20
"Feeds or sitemaps kept; a file of more wants to be written by hand."
_ELEMENTS = 5_000
_LANGUAGE = re.compile(r"^([a-z]{2,3})([-_][A-Za-z0-9_-]{1,20})?$", re.IGNORECASE)
_SECOND_LEVELS = frozenset({"co", "com", "org", "net", "ac", "gov", "gouv", "info", "press"})
"In `co.uk` and `com.tn` the second level says as little as the first."
_NOT_ID = re.compile(r"[^a-z0-9]{1,200}")
_GENERATORS: dict[str, Platform] = {
    "wordpress": "wordpress",
    "spip": "spip",
    "joomla": "joomla",
    "blogger": "blogger",
    "drupal": "drupal",
    "ghost": "ghost",
    "wmaker": "wmaker",
}
_TELL_TALES: tuple[tuple[str, Platform], ...] = (
    ("/wp-content/", "wordpress"),
    ("/wp-json", "wordpress"),
    ("/wp-includes/", "wordpress"),
    ("spip.php", "spip"),
    ("/squelettes", "spip"),
    ("/arc/outboundfeeds", "arc"),
    ("/pf/dist/", "arc"),
    ("/sites/default/files", "drupal"),
    ("/components/com_", "joomla"),
    ("/media/jui/", "joomla"),
    ("/feeds/posts/default", "blogger"),
    ("www.blogger.com/static", "blogger"),
    ("/ghost/", "ghost"),
    ("/xml/syndication.rss", "wmaker"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What could be learnt of an outlet; each None is for a person to fill in."""

    name: str
    "An id that may serve as the file's stem."
    home: str
    title: str
    country: str | None
    languages: tuple[str, ...]
    platform: Platform | None
    feeds: tuple[str, ...]
    sitemaps: tuple[str, ...]

    @property
    def timezone(self) -> str | None:
        return ZONES.get(self.country or "")


def draft_outlet(
    home: str, page: bytes, robots: bytes | None, feeds: Sequence[str], sitemaps: Sequence[str]
) -> Draft:
    """The outlet behind a front page; NewscrawlError when `home` is no URL an outlet can have."""
    url = link_url(home, "")
    if url is None:
        raise NewscrawlError(f"{home!r}: not an absolute http(s) URL")
    tree = page_tree(page)
    locales = list(_locales(tree)) if tree is not None else []
    all_sitemaps = [*sitemaps, *sitemaps_of_robots(robots or b"", url)]
    return Draft(
        name=name_of(url),
        home=url,
        title=_title(tree, url),
        country=country_of(url, locales),
        languages=_languages(locales),
        platform=_platform(tree, [*feeds, *all_sitemaps]),
        feeds=_usable(feeds),
        sitemaps=_usable(all_sitemaps),
    )


def name_of(home: str) -> str:
    """An outlet id made of the host: `www.example-presse.cm` is `example_presse`."""
    labels = host_of(home).split(".")
    keep = labels[:-2] if len(labels) > 2 and labels[-2] in _SECOND_LEVELS else labels[:-1]
    return _NOT_ID.sub("_", ".".join(keep or labels)).strip("_")[:64] or "outlet"


def _usable(urls: Iterable[str]) -> tuple[str, ...]:
    return tuple(islice(dict.fromkeys(url for url in urls if link_url(url, "") == url), _SOURCES))


def _locales(tree: html.HtmlElement) -> Iterator[str]:
    """The languages a page names, as it writes them: of itself first, then of its other versions."""
    yield tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    yield from _metas(tree, "og:locale")
    yield from _metas(tree, "og:locale:alternate")
    for link in islice(tree.iter("link"), _ELEMENTS):
        yield link.get("hreflang") or ""


def _languages(locales: list[str]) -> tuple[str, ...]:
    codes = [match[1].lower() for locale in locales if (match := _LANGUAGE.match(locale.strip()))]
    return tuple(islice(dict.fromkeys(codes), _LANGUAGES))


def _metas(tree: html.HtmlElement, name: str) -> Iterator[str]:
    for meta in islice(tree.iter("meta"), _ELEMENTS):
        if (meta.get("property") or meta.get("name") or "").strip().lower() == name:
            yield meta.get("content") or ""


def _title(tree: html.HtmlElement | None, home: str) -> str:
    if tree is None:
        return host_of(home)
    named = [*_metas(tree, "og:site_name"), *_metas(tree, "application-name")]
    titles = [title.text for title in islice(tree.iter("title"), 1)]
    return next((line for name in [*named, *titles] if (line := one_line(name))), host_of(home))[:200]


def _platform(tree: html.HtmlElement | None, sources: list[str]) -> Platform | None:
    addresses = list(sources)
    if tree is not None:
        for generator in _metas(tree, "generator"):
            for word, platform in _GENERATORS.items():
                if word in generator.lower():
                    return platform
        addresses += _addresses(tree)
    return next((platform for mark, platform in _TELL_TALES if any(mark in a for a in addresses)), None)


def _addresses(tree: html.HtmlElement) -> Iterator[str]:
    for element in islice(tree.iter("link", "script", "img", "a"), _ELEMENTS):
        yield element.get("href") or element.get("src") or ""


def toml_of(draft: Draft) -> str:
    """The draft as the text of an outlet file; comments mark what was guessed."""
    country = draft.country or UNKNOWN_COUNTRY
    zone = draft.timezone or "UTC"
    return "\n".join(
        [
            _line("title", draft.title),
            _line("home", draft.home),
            _line("country", country, _why_country(draft)),
            _line("languages", draft.languages or ("und",), _why_languages(draft)),
            _line("timezone", zone, _why_zone(draft)),
            _line("kind", "national", "a guess"),
            *([_line("platform", draft.platform, "a guess")] if draft.platform else []),
            *([_line("feeds", draft.feeds)] if draft.feeds else []),
            *([_line("sitemaps", draft.sitemaps)] if draft.sitemaps else []),
            _line("status", "unverified", "until somebody has read a run's articles"),
            "",
        ]
    )


def _why_country(draft: Draft) -> str:
    return "a guess from the domain or locale" if draft.country else "not known: replace it"


def _why_languages(draft: Draft) -> str:
    return "as the page names them; the main one comes first" if draft.languages else "not known: replace it"


def _why_zone(draft: Draft) -> str:
    if draft.timezone is None:
        return "not known: replace it"
    several = draft.country in SEVERAL_ZONES
    return "a guess: the country has several" if several else "a guess from the country"


def _line(key: str, value: str | Sequence[str], why: str | None = None) -> str:
    text = _quoted(value) if isinstance(value, str) else _list(value)
    return f"{key} = {text}" + (f"  # {why}" if why else "")


def _list(values: Sequence[str]) -> str:
    if len(values) < 2 or all(len(value) < 20 for value in values):
        return "[" + ", ".join(_quoted(value) for value in values) + "]"
    return "[\n" + "".join(f"    {_quoted(value)},\n" for value in values) + "]"


def _quoted(text: str) -> str:
    """A basic string of TOML: its escapes are JSON's, but DEL needs one and lone surrogates have none."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")
