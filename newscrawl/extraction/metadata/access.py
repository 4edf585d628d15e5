"""Whether a wall stands before the story: what the page declares, and what it shows instead of the story."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from newscrawl.extraction.blocks import RawBlock
from newscrawl.extraction.head import Head
from newscrawl.extraction.jsonld import is_free, linked
from newscrawl.extraction.normalize import cut
from newscrawl.items import Access, Wall

MAX_LINE_CHARS = 300
MAX_EVIDENCE = 10
MAX_SAMPLE_CHARS = 80
FEW_CHARS = 2_500
"With more of a story to read, a consent banner or a check of the visitor hides nothing."
_TIERS: dict[str, tuple[bool | None, Wall]] = {
    "free": (True, "none"), "public": (True, "none"), "locked": (False, "paywall"),
    "paid": (False, "paywall"),
    "premium": (False, "paywall"), "subscriber": (False, "paywall"), "subscribers": (False, "paywall"),
    "registered": (False, "login"), "registration": (False, "login"), "metered": (None, "metered"),
    "abonne": (False, "paywall"), "payant": (False, "paywall"), "gratuit": (True, "none"),
}  # fmt: skip
_METAS = (
    "article:content_tier", "content_tier", "article:access", "access", "og:access", "paywall",
    "content-tier",
    "sailthru.access", "cxenseparse:access", "article.accesslevel",
)  # fmt: skip
_PAY = re.compile(
    r"il vous reste \d[\d.,]*\s?% de cet article|"
    r"(?:article|contenu|suite|texte) (?:est )?r[eé]serv[eé]e?s? aux? "
    r"(?:abonn|membres)|(?:la suite|cet article) est r[eé]serv|"
    r"abonnez-vous pour (?:lire|continuer|acc[eé]der)|"
    r"pour lire la suite,? (?:abonnez|connectez)|"
    r"subscribe to (?:continue|read|keep) reading|"
    r"to (?:continue|keep) reading,? (?:please )?(?:subscribe|sign up)|"
    r"this (?:article|content|story) is (?:for|only for|available to|exclusive to|reserved for) "
    r"(?:our )?(?:paid |premium )?(?:subscribers|members)|subscriber[- ]only (?:content|article)",
    re.IGNORECASE,
)
_METER = re.compile(
    r"\b(?:\d{1,2}|one|two|three|last|an?) (?:free )?(?:articles?|stories|story) (?:left|remaining)|"
    r"you(?:'|’)?ve (?:read|reached) (?:your|all|\d)[\w\s]{0,30}(?:articles?|limit)|"
    r"il vous reste \d{1,2} articles?|vous avez (?:lu|atteint) [\w\s']{0,30}articles? (?:gratuits?|offerts?)",
    re.IGNORECASE,
)
_LOGIN = re.compile(
    r"(?:sign in|log ?in|register|create (?:a|your) (?:free )?account) to (?:read|continue|view)|"
    r"(?:connectez-vous|inscrivez-vous|cr[eé]ez un compte)[\w\s]{0,30} pour (?:lire|continuer|acc[eé]der)",
    re.IGNORECASE,
)
_CONSENT = re.compile(
    r"(?:accept(?:er|ez)?|consent(?:ir|ez)?)[\w\s']{0,40} (?:cookies|traceurs)[\w\s,']{0,60} "
    r"(?:pour|afin d|to) (?:lire|acc[eé]der|continue|read|access|view)|"
    r"continuer sans accepter (?:et|en) [\w\s']{0,20}abonnant",
    re.IGNORECASE,
)
_BOT = re.compile(
    r"checking (?:if the site connection is secure|your browser)|"
    r"verify(?:ing)? (?:that )?you are (?:a )?human|"
    r"enable javascript and cookies to continue|are you a robot\?|unusual traffic from your|"
    r"v[eé]rifi(?:er|ons|cation)[\w\s']{0,20} que vous (?:n'|n’)?[eê]tes (?:pas un robot|humain)",
    re.IGNORECASE,
)
_SEEN: tuple[tuple[Wall, re.Pattern[str]], ...] = (
    ("bot", _BOT), ("consent", _CONSENT), ("metered", _METER), ("paywall", _PAY), ("login", _LOGIN)
)  # fmt: skip
_STEMS = re.compile(
    "abonn|subscri|reste|réserv|reserv|robot|human|humain|browser|javascript|cookie|traceur|left|remaining|"
    "reached|account|compte|log in|login|sign in|connect|atteint|gratuit|offert"
)
"One of them is in every line that tells of a wall; asked first, of folded text, because it is cheap."


def access_of(head: Head, lines: Sequence[RawBlock], story_chars: int) -> Access:
    """What the page declares of its access comes before what its lines say."""
    evidence: list[str] = []
    free, wall = _declared(head, evidence)
    seen = list(_seen(lines, evidence))
    if free is not True:
        strong = [one for one in seen if one not in {"bot", "consent"} or story_chars < FEW_CHARS]
        wall = wall or next(iter(strong), None)
    if free is None and wall == "paywall":
        free = False
    return Access(free=free, wall=wall or "none", evidence=evidence[:MAX_EVIDENCE])


def _declared(head: Head, evidence: list[str]) -> tuple[bool | None, Wall | None]:
    """By JSON-LD, else by meta tags."""
    free = is_free(head.story)
    if free is not None:
        evidence.append(f"jsonld:isAccessibleForFree={str(free).lower()}")
        return free, None if free else "paywall"
    parts = linked(head.nodes, head.story.get("hasPart"))
    if any(is_free(part) is False for part in parts):
        evidence.append("jsonld:hasPart.isAccessibleForFree=false")
        return False, "paywall"
    for name in _METAS:
        for said in head.metas.get(name, ()):
            if (tier := said.lower().strip()) in _TIERS:
                evidence.append(f"meta:{name}={tier}")
                return _TIERS[tier]
    return None, None


def _seen(lines: Sequence[RawBlock], evidence: list[str]) -> Iterator[Wall]:
    """Walls of which lines tell, those that hide most first."""
    told = [
        line.text for line in lines if len(line.text) <= MAX_LINE_CHARS and _STEMS.search(line.text.lower())
    ]
    for wall, pattern in _SEEN:
        if line := next((text for text in told if pattern.search(text)), None):
            evidence.append(f"text:{wall}:{cut(line, MAX_SAMPLE_CHARS)}")
            yield wall
