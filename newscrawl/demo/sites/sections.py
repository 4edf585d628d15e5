"""A bilingual site known by its section pages alone: no feed, no sitemap, pages linked by rel=next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from newscrawl.demo.http import Request, Response
from newscrawl.demo.site import (
    Route,
    busy_first,
    gone,
    html_of,
    link_list,
    missing,
    moved,
    read_template,
    robots,
    routed,
)
from newscrawl.demo.stories import Desk, Part, Story, Stray

_PER_PAGE = 2
_WORDS = {
    "en": {
        "newsletter": "Sign up for the harbour letter: our best reading, every Saturday at breakfast.",
        "button": "Count me in",
        "related": "Related stories",
        "bio": "writes for",
        "comments": "Join the conversation",
        "next": "Older stories",
    },
    "fr": {
        "newsletter": "Recevez la lettre du port : nos meilleures lectures, chaque samedi au déjeuner.",
        "button": "Je m’inscris",
        "related": "À lire aussi",
        "bio": "signe ses reportages dans",
        "comments": "Participer à la discussion",
        "next": "Articles plus anciens",
    },
}


class SectionSite:
    """Stories at `/story/<slug>-<id>` and `/recit/<slug>-<id>`, listed in sections of a few pages each."""

    def __init__(self, outlet_id: str, desk: Desk) -> None:
        self.id = outlet_id
        self.desk = desk
        self._page = read_template("sections_story")
        self._list = read_template("sections_list")

    def path_of(self, story: Story) -> str:
        return f"/{'recit' if story.lang == 'fr' else 'story'}/{story.slug}-{story.id}"

    def respond(self, request: Request) -> Response:
        return routed(self._routes(), request)

    def _routes(self) -> dict[str, Route]:
        routes: dict[str, Route] = {
            "/": self._home,
            "/robots.txt": robots("/story/members-", "/cgi-bin/"),
        }
        for section in self._sections():
            routes[f"/section/{section}"] = self._section(section)
        for story in self.desk.story:
            path, route = self.path_of(story), self._story(story)
            routes[path] = busy_first(route) if story.busy else route
            routes[f"{path}/"] = moved(path)
        return routes | {stray.path: self._stray(stray) for stray in self.desk.stray}

    def _sections(self) -> list[str]:
        return sorted({story.section for story in self.desk.story})

    def _stray(self, stray: Stray) -> Route:
        if stray.kind == "moved":
            return moved(self.path_of(self.desk.find(stray.to)), stray.status)
        if stray.kind in {"photo", "private"}:
            return lambda _: self._listing(stray.title, f"<p>{escape(stray.text)}</p>", "")
        return {"missing": missing, "gone": gone, "listing": self._home}[stray.kind]

    def _home(self, _: Request) -> Response:
        newest = [(self.path_of(story), story.title) for story in self.desk.listed[:_PER_PAGE]]
        return self._listing(self.desk.title, link_list(newest, "h2"), "")

    def _section(self, section: str) -> Route:
        """Page by page; the strays stand on the first page of the first section."""
        stories = [story for story in self.desk.listed if story.section == section]
        links = [(self.path_of(story), story.title) for story in stories]
        strays = self.desk.stray if section == self._sections()[0] else []

        def answer(request: Request) -> Response:
            page = request.query.get("page", "1")
            number = int(page) if page.isascii() and page.isdigit() and len(page) < 4 else 0
            shown = links[(number - 1) * _PER_PAGE : number * _PER_PAGE] if number else []
            if not shown:
                return missing(request)
            shown = shown + [(s.path, s.title) for s in strays] if number == 1 else shown
            more = f"/section/{section}?page={number + 1}" if number * _PER_PAGE < len(links) else ""
            return self._listing(section.capitalize(), link_list(shown, "h2"), more)

        return answer

    def _listing(self, title: str, content: str, more: str) -> Response:
        html = self._list.substitute(
            self._around("en"),
            title=escape(title),
            content=content,
            next_head=f'<link rel="next" href="{more}">' if more else "",
            next_link=f'<a rel="next" href="{more}">{_WORDS["en"]["next"]}</a>' if more else "",
        )
        return Response(
            body=html.encode(),
            content_type="text/html; charset=utf-8",
            gzip=True,
            chunks=(5, 4000),
            etag=True,
        )

    def _story(self, story: Story) -> Route:
        def answer(request: Request) -> Response:
            html = self._page.substitute(self._around(_tongue(story)) | self._values(story, request.base))
            return Response(
                body=html.encode(),
                content_type="text/html; charset=utf-8",
                gzip=story.id % 2 == 1,
                etag=story.id % 2 == 0,
                header_case="lower" if story.id % 4 == 0 else "usual",
            )

        return answer

    def _around(self, tongue: str) -> dict[str, str]:
        return {
            "site": escape(self.desk.title),
            "tagline": escape(self.desk.tagline),
            "menu": link_list([(f"/section/{name}", name.capitalize()) for name in self._sections()]),
            "lang": f"{tongue}-CA",
            **_WORDS[tongue],
        }

    def _values(self, story: Story, base: str) -> dict[str, str]:
        url = base + self.path_of(story)
        byline = story.author or story.agency or self.desk.title
        return {
            "url": escape(url),
            "title": escape(story.title),
            "summary": escape(story.lede or story.title),
            "lede": f'<p class="deck">{escape(story.lede)}</p>' if story.lede else "",
            "byline": escape(byline),
            "published": story.published.isoformat(),
            "published_text": f"{story.published:%Y-%m-%d %H:%M}",
            "modified": (story.updated or story.published).isoformat(),
            "picture": _picture(story),
            "story": self._body(story),
            "notice": f'<p class="wire-note">{escape(story.notice)}</p>' if story.notice else "",
            "author_bio": _bio(story, self.desk.title),
            "json_ld": _json_ld(story, url) if story.lang == "en" else "",
        }

    def _body(self, story: Story) -> str:
        """The story with links to others inside; half of them in two sibling containers around an advert."""
        parts = story.parts
        middle = _cut(parts) if story.id % 2 else len(parts)
        first, second = html_of(parts[:middle], "h3"), html_of(parts[middle:], "h3")
        first.insert(1, self._related(story))
        if not second:
            return "".join(first)
        return (
            f'<div class="story-part">{"".join(first)}</div>\n'
            '<div class="ad-slot" aria-hidden="true"><span>Advertisement</span></div>\n'
            f'<div class="story-part">{"".join(second)}</div>'
        )

    def _related(self, story: Story) -> str:
        others = [other for other in self.desk.listed if other.id != story.id and other.lang == story.lang][
            :3
        ]
        links = link_list([(self.path_of(other), other.title) for other in others])
        heading = _WORDS[_tongue(story)]["related"]
        return f'<aside class="related-links"><h4>{heading}</h4><ul>{links}</ul></aside>'


def _tongue(story: Story) -> str:
    return "fr" if story.lang == "fr" else "en"


def _cut(parts: Sequence[Part]) -> int:
    """The middle of the story, never within a list."""
    middle = len(parts) // 2
    while parts[middle].kind == "li" and middle < len(parts) - 1:
        middle += 1
    return middle


def _picture(story: Story) -> str:
    if not story.caption:
        return ""
    image = f'<img src="/photos/{story.id}.jpg" alt="">'
    return f'<figure class="lead-photo">{image}<figcaption>{escape(story.caption)}</figcaption></figure>'


def _bio(story: Story, site: str) -> str:
    if not story.author:
        return ""
    words = f"<strong>{escape(story.author)}</strong> {_WORDS[_tongue(story)]['bio']} {escape(site)}."
    return f'<div class="author-bio"><p>{words}</p></div>'


def _json_ld(story: Story, url: str) -> str:
    data = {
        "@context": "https://schema.org",
        "@type": ["NewsArticle"],
        "headline": story.title,
        "url": url,
        "datePublished": story.published.isoformat(),
        "author": [{"@type": "Person", "name": story.author}] if story.author else [],
        "inLanguage": "en-CA",
    }
    text = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
    return f'<script type="application/ld+json">{text}</script>'
