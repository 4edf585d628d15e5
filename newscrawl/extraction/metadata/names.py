"""Parse the names in a byline, and distinguish people from organisations."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache, lru_cache
from typing import Literal

from newscrawl.extraction.metadata.date_parser import find_dates
from newscrawl.extraction.normalize import match_key, normalize_spaces, resolve_entities, truncate
from newscrawl.items import Author
from newscrawl.package_data import read_package_toml

MAX_NAME_CHARS = 80
MIN_NAME_CHARS = 3
MAX_LINE_CHARS = 400
MAX_WORDS = 8


def _compile_labels(prepositions: str) -> re.Pattern[str]:
    """The words before a name, of which some are prepositions."""
    return re.compile(
        r"^(?:\W{0,3}(?:(?:(?:this|the)\s(?:post|article|story|piece)\swas\swritten|"
        r"(?:cet|l['’]?)\s?article\sa\s[eé]t[eé]\s(?:[eé]crit|r[eé]dig[eé])|"
        r"written|authored|posted|submitted|published|reported|story|words|text|contributors?|"
        r"r[eé]dig[eé]|[eé]crit|publi[eé]|soumis|propos recueillis|"
        r"auteure?s?|authors?|autore?s?|autor(?:[/*:]in|in/autor|in|en)?|source|textes?|texte?)\b\s*(?:(?:by|par|von|por)\b)?|"
        rf"(?:{prepositions}|and|et|und|avec|with|mit)\b)\s*:?\s*)+",
        re.IGNORECASE,
    )


PREFIX = _compile_labels("by|par|von|por")
_CLEAR_PREFIX = _compile_labels("by|par")
"Without the prepositions that are names themselves: `Von Miller` is a byline in German only."
_PREPOSITIONS_BY_LANGUAGE = {"de": ("von",), "es": ("por",), "pt": ("por",), "ca": ("por",), "gl": ("por",)}
_FOREIGN_LABEL = re.compile(r"\W{0,3}(von|por)\b(\s?:)?", re.IGNORECASE)
_LOCAL_PREPOSITIONS = {"it": "di", "nl": "door", "da": "af", "no": "av", "nb": "av", "nn": "av", "sv": "av"}
"Those that are labels only where the page declares its language."
_GLUED = re.compile(r"^(?:By|Par|Von|Por)(?=[A-ZÀ-Ý])")
"A label that only its colour separates from the name."
_CREDENTIALS = (
    r"(?:ph\.?\s?d|m\.?d|r\.?n|r\.?d|rdn|m\.?s|msc|m\.?a|mba|bsn|bsc|b\.?a|dvm|vmd|cpa|cfa|cfp|cepf|cpp|psp|"
    r"fand|facl?m|lcsw|esq|j\.?d|dds|dmd|pharmd|cscs|jr|sr|iii?)\b\.?®?"
)
_SPLIT = re.compile(
    rf"\s*(?:[;|/•·●∙◦\n]|,(?!\s*{_CREDENTIALS}\s*(?:[,|•·]|$|\s(?:and|et|&|on|[–-])\s))|"
    # A capital `E` or `Y` is an initial.
    r"\s(?:et|and|avec|with|&|und|og|och|и|és|(?-i:y|e))\s)\s*",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"\s+(?:(?:[Ff]or|[Pp]our|[Ff][uü]r)\s+(?:the\s|le\s|la\s|l')?[A-ZÀ-Ý]|(?:in|à|aus|en)\s+[A-ZÀ-Ý]|"
    r"\(|@|[-–—]\s|"
    r"(?i:updated|published|publi[eé]e?|publiziert|ver[oö]ffentlicht|aktualisiert|publicado|mis à jour|"
    r"posted|on behalf of|au nom d[eu]|im auftrag|on \w{3,6}day)\b).*$|\s(?:le|on|am|el|at)$|"
    r"(?:\s|(?<=[a-zß-ÿ]))(?:Follow|Twitter|Facebook|Instagram|LinkedIn|E-?mail|Folgen|Suivre)$"
)
"What may follow a name: for whom, from where, when, and buttons that only their box separates from it."
_CONTRIBUTORS = re.compile(
    r"[,;.]?\s*\b(?:(?:with|avec)\s)?(?:"
    r"(?:additional\s)?(?:files|reporting|reports?|contributions?|writing|research)\s(?:from|by)\s"
    r"(?:the\s(?=[A-Z]))?|"
    r"(?:(?:des|les|la|le)\s|l['’]\s?)(?:informations?|dossiers|collaboration|contributions?|participation|aide|"
    r"concours)\s(?:de\s(?:la\s|l['’])?|d['’]\s?|des\s|du\s))",
    re.IGNORECASE,
)
"Who helped is an author too."
_ASIDE = re.compile(r"\s*\((?:(avec|with|et|and)\s)?([^()]{0,120})\)", re.IGNORECASE)
_CHECKED_BY = (
    r"(?:(?:medically|clinically|technically|expert)[\s-])?(?:edited|reviewed|fact[\s-]?checked|checked|verified|"
    r"approved|translated|photographed|illustrated|traduit|illustr[eé]|photographi[eé]|relu|v[eé]rifi[eé]|"
    r"valid[eé]|revisado|editado|traducido|gepr[uü]ft|[uü]bersetzt)\s(?:by|par|por|von)\b"
)
CHECKED_BY = re.compile(rf"(?:^|(?<=[\s.,;|/(])){_CHECKED_BY}", re.IGNORECASE)
"The label of somebody who worked on a text without being its author."
_CREDIT = re.compile(
    r"(?:^|(?<=[\s.,;|/]))(?:"
    r"(?P<text>textes?|texts?|words|r[eé]cit|story|reportage|enqu[eê]te|entretien|interview|"
    r"propos recueillis par)\s?:|(?<=[,;|/.]\s)photos?\s(?-i:(?=[A-ZÀ-Ý]))|"
    r"(?:photos?|photograph(?:y|ies|e|s)?|images?|vid[eé]os?|illustrations?|infographies?|graphics?|dessins?|"
    r"fotos?|bild(?:er)?|foto(?:gra[fp])?[íi]as?|traduction|translation|cam[eé]ra|montage|son|[eé]dition|editing)"
    r"\s?(?::|(?:by|par|from)\b)|"
    rf"{_CHECKED_BY})",
    re.IGNORECASE,
)
"Labels of a byline that names several crafts: only who wrote the text is an author."
_MAY_CREDIT = re.compile(r":|photo|\s(?:by|par|por|von|from)\b", re.IGNORECASE)
"A quick sign of such labels, which most bylines lack."
_OTHER_CRAFT = re.compile(
    r"(?:photo|foto|bild|illustr|ilustr|v[ií]d[eé]o|image|dessin|infogr|traduc|transl|montage)", re.IGNORECASE
)
_SURNAME_FIRST = re.compile(
    r"([^\W\d_][\w'’-]+(?:\s[^\W\d_][\w'’-]+)?),\s([^\W\d_][\w'’.-]*(?:\s[^\W\d_][\w'’.-]*)?)"
)
_ROLE_LAST = re.compile(r"\b(?:writer|editor|reporter|correspondent|journalist)$", re.IGNORECASE)
_OF = re.compile(r"\s(?:of|at|to|for|de|des|bei|f[uü]r)\s", re.IGNORECASE)
_ARTICLE_FIRST = re.compile(r"^(?:the\s|(?:le|la|les|der|die|das|el|il)\s\S+$|l['’]\S+$)", re.IGNORECASE)
"Newspapers have an article before a word or two; people do not."
_NO_NAME = re.compile(
    r"https?:|@\w|www\.|^\W*$|^\d|(?<![^\W\d_])\d{2}|[{}<>\[\]=]|"
    r"\b(?:minutes?|read|lecture|null|undefined)\b",
    re.IGNORECASE,
)
_NO_PERSON = re.compile(r"\d{2}|:")
_HONORIFICS = re.compile(r"^(?:(?:dr|prof|professor|pr|mr|mrs|ms|mme|mlle|ing|dipl)\b\.?\s+)+")
_ROLE_ALONE = re.compile(
    r"(?:(?:by|par|our|notre|a|un|une|the|staff|special|senior|chief|web|news|city|sports?|political) )*"
    r"(?:reporter|correspondent|writer|journaliste?|stringer|correspondante?|"
    r"envoy[eé]e? sp[eé]ciale?|r[eé]dact(?:eur|rice))"
    r"(?: (?:particuli[eè]re?|permanente?|stagiaire))?"
)
"A role in place of a name, as `match_key` spells it."
_SYSTEM = re.compile(r"\b(?:admin(?:istrat(?:or|eur))?|webmaster)$", re.IGNORECASE)
"Names of accounts that belong to nobody."
_LOGIN = re.compile(r"^[a-z0-9]+(?:[._-][a-z0-9]+)*\d*$")
_CAMEL_CASE = re.compile(r"[a-z]{3}[A-Z][a-z]{2}")
_NON_LATIN = re.compile(r"[^\x00-\u024f\u1e00-\u1eff\u2000-\u206f]")
_ABBREVIATED = re.compile(r"(?:\b[^\W\d_]|\b[JS]r|\bPh\.?D|\bM\.?D)\.$")
_NO_WORD = re.compile(r"[\W_]+")


def _compile_words(words: Iterable[str], also: str = "") -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(words)})\b{also}", re.IGNORECASE)


NAME_WORDS = read_package_toml("newscrawl.extraction", "names.toml")
_ROLE, _NOT_A_PERSON = _compile_words(NAME_WORDS["roles"]), _compile_words(NAME_WORDS["not_people"])
_ORG_WORDS = _compile_words(NAME_WORDS["organisations"], rf"|\.(?:{'|'.join(NAME_WORDS['domains'])})\b")
_PARTICLES, _NOBODY = frozenset(NAME_WORDS["particles"]), frozenset(NAME_WORDS["placeholders"])


@cache
def _agency_short_names() -> dict[str, str]:
    data = read_package_toml("newscrawl.extraction", "agencies.toml")
    return {match_key(name): short for short, names in data.items() for name in (short, *names)}


def agency_short_name(name: str) -> str | None:
    """The short name of the news agency called `name`; None if it is no agency we know."""
    return _agency_short_names().get(match_key(name))


def parse_byline(line: str | None, lang: str | None = None) -> Iterator[Author]:
    """Yield the names in a byline, as printed; `lang` is the language that the page declares."""
    if not line or "://" in line:
        return
    text = replace_dates(truncate(normalize_spaces(resolve_entities(line)), MAX_LINE_CHARS))
    bare = _strip_labels(_GLUED.sub("", _select_writers(text)), lang)
    if agency_short_name(bare):
        yield Author(name=bare, kind="org")
        return
    bare = _CONTRIBUTORS.sub(", ", _ASIDE.sub(_replace_aside, bare))
    before = ""
    for at, (part, after_comma) in enumerate(_split_parts(bare)):
        if _OTHER_CRAFT.match(part.rpartition("(")[2]) and "(" in part:
            continue
        name = _TAIL.sub("", _CLEAR_PREFIX.sub("", part)).strip(" ,;:|-–—\"'“”")
        if name and not (at > 0 and _is_role(name)) and not (after_comma and _is_place_after(name, before)):
            yield Author(name=name, kind=author_kind(name))
            before = name


def _split_parts(line: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a line, and whether a comma separates them from the part before."""
    start, after_comma = 0, False
    for separator in _SPLIT.finditer(line):
        yield line[start : separator.start()], after_comma
        start, after_comma = separator.end(), separator.group().strip() == ","
    yield line[start:], after_comma


