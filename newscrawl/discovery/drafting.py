"""Drafts an outlet file for a site from its front page: what the page states, and what can be guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lxml import html

from newscrawl.discovery.autodiscovery import find_robots_sitemaps
from newscrawl.discovery.results import link_url
from newscrawl.discovery.sections import parse_page_tree
from newscrawl.discovery.text import clean_line
from newscrawl.errors import NewscrawlError
from newscrawl.outlet import Platform, RuleOffer
from newscrawl.urls import url_host

TIMEZONES = {
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
"Countries and the time zone of most of their newsrooms."
MULTI_ZONE_COUNTRIES = frozenset({"AU", "CA", "CD", "PF", "RU", "US"})
_DOMAINS = {"uk": "GB", "scot": "GB", "bzh": "FR", "corsica": "FR", "quebec": "CA"}
_DEFAULT_REGIONS = frozenset({"FR", "US", "GB"})
"Regions that themes set for all sites in French or English."
_COUNTRY = re.compile(
    r'"addressCountry"\s{0,9}:\s{0,9}(?:\{[^{}]{0,200}?"name"\s{0,9}:\s{0,9})?"([A-Za-z]{2})"'
)
"In the JSON-LD of a publisher: schema.org/PostalAddress, its country as a code."
_LANGUAGES = 6
"Limit of languages: sites that name more are machine-translated."
_SOURCES = 20
"Limit of feeds or sitemaps; an outlet with more needs a file written by hand."
_ELEMENTS = 5_000
_LANGUAGE = re.compile(r"^([a-z]{2,3})([-_][A-Za-z0-9_-]{1,20})?$", re.IGNORECASE)
_SECOND_LEVELS = frozenset({"co", "com", "org", "net", "ac", "gov", "gouv", "info", "press"})
"Second levels that, as in `co.uk` and `com.tn`, are no part of a name."
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
_PLATFORM_MARKS: tuple[tuple[str, Platform], ...] = (
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


def guess_country(home: str, locales: list[str], addresses: Iterable[str] = ()) -> str | None:
    """The ISO 3166-1 code of a site's country, of those in TIMEZONES; None if nothing shows it.

    From its domain, else from the country of a postal address, else from a locale such as `fr-CM`.
    """
    domain = url_host(home).rpartition(".")[2]
    for country in (_DOMAINS.get(domain, domain.upper()), *map(str.upper, addresses)):
        if country in TIMEZONES:
            return country
    regions = [locale.replace("_", "-").rpartition("-")[2].upper() for locale in locales]
    return next(
        (region for region in regions if region in TIMEZONES and region not in _DEFAULT_REGIONS), None
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What a front page shows of its outlet; a person fills in each None."""

    name: str
    "An id that may serve as the file's stem."
    home: str
    title: str
    country: str | None
    languages: tuple[str, ...]
    platform: Platform | None
    feeds: tuple[str, ...]
    sitemaps: tuple[str, ...]
    script_page: str | None = None
    "URL of a story of which its page has nothing but scripts; None if its text was found."
    rule_offers: tuple[RuleOffer, ...] = ()

    @property
    def timezone(self) -> str | None:
        return TIMEZONES.get(self.country or "")


def draft_outlet(
    home: str, page: bytes, robots: bytes | None, feeds: Sequence[str], sitemaps: Sequence[str]
) -> Draft:
    """The draft of an outlet with this front page; NewscrawlError when `home` cannot be an outlet's URL."""
    url = link_url(home, "")
    if url is None:
        raise NewscrawlError(f"{home!r}: not an absolute http(s) URL")
    tree = parse_page_tree(page)
    locales = list(_locales(tree)) if tree is not None else []
    all_sitemaps = [*sitemaps, *find_robots_sitemaps(robots or b"", url)]
    return Draft(
        name=suggest_outlet_id(url),
        home=url,
        title=_site_title(tree, url),
        country=guess_country(url, locales, _list_address_countries(tree)),
        languages=_guess_languages(locales),
        platform=_guess_platform(tree, [*feeds, *all_sitemaps]),
        feeds=_usable(feeds),
        sitemaps=_usable(all_sitemaps),
    )


def suggest_outlet_id(home: str) -> str:
    """An outlet id from the host: `www.example-presse.cm` becomes `example_presse`."""
    labels = url_host(home).split(".")
    names = labels[:-2] if len(labels) > 2 and labels[-2] in _SECOND_LEVELS else labels[:-1]
    return _NOT_ID.sub("_", ".".join(names or labels)).strip("_")[:64] or "outlet"


def _usable(urls: Iterable[str]) -> tuple[str, ...]:
    return tuple(islice(dict.fromkeys(url for url in urls if link_url(url, "") == url), _SOURCES))


def _locales(tree: html.HtmlElement) -> Iterator[str]:
    """The languages that a page names, verbatim: its own first, then those of its other versions."""
    yield tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    yield from _iter_meta_content(tree, "og:locale")
    yield from _iter_meta_content(tree, "og:locale:alternate")
    for link in islice(tree.iter("link"), _ELEMENTS):
        yield link.get("hreflang") or ""


