"""What a site reserves for all its pages: tdmrep.json, ai.txt, and usage preferences in robots.txt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

from newscrawl.urls import absolute_url

_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_URL_CHARS = "/%:@!$&'()*+,;=~-._?[]"
TDMREP, AI_TXT = "/.well-known/tdmrep.json", "/ai.txt"
OUR_AGENT = "newscrawl"
"Our product token in robots.txt and similar files."
MAX_RULES = 500
MAX_PATTERN_CHARS = 500
MAX_BYTES = 1 << 20
"Files are read up to this size."
_USAGE = ("content-signal", "content-usage")
_PREFERENCE = re.compile(r"([a-z][a-z0-9-]{0,40})\s{0,4}=\s{0,4}\??([a-z0-9]{1,10})")
_AGENT = "user-agent"
MAX_CHARS = 64 * 1024
"Limit of each file's rules in state; further rules are left out."
MAX_STATEMENTS = 24
"Limit of a page's statements, as each of its records repeats them."


def url_target(url: str) -> str:
    """Path and query of a URL in normal form, which patterns are matched against."""
    parts = urlsplit(url)
    return normalize_escapes((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def normalize_escapes(text: str) -> str:
    """Percent-encode only where necessary, so that pattern and target compare (RFC 9309, 2.2.2)."""
    return quote(_ESCAPED.sub(_unescape_unreserved, text), safe=f"{_URL_CHARS}#", errors="replace")


def _unescape_unreserved(escaped: re.Match[str]) -> str:
    char = chr(int(escaped[1], 16))
    return char if char in _UNRESERVED else escaped[0].upper()


def matches_pattern(pattern: str, target: str) -> bool:
    """Whether the pattern matches a target's beginning; takes a single pass for any number of stars."""
    pattern = normalize_escapes(pattern)
    anchored = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not others:
        return target == first if anchored else target.startswith(first)
    if not target.startswith(first):
        return False
    at = len(first)
    last = others.pop() if anchored else ""
    for piece in others:
        start = target.find(piece, at)
        if start < 0:
            return False
        at = start + len(piece)
    return target.endswith(last) and len(target) - len(last) >= at


class TdmRule(NamedTuple):
    """A rule of tdmrep.json."""

    location: str
    reserved: bool
    policy: str | None = None


class PathRule(NamedTuple):
    """A rule of ai.txt."""

    pattern: str
    allowed: bool


class UsageRule(NamedTuple):
    """A Content-Signal or Content-Usage line of robots.txt."""

    pattern: str
    "Empty: the whole site."
    preferences: str
    "As `ai-train=no`, separated by spaces."