def _is_role(name: str) -> bool:
    """Whether it is what the person before it does; an organisation may have such a word in its name."""
    return has_role_word(name) and (
        _ROLE_LAST.search(name) is not None or _OF.search(name) is not None or not _ORG_WORDS.search(name)
    )


def _is_place_after(name: str, before: str) -> bool:
    """Whether it is a single word after a full name or an organisation: where they write from."""
    is_after_name = " " in before or (before != "" and author_kind(before) == "org")
    return " " not in name and is_after_name and author_kind(name) == "person"


def _strip_labels(line: str, lang: str | None) -> str:
    """A byline without the words before its first name."""
    language, label = (lang or "").lower()[:2], _FOREIGN_LABEL.match(line)
    word, _, rest = line.partition(" ")
    if rest and word.lower().rstrip(":") == _LOCAL_PREPOSITIONS.get(language):
        return _CLEAR_PREFIX.sub("", rest)
    if label is None:
        return _CLEAR_PREFIX.sub("", line)
    own = _PREPOSITIONS_BY_LANGUAGE.get(language, ()) if language else ("von", "por")
    is_label = label[2] or label[1].islower() or label[1].lower() in own
    return PREFIX.sub("", line, count=1) if is_label else line


def _replace_aside(aside: re.Match[str]) -> str:
    """Names in parentheses after `with`; what else stands there is no name, but may be somebody's craft."""
    if aside[1]:
        return f", {aside[2]}"
    return aside[0] if _OTHER_CRAFT.match(aside[2]) else " "