def _list_address_countries(tree: html.HtmlElement | None) -> list[str]:
    scripts = islice(tree.iter("script"), _ELEMENTS) if tree is not None else ()
    texts = (script.text or "" for script in scripts if script.get("type") == "application/ld+json")
    return [country for text in texts for country in _COUNTRY.findall(text)]


def _guess_languages(locales: list[str]) -> tuple[str, ...]:
    codes = [match[1].lower() for locale in locales if (match := _LANGUAGE.match(locale.strip()))]
    return tuple(islice(dict.fromkeys(codes), _LANGUAGES))


def _iter_meta_content(tree: html.HtmlElement, name: str) -> Iterator[str]:
    for meta in islice(tree.iter("meta"), _ELEMENTS):
        if (meta.get("property") or meta.get("name") or "").strip().lower() == name:
            yield meta.get("content") or ""


def _site_title(tree: html.HtmlElement | None, home: str) -> str:
    if tree is None:
        return url_host(home)
    named = [*_iter_meta_content(tree, "og:site_name"), *_iter_meta_content(tree, "application-name")]
    titles = [title.text for title in islice(tree.iter("title"), 1)]
    return next((line for name in [*named, *titles] if (line := clean_line(name))), url_host(home))[:200]


def _guess_platform(tree: html.HtmlElement | None, sources: list[str]) -> Platform | None:
    urls = list(sources)
    if tree is not None:
        for generator in _iter_meta_content(tree, "generator"):
            for word, platform in _GENERATORS.items():
                if word in generator.lower():
                    return platform
        elements = islice(tree.iter("link", "script", "img", "a"), _ELEMENTS)
        urls += [element.get("href") or element.get("src") or "" for element in elements]
    return next((platform for mark, platform in _PLATFORM_MARKS if any(mark in url for url in urls)), None)


_MISSING = {
    "country": '# country = "??"  # missing: two capitals, ISO 3166, such as "CM"',
    "languages": '# languages = ["??"]  # missing: ISO 639, such as ["fr", "en"], the main language first',
    "timezone": '# timezone = "??"  # missing: an IANA zone, such as "Africa/Douala"',
}
"Lines for what nothing shows."


def format_draft(draft: Draft) -> str:
    """The draft as an outlet file; comments mark the guesses.

    A required key that nothing shows is left to a person: without it the file is refused, with its name.
    """
    is_guess = draft.country in MULTI_ZONE_COUNTRIES
    why_zone = "a guess: the country has several" if is_guess else "a guess from the country"
    why_country = "a guess from the domain, an address or the locale"
    why_languages = "as the page names them; put the main language first"
    return "\n".join(
        [
            _toml_line("title", draft.title),
            _toml_line("home", draft.home),
            _toml_line("country", draft.country, why_country) if draft.country else _MISSING["country"],
            _toml_line("languages", draft.languages, why_languages)
            if draft.languages
            else _MISSING["languages"],
            _toml_line("timezone", draft.timezone, why_zone) if draft.timezone else _MISSING["timezone"],
            _toml_line("kind", "national", "a guess"),
            *([_toml_line("platform", draft.platform, "a guess")] if draft.platform else []),
            *([_toml_line("feeds", draft.feeds)] if draft.feeds else []),
            *([_toml_line("sitemaps", draft.sitemaps)] if draft.sitemaps else []),
            *(_browser_lines(draft.script_page) if draft.script_page else []),
            _toml_line("status", "unverified", "until somebody has read a run's articles"),
            *(_rule_lines(draft.rule_offers) if draft.rule_offers else []),
            "",
        ]
    )


def _browser_lines(url: str) -> list[str]:
    return [
        f"# The story at {_toml_string(url)} comes by script alone.",
        "# Look for an API or a full-text feed; else a browser can render its pages (docs/browser.md):",
        "# browser = true",
    ]


def _rule_lines(offers: Iterable[RuleOffer]) -> Iterator[str]:
    """A rule as comments: whoever has looked at the pages takes the signs away."""
    yield ""
    yield "# Rules that were tried on these stories and help:"
    yield "# [[rules]]"
    bodies = [offer for offer in offers if offer.key == "body"]
    excludes = [offer for offer in offers if offer.key == "exclude"]
    for offer in bodies:
        yield f"# body = {_toml_string(offer.selector)}  # {clean_line(offer.why)}"
    if excludes:
        yield "# exclude = ["
        for offer in excludes:
            yield f"#     {_toml_string(offer.selector)},  # {clean_line(offer.why)}"
        yield "# ]"


def _toml_line(key: str, value: str | Sequence[str], comment: str | None = None) -> str:
    text = _toml_string(value) if isinstance(value, str) else _toml_list(value)
    return f"{key} = {text}" + (f"  # {comment}" if comment else "")


def _toml_list(values: Sequence[str]) -> str:
    if len(values) < 2 or all(len(value) < 20 for value in values):
        return "[" + ", ".join(_toml_string(value) for value in values) + "]"
    return "[\n" + "".join(f"    {_toml_string(value)},\n" for value in values) + "]"


def _toml_string(text: str) -> str:
    """A basic TOML string: it has JSON's escapes, but must escape DEL, and cannot hold lone surrogates."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")
