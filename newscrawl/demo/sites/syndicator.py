"""A syndicator of agency copy: RSS, a sitemap index, a Google News sitemap, often broken JSON-LD."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from zoneinfo import ZoneInfo

from newscrawl.demo.http import Request, Response
from newscrawl.demo.site import (
    ListEntry,
    NewsSite,
    Route,
    blocks_html,
    figure,
    interleaved,
    link_list,
    news_sitemap,
    robots_txt,
    rss,
    sitemap,
    sitemap_index,
)
from newscrawl.demo.stories import Story, Stray

_ZONE = ZoneInfo("Asia/Kolkata")
_NEWS_SITEMAP_SIZE = 10
_XML = "application/xml; charset=utf-8"


class SyndicatorSite(NewsSite):
    """Stories at `/article/<label>/<id>-<slug>`; another label, or none as in old URLs, redirects there."""

    template = "syndicator"
    retry_after = 1

    def story_path(self, story: Story) -> str:
        return f"/article/{story.section}/{story.id}-{story.slug}"

    def old_paths(self, story: Story) -> list[str]:
        return [f"/article/{story.id}-{story.slug}", f"/article/headlines/{story.id}-{story.slug}"]

    def other_routes(self) -> dict[str, Route]:
        return {
            "/": self.home,
            "/rss": self._feed,
            "/sitemap.xml": self._index,
            "/sitemap-news.xml": self._news,
            "/sitemap-stories.xml.gz": self._all_gzipped,
            "/robots.txt": robots_txt("/members/", sitemaps=["/sitemap.xml", "/sitemap-news.xml"]),
            **{f"/stories/{section}": self._section(section) for section in self.sections()},
        }

    def home(self, _: Request) -> Response:
        return self._listing(self.desk.title, [*self.desk.listed, *self.desk.stray])

    def _section(self, section: str) -> Route:
        return lambda _: self._listing(section.capitalize(), self.stories_in(section))

    def _listing(self, title: str, pages: Sequence[Story | Stray]) -> Response:
        cards = link_list(self.links(pages), "h3")
        html = self.list_template.substitute(self._around(), title=escape(title), cards=cards)
        return Response(body=html.encode(), content_type="text/html; charset=utf-8", etag=True)

    def story_page(self, story: Story) -> Route:
        def answer(request: Request) -> Response:
            values = _story_values(story, request.base + self.story_path(story))
            html = self.story_template.substitute(self._around() | values)
            return Response(
                body=html.encode(),
                content_type="text/html; charset=utf-8",
                gzip=story.id % 2 == 0,
                chunks=(333, 2, 8000) if story.id % 4 == 0 else (),
                header_case="lower" if story.id % 3 == 0 else "usual",
                headers=(("Cache-Control", "private, max-age=60"),),
            )

        return answer

    def short_page(self, stray: Stray) -> Route:
        def answer(_: Request) -> Response:
            html = self.list_template.substitute(
                self._around(), title=escape(stray.title), cards=f"<p>{escape(stray.text)}</p>"
            )
            return Response(body=html.encode())

        return answer

    def _around(self) -> dict[str, str]:
        return {
            "site": escape(self.desk.title),
            "tagline": escape(self.desk.tagline),
            "menu": link_list([(f"/stories/{name}", name.capitalize()) for name in self.sections()]),
            "latest": link_list(self.links(self.desk.listed[:4])),
            "trending": link_list(self.links(self.desk.listed[-3:])),
        }

    def _entries(self, base: str) -> list[ListEntry]:
        return [
            ListEntry(
                title=story.title,
                # Feed services add tracking parameters; here every third link has them.
                link=base
                + self.story_path(story)
                + ("" if story.id % 3 else "?utm_source=rss&utm_medium=feed"),
                guid=str(story.id),
                published=story.published.astimezone(_ZONE),
                summary=story.lede or "",
                lang="en",
            )
            for story in self.desk.listed
        ]

    def _feed(self, request: Request) -> Response:
        strays = self.stray_entries(request.base, self._newest())
        entries = interleaved(self._entries(request.base), strays)
        body = rss(self.desk.title, request.base + "/", entries, lang="en-IN")
        return Response(body=body, content_type="text/xml; charset=utf-8", etag=True, modified=self._newest())

    def _newest(self) -> datetime:
        return self.desk.story[0].published

    def _index(self, request: Request) -> Response:
        urls = [f"{request.base}/sitemap-stories.xml.gz", f"{request.base}/sitemap-news.xml"]
        return Response(body=sitemap_index(urls, [self._newest()]), content_type=_XML, etag=True)

    def _all_gzipped(self, request: Request) -> Response:
        """A gzip file, served without Content-Encoding."""
        body = gzip.compress(sitemap(self._entries(request.base)), mtime=0)
        return Response(body=body, content_type="application/x-gzip", etag=True)

    def _news(self, request: Request) -> Response:
        entries = self._entries(request.base)[:_NEWS_SITEMAP_SIZE]
        return Response(
            body=news_sitemap(self.desk.title, entries), content_type=_XML, gzip=True, chunks=(7,), etag=True
        )


def _story_values(story: Story, url: str) -> dict[str, str]:
    changed = story.updated or story.published
    tags = "\n".join(
        f'<li><a class="tag" href="/news?tag={escape(t)}">{escape(t)}</a></li>' for t in story.tags
    )
    more_tags = f'<ul class="list-inline"><li>READ MORE ON:</li>{tags}</ul>' if story.tags else ""
    return {
        "id": str(story.id),
        "url": escape(url),
        "title": escape(story.title),
        "label": escape(story.section.capitalize()),
        "lede": f'<h2 class="sub-title">{escape(story.lede)}</h2>' if story.lede else "",
        "summary": escape(story.lede or story.title),
        "source": escape(story.agency or "Deccan Wire News Desk"),
        "source_path": (story.agency or "deccan-wire").lower(),
        "place": escape(story.place or "New Delhi"),
        "published": _iso(story, story.published),
        "modified": _iso(story, changed),
        "updated_text": f"{changed.astimezone(_ZONE):%d-%m-%Y %H:%M} IST",
        "created_text": f"{story.published.astimezone(_ZONE):%d-%m-%Y %H:%M} IST",
        "picture": figure(
            story, f"/images/{story.id}.jpg", "figure", alt=story.title, caption_class="fig-caption"
        ),
        "story": "\n".join(blocks_html(story.parts, "h3")),
        "notice": f"<p>{escape(story.notice)}</p>" if story.notice else "",
        "tags": more_tags,
        "keywords": escape(", ".join(story.tags)),
        "json_ld": _often_broken_json_ld(story, url),
    }


def _iso(story: Story, moment: datetime) -> str:
    """A time with its offset; some pages wrongly mark Indian time as UTC."""
    local = moment.astimezone(_ZONE)
    return (local.replace(tzinfo=UTC) if story.id % 5 == 0 else local).isoformat()


def _often_broken_json_ld(story: Story, url: str) -> str:
    """The JSON-LD of a story; for odd ids its description lacks the quotes."""
    summary = json.dumps(story.lede or story.title)
    return (
        '{"@context": "https://schema.org", "@type": "NewsArticle", '
        f'"mainEntityOfPage": {json.dumps(url)}, '
        f'"headline": {json.dumps(f"{story.title} | {story.section.capitalize()}")}, '
        f'"datePublished": "{_iso(story, story.published)}", '
        f'"dateModified": "{_iso(story, story.updated or story.published)}", '
        f'"author": {{"@type": "Person", "name": {json.dumps(story.agency or "Deccan Wire News Desk")}}}, '
        f'"description": {summary.strip(chr(34)) if story.id % 2 else summary}}}'
    ).replace("</", "<\\/")
