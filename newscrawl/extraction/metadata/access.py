"""Access to the story: the tier that the page declares, and the walls that readers see instead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import is_free, resolve_nodes
from newscrawl.extraction.normalize import truncate
from newscrawl.extraction.word_patterns import join_words
from newscrawl.items import Access, Wall
from newscrawl.package_data import read_package_toml

MAX_LINE_CHARS = 300
MAX_EVIDENCE = 10
MAX_SAMPLE_CHARS = 80
FEW_CHARS = 2_500
"If more of the story is readable, a consent banner or a bot check hides nothing."
_DATA = read_package_toml("newscrawl.extraction", "walls.toml")
_TIERS: dict[str, tuple[bool | None, Wall]] = {
    tier: ({"none": True, "metered": None}.get(wall, False), wall)
    for wall, tiers in _DATA["tiers"].items()
    for tier in tiers
}
"For each declared tier whether the story is free, and the wall before it."
_WALL_PATTERNS: dict[Wall, re.Pattern[str]] = {
    wall: re.compile("|".join(phrases), re.IGNORECASE) for wall, phrases in _DATA["phrases"].items()
}
_WALL_STEMS = re.compile(join_words(_DATA["stems"]))


def read_access(head: PageHead, lines: Sequence[TextBlock], story_chars: int) -> Access:
    """Read the access to a story; what the page declares takes precedence over what its lines say."""
    evidence: list[str] = []
    free, wall = _declared_access(head, evidence)
    visible = list(_iter_visible_walls(lines, evidence))
    if free is not True:
        hiding = (other for other in visible if other not in {"bot", "consent"} or story_chars < FEW_CHARS)
        wall = wall or next(hiding, None)
    if free is None and wall == "paywall":
        free = False
    return Access(free=free, wall=wall or "none", evidence=evidence[:MAX_EVIDENCE])


def is_walled_tier(tier: str) -> bool:
    """Whether a tier of access, in lower case, means that readers have to pay or to log in."""
    free, _ = _TIERS.get(tier, (None, "none"))
    return free is False


def _declared_access(head: PageHead, evidence: list[str]) -> tuple[bool | None, Wall | None]:
    """The access declared in JSON-LD, else in meta tags."""
    free = is_free(head.story_node)
    if free is not None:
        evidence.append(f"jsonld:isAccessibleForFree={str(free).lower()}")
        return free, None if free else "paywall"
    parts = resolve_nodes(head.nodes, head.story_node.get("hasPart"))
    if any(is_free(part) is False for part in parts):
        evidence.append("jsonld:hasPart.isAccessibleForFree=false")
        return False, "paywall"
    for name in _DATA["metas"]:
        for content in head.metas.get(name, ()):
            if (tier := content.lower().strip()) in _TIERS:
                evidence.append(f"meta:{name}={tier}")
                return _TIERS[tier]
    return None, None


def _iter_visible_walls(lines: Sequence[TextBlock], evidence: list[str]) -> Iterator[Wall]:
    """Yield the walls that lines mention, those that hide most first."""
    short = [line.text for line in lines if len(line.text) <= MAX_LINE_CHARS]
    candidates = [text for text in short if _WALL_STEMS.search(text.lower())]
    for wall, pattern in _WALL_PATTERNS.items():
        if line := next((text for text in candidates if pattern.search(text)), None):
            evidence.append(f"text:{wall}:{truncate(line, MAX_SAMPLE_CHARS)}")
            yield wall
