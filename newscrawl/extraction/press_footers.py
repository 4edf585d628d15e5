"""What companies put below their press releases: who they are, and that forecasts may fail."""

from __future__ import annotations

import re
from collections.abc import Sequence

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.phrases import is_name

_HEADING_CHARS, _NAME_CHARS = 90, 60
_COMPANY_CHARS = 1000
"Longest section on a company; a longer one is a part of the story."
_MAX_PARAGRAPHS = 4
"Paragraphs below a heading such as `About Example Ltd`; more are a part of the story."
_ABOUT = re.compile(
    r"^\W{0,3}(?:About|[AÀ] propos d(?:e |u |['’])|Über (?:die |den |das )?|Acerca de |Sobre (?:a |o |"
    r"la )?|Om |Over )\s?"
    r"(?P<name>[^:;!?.–—]{2,60}(?:\b(?:Inc|Ltd|Corp|Co|Dr|S\.A|St)\.?)?)\s?(?:[:–—]\s?(?P<text>.+))?$",
    re.S,
)
_COMPANY_NAME = re.compile(
    r"\b(?:Inc|Corp|Corporation|Ltd|Limited|LLC|PLC|plc|Co|Company|Group|Holdings?|GmbH|AG|SE|SAS?|S\.A|NV|N\.V|AB|ASA|A/S|"
    r"SpA|Oy|Foundation|Association|University|Institute|Technologies|Partners)\b"
)
_COMPANY = re.compile(
    r"\b(?:is|are) (?:an?|the|one of)\b|\b(?:founded|established) in\b|\bheadquartered\b|\bleading\b|"
    r"\bprovid(?:es|er)\b|"
    r"\bNYSE\b|\bNASDAQ\b|\best (?:un|une|le|la|l['’]une?)\b|\bfondée? en\b|\bist (?:ein|eine|der|die|"
    r"das)\b|\bmit Sitz in\b|"
    r"\b(?:es|é|è) (?:un|una|um|uma|la|el|o|a)\b|\bfundada em?\b",
    re.I,
)
_FORECASTS = (
    r"(?:forward[- ]looking (?:statements?|information)|déclarations prospectives|"
    r"zukunftsgerichtete[nr]? aussagen)"
)
_FORECAST_HEADING = re.compile(
    rf"^\W*(?:(?:cautionary (?:notes?|statements?|language)|(?:note|caution|disclaimer|"
    rf"statement)s?)?\W?(?:on|about|regarding|concerning)?\W?"
    rf"{_FORECASTS}|safe harbou?r(?: statements?)?.{{0,60}}|cautionary (?:note|statement).{{0,80}})\W*$",
    re.I,
)
_FORECAST_TEXT = re.compile(
    rf"^\W*(?:this|certain|statements?|some|except|except for|all statements|the|any|these|ce|"
    rf"certaines|diese|forward)\b.{{0,400}}?{_FORECASTS}",
    re.I | re.S,
)
_RISK = re.compile(
    r"\brisks?\b|\buncertaint|\bsecurities\b|\brisques\b|\bincertitudes\b|\brisiken\b|\bactual results\b",
    re.I,
)
_RESERVED = re.compile(
    r"\bcontain|\bincludes?\b|\bconstitut|\bwithin the meaning\b|\bobligation\b|\bundertakes?\b|\bcontien|"
    r"\bcomprend|\benthalten\b|\benthält\b",
    re.I,
)
"How such notices speak; a story that mentions forecasts names one risk at most."
_MIN_RISKS = 2


def find_company_notices(blocks: Sequence[TextBlock]) -> set[int]:
    """Identities of the blocks in the second half of a story that say what a company is or reserves."""
    total, before = sum(len(block.text) for block in blocks), 0
    found: set[int] = set()
    for at, block in enumerate(blocks):
        before += len(block.text)
        if 2 * before < total or id(block) in found:
            continue
        match = _ABOUT.match(block.text) if len(block.text) < 3000 else None
        if match is not None and len(match["name"]) <= _NAME_CHARS and _is_company_name(match["name"]):
            if match["text"]:
                found |= {id(block)} if _is_presented(match["name"], match["text"]) else set()
            else:
                found |= _company_section(blocks, at, match["name"])
        elif _FORECAST_TEXT.match(block.text) and _reserves(block.text):
            found.add(id(block))
            if at and _FORECAST_HEADING.match(blocks[at - 1].text):
                found.add(id(blocks[at - 1]))
    return found


def _reserves(text: str) -> bool:
    """Whether a text on forecasts says that they may fail, as notices do and stories do not."""
    risks = _RISK.findall(text)
    return len(risks) >= _MIN_RISKS or (bool(risks) and _RESERVED.search(text) is not None)


def _is_company_name(name: str) -> bool:
    return is_name(name.strip()) and name.strip()[:1].isupper()


def _is_presented(name: str, text: str) -> bool:
    """Whether a text says what a company is; the name of a product or a place needs more words for it."""
    what = _COMPANY.findall(text)
    return len(text) <= _COMPANY_CHARS and len(what) >= (1 if _COMPANY_NAME.search(name) else 2)


def _company_section(blocks: Sequence[TextBlock], at: int, name: str) -> set[int]:
    """The heading at `at` and the paragraphs below, if these say what the company is."""
    if len(blocks[at].text) > _HEADING_CHARS:
        return set()
    section: list[TextBlock] = []
    for block in blocks[at + 1 : at + _MAX_PARAGRAPHS + 2]:
        if block.kind == "h" or _ABOUT.match(block.text) or _FORECAST_HEADING.match(block.text):
            break
        section.append(block)
    if not 0 < len(section) <= _MAX_PARAGRAPHS:
        return set()
    first = section[0].text
    names = name.split(maxsplit=1)[0].casefold() in first.casefold()
    chars = sum(len(block.text) for block in section)
    if not names or chars > _COMPANY_CHARS or not _is_presented(name, first):
        return set()
    return {id(block) for block in (blocks[at], *section)}
