"""Titles that speak as spam does: what a site publishes once someone else publishes there."""

from __future__ import annotations

import re

_LOUD = re.compile(
    r"\b(?:viagra|cialis|levitra|tramadol|slot(?:s)? gacor|situs (?:slot|judi)|judi online|togel|"
    r"toto macau|rtp live|bandar (?:bola|togel)|sv388|sabung ayam|pg slot|baccarat online|"
    r"payday loans?|essay writing service|buy (?:followers|backlinks)|porn(?:hub)?|xxx|escorts?)\b",
    re.IGNORECASE,
)
_QUIET = re.compile(
    r"\b(?:casinos?|bonus|free spins|no deposit|sans d[eé]p[oô]t|jackpot|slots?|betting|paris sportifs|"
    r"promo code|code promo|1xbet|melbet|mostbet|pin[- ]?up|aviator|crypto|bitcoin|forex|replica|"
    r"weight loss|cbd|gummies|keto|dating)\b",
    re.IGNORECASE,
)
TWICE = 2


def speaks_as_spam(title: str) -> bool:
    """One word that hardly any newsroom prints, or two different ones that few print together."""
    words = {found.group().lower() for found in _QUIET.finditer(title)}
    return bool(_LOUD.search(title)) or len(words) >= TWICE
