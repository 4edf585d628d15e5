"""A regional SPIP site: identity in the query, Latin-1 bytes, dates in French words, chunked answers."""

from __future__ import annotations

from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from newscrawl.demo.http import Request, Response
from newscrawl.demo.site import (
    Entry,
    Route,
    busy_first,
    day_in_words,
    gone,
    html_of,
    interleaved,
    link_list,
    missing,
    moved,
    read_template,
    robots,
    routed,
    rss,
    spaced,
    weekday,
)
from newscrawl.demo.stories import Desk, Story, Stray

_ZONE = ZoneInfo("Europe/Brussels")
_CHUNKS = (1024, 13, 1, 2999)
_LATIN = "text/html; charset=iso-8859-1"


class SpipSite:
    """Stories at `/spip.php?article<id>`, sections at `/spip.php?rubrique<n>`, a Latin-1 backend feed."""

    def __init__(self, outlet_id: str, desk: Desk) -> None:
        self.id = outlet_id
        self.desk = desk
        self._page = read_template("spip_story")
        self._list = read_template("spip_list")

    def path_of(self, story: Story) -> str:
        return f"/spip.php?article{story.id}"

    def respond(self, request: Request) -> Response:
        return routed(self._routes(), request)

    def _routes(self) -> dict[str, Route]:
        routes: dict[str, Route] = {
            "/": self._home,
            "/spip.php?page=backend": self._feed,
            "/backend.php3": moved("/spip.php?page=backend", 302),
            "/robots.txt": robots("/ecrire/", "/spip.php?page=login", delay=0.1),
        }
        for number, section in enumerate(self._sections(), 1):
            routes[f"/spip.php?rubrique{number}"] = self._section(section)
        for story in self.desk.story:
            route = self._story(story)
            routes[self.path_of(story)] = busy_first(route) if story.busy else route
            routes[f"/article.php3?id_article={story.id}"] = moved(self.path_of(story))
        return routes | {stray.path: self._stray(stray) for stray in self.desk.stray}

    def _sections(self) -> list[str]:
        return sorted({story.section for story in self.desk.story})

    def _stray(self, stray: Stray) -> Route:
        if stray.kind == "moved":
            return moved(self.path_of(self.desk.find(stray.to)), stray.status)
        if stray.kind in {"photo", "private"}:
            return lambda _: self._listing(stray.title, f"<p>{escape(stray.text)}</p>")
        return {"missing": missing, "gone": gone, "listing": self._home}[stray.kind]

    def _home(self, _: Request) -> Response:
        links = [(self.path_of(story).lstrip("/"), story.title) for story in self.desk.listed]
        links += [(stray.path.lstrip("/"), stray.title) for stray in self.desk.stray]
        return self._listing(self.desk.title, f'<ul class="liste-items">{link_list(links)}</ul>')

    def _section(self, section: str) -> Route:
        stories = [story for story in self.desk.listed if story.section == section]
        links = link_list([(self.path_of(story).lstrip("/"), story.title) for story in stories])
        return lambda _: self._listing(section.capitalize(), f'<ul class="liste-items">{links}</ul>')

    def _listing(self, title: str, content: str) -> Response:
        html = self._list.substitute(self._around(), title=escape(title), content=content)
        return Response(body=_latin(html), content_type=_LATIN, chunks=_CHUNKS, etag=True)

    def _story(self, story: Story) -> Route:
        def answer(_: Request) -> Response:
            in_header = story.id % 2 == 0
            charset = (
                ""
                if in_header
                else '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">'
            )
            html = self._page.substitute(self._around() | _values(story), charset=charset)
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
            for number, name in enumerate(self._sections(), 1)
        ]
        latest = [(self.path_of(story).lstrip("/"), story.title) for story in self.desk.listed[:5]]
        return {
            "site": escape(self.desk.title),
            "tagline": escape(self.desk.tagline),
            "menu": link_list(sections),
            "latest": link_list(latest),
        }

    def _feed(self, request: Request) -> Response:
        base = request.base
        entries = [
            Entry(
                title=story.title,
                link=base + self.path_of(story),
                guid=base + self.path_of(story),
                published=story.published.astimezone(_ZONE),
                summary=story.lede or "",
            )
            for story in self.desk.listed
        ]
        strays = [
            Entry(title=s.title, link=base + s.path, guid=s.path, published=entries[0].published)
            for s in self.desk.stray
            if s.in_feed
        ]
        every = interleaved(entries, strays)
        body = rss(self.desk.title, base + "/", every, lang="fr", encoding="iso-8859-1")
        return Response(body=body, content_type="text/xml; charset=iso-8859-1", chunks=_CHUNKS, etag=True)


def _values(story: Story) -> dict[str, str]:
    changed = f", mis à jour le {_in_words(story.updated)}" if story.updated else ""
    author = f'par <span class="vcard author"><a class="url fn spip_in" href="spip.php?auteur{story.id % 7}">'
    return {
        "title": spaced(escape(story.title)),
        "section": escape(story.section.capitalize()),
        "date": f"{_in_words(story.published, time=story.id % 2 == 0)}{changed}",
        "author": f"{author}{escape(story.author)}</a></span>" if story.author else "",
        "chapo": spaced(f'<div class="chapo"><p>{escape(story.lede)}</p></div>') if story.lede else "",
        "logo": _logo(story),
        "story": spaced("\n".join(html_of(story.parts, "h3"))).replace("<h3>", '<h3 class="spip">'),
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
    """As `mardi 3 mars 2026`, or `18 juin 2026 à 14h05`."""
    local = moment.astimezone(_ZONE)
    day = day_in_words(local)
    return f"{day} à {local:%Hh%M}" if time else f"{weekday(local)} {day}"


def _latin(html: str) -> bytes:
    return html.encode("iso-8859-1", "xmlcharrefreplace")
