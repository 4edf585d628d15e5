"""A bilingual WordPress site built with Elementor: French chrome around stories in two languages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from newscrawl.demo.http import Request, Response
from newscrawl.demo.site import (
    ListEntry,
    NewsSite,
    Route,
    blocks_html,
    figure,
    french_date,
    interleaved,
    link_list,
    not_found,
    redirect,
    robots_txt,
    rss,
)
from newscrawl.demo.stories import Desk, Story, Stray

_ZONE = ZoneInfo("Africa/Douala")
_COOKIES = (
    ("Set-Cookie", "PHPSESSID=demo0000; path=/"),
    ("Set-Cookie", "cmplz_banner-status=; Max-Age=31536000; path=/; SameSite=Lax"),
    ("Set-Cookie", "pll_language=fr; path=/"),
)
_MAX_PER_PAGE = 100


class WordpressSite(NewsSite):
    """Stories under dated permalinks, a feed, the posts API, category pages."""

    template = "wordpress"

    def story_path(self, story: Story) -> str:
        return f"/{story.published.astimezone(_ZONE):%Y/%m/%d}/{story.slug}/"

    def old_paths(self, story: Story) -> list[str]:
        return [self.story_path(story).rstrip("/"), f"/?p={story.id}"]

    def other_routes(self) -> dict[str, Route]:
        return {
            "/": self.home,
            "/feed/": self._feed,
            "/feed": redirect("/feed/"),
            "/wp-json/wp/v2/posts": self._api,
            "/robots.txt": robots_txt("/wp-admin/", "/reserve/"),
            **{f"/category/{section}/": self._category(section) for section in self.sections()},
            **{f"/wp-json/wp/v2/posts/{story.id}": self._api_post(story) for story in self.desk.story},
        }

    def home(self, request: Request) -> Response:
        return self._listing(request, self.desk.title, [*self.desk.listed, *self.desk.stray])

    def _category(self, section: str) -> Route:
        return lambda request: self._listing(request, section.capitalize(), self.stories_in(section))

    def _listing(self, request: Request, title: str, pages: Sequence[Story | Stray]) -> Response:
        cards = link_list(self.links(pages, request.base), "h3")
        html = self.list_template.substitute(self._around(request), title=escape(title), cards=cards)
        return Response(body=html.encode(), gzip=True, headers=_COOKIES, etag=True)

    def story_page(self, story: Story) -> Route:
        def answer(request: Request) -> Response:
            html = self.story_template.substitute(
                self._around(request)
                | _head_values(story, self.desk, request.base + self.story_path(story), request.base),
                lede=_widget("theme-post-excerpt", escape(story.lede)) if story.lede else "",
                picture=_story_figure(story, request.base),
                story=_story_widget(story),
                author=escape(story.author or ""),
                notice=f'<p class="source-depeche">{escape(story.notice)}</p>' if story.notice else "",
            )
            odd = story.id % 2 == 1
            return Response(
                body=html.encode(),
                gzip=not odd,
                chunks=(1, 1500, 77, 4096) if odd else (),
                etag=True,
                modified=story.updated or story.published,
                headers=(*_COOKIES, ("link", f'<{request.base}/wp-json/>; rel="https://api.w.org/"')),
            )

        return answer

    def short_page(self, stray: Stray) -> Route:
        def answer(request: Request) -> Response:
            body = _widget("theme-post-content", f"<p>{escape(stray.text)}</p>")
            html = self.list_template.substitute(self._around(request), title=escape(stray.title), cards=body)
            return Response(body=html.encode(), gzip=True)

        return answer

    def _around(self, request: Request) -> dict[str, str]:
        others = self.links(self.desk.listed[-4:], request.base)
        menu = [(f"{request.base}/category/{name}/", name.capitalize()) for name in self.sections()]
        return {
            "base": request.base,
            "site": escape(self.desk.title),
            "tagline": escape(self.desk.tagline),
            "menu": link_list(menu),
            "commented": link_list(others),
            "liked": link_list(others[:2], "h5"),
        }

    def _feed(self, request: Request) -> Response:
        if request.query.get("paged", "1") != "1":
            return not_found(request)
        entries = [self._entry(story, request.base) for story in self.desk.listed]
        strays = self.stray_entries(request.base, entries[0].published)
        body = rss(self.desk.title, request.base + "/", interleaved(entries, strays), lang="fr-FR")
        newest = max(story.updated or story.published for story in self.desk.story)
        feed = "application/rss+xml; charset=UTF-8"
        return Response(body=body, content_type=feed, gzip=True, etag=True, modified=newest)

    def _entry(self, story: Story, base: str) -> ListEntry:
        return ListEntry(
            title=story.title,
            link=base + self.story_path(story),
            guid=f"{base}/?p={story.id}",
            published=story.published.astimezone(UTC),
            summary=story.lede or "",
            content="\n".join(blocks_html(story.parts)) if story.id % 3 else None,
        )

    def _api(self, request: Request) -> Response:
        """A page of posts in the form of the WordPress API."""
        page, size = _read_number(request, "page", 1), _read_number(request, "per_page", 10)
        if not page or not size or size > _MAX_PER_PAGE:
            return _json({"code": "rest_invalid_param", "data": {"status": 400}}, status=400)
        stories = self.desk.listed
        pages = -(-len(stories) // size)
        if page > pages:
            return _json({"code": "rest_post_invalid_page_number", "data": {"status": 400}}, status=400)
        posts = [self._post(story, request.base) for story in stories[(page - 1) * size : page * size]]
        counts = (("X-WP-Total", str(len(stories))), ("X-WP-TotalPages", str(pages)))
        return _json(posts, headers=counts)

    def _api_post(self, story: Story) -> Route:
        return lambda request: _json(self._post(story, request.base))

    def _post(self, story: Story, base: str) -> dict[str, Any]:
        changed = story.updated or story.published
        return {
            "id": story.id,
            "date": f"{story.published.astimezone(_ZONE):%Y-%m-%dT%H:%M:%S}",
            "date_gmt": f"{story.published.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
            "guid": {"rendered": f"{base}/?p={story.id}"},
            "modified_gmt": f"{changed.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
            "slug": story.slug,
            "status": "publish",
            "type": "post",
            "link": base + self.story_path(story),
            "title": {"rendered": escape(story.title, quote=False).replace("’", "&#8217;")},
            "content": {"rendered": "\n".join(blocks_html(story.parts)), "protected": False},
            "excerpt": {"rendered": f"<p>{escape(story.lede or '')}</p>", "protected": False},
        }


def _head_values(story: Story, desk: Desk, url: str, base: str) -> dict[str, str]:
    local = story.published.astimezone(_ZONE)
    return {
        "id": str(story.id),
        "url": escape(url),
        "title": escape(story.title),
        "summary": escape(story.lede or story.title),
        "section": escape(story.section.capitalize()),
        "published": story.published.astimezone(UTC).isoformat(),
        "modified": (story.updated or story.published).astimezone(UTC).isoformat(),
        "date": french_date(local),
        "graph": json.dumps(_graph(story, desk, url, base), ensure_ascii=False).replace("</", "<\\/"),
    }


def _graph(story: Story, desk: Desk, url: str, base: str) -> dict[str, Any]:
    """The graph of an SEO plugin: correct, except that it names the same language for every page."""
    article = {
        "@type": "NewsArticle",
        "@id": f"{url}#article",
        "headline": story.title,
        "datePublished": story.published.astimezone(UTC).isoformat(),
        "dateModified": (story.updated or story.published).astimezone(UTC).isoformat(),
        "mainEntityOfPage": {"@id": url},
        "articleSection": [story.section.capitalize()],
        "keywords": story.tags,
        "inLanguage": "fr-FR",
        "publisher": {"@id": f"{base}/#organization"},
    }
    if story.author:
        article["author"] = {"@type": "Person", "name": story.author}
    page = {"@type": "WebPage", "@id": url, "url": url, "name": f"{story.title} - {desk.title}"}
    owner = {"@type": "Organization", "@id": f"{base}/#organization", "name": desk.title, "url": f"{base}/"}
    return {"@context": "https://schema.org", "@graph": [article, page, owner]}


def _story_widget(story: Story) -> str:
    """The story, half the time in the theme's content widget, else in that of a text editor."""
    name = "theme-post-content" if story.id % 4 < 2 else "text-editor"
    return _widget(name, "\n".join(blocks_html(story.parts, "h3")), "elementor-element-7d41b0c")


def _widget(name: str, html: str, more: str = "") -> str:
    return (
        f'<div class="elementor-element {more} elementor-widget elementor-widget-{name}">'
        f'<div class="elementor-widget-container">{html}</div></div>'
    )


def _story_figure(story: Story, base: str) -> str:
    source = f"{base}/wp-content/uploads/{story.published:%Y/%m}/{story.slug}.jpg"
    caption_class = "widget-image-caption wp-caption-text"
    return figure(story, source, "wp-caption", alt=story.title, caption_class=caption_class)


def _read_number(request: Request, name: str, default: int) -> int:
    """A positive number in the query; 0 if it is invalid."""
    text = request.query.get(name, str(default))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _json(data: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    body = json.dumps(data).encode()
    kind = "application/json; charset=UTF-8"
    return Response(status=status, body=body, content_type=kind, headers=headers, gzip=True, etag=True)
