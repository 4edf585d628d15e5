"""The page templates of the demo outlets: HTML files with `$name` where the story goes."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template

from newscrawl.errors import NewscrawlError

TEMPLATES = Path(__file__).parent / "templates"


def read_template(name: str) -> Template:
    """The template of a kind of page, as `wordpress_story`."""
    path = TEMPLATES / f"{name}.html"
    try:
        return Template(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise NewscrawlError(f"{path}: {error}") from error


def link_list(links: list[tuple[str, str]], tag: str = "li") -> str:
    """(URL, words) pairs as links, each in a tag of its own."""
    return "\n".join(f'<{tag}><a href="{escape(url)}">{escape(words)}</a></{tag}>' for url, words in links)
