"""A printed byline -> the names in it, told apart into people and organisations."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from functools import cache
from importlib.resources import files
from typing import Literal

from newscrawl.extraction.metadata.date_parser import moments_in
from newscrawl.extraction.normalize import cut, key, tidy
from newscrawl.items import Author

DATA = "agencies.toml"


@cache
def _short_names() -> dict[str, str]:
    data = tomllib.loads(files("newscrawl.extraction").joinpath(DATA).read_text(encoding="utf-8"))
    return {key(name): short for short, names in data.items() for name in (short, *names)}


def agency_named(name: str) -> str | None:
    """The short name of the agency that goes by `name`; None when we know of none."""
    return _short_names().get(key(name))


MAX_NAME_CHARS = 80
MAX_LINE_CHARS = 400
MAX_WORDS = 8
PREFIX = re.compile(
    r"^(?:\W{0,3}(?:written|posted|submitted|published|reported|story|words|text|by|and|et|und|par|von|por|"
    r"r[eé]dig[eé]|[eé]crit|publi[eé]|soumis|"
    r"propos recueillis|auteure?s?|authors?|autore?s?|autor(?:in|en)?|source|texte?)\b"
    r"\s*(?:by\b|par\b|von\b|por\b)?\s*:?\s*)+",
    re.IGNORECASE,
)
_GLUED = re.compile(r"^(?:By|Par|Von|Por)(?=[A-ZÀ-Ý])")
"A label that only its colour keeps apart from the name."
_CREDENTIALS = (
    r"(?:ph\.?\s?d|m\.?d|r\.?n|r\.?d|rdn|m\.?s|msc|m\.?a|mba|bsn|bsc|b\.?a|dvm|vmd|cpa|cfa|cfp|cepf|cpp|psp|"
    r"fand|facl?m|lcsw|esq|j\.?d|dds|dmd|pharmd|cscs|jr|sr|iii?)\b\.?®?"
)
_SPLIT = re.compile(
    rf"\s*(?:[;|/•·\n]|,(?!\s*{_CREDENTIALS}\s*(?:[,|•·]|$|\s(?:and|et|&|on|[–-])\s))|"
    r"\s(?:et|and|avec|with|&|und|y|e)\s)\s*",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"\s+(?:(?:for|pour|f[uü]r)\s+(?:the\s|le\s|la\s|l')?[A-ZÀ-Ý]|(?:in|à|aus|en)\s+[A-ZÀ-Ý]|\(|@|[-–—]\s|"
    r"(?:updated|published|publi[eé]|mis à jour|posted)\b).*$|\s(?:le|on|am|el|at)$"
)
"What follows a name: for whom, from where, and when."
_ROLE = re.compile(
    r"\b(?:dietitian|gardener|lead|senior|reviewer|coordinator|consultant|vp|chefredakteur|guidelines|"
    r"process|policies|learn|writer|editor|reporter|correspondent|"
    r"correspondante?|journalist[ei]?n?|envoy[eé]e?|r[eé]dact(?:eur|rice)|"
    r"chief|director|manager|ceo|cto|founder|expert|officer|professor|analyst|contribut(?:or|eur|ing)|"
    r"columnist|specialist|president|stagiaire|adjointe?|sp[eé]ciale?|photographe?r?|executive|"
    r"associate|intern)\b",
    re.IGNORECASE,
)
_ROLE_LAST = re.compile(r"\b(?:writer|editor|reporter|correspondent|journalist)$", re.IGNORECASE)
_ORG_WORDS = re.compile(
    r"\b(?:r[eé]daction|editorial|newsroom|news|desk|staff|agenc(?:e|y|ies|ia)|agenturen|press|presse|"
    r"media|média|journal|magazine|times|post|radio|tv|team|équipe|bureau|service|"
    r"reporters|editors|correspondents|writers|group|groupe|redaktion|redacci[oó]n|"
    r"infos?|web|online|university|université|institute?|association|clinic|foundation|"
    r"collecti(?:f|ve)|company|inc|gmbh|ltd|llc)\b|"
    r"\.(?:com|fr|net|org|cm|de|at|ch|be|co)\b",
    re.IGNORECASE,
)
_TITLED = re.compile(r"^(?:the\s|(?:le|la|les|der|die|das|el|il)\s\S+$|l['’]\S+$)", re.IGNORECASE)
"An article before a word or two: how papers are called, and people are not."
_NO_NAME = re.compile(
    r"https?:|@\w|www\.|^\W*$|^\d|\d{2}|[{}<>\[\]=]|\b(?:minutes?|read|lecture|null|undefined)\b",
    re.IGNORECASE,
)
_NOBODY = frozenset(
    (
        "no author", "none", "null", "undefined", "admin", "administrator", "administrateur", "webmaster",
        "root", "author", "auteur", "autor", "anonymous", "anonyme", "guest", "user", "editor", "unknown",
        "inconnu", "n/a", "agencies", "agences", "agency", "link", "weiter", "more", "staff", "contributor",
        "super user", "pt", "et", "est", "edt", "pst", "pdt", "gmt", "ist", "cet", "utc",
    )
)  # fmt: skip
"What systems print where no name was typed."
_ROLE_ALONE = re.compile(
    r"(?:(?:by|par|our|notre|a|un|une|the|staff|special|senior|chief|web|news|city|sports?|political) )*"
    r"(?:reporter|correspondent|writer|journaliste?|stringer|correspondante?|"
    r"envoy[eé]e? sp[eé]ciale?|r[eé]dact(?:eur|rice))"
    r"(?: (?:particuli[eè]re?|permanente?|stagiaire))?"
)
"What somebody does, in place of who it is; as `folding.key` spells it."
_NOT_A_PERSON = re.compile(
    r"\b(?:the|read|more|share|all|view|latest|posts?|recent|stories|watch|follow|about|articles?|artikel|"
    r"weitere|see|voir|tous|toutes|plus|autres|our|your|this|what|how|why|who|meet|subscribe|contact|"
    r"newsletter|comments?|print|email|facebook|twitter|instagram|linkedin|profile|biography|bio|"
    r"photo|image|video|updated|published|category|tags?|home|topics|related|insights|checked|"
    r"verified|disclosure|guidelines|policy|founder|last|first|name|monday|tuesday|wednesday|"
    r"thursday|friday|saturday|sunday|mon|tue|wed|thu|fri|sat|sun|lundi|mardi|mercredi|jeudi|"
    r"vendredi|samedi|dimanche)\b",
    re.IGNORECASE,
)
_PARTICLES = frozenset(
    (
        "de", "du", "des", "d'", "la", "le", "van", "von", "der", "den", "ten", "ter", "el", "al", "bin",
        "ibn", "ben", "di", "da", "do", "dos", "del", "della", "y", "e", "ould", "und", "zu", "af",
    )
)  # fmt: skip
_LOGIN = re.compile(r"^[a-z0-9]+(?:[._-][a-z0-9]+)*\d*$")
_NON_LATIN = re.compile(r"[^\x00-\u024f\u1e00-\u1eff\u2000-\u206f]")


def names_in(line: str | None) -> Iterator[Author]:
    """Names in a printed byline, as they are printed."""
    if not line or "://" in line:
        return
    bare = PREFIX.sub("", _GLUED.sub("", without_dates(cut(tidy(line), MAX_LINE_CHARS))))
    if agency_named(bare):
        yield Author(name=bare, kind="org")
        return
    for at, part in enumerate(split_names(bare)):
        name = _TAIL.sub("", PREFIX.sub("", part)).strip(" ,;:|-–—\"'“”")
        follows = at > 0 and is_role(name) and (_ROLE_LAST.search(name) or not _ORG_WORDS.search(name))
        if name and not follows:
            yield Author(name=name, kind=kind_of(name))


def without_dates(line: str) -> str:
    """The line with a bar for every date in it."""
    for moment in moments_in(line):
        line = line.replace(moment.raw, " | ")
    return line


def split_names(line: str) -> list[str]:
    """The parts of a line between commas, conjunctions and the like."""
    return _SPLIT.split(line)


def kind_of(name: str) -> Literal["person", "org"]:
    """An organisation by name, by its words, or by being an acronym."""
    is_acronym = name.isupper() and len(name) <= 5
    titled = _ORG_WORDS.search(name) or _TITLED.match(name)
    return "org" if agency_named(name) or titled or is_acronym else "person"


def is_name(name: str) -> bool:
    """Whether it may be a name at all."""
    fits = 2 <= len(name) <= MAX_NAME_CHARS and len(name.split()) <= MAX_WORDS
    return (
        fits
        and key(name) not in _NOBODY | _PARTICLES
        and not _ROLE_ALONE.fullmatch(key(name))
        and not _NO_NAME.search(name)
        and not moments_in(name)
    )


def is_role(name: str) -> bool:
    """Whether what somebody does is in it."""
    return _ROLE.search(name) is not None


def is_login(name: str) -> bool:
    """A user's name in the site's system: better than nothing, and worse than what is printed."""
    return _LOGIN.match(name) is not None


def looks_like_person(name: str) -> bool:
    """Whether words near a headline are a person's name: capitals, particles, few words."""
    words = name.partition(",")[0].split()
    if not words or len(words) > 6 or _NOT_A_PERSON.search(name) or any(map(str.isdigit, name)):
        return False
    if _NON_LATIN.search(name):
        return len(name) <= 30
    if not any(word[:1].isupper() for word in words):
        return False
    return all(word[:1].isupper() or word.lower() in _PARTICLES or word[:2] in {"d'", "d’"} for word in words)


