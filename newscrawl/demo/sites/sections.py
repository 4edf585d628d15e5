"""A bilingual site with section pages linked by rel=next, but without feed and sitemap."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from newscrawl.demo.http import Request, Response
from newscrawl.demo.site import NewsSite, Route, blocks_html, figure, link_list, not_found, robots_txt
from newscrawl.demo.stories import Story, StoryBlock, Stray

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


class SectionSite(NewsSite):
    """Stories at `/story/<slug>-<id>` and `/recit/<slug>-<id>`, listed in sections of a few pages each."""

    template = "sections"

    def story_path(self, story: Story) -> str:
        return f"/{'recit' if story.lang == 'fr' else 'story'}/{story.slug}-{story.id}"

    def old_paths(self, story: Story) -> list[str]:
        return [f"{self.story_path(story)}/"]

    def other_routes(self) -> dict[str, Route]:
        return {
            "/": self.home,
            "/robots.txt": robots_txt("/story/members-", "/cgi-bin/"),
            **{f"/section/{section}": self._section(section) for section in self.sections()},
        }

    def short_page(self, stray: Stray) -> Route:
        return lambda _: self._listing(stray.title, f"<p>{escape(stray.text)}</p>", "")

    def home(self, _: Request) -> Response:
        newest = self.links(self.desk.listed[:_PER_PAGE])
        return self._listing(self.desk.title, link_list(newest, "h2"), "")

    def _section(self, section: str) -> Route:
        """A section, page by page; the first page of the first section lists the strays too."""
        links = self.links(self.stories_in(section))
        strays = self.links(self.desk.stray) if section == self.sections()[0] else []

        def answer(request: Request) -> Response:
            page = request.query.get("page", "1")
            number = int(page) if page.isascii() and page.isdigit() and len(page) < 4 else 0
            shown = links[(number - 1) * _PER_PAGE : number * _PER_PAGE] if number else []
            if not shown:
                return not_found(request)
            shown = shown + strays if number == 1 else shown
            more = f"/section/{section}?page={number + 1}" if number * _PER_PAGE < len(links) else ""
            return self._listing(section.capitalize(), link_list(shown, "h2"), more)

        return answer

    def _listing(self, title: str, content: str, more: str) -> Response:
        html = self.list_template.substitute(
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

    def story_page(self, story: Story) -> Route:
        def answer(request: Request) -> Response:
            html = self.story_template.substitute(
                self._around(_language(story)) | self._values(story, request.base)
            )
            return Response(
                body=html.encode(),
                content_type="text/html; charset=utf-8",
                gzip=story.id % 2 == 1,
                etag=story.id % 2 == 0,
                header_case="lower" if story.id % 4 == 0 else "usual",
            )

        return answer

    def _around(self, language: str) -> dict[str, str]:
        return {
            "site": escape(self.desk.title),
            "tagline": escape(self.desk.tagline),
            "menu": link_list([(f"/section/{name}", name.capitalize()) for name in self.sections()]),
            "lang": f"{language}-CA",
            **_WORDS[language],
        }

    def _values(self, story: Story, base: str) -> dict[str, str]:
        url = base + self.story_path(story)
        return {
            "url": escape(url),
            "title": escape(story.title),
            "summary": escape(story.lede or story.title),
            "lede": f'<p class="deck">{escape(story.lede)}</p>' if story.lede else "",
            "byline": escape(story.author or story.agency or self.desk.title),
            "published": story.published.isoformat(),
            "published_text": f"{story.published:%Y-%m-%d %H:%M}",
            "modified": (story.updated or story.published).isoformat(),
            "picture": figure(story, f"/photos/{story.id}.jpg", "lead-photo"),
            "story": self._body(story),
            "notice": f'<p class="wire-note">{escape(story.notice)}</p>' if story.notice else "",
            "author_bio": _bio(story, self.desk.title),
            "json_ld": _article_json_ld(story, url) if story.lang == "en" else "",
        }

    def _body(self, story: Story) -> str:
        """The story with links to others in it; odd ids are split into two containers around an advert."""
        parts = story.parts
        middle = _find_middle(parts) if story.id % 2 else len(parts)
        first, second = blocks_html(parts[:middle], "h3"), blocks_html(parts[middle:], "h3")
        first.insert(1, self._related(story))
        if not second:
            return "".join(first)
        return (
            f'<div class="story-part">{"".join(first)}</div>\n'
            '<div class="ad-slot" aria-hidden="true"><span>Advertisement</span></div>\n'
            f'<div class="story-part">{"".join(second)}</div>'
        )

    def _related(self, story: Story) -> str:
        others = [other for other in self.desk.listed if other.id != story.id and other.lang == story.lang]
        links = link_list(self.links(others[:3]))
        heading = _WORDS[_language(story)]["related"]
        return f'<aside class="related-links"><h4>{heading}</h4><ul>{links}</ul></aside>'


def _language(story: Story) -> str:
    return "fr" if story.lang == "fr" else "en"


def _find_middle(parts: Sequence[StoryBlock]) -> int:
    """The middle of the story, never within a list."""
    middle = len(parts) // 2
    while parts[middle].kind == "li" and middle < len(parts) - 1:
        middle += 1
    return middle


def _bio(story: Story, site: str) -> str:
    if not story.author:
        return ""
    words = f"<strong>{escape(story.author)}</strong> {_WORDS[_language(story)]['bio']} {escape(site)}."
    return f'<div class="author-bio"><p>{words}</p></div>'


def _article_json_ld(story: Story, url: str) -> str:
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