def _select_writers(line: str) -> str:
    """The parts of a byline whose label, if they have any, is that of the text."""
    labels = list(_CREDIT.finditer(line)) if _MAY_CREDIT.search(line) else []
    if not labels:
        return line
    ends = [*(label.start() for label in labels[1:]), len(line)]
    parts = [line[: labels[0].start()]]
    parts += [line[label.end() : end] for label, end in zip(labels, ends, strict=True) if label["text"]]
    return ", ".join(bare for part in parts if (bare := part.strip(" .,;|/-–—")))


def invert_name(name: str) -> str:
    """`Awa Ndiaye` for `Ndiaye, Awa`, the form of library catalogues; any other text stays as it is."""
    match = _SURNAME_FIRST.fullmatch(name.strip())
    return f"{match[2]} {match[1]}" if match else name


def replace_dates(line: str) -> str:
    """Replace every date in a line with a bar."""
    for date in find_dates(line):
        line = line.replace(date.raw, " | ")
    return line


def split_names(line: str) -> list[str]:
    """Split a line at commas, conjunctions and the like."""
    return _SPLIT.split(line)


def author_kind(name: str) -> Literal["person", "org"]:
    """Tell an organisation by its name, its words, or because it is an acronym."""
    is_acronym = name.isupper() and len(name) <= 5
    has_org_words = _ORG_WORDS.search(name) or _ARTICLE_FIRST.match(name)
    return "org" if agency_short_name(name) or has_org_words or is_acronym else "person"


