"""HTML files made of what came from the web: every word escaped, one style sheet allowed, nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from html import escape
from importlib.resources import files
from string import Template

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"What HTML forbids, what would turn the order of all that follows, and what UTF-8 cannot hold."


def safe(text: str) -> str:
    """Text for an element or a quoted attribute."""
    return escape(_CONTROLS.sub("\ufffd", text))


def page_of(template: str, **parts: str) -> str:
    """A page from a template of this package; `parts` are HTML already.

    `$style_digest` becomes the hash by which the page's policy lets its own style sheet through.
    """
    text = files("newscrawl.cli").joinpath(template).read_text(encoding="utf-8")
    style = _STYLE.search(text)
    assert style
    digest = "sha256-" + base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    return Template(text).substitute(style_digest=digest, **parts)
