"""What a site says of all its pages' use by machines: tdmrep.json, ai.txt, preferences in robots.txt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

from newscrawl.urls import absolute

_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def target_of(url: str) -> str:
    """What patterns are held against: path and query, in one spelling."""
    parts = urlsplit(url)
    return one_spelling((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def one_spelling(text: str) -> str:
    """Percent-encoded where it must be and nowhere else, so that both sides compare (RFC 9309, 2.2.2)."""
    return quote(_ESCAPED.sub(_plain, text), safe="/%:@!$&'()*+,;=~-._?[]#", errors="replace")


def _plain(escaped: re.Match[str]) -> str:
    char = chr(int(escaped[1], 16))
    return char if char in _UNRESERVED else escaped[0].upper()


def matches(pattern: str, target: str) -> bool:
    """Whether a target begins as the pattern says. Takes one pass, however many stars there are."""
    pattern = one_spelling(pattern)
    anchored = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not others:
        return target == first if anchored else target.startswith(first)
    if not target.startswith(first):
        return False
    at = len(first)
    last = others.pop() if anchored else ""
    for piece in others:
        found = target.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return target.endswith(last) and len(target) - len(last) >= at


TDMREP, AI_TXT = "/.well-known/tdmrep.json", "/ai.txt"
OURS = "newscrawl"
"Our product token in robots.txt and its kin."
MAX_RULES = 500
MAX_PATTERN_CHARS = 500
MAX_BYTES = 1 << 20
"Of a file, so much is read."
_USAGE = ("content-signal", "content-usage")
_PREFERENCE = re.compile(r"([a-z][a-z0-9-]{0,40})\s{0,4}=\s{0,4}\??([a-z0-9]{1,10})")
_AGENT = "user-agent"


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
    said: str
    "As `ai-train=no`, divided by spaces."


def tdm_rules(body: bytes, url: str) -> tuple[TdmRule, ...]:
    """The rules of a tdmrep.json, in their order; those that cannot be read are left out."""
    try:
        data = json.loads(body[:MAX_BYTES].decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return ()
    rules = data if isinstance(data, list) else [data]
    return tuple(rule for one in rules[:MAX_RULES] if (rule := _tdm_rule(one, url)))


def _tdm_rule(data: object, url: str) -> TdmRule | None:
    if not isinstance(data, dict):
        return None
    location, said = data.get("location"), data.get("tdm-reservation")
    reserved = {"1": True, "true": True, "0": False, "false": False}.get(str(said).strip().lower()[:10])
    if not isinstance(location, str) or not location.strip() or reserved is None:
        return None
    policy = data.get("tdm-policy")
    terms = absolute(policy, url) if isinstance(policy, str) and policy.strip() else None
    return TdmRule(_rooted(location.strip())[:MAX_PATTERN_CHARS], reserved, _unspaced(terms))


def _rooted(location: str) -> str:
    """A pattern for paths, also where someone wrote a whole URL or left the first slash out."""
    if absolute(location, ""):
        return target_of(location)
    return location if location.startswith(("/", "*")) else f"/{location}"


def _unspaced(url: str | None) -> str | None:
    """Notes are divided by spaces, so no value may hold one of any kind."""
    return quote(url, safe="/%:@!$&'()*+,;=~-._?[]", errors="replace") if url else None


def ai_rules(body: bytes) -> tuple[PathRule, ...]:
    """The rules of an ai.txt that hold for us."""
    found = [
        PathRule(value[:MAX_PATTERN_CHARS], field == "allow")
        for field, value in _own_lines(body)
        if field in ("allow", "disallow") and value
    ]
    return tuple(found[:MAX_RULES])


def usage_rules(body: bytes) -> tuple[UsageRule, ...]:
    """The preferences that a robots.txt states for us, or for all."""
    found = [_usage_rule(value) for field, value in _own_lines(body) if field in _USAGE]
    return tuple(rule for rule in found if rule.said)[:MAX_RULES]


def _usage_rule(value: str) -> UsageRule:
    first, _, rest = value.partition(" ")
    pattern, said = (first, rest) if first.startswith(("/", "*")) else ("", value)
    pairs = [f"{name}={answer}" for name, answer in _PREFERENCE.findall(said[:MAX_PATTERN_CHARS].lower())]
    return UsageRule(pattern[:MAX_PATTERN_CHARS], " ".join(pairs))


def _own_lines(body: bytes) -> list[tuple[str, str]]:
    """Lines before the first group, then those of the groups named for us, else of those for all."""
    groups = list(_groups(body))
    ours = OURS if any(OURS in agents for agents, _ in groups) else "*"
    return [line for agents, lines in groups if not agents or ours in agents for line in lines]


def _groups(body: bytes) -> Iterator[tuple[set[str], list[tuple[str, str]]]]:
    """Groups of lines with the product tokens they are for, as in robots.txt; the first may have none."""
    agents: set[str] = set()
    lines: list[tuple[str, str]] = []
    for field, value in _fields(body):
        if field != _AGENT:
            lines.append((field, value))
            continue
        if lines:
            yield agents, lines
            agents, lines = set(), []
        agents.add(value.lower().partition("/")[0].strip())
    yield agents, lines


def _fields(body: bytes) -> Iterator[tuple[str, str]]:
    for line in re.split(r"[\r\n]+", body[:MAX_BYTES].decode("utf-8-sig", "replace")):
        field, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield field.strip().lower(), " ".join(value.split())


def tdm_said(rules: Iterable[TdmRule], target: str) -> list[str]:
    """What the first rule that matches says (TDMRep: the order of the file decides)."""
    rule = next((rule for rule in rules if matches(rule.location, target)), None)
    if rule is None:
        return []
    said = [f"tdm-reservation={int(rule.reserved)}"]
    return [*said, f"tdm-policy={rule.policy}"] if rule.policy else said


def ai_said(rules: Iterable[PathRule], target: str) -> list[str]:
    """Of the rules that match, the longest holds, and of two as long the one that allows, as in robots.txt.

    ai.txt speaks of kinds of file by their endings: a page whose path has none is `.html`.
    """
    path = target.partition("?")[0]
    named = path if "." in path.rpartition("/")[2] else f"{path.removesuffix('/')}.html"
    fitting = [rule for rule in rules if matches(rule.pattern, target) or matches(rule.pattern, named)]
    if not fitting:
        return []
    best = max(fitting, key=lambda rule: (len(rule.pattern), rule.allowed))
    return ["ai.txt=yes" if best.allowed else "ai.txt=no"]


def usage_said(rules: Iterable[UsageRule], target: str) -> list[str]:
    """Preferences by name; the line with the longest path decides, and of equals one that refuses."""
    fitting = [rule for rule in rules if not rule.pattern or matches(rule.pattern, target)]
    found: dict[str, tuple[int, bool, str]] = {}
    for rule in fitting:
        for pair in rule.said.split():
            name, _, answer = pair.partition("=")
            weight = (len(rule.pattern), answer in ("no", "n", "0"), answer)
            found[name] = max(found.get(name, weight), weight)
    return [f"{name}={answer}" for name, (_, _, answer) in found.items()]


MAX_CHARS = 64 * 1024
"Of each file, so much is kept; rules beyond that are left out."
MAX_SAID = 24
"Of one page, so many things are said at most: each of its records notes them."
Rule = TypeVar("Rule", TdmRule, PathRule, UsageRule)


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteSignals:
    """The rules of an origin."""

    tdm: tuple[TdmRule, ...] = ()
    ai: tuple[PathRule, ...] = ()
    usage: tuple[UsageRule, ...] = ()

    def said_of(self, url: str) -> str | None:
        """As a link notes it: `name=value` divided by spaces; None where nothing is said of this page."""
        target = target_of(url)
        said = [*tdm_said(self.tdm, target), *ai_said(self.ai, target), *usage_said(self.usage, target)]
        return " ".join(said[:MAX_SAID]) or None

    def text(self) -> str:
        """As JSON."""
        return json.dumps({name: _kept(rules) for name, rules in asdict(self).items() if rules})


def signals_from(text: str | None) -> SiteSignals:
    """What `text()` has written, by this version; of another's nothing is known."""
    try:
        data: dict[str, list[list[Any]]] = json.loads(text or "{}")
        return SiteSignals(
            tdm=tuple(TdmRule(*rule) for rule in data.get("tdm", ())),
            ai=tuple(PathRule(*rule) for rule in data.get("ai", ())),
            usage=tuple(UsageRule(*rule) for rule in data.get("usage", ())),
        )
    except (ValueError, TypeError, AttributeError):
        return SiteSignals()


def _kept(rules: Iterable[Rule]) -> list[Rule]:
    kept, left = [], MAX_CHARS
    for rule in rules:
        left -= len(json.dumps(rule)) + 2
        if left < 0:
            break
        kept.append(rule)
    return kept