def is_plausible_name(name: str) -> bool:
    """Whether a string may be a name at all."""
    has_name_length = 2 <= len(name) <= MAX_NAME_CHARS and len(name.split()) <= MAX_WORDS
    return (
        has_name_length
        and match_key(name) not in _NOBODY
        and not (match_key(name) in _PARTICLES and (name.islower() or len(name) < MIN_NAME_CHARS))
        and not _SYSTEM.search(name)
        and not _ROLE_ALONE.fullmatch(match_key(name))
        and not _NO_NAME.search(name)
        and not (_NO_PERSON.search(name) and author_kind(name) == "person")
        and not find_dates(name)
    )


def has_role_word(name: str) -> bool:
    """Whether a word for somebody's role is in a name."""
    return _ROLE.search(name) is not None


def is_login_name(name: str) -> bool:
    """Whether it is a user name of the site's system: better than nothing, worse than a printed name."""
    return _LOGIN.match(name) is not None or (" " not in name and _CAMEL_CASE.search(name) is not None)


def is_person_name(name: str) -> bool:
    """Whether words near a headline look like a person's name: few, and capitalised except for particles."""
    words = name.partition(",")[0].split()
    if not words or len(words) > 6 or _NOT_A_PERSON.search(name) or any(map(str.isdigit, name)):
        return False
    if _NON_LATIN.search(name):
        return len(name) <= 30
    if not any(word[:1].isupper() for word in words):
        return False
    return all(word[:1].isupper() or word.lower() in _PARTICLES or word[:2] in {"d'", "d’"} for word in words)


def clean_authors(authors: Iterable[Author], sites: Collection[str], limit: int) -> list[Author]:
    """Drop what is no name, and repeats; the names of the site are organisations."""
    unique: dict[str, Author] = {}
    for author in authors:
        name = clean_name(author.name)
        if is_plausible_name(name):
            kind = "org" if squash(name) in sites else author.kind
            unique.setdefault(match_key(name), Author(name=name, url=author.url, kind=kind))
    names = [author.name for author in unique.values()]
    return [author for author in unique.values() if not _extends_another_name(author.name, names)][:limit]


def _extends_another_name(name: str, names: Iterable[str]) -> bool:
    """Whether it is another of the names with something else, such as a role behind or a label before it."""
    key = match_key(name)
    for other in names:
        end = name[len(other) :]
        if " " not in other or not end:
            continue
        if key.startswith(f"{match_key(other)} ") or (name.startswith(other) and end[0].isupper()):
            return True
        if name.endswith(f" {other}") and name[: -len(other)].strip().islower():
            return True
    return False


def person_key(name: str) -> str:
    """What different spellings of a person's name share, with an honorific or without."""
    return _HONORIFICS.sub("", match_key(name))


def clean_name(name: str) -> str:
    """Strip labels and punctuation from a name, except for the point of an initial or a `Jr.`."""
    bare = _CLEAR_PREFIX.sub("", normalize_spaces(name)).strip(' ,;:|-–—"“”*')
    return bare if _ABBREVIATED.search(bare) else bare.rstrip(" .")


@lru_cache(maxsize=1024)
def squash(text: str) -> str:
    """Fold a text to its letters and digits: spellings of a name differ in spaces and punctuation."""
    return _NO_WORD.sub("", match_key(text))