def cleaned(found: Collection[Author] | Iterator[Author], sites: Collection[str], limit: int) -> list[Author]:
    """Without what is no name, each once, in order; names of the site are organisations."""
    kept: dict[str, Author] = {}
    for author in found:
        name = trimmed(author.name)
        if is_name(name):
            kind = "org" if squashed(name) in sites else author.kind
            kept.setdefault(key(name), Author(name=name, url=author.url, kind=kind))
    return [one for folded, one in kept.items() if not _holds_another(folded, kept)][:limit]


def _holds_another(name: str, names: Collection[str]) -> bool:
    """Whether it is another of the names with something behind it, such as a role."""
    return any(name.startswith(f"{other} ") and " " in other for other in names)


def trimmed(name: str) -> str:
    """A name without labels and punctuation; the point of an initial or a `Jr.` stays."""
    bare = PREFIX.sub("", tidy(name)).strip(' ,;:|-–—"“”*')
    return bare if _ABBREVIATED.search(bare) else bare.rstrip(" .")


_ABBREVIATED = re.compile(r"(?:\b[^\W\d_]|\b[JS]r|\bPh\.?D|\bM\.?D)\.$")
_NO_WORD = re.compile(r"[\W_]+")


def squashed(name: str) -> str:
    """Letters and digits alone: a site signs as `Le Journal` on `lejournal.example`."""
    return _NO_WORD.sub("", key(name))
