"""Outlets whose theme no program can read without help: parts of other stories stand inside of each story.

One gives its stories in the WordPress API, one in its feed, and one only teasers.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from newscrawl.demo.catalogue import demo_site
from newscrawl.demo.http import Request, Response
from newscrawl.demo.site import ListEntry, Route, blocks_html, plain_text, rss
from newscrawl.demo.sites.wordpress import WordpressSite
from newscrawl.demo.stories import Story, Stray

DESK = "kamer_echo"
API, FEED, TEASERS = "boxes_api", "boxes_feed", "boxes_teasers"
_OUTLET = """\
title = "{id}"
home = "{base}/"
country = "CM"
languages = ["fr", "en"]
timezone = "Africa/Douala"
kind = "national"
{platform}
feeds = ["{base}/feed/"]
article_urls = ['/\\d{{4}}/\\d{{2}}/\\d{{2}}/[^/?]+/?$']
status = "active"
"""
_PAGE = """\
<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><title>{title}</title>
<meta property="og:title" content="{title}"><meta property="og:type" content="article">
<meta property="article:published_time" content="{published}">{head}</head><body>
<nav><ul><li><a href="{base}/">Accueil</a></li></ul></nav>
<main><h1>{title}</h1><div class="c4">
{story}
</div></main><footer><p>Kamer Echo</p></footer></body></html>
"""
Content = Callable[[Story], str | None]


def whole_content(story: Story) -> str:
    """The story as WordPress feeds have it."""
    caption = f"<figure><figcaption>{escape(caption_text(story))}</figcaption></figure>"
    link = f'<p>The post <a href="/?p={story.id}">{escape(story.title)}</a> appeared first on Kamer Echo.</p>'
    return "\n".join((*blocks_html(story.parts[:1]), caption, *blocks_html(story.parts[1:]), link))


def caption_text(story: Story) -> str:
    """What is printed below the picture of a story."""
    return story.caption or f"{story.title}: la place devant la mairie, vue du pont, mardi matin."


def teaser_content(story: Story) -> str:
    """The first sentence, cut."""
    return f"<p>{escape(plain_text(story.parts[0].text)[:120])} […]</p>"


class BoxedSite(WordpressSite):
    """Each story has a caption, a box of another and a promotion between its own paragraphs."""

    def __init__(self, outlet_id: str, feed_content: Content = teaser_content) -> None:
        desk = demo_site(DESK).desk
        stories = [story.model_copy(update={"busy": False}) for story in desk.story]
        super().__init__(outlet_id, desk.model_copy(update={"story": stories, "stray": []}))
        self.feed_content = feed_content
        self.asks_for_pay: set[int] = set()
        "Ids of stories of which the page shows only the first paragraph."

    def _post(self, story: Story, base: str) -> dict[str, Any]:
        content = {"rendered": whole_content(story), "protected": False}
        return super()._post(story, base) | {"content": content}

    def text(self, story: Story) -> str:
        """What an article must have."""
        return "\n\n".join(plain_text(part.text) for part in story.parts)

    def story_page(self, story: Story) -> Route:
        return lambda request: self._page(story, request)

    def short_page(self, stray: Stray) -> Route:
        raise NotImplementedError

    def _page(self, story: Story, request: Request) -> Response:
        parts = blocks_html(story.parts)
        head = ""
        if story.id in self.asks_for_pay:
            parts = parts[:1]
            head = (
                '<script type="application/ld+json">{"@context": "https://schema.org", '
                '"@type": "NewsArticle", "isAccessibleForFree": false}</script>'
            )
        html = _PAGE.format(
            title=escape(story.title),
            published=story.published.isoformat(),
            base=request.base,
            story="\n".join(self._between(story, parts)),
            head=head,
        )
        return Response(body=html.encode(), etag=True)

    def _between(self, story: Story, parts: list[str]) -> list[str]:
        stories = self.desk.story
        at = next(number for number, other in enumerate(stories) if other.id == story.id)
        other, third = (stories[(at + step) % len(stories)] for step in (1, 2))
        box = "".join(f"<p>{escape(plain_text(part.text))}</p>" for part in other.parts[:1])
        promotion = f"Nos lecteurs ont beaucoup discuté de cette autre histoire : {third.title}."
        lines = [*parts[:1], f"<p>{escape(caption_text(story))}</p>", *parts[1:2]]
        lines += [
            f'<div class="c9">{box}</div>',
            *parts[2:3],
            f'<p class="c7">{escape(promotion)}</p>',
            *parts[3:],
        ]
        return lines

    def _feed(self, request: Request) -> Response:
        entries = [
            ListEntry(
                title=story.title,
                link=request.base + self.story_path(story),
                guid=f"{request.base}/?p={story.id}",
                published=story.published,
                content=self.feed_content(story),
            )
            for story in self.desk.listed
        ]
        body = rss(self.desk.title, f"{request.base}/", entries, lang="fr-FR")
        return Response(body=body, content_type="application/rss+xml; charset=UTF-8", gzip=True, etag=True)


def boxed_sites() -> list[BoxedSite]:
    """The three outlets."""
    return [BoxedSite(API), BoxedSite(FEED, whole_content), BoxedSite(TEASERS)]


def write_outlet(site: BoxedSite, base: str, folder: Path, more: str = "") -> None:
    """The file of an outlet that is served at `base`; `more` are lines of other keys."""
    folder.mkdir(parents=True, exist_ok=True)
    platform = 'platform = "wordpress"' if site.id == API else more
    text = _OUTLET.format(id=site.id, base=base, platform=platform)
    (folder / f"{site.id}.toml").write_text(text, encoding="utf-8")
