"""The settings of a run: what was asked of it, and a digest of what bears on the lines it writes."""

from __future__ import annotations

import hashlib
import json
import re

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings, overridden_settings

REPLAY_SETTINGS = {
    "DOWNLOAD_HANDLERS": {
        "http": "newscrawl.handlers.replay.ReplayHandler",
        "https": "newscrawl.handlers.replay.ReplayHandler",
        "file": None,
        "data": None,
        "ftp": None,
        "s3": None,
    },
    "TWISTED_DNS_RESOLVER": "newscrawl.handlers.replay.RefusingResolver",
    # Nobody is waiting at the other end.
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": False,
    "HTTPCACHE_ENABLED": False,
}
"What a replay sets whatever else is asked for."
_OWN = "NEWSCRAWL_"
STATE_URL, NOTHING = "NEWSCRAWL_STATE_URL", "sqlite://"
"A database that ends with its run."
ARGUMENTS = "SPIDER_ARGUMENTS"
"Where `scrapy crawl` leaves what was given with -a."
_SECRET = re.compile(r"PASS|SECRET|TOKEN|KEY|AUTH")
_SILENT = {
    *REPLAY_SETTINGS,
    ARGUMENTS,
    "NEWSCRAWL_ARCHIVES",
    "NEWSCRAWL_CONTACT",
    "NEWSCRAWL_LEARN",
    "NEWSCRAWL_REPLAY",
    "NEWSCRAWL_REPLAY_AT",
    "NEWSCRAWL_REPLAY_RUN",
    "NEWSCRAWL_WEBHOOK",  # its path may be a secret
    STATE_URL,
    "USER_AGENT",
}
"Settings no line depends on: where things lie, who asks, and what every replay changes."


def settings_digest(settings: BaseSettings) -> str:
    """Digest of the settings that bear on what is written: newscrawl's, and Scrapy's that were changed."""
    names = {name for name, _ in overridden_settings(settings)} | {"ITEM_PIPELINES"}
    names |= {name for name in settings if name.startswith(_OWN)}
    return digest_of({name: _text(settings[name]) for name in sorted(names - _SILENT)})


def given_settings(settings: BaseSettings) -> dict[str, str]:
    """What was asked of this run: settings of the command line, and newscrawl's own."""
    return forgetful(settings) | {
        name: _text(value)
        for name, value in sorted(settings.items())
        if ((settings.getpriority(name) or 0) >= SETTINGS_PRIORITIES["cmdline"] or name.startswith(_OWN))
        and name not in _SILENT
        and not _SECRET.search(name)
    }


def forgetful(settings: BaseSettings) -> dict[str, str]:
    """Told of a run that remembers nothing; another place of state is not told: it may hold a password."""
    return {STATE_URL: NOTHING} if settings.get(STATE_URL) == NOTHING else {}


def _text(value: object) -> str:
    if isinstance(value, BaseSettings):
        value = value.copy_to_dict()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def digest_of(data: dict[str, object]) -> str:
    """Sixteen hex digits of a JSON object, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
