"""A regional SPIP site: ids in the query, Latin-1, dates in French words, chunked responses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from newscrawl.demo.http import Request, Response
from newscrawl.demo.site import (
    ListEntry,
    NewsSite,
    Route,
    add_no_break_spaces,
    blocks_html,
    french_date,
    french_weekday,
    interleaved,
    link_list,
    redirect,
    robots_txt,
    rss,
)
from newscrawl.demo.stories import Story, Stray

_ZONE = ZoneInfo("Europe/Brussels")
_CHUNKS = (1024, 13, 1, 2999)
_LATIN = "text/html; charset=iso-8859-1"


class SpipSite(NewsSite):
    """Stories at `/spip.php?article<id>`, sections at `/spip.php?rubrique<n>`, a Latin-1 backend feed."""

    template = "spip"

    def story_path(self, story: Story) -> str:
        return f"/spip.php?article{story.id}"

    def old_paths(self, story: Story) -> list[str]:
        return [f"/article.php3?id_article={story.id}"]

    def other_routes(self) -> dict[str, Route]:
        sections = enumerate(self.sections(), 1)
        return {
            "/": self.home,
            "/spip.php?page=backend": self._feed,
            "/backend.php3": redirect("/spip.php?page=backend", 302),
            "/robots.txt": robots_txt("/ecrire/", "/spip.php?page=login", delay=0.1),
            **{f"/spip.php?rubrique{number}": self._section(section) for number, section in sections},
        }

    def links(self, pages: Iterable[Story | Stray], base: str = "") -> list[tuple[str, str]]:
        return [(path.lstrip("/"), title) for path, title in super().links(pages, base)]

    def short_page(self, stray: Stray) -> Route:
        return lambda _: self._listing(stray.title, f"<p>{escape(stray.text)}</p>")

    def home(self, _: Request) -> Response:
        links = link_list(self.links([*self.desk.listed, *self.desk.stray]))
        return self._listing(self.desk.title, f'<ul class="liste-items">{links}</ul>')

    def _section(self, section: str) -> Route:
        links = link_list(self.links(self.stories_in(section)))
        return lambda _: self._listing(section.capitalize(), f'<ul class="liste-items">{links}</ul>')

    def _listing(self, title: str, content: str) -> Response:
        html = self.list_template.substitute(self._around(), title=escape(title), content=content)
        return Response(body=_latin(html), content_type=_LATIN, chunks=_CHUNKS, etag=True)

    def story_page(self, story: Story) -> Route:
        def answer(_: Request) -> Response:
            in_header = story.id % 2 == 0
            charset = "" if in_header else f'<meta http-equiv="Content-Type" content="{_LATIN}">'
            html = self.story_template.substitute(self._around() | _spip_values(story), charset=charset)
            return Response(
                body=_latin(html),
                content_type=_LATIN if in_header else "text/html",
                chunks=_CHUNKS,
                gzip=story.id % 3 == 0,
                modified=story.updated or story.published,
                header_case="upper" if story.id % 5 == 0 else "usual",
                headers=(("Composed-By", "SPIP"), ("X-Spip-Cache", "3600")),
            )

        return answer

    def _around(self) -> dict[str, str]:
        sections = [
            (f"spip.php?rubrique{number}", name.capitalize())
            for number, name in enumerate(self.sections(), 1)
        ]
        return {
            "site": escape(self.desk.title),
            "tagline": escape(self.desk.tagline),
            "menu": link_list(sections),
            "latest": link_list(self.links(self.desk.listed[:5])),
        }

    def _feed(self, request: Request) -> Response:
        base = request.base
        entries = [
            ListEntry(
                title=story.title,
                link=base + self.story_path(story),
                guid=base + self.story_path(story),
                published=story.published.astimezone(_ZONE),
                summary=story.lede or "",
            )
            for story in self.desk.listed
        ]
        mixed = interleaved(entries, self.stray_entries(base, entries[0].published))
        body = rss(self.desk.title, base + "/", mixed, lang="fr", encoding="iso-8859-1")
        return Response(body=body, content_type="text/xml; charset=iso-8859-1", chunks=_CHUNKS, etag=True)


def _spip_values(story: Story) -> dict[str, str]:
    lede = f'<div class="chapo"><p>{escape(story.lede)}</p></div>' if story.lede else ""
    changed = f", mis à jour le {_in_words(story.updated)}" if story.updated else ""
    author = f'par <span class="vcard author"><a class="url fn spip_in" href="spip.php?auteur{story.id % 7}">'
    return {
        "title": add_no_break_spaces(escape(story.title)),
        "section": escape(story.section.capitalize()),
        "date": f"{_in_words(story.published, time=story.id % 2 == 0)}{changed}",
        "author": f"{author}{escape(story.author)}</a></span>" if story.author else "",
        "chapo": add_no_break_spaces(lede),
        "logo": _logo(story),
        "story": add_no_break_spaces("\n".join(blocks_html(story.parts, "h3"))).replace(
            "<h3>", '<h3 class="spip">'
        ),
        "notice": f'<p class="source">{escape(story.notice)}</p>' if story.notice else "",
        "tags": escape(", ".join(story.tags)),
    }


def _logo(story: Story) -> str:
    if not story.caption:
        return ""
    image = f'<img class="spip_logo" src="IMG/arton{story.id}.jpg" alt="">'
    words = f'<dd class="spip_doc_titre">{escape(story.caption)}</dd>'
    return f'<dl class="spip_document"><dt>{image}</dt>{words}</dl>'


def _in_words(moment: datetime, *, time: bool = True) -> str:
    """A date such as `mardi 3 mars 2026`, or `18 juin 2026 à 14h05`."""
    local = moment.astimezone(_ZONE)
    day = french_date(local)
    return f"{day} à {local:%Hh%M}" if time else f"{french_weekday(local)} {day}"


def _latin(html: str) -> bytes:
    return html.encode("iso-8859-1", "xmlcharrefreplace")
