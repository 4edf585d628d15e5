"""Countries of news sites: by domain, and what time they keep."""

from __future__ import annotations

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