def parse_tdmrep(body: bytes, url: str) -> tuple[TdmRule, ...]:
    """The rules of a tdmrep.json in their order, without those that cannot be read."""
    try:
        data = json.loads(body[:MAX_BYTES].decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return ()
    rules = data if isinstance(data, list) else [data]
    return tuple(rule for item in rules[:MAX_RULES] if (rule := _parse_tdm_rule(item, url)))


def _parse_tdm_rule(data: object, url: str) -> TdmRule | None:
    if not isinstance(data, dict):
        return None
    location, reservation = data.get("location"), data.get("tdm-reservation")
    reserved = {"1": True, "true": True, "0": False, "false": False}.get(
        str(reservation).strip().lower()[:10]
    )
    if not isinstance(location, str) or not location.strip() or reserved is None:
        return None
    policy = data.get("tdm-policy")
    terms = absolute_url(policy, url) if isinstance(policy, str) and policy.strip() else None
    # Spaces of any kind are escaped, because spaces separate the statements of a link.
    terms = quote(terms, safe=_URL_CHARS, errors="replace") if terms else None
    return TdmRule(_root_pattern(location.strip())[:MAX_PATTERN_CHARS], reserved, terms)


def _root_pattern(location: str) -> str:
    """The location as a path pattern, even if it is a whole URL or lacks the first slash."""
    if absolute_url(location, ""):
        return url_target(location)
    return location if location.startswith(("/", "*")) else f"/{location}"


def parse_ai_txt(body: bytes) -> tuple[PathRule, ...]:
    """The rules of an ai.txt that apply to us."""
    rules = [
        PathRule(value[:MAX_PATTERN_CHARS], field == "allow")
        for field, value in _lines_for_us(body)
        if field in ("allow", "disallow") and value
    ]
    return tuple(rules[:MAX_RULES])


def parse_usage_rules(body: bytes) -> tuple[UsageRule, ...]:
    """The usage preferences in a robots.txt that apply to us, or to all."""
    rules = [_parse_usage_rule(value) for field, value in _lines_for_us(body) if field in _USAGE]
    return tuple(rule for rule in rules if rule.preferences)[:MAX_RULES]


def _parse_usage_rule(value: str) -> UsageRule:
    first, _, rest = value.partition(" ")
    pattern, preferences = (first, rest) if first.startswith(("/", "*")) else ("", value)
    pairs = [
        f"{name}={answer}" for name, answer in _PREFERENCE.findall(preferences[:MAX_PATTERN_CHARS].lower())
    ]
    return UsageRule(pattern[:MAX_PATTERN_CHARS], " ".join(pairs))


def _lines_for_us(body: bytes) -> list[tuple[str, str]]:
    """The lines before the first group, then those of our groups, or else of the groups for all."""
    groups = list(_iter_groups(body))
    ours = OUR_AGENT if any(OUR_AGENT in agents for agents, _ in groups) else "*"
    return [line for agents, lines in groups if not agents or ours in agents for line in lines]


def _iter_groups(body: bytes) -> Iterator[tuple[set[str], list[tuple[str, str]]]]:
    """Groups of lines with their product tokens, as in robots.txt; the first may have none."""
    agents: set[str] = set()
    lines: list[tuple[str, str]] = []
    for field, value in _iter_fields(body):
        if field != _AGENT:
            lines.append((field, value))
            continue
        if lines:
            yield agents, lines
            agents, lines = set(), []
        agents.add(value.lower().partition("/")[0].strip())
    yield agents, lines


def _iter_fields(body: bytes) -> Iterator[tuple[str, str]]:
    for line in re.split(r"[\r\n]+", body[:MAX_BYTES].decode("utf-8-sig", "replace")):
        field, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield field.strip().lower(), " ".join(value.split())


def tdm_statements(rules: Iterable[TdmRule], target: str) -> list[str]:
    """The statement of the first rule that matches (in TDMRep the file's order decides)."""
    rule = next((rule for rule in rules if matches_pattern(rule.location, target)), None)
    if rule is None:
        return []
    reservation = [f"tdm-reservation={int(rule.reserved)}"]
    return [*reservation, f"tdm-policy={rule.policy}"] if rule.policy else reservation


def ai_statements(rules: Iterable[PathRule], target: str) -> list[str]:
    """The statement of the longest matching rule; of equals the allowing rule decides, as in robots.txt.

    ai.txt patterns name file types by their endings: a page whose path has none counts as `.html`.
    """
    path = target.partition("?")[0]
    named = path if "." in path.rpartition("/")[2] else f"{path.removesuffix('/')}.html"
    matching = [
        rule
        for rule in rules
        if matches_pattern(rule.pattern, target) or matches_pattern(rule.pattern, named)
    ]
    if not matching:
        return []
    best = max(matching, key=lambda rule: (len(rule.pattern), rule.allowed))
    return ["ai.txt=yes" if best.allowed else "ai.txt=no"]


def usage_statements(rules: Iterable[UsageRule], target: str) -> list[str]:
    """The preferences by name; the line with the longest path decides, and of equals the refusing line."""
    matching = [rule for rule in rules if not rule.pattern or matches_pattern(rule.pattern, target)]
    best: dict[str, tuple[int, bool, str]] = {}
    for rule in matching:
        for pair in rule.preferences.split():
            name, _, answer = pair.partition("=")
            weight = (len(rule.pattern), answer in ("no", "n", "0"), answer)
            best[name] = max(best.get(name, weight), weight)
    return [f"{name}={answer}" for name, (_, _, answer) in best.items()]


Rule = TypeVar("Rule", TdmRule, PathRule, UsageRule)


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteRights:
    """The rules of an origin: of its tdmrep.json, its ai.txt and its robots.txt."""

    tdm: tuple[TdmRule, ...] = ()
    ai: tuple[PathRule, ...] = ()
    usage: tuple[UsageRule, ...] = ()

    def statement(self, url: str) -> str | None:
        """The page's statements as its link has them: `name=value` separated by spaces; None without any."""
        target = url_target(url)
        statements = [
            *tdm_statements(self.tdm, target),
            *ai_statements(self.ai, target),
            *usage_statements(self.usage, target),
        ]
        return " ".join(statements[:MAX_STATEMENTS]) or None

    def text(self) -> str:
        """The rules as JSON."""
        return json.dumps({name: _limit_rules(rules) for name, rules in asdict(self).items() if rules})


def parse_site_rights(text: str | None) -> SiteRights:
    """The rules that `text()` has written; none if another version's text cannot be read."""
    try:
        data: dict[str, list[list[Any]]] = json.loads(text or "{}")
        return SiteRights(
            tdm=tuple(TdmRule(*rule) for rule in data.get("tdm", ())),
            ai=tuple(PathRule(*rule) for rule in data.get("ai", ())),
            usage=tuple(UsageRule(*rule) for rule in data.get("usage", ())),
        )
    except (ValueError, TypeError, AttributeError):
        return SiteRights()


def _limit_rules(rules: Iterable[Rule]) -> list[Rule]:
    limited, left = [], MAX_CHARS
    for rule in rules:
        left -= len(json.dumps(rule)) + 2
        if left < 0:
            break
        limited.append(rule)
    return limited
