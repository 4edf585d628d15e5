"""A syndicator of agency copy: RSS, a sitemap index, a Google News sitemap, JSON-LD that is often broken."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from html import escape
from zoneinfo import ZoneInfo

from newscrawl.demo.http import Request, Response
from newscrawl.demo.site import (
    Entry,
    Route,
    busy_first,
    gone,
    html_of,
    interleaved,
    link_list,
    missing,
    moved,
    news_sitemap,
    read_template,
    robots,
    routed,
    rss,
    sitemap,
    sitemap_index,
)
from newscrawl.demo.stories import Desk, Story, Stray

_ZONE = ZoneInfo("Asia/Kolkata")
_NEWS_SITEMAP_SIZE = 10
_XML = "application/xml; charset=utf-8"


class SyndicatorSite:
    """Stories under `/article/<label>/<id>-<slug>`; other labels and the old form without one redirect."""

    def __init__(self, outlet_id: str, desk: Desk) -> None:
        self.id = outlet_id
        self.desk = desk
        self._page = read_template("syndicator_story")
        self._list = read_template("syndicator_list")

    def path_of(self, story: Story) -> str:
        return f"/article/{story.section}/{story.id}-{story.slug}"

    def respond(self, request: Request) -> Response:
        return routed(self._routes(), request)

    def _routes(self) -> dict[str, Route]:
        routes: dict[str, Route] = {
            "/": self._home,
            "/rss": self._feed,
            "/sitemap.xml": self._index,
            "/sitemap-news.xml": self._news,
            "/sitemap-stories.xml.gz": self._all_gzipped,
            "/robots.txt": robots("/members/", sitemaps=["/sitemap.xml", "/sitemap-news.xml"]),
        }
        for section in {story.section for story in self.desk.story}:
            routes[f"/stories/{section}"] = self._section(section)
        for story in self.desk.story:
            path, route = self.path_of(story), self._story(story)
            routes[path] = busy_first(route, retry_after=1) if story.busy else route
            routes[f"/article/{story.id}-{story.slug}"] = moved(path)
            routes[f"/article/headlines/{story.id}-{story.slug}"] = moved(path)
        return routes | {stray.path: self._stray(stray) for stray in self.desk.stray}

    def _stray(self, stray: Stray) -> Route:
        if stray.kind == "moved":
            return moved(self.path_of(self.desk.find(stray.to)), stray.status)
        if stray.kind in {"photo", "private"}:
            return self._bare(stray)
        return {"missing": missing, "gone": gone, "listing": self._home}[stray.kind]

    def _home(self, _: Request) -> Response:
        return self._listing(self.desk.title, self.desk.listed, self.desk.stray)

    def _section(self, section: str) -> Route:
        stories = [story for story in self.desk.listed if story.section == section]
        return lambda _: self._listing(section.capitalize(), stories, [])

    def _listing(self, title: str, stories: list[Story], strays: list[Stray]) -> Response:
        links = [(self.path_of(story), story.title) for story in stories]
        links += [(stray.path, stray.title) for stray in strays]
        html = self._list.substitute(self._around(), title=escape(title), cards=link_list(links, "h3"))
        return Response(body=html.encode(), content_type="text/html; charset=utf-8", etag=True)

    def _story(self, story: Story) -> Route:
        def answer(request: Request) -> Response:
            html = self._page.substitute(self._around() | _values(story, request.base + self.path_of(story)))
            return Response(
                body=html.encode(),
                content_type="text/html; charset=utf-8",
                gzip=story.id % 2 == 0,
                chunks=(333, 2, 8000) if story.id % 4 == 0 else (),
                header_case="lower" if story.id % 3 == 0 else "usual",
                headers=(("Cache-Control", "private, max-age=60"),),
            )

        return answer

    def _bare(self, stray: Stray) -> Route:
        """A page with next to no words."""

        def answer(_: Request) -> Response:
            html = self._list.substitute(
                self._around(), title=escape(stray.title), cards=f"<p>{escape(stray.text)}</p>"
            )
            return Response(body=html.encode())

        return answer

    def _around(self) -> dict[str, str]:
        sections = sorted({story.section for story in self.desk.story})
        latest = [(self.path_of(story), story.title) for story in self.desk.listed[:4]]
        oldest = [(self.path_of(story), story.title) for story in self.desk.listed[-3:]]
        return {
            "site": escape(self.desk.title),
            "tagline": escape(self.desk.tagline),
            "menu": link_list([(f"/stories/{name}", name.capitalize()) for name in sections]),
            "latest": link_list(latest),
            "trending": link_list(oldest),
        }

    def _entries(self, base: str) -> list[Entry]:
        return [
            Entry(
                title=story.title,
                # every third link says where the reader came from, as feed services have it
                link=base + self.path_of(story) + ("" if story.id % 3 else "?utm_source=rss&utm_medium=feed"),
                guid=str(story.id),
                published=story.published.astimezone(_ZONE),
                summary=story.lede or "",
                lang="en",
            )
            for story in self.desk.listed
        ]

    def _feed(self, request: Request) -> Response:
        strays = [
            Entry(title=s.title, link=request.base + s.path, guid=s.path, published=self._newest())
            for s in self.desk.stray
            if s.in_feed
        ]
        entries = interleaved(self._entries(request.base), strays)
        body = rss(self.desk.title, request.base + "/", entries, lang="en-IN")
        return Response(body=body, content_type="text/xml; charset=utf-8", etag=True, modified=self._newest())

    def _newest(self) -> datetime:
        return self.desk.story[0].published

    def _index(self, request: Request) -> Response:
        urls = [f"{request.base}/sitemap-stories.xml.gz", f"{request.base}/sitemap-news.xml"]
        return Response(body=sitemap_index(urls, [self._newest()]), content_type=_XML, etag=True)

    def _all_gzipped(self, request: Request) -> Response:
        """The file itself is gzip; no Content-Encoding says so."""
        body = gzip.compress(sitemap(self._entries(request.base)), mtime=0)
        return Response(body=body, content_type="application/x-gzip", etag=True)

    def _news(self, request: Request) -> Response:
        entries = self._entries(request.base)[:_NEWS_SITEMAP_SIZE]
        return Response(
            body=news_sitemap(self.desk.title, entries), content_type=_XML, gzip=True, chunks=(7,), etag=True
        )


def _values(story: Story, url: str) -> dict[str, str]:
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
        "picture": _picture(story),
        "story": "\n".join(html_of(story.parts, "h3")),
        "notice": f"<p>{escape(story.notice)}</p>" if story.notice else "",
        "tags": more_tags,
        "keywords": escape(", ".join(story.tags)),
        "json_ld": _json_ld(story, url),
    }


def _iso(story: Story, moment: datetime) -> str:
    """The moment with its offset; on some pages Indian time is wrongly marked as UTC."""
    local = moment.astimezone(_ZONE)
    return (local.replace(tzinfo=UTC) if story.id % 5 == 0 else local).isoformat()


def _json_ld(story: Story, url: str) -> str:
    """The page's own description, whose text lost its quotes where the id is odd."""
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


def _picture(story: Story) -> str:
    if not story.caption:
        return ""
    image = f'<img src="/images/{story.id}.jpg" alt="{escape(story.title)}">'
    caption = f'<figcaption class="fig-caption">{escape(story.caption)}</figcaption>'
    return f'<figure class="figure">{image}{caption}</figure>'
